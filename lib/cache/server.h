/*
 * server.h - whether the Redis behind the cache is still the one that it was. A server that was started again from an older
 * file, or a replica that took over, may know generations of before some writes, and entries that match them.
 */
#ifndef TRIVET_CACHE_SERVER_H
#define TRIVET_CACHE_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/trust.h"
#include "store/redis.h"

/* Asks for the server's run_id and compares it with the pool's. When it is another than before, trust is lost and then the
 * new one remembered, in this order: whoever sees the new one finds trust lost, or mended since. False when it is another,
 * and when there was no answer. A server that does not tell (INFO denied by its ACL) is taken for the same. */
bool tv_cache_server_same(struct tv_redis *redis, _Atomic uint64_t *known, tv_trust *trust,
                          int64_t deadline_ms);

#endif
