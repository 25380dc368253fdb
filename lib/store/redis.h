/*
 * redis.h - a session with Redis: commands out, replies in, one thread. It reconnects by itself before a command is sent,
 * never sends a command twice, and drops the connection whenever a reply is late or broken, so that a late reply can
 * never be taken for the next one's.
 *
 * Replies are hiredis' own (struct redisReply): the caller frees them with freeReplyObject().
 */
#ifndef TRIVET_STORE_REDIS_H
#define TRIVET_STORE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "store/store.h"

struct tv_redis;
struct redisReply;

/* One command, one reply. An error that Redis answers is a reply (REDIS_REPLY_ERROR), not a failure. Failures: 503 when
 * it is away, 504 past the deadline, 500 for a reply that cannot be read (nested too deep). */
TV_PUBLIC bool tv_redis_call(struct tv_redis *session, const struct tv_slice *words, size_t count,
                             int64_t deadline_ms, struct redisReply **reply,
                             struct tv_error *error) TV_MUST_CHECK;

/* Several commands in one write: begin, add for each, then read once for each added, in order. More may be added after all
 * was read; everything from one begin to the next goes over one connection. After a failure the rest is gone and must not
 * be read. */
TV_PUBLIC bool tv_redis_begin(struct tv_redis *session, int64_t deadline_ms,
                              struct tv_error *error) TV_MUST_CHECK;
TV_PUBLIC bool tv_redis_add(struct tv_redis *session, const struct tv_slice *words, size_t count,
                            struct tv_error *error) TV_MUST_CHECK;
TV_PUBLIC bool tv_redis_read(struct tv_redis *session, struct redisReply **reply,
                             struct tv_error *error) TV_MUST_CHECK;
/* Leaves off: closes the connection when replies are still due. */
TV_PUBLIC void tv_redis_abandon(struct tv_redis *session);
/* Connections made so far: a change tells that another one, perhaps to another server, is in use. */
TV_PUBLIC uint64_t tv_redis_connections(const struct tv_redis *session);
/* Closes the connection whatever its state, with what the server remembers of it (an open MULTI). The next use connects. */
TV_PUBLIC void tv_redis_close(struct tv_redis *session);

#endif
