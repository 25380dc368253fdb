/*
 * redis_tls.h - private: TLS to Redis (rediss://). The server's certificate must be signed by an authority of the system
 * and name the host of the URL. Where hiredis was built without TLS, making one fails with a clear error.
 */
#ifndef TRIVET_STORE_REDIS_TLS_H
#define TRIVET_STORE_REDIS_TLS_H

#include <stdbool.h>

#include "base/error.h"

struct redisContext;
struct tv_redis_tls;

/* host must outlive it. *out is the caller's, to be freed with tv_redis_tls_free. */
bool tv_redis_tls_new(const char *host, struct tv_redis_tls **out, struct tv_error *error) TV_MUST_CHECK;
/* The handshake on a fresh connection, within its socket's timeouts. 503 when it fails. */
bool tv_redis_tls_start(struct tv_redis_tls *tls, struct redisContext *context,
                        struct tv_error *error) TV_MUST_CHECK;
void tv_redis_tls_free(struct tv_redis_tls *tls);

#endif
