/*
 * redis_connect.h - private: a connection to Redis that is ready for commands: connected, over TLS where the URL says so,
 * logged in, in its database, and known to be served by a Redis that has its data.
 */
#ifndef TRIVET_STORE_REDIS_CONNECT_H
#define TRIVET_STORE_REDIS_CONNECT_H

#include <stdint.h>

#include "base/error.h"
#include "store/redis_url.h"

struct redisContext;
struct tv_redis_tls;

/* The caller owns the context (redisFree). The socket's timeouts are left at timeout_ms. NULL with *error (503) when
 * Redis cannot be reached, refuses the login or the database, is still loading, or lost its master. tls is NULL unless
 * url->tls. */
struct redisContext *tv_redis_connect(const struct tv_redis_url *url, struct tv_redis_tls *tls,
                                      int64_t timeout_ms, struct tv_error *error) TV_MUST_CHECK;
/* The timeouts of its reads and writes. */
bool tv_redis_set_timeout(struct redisContext *context, int64_t timeout_ms) TV_MUST_CHECK;

#endif
