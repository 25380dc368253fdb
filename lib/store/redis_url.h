/*
 * redis_url.h - private: where a redis.url leads and as whom.
 *
 *   redis://[user[:password]@]host[:port][/db]       rediss:// the same over TLS
 *   unix:///path/to.sock[?db=N&user=NAME&password=SECRET]
 *
 * User, password and path may be percent-encoded. A lone user has an empty password; ":password@" is the default user's.
 */
#ifndef TRIVET_STORE_REDIS_URL_H
#define TRIVET_STORE_REDIS_URL_H

#include <stdbool.h>

#include "base/error.h"

struct tv_redis_url {
    const char *host;     /* NULL for a unix socket */
    const char *path;     /* of the unix socket, otherwise NULL */
    const char *user;     /* NULL: none given */
    const char *password; /* NULL: none given, no AUTH is sent */
    int port;
    int database;
    bool tls;
    char *storage; /* what the texts above point into */
};

/* On success *out owns memory until tv_redis_url_free. The error (status 500) says what is wrong with the URL and never
 * repeats a part that could be a secret. */
bool tv_redis_url_read(const char *url, struct tv_redis_url *out, struct tv_error *error) TV_MUST_CHECK;
void tv_redis_url_free(struct tv_redis_url *url);

#endif
