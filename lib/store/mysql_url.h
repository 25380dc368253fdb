/*
 * mysql_url.h - private: where a mysql.url leads, as whom, and how safely.
 *
 *   mysql://[user[:password]@][host[:port]]/[database][?socket=/path&ssl=off|require|verify&ca=/path.pem]
 *
 * mariadb:// is the same. User, password, database and the parameters' values may be percent-encoded. Without ssl= the
 * client library's own habit applies: MySQL's takes TLS when the server offers it, MariaDB's stays without.
 */
#ifndef TRIVET_STORE_MYSQL_URL_H
#define TRIVET_STORE_MYSQL_URL_H

#include <stdbool.h>

#include "base/error.h"

enum tv_mysql_tls {
    TV_MYSQL_TLS_DEFAULT,
    TV_MYSQL_TLS_OFF,
    TV_MYSQL_TLS_REQUIRE, /* encrypted, whoever answers */
    TV_MYSQL_TLS_VERIFY, /* and the certificate names the host and is signed by ca, or by one that the system trusts */
};

struct tv_mysql_url {
    const char *host;     /* NULL with a socket */
    const char *socket;   /* NULL without */
    const char *user;     /* NULL: the name of the account that the process runs as */
    const char *password; /* NULL: none */
    const char *database; /* never NULL; may be empty */
    const char *ca;       /* NULL: none given */
    int port;
    enum tv_mysql_tls tls;
    char *storage; /* what the texts above point into */
};

/* On success *out owns memory until tv_mysql_url_free. The error (status 500) says what is wrong with the URL and never
 * repeats a part that could be a secret. */
bool tv_mysql_url_read(const char *url, struct tv_mysql_url *out, struct tv_error *error) TV_MUST_CHECK;
void tv_mysql_url_free(struct tv_mysql_url *url);

#endif
