/*
 * redis_url.c - reads a redis.url. It works on a copy, in place: every part is a terminated text within it.
 */
#include "store/redis_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/slice.h"

enum { DEFAULT_PORT = 6379, DATABASE_MAX = 1 << 20 };

static bool refuse(struct tv_error *error, const char *what)
{
    return tv_fail(error, 500, NULL, "redis.url: %s", what);
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

static bool read_number(const char *text, int minimum, int maximum, int *out)
{
    int64_t value;
    if (!tv_slice_integer(tv_slice_of(text), &value) || value < minimum || value > maximum)
        return false;
    *out = (int)value;
    return true;
}

/* user[:password] */
static bool read_login(char *login, struct tv_redis_url *out, struct tv_error *error)
{
    char *password = strchr(login, ':');
    if (password)
        *password++ = '\0';
    if (!decode(login, error) || (password && !decode(password, error)))
        return false;
    out->user = *login ? login : NULL;
    out->password = password && *password ? password : out->user ? "" : NULL;
    return true;
}

/* host[:port], where an IPv6 address stands in brackets */
static bool read_host(char *host, struct tv_redis_url *out, struct tv_error *error)
{
    char *port = host;
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
    if (!*host)
        return refuse(error, "names no host");
    out->host = host;
    if (port && !read_number(port, 1, 65535, &out->port))
        return refuse(error, "has a port that is not a number from 1 to 65535");
    return true;
}

static bool read_network(char *rest, struct tv_redis_url *out, struct tv_error *error)
{
    char *login_end = strrchr(rest, '@'); /* the last: a password may hold an '@' that was not encoded */
    char *target = login_end ? login_end + 1 : rest;
    if (strchr(target, '?'))
        return refuse(error, "takes parameters after '?' for unix:// only");
    char *database = strchr(target, '/');
    if (database)
        *database++ = '\0';
    if (database && *database && !read_number(database, 0, DATABASE_MAX, &out->database))
        return refuse(error, "has a database that is not a number");
    if (login_end) {
        *login_end = '\0';
        if (!read_login(rest, out, error))
            return false;
    }
    return read_host(target, out, error);
}

static bool read_parameter(char *pair, struct tv_redis_url *out, struct tv_error *error)
{
    char *value = strchr(pair, '=');
    if (!value)
        return refuse(error, "has a parameter without a value");
    *value++ = '\0';
    if (!decode(value, error))
        return false;
    if (strcmp(pair, "user") == 0)
        out->user = value;
    else if (strcmp(pair, "password") == 0)
        out->password = value;
    else if (strcmp(pair, "db") != 0)
        return refuse(error, "takes the parameters db, user and password only");
    else if (!read_number(value, 0, DATABASE_MAX, &out->database))
        return refuse(error, "has a database that is not a number");
    return true;
}

static bool read_unix(char *rest, struct tv_redis_url *out, struct tv_error *error)
{
    char *query = strchr(rest, '?');
    if (query)
        *query++ = '\0';
    if (*rest != '/')
        return refuse(error, "needs an absolute path: unix:///run/redis/redis.sock");
    if (!decode(rest, error))
        return false;
    out->path = rest;
    char *next = NULL;
    for (char *pair = query ? strtok_r(query, "&", &next) : NULL; pair; pair = strtok_r(NULL, "&", &next))
        if (!read_parameter(pair, out, error))
            return false;
    if (out->user && !out->password)
        out->password = "";
    return true;
}

bool tv_redis_url_read(const char *url, struct tv_redis_url *out, struct tv_error *error)
{
    static const struct {
        const char *scheme;
        bool network;
        bool tls;
    } schemes[] = {{"redis://", true, false}, {"rediss://", true, true}, {"unix://", false, false}};

    *out = (struct tv_redis_url){.port = DEFAULT_PORT};
    for (size_t i = 0; i < TV_COUNT(schemes); i++) {
        size_t length = strlen(schemes[i].scheme);
        if (strncasecmp(url, schemes[i].scheme, length) != 0)
            continue;
        out->tls = schemes[i].tls;
        out->storage = strdup(url + length);
        if (!out->storage)
            return refuse(error, "there is no memory to read it");
        if (schemes[i].network ? read_network(out->storage, out, error) : read_unix(out->storage, out, error))
            return true;
        tv_redis_url_free(out);
        return false;
    }
    return refuse(error, "begins with none of redis://, rediss:// and unix://");
}

void tv_redis_url_free(struct tv_redis_url *url)
{
    free(url->storage);
    *url = (struct tv_redis_url){0};
}
