/*
 * mysql_url.c - reads a mysql.url. It works on a copy, in place: every part is a terminated text within it.
 */
#include "store/mysql_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/slice.h"

enum { DEFAULT_PORT = 3306 };

static bool refuse(struct tv_error *error, const char *what)
{
    return tv_fail(error, 500, NULL, "mysql.url: %s", what);
}

static int nibble(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if ((byte | 32) >= 'a' && (byte | 32) <= 'f')
        return (byte | 32) - 'a' + 10;
    return -1;
}

/* Percent-decodes in place. A NUL byte would cut the text short without a word, so it is refused. */
static bool decode(char *text, struct tv_error *error)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        char byte = *from;
        if (byte == '%') {
            int high = nibble(from[1]);
            int low = high < 0 ? -1 : nibble(from[2]);
            if (low < 0 || (high == 0 && low == 0))
                return refuse(error, "has a malformed percent escape");
            byte = (char)(high * 16 + low);
            from += 2;
        }
        *to++ = byte;
    }
    *to = '\0';
    return true;
}

/* user[:password] */
static bool read_login(char *login, struct tv_mysql_url *out, struct tv_error *error)
{
    char *password = strchr(login, ':');
    if (password)
        *password++ = '\0';
    if (!decode(login, error) || (password && !decode(password, error)))
        return false;
    out->user = *login ? login : NULL;
    out->password = password && *password ? password : NULL;
    return true;
}

/* host[:port], where an IPv6 address stands in brackets; nothing at all when a socket is given */
static bool read_host(char *host, struct tv_mysql_url *out, struct tv_error *error)
{
    char *port = host;
    int64_t number = DEFAULT_PORT;
    if (*host == '[') {
        char *end = strchr(host, ']');
        if (!end || (end[1] && end[1] != ':'))
            return refuse(error, "has a malformed IPv6 address");
        host++;
        *end = '\0';
        port = end + 1;
    }
    port = strchr(port, ':');
    if (port)
        *port++ = '\0';
    if (port && (!tv_slice_integer(tv_slice_of(port), &number) || number < 1 || number > 65535))
        return refuse(error, "has a port that is not a number from 1 to 65535");
    out->port = (unsigned)number;
    out->host = *host ? host : NULL;
    return true;
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
    if (!decode(value, error))
        return false;
    if (strcmp(pair, "ssl") == 0)
        return read_tls(value, out, error);
    const char **place = strcmp(pair, "socket") == 0 ? &out->socket : strcmp(pair, "ca") == 0 ? &out->ca : NULL;
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
        if (!read_login(rest, out, error))
            return false;
    }
    if (path && (strchr(path, '/') || !decode(path, error)))
        return refuse(error, "has more than a database in its path, or a malformed percent escape");
    out->database = path ? path : "";
    if (!read_host(host, out, error) || (query && !read_parameters(query, out, error)))
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

    *out = (struct tv_mysql_url){.database = ""};
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
