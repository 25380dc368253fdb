/*
 * mysql_url.c - reads a mysql.url. It works on a copy, in place: every part is a terminated text within it.
 */
#include "store/mysql_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "store/store_url.h"

enum { DEFAULT_PORT = 3306 };

static const char option[] = "mysql.url";

static bool refuse(struct tv_error *error, const char *what)
{
    return tv_store_url_refuse(option, what, error);
}

static bool read_tls(const char *value, struct tv_mysql_url *out, struct tv_error *error)
{
    static const struct {
        const char *name;
        enum tv_mysql_tls tls;
    } modes[] = {
        {"off", TV_MYSQL_TLS_OFF}, {"require", TV_MYSQL_TLS_REQUIRE}, {"verify", TV_MYSQL_TLS_VERIFY}};
    for (size_t i = 0; i < TV_COUNT(modes); i++) {
        if (strcmp(value, modes[i].name) == 0) {
            out->tls = modes[i].tls;
            return true;
        }
    }
    return refuse(error, "takes ssl=off, ssl=require or ssl=verify");
}

static bool read_parameter(char *pair, struct tv_mysql_url *out, struct tv_error *error)
{
    char *value = strchr(pair, '=');
    if (!value)
        return refuse(error, "has a parameter without a value");
    *value++ = '\0';
    if (!tv_store_url_decode(option, value, error))
        return false;
    if (strcmp(pair, "ssl") == 0)
        return read_tls(value, out, error);
    const char **place = strcmp(pair, "socket") == 0 ? &out->socket
                         : strcmp(pair, "ca") == 0   ? &out->ca
                                                     : NULL;
    if (!place)
        return refuse(error, "takes the parameters socket, ssl and ca only");
    if (*value != '/')
        return refuse(error, "needs absolute paths for socket and ca");
    *place = value;
    return true;
}

static bool read_parameters(char *query, struct tv_mysql_url *out, struct tv_error *error)
{
    char *next = NULL;
    for (char *pair = strtok_r(query, "&", &next); pair; pair = strtok_r(NULL, "&", &next))
        if (!read_parameter(pair, out, error))
            return false;
    return true;
}

static bool read_parts(char *rest, struct tv_mysql_url *out, struct tv_error *error)
{
    /* the last '@' that stands before the path: a password may hold one that was not encoded */
    char *path = strchr(rest, '/');
    char *query = strchr(path ? path : rest, '?');
    if (query)
        *query++ = '\0';
    if (path)
        *path++ = '\0';
    char *login_end = strrchr(rest, '@');
    char *host = login_end ? login_end + 1 : rest;
    if (login_end) {
        *login_end = '\0';
        if (!tv_store_url_login(option, rest, &out->user, &out->password, error))
            return false;
    }
    if (path && (strchr(path, '/') || !tv_store_url_decode(option, path, error)))
        return refuse(error, "has more than a database in its path, or a malformed percent escape");
    out->database = path ? path : "";
    if (!tv_store_url_host(option, host, &out->host, &out->port, error) ||
        (query && !read_parameters(query, out, error)))
        return false;
    if (out->socket)
        out->host = NULL;
    if (!out->socket && !out->host)
        return refuse(error, "names neither a host nor a socket");
    if (out->tls == TV_MYSQL_TLS_VERIFY && !out->host)
        return refuse(error, "cannot verify a certificate over a socket: it names no host");
    return true;
}

bool tv_mysql_url_read(const char *url, struct tv_mysql_url *out, struct tv_error *error)
{
    static const char *const schemes[] = {"mysql://", "mariadb://"};

    *out = (struct tv_mysql_url){.database = "", .port = DEFAULT_PORT};
    for (size_t i = 0; i < TV_COUNT(schemes); i++) {
        size_t length = strlen(schemes[i]);
        if (strncasecmp(url, schemes[i], length) != 0)
            continue;
        out->storage = strdup(url + length);
        if (!out->storage)
            return refuse(error, "there is no memory to read it");
        if (read_parts(out->storage, out, error))
            return true;
        tv_mysql_url_free(out);
        return false;
    }
    return refuse(error, "begins with neither mysql:// nor mariadb://");
}

void tv_mysql_url_free(struct tv_mysql_url *url)
{
    if (url->storage)
        explicit_bzero(url->storage, strlen(url->storage));
    free(url->storage);
    *url = (struct tv_mysql_url){.database = ""};
}
