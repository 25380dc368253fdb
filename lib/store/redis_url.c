/*
 * redis_url.c - reads a redis.url. It works on a copy, in place: every part is a terminated text within it.
 */
#include "store/redis_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/slice.h"
#include "store/store_url.h"

enum { DEFAULT_PORT = 6379, DATABASE_MAX = 1 << 20 };

static const char option[] = "redis.url";

static bool refuse(struct tv_error *error, const char *what)
{
    return tv_store_url_refuse(option, what, error);
}

static bool read_number(const char *text, int minimum, int maximum, int *out)
{
    int64_t value;
    if (!tv_slice_integer(tv_slice_of(text), &value) || value < minimum || value > maximum)
        return false;
    *out = (int)value;
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
        if (!tv_store_url_login(option, rest, &out->user, &out->password, error))
            return false;
        if (out->user && !out->password)
            out->password = "";
    }
    return tv_store_url_host(option, target, &out->host, &out->port, error) &&
           (out->host || refuse(error, "names no host"));
}

static bool read_parameter(char *pair, struct tv_redis_url *out, struct tv_error *error)
{
    char *value = strchr(pair, '=');
    if (!value)
        return refuse(error, "has a parameter without a value");
    *value++ = '\0';
    if (!tv_store_url_decode(option, value, error))
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
    if (!tv_store_url_decode(option, rest, error))
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
