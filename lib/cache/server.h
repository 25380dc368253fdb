/*
 * server.h - whether the Redis behind the cache is still the one that it was. A server that was started again from an older
 * file, or a replica that took over, may know generations of before some writes, and entries that match them.
 */
#ifndef TRIVET_CACHE_SERVER_H
#define TRIVET_CACHE_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/redis.h"

/* Asks for the server's run_id and compares it with the pool's. False when it is another than before (it is remembered), or
 * when there was no answer. A server that does not tell (INFO denied by its ACL) is taken for the same. */
bool tv_cache_server_same(struct tv_redis *redis, _Atomic uint64_t *known, int64_t deadline_ms);

#endif
