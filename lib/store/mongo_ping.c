/*
 * mongo_ping.c - a sign of life: a session of its own, used once. Credentials are tried too, since connecting does.
 */
#include <stdio.h>

#include "base/clock.h"
#include "store/mongo_session.h"

static bool command(struct tv_mongo *session, const char *name, bson_t *reply, struct tv_error *error)
{
    bson_error_t why;
    bson_t asked = BSON_INITIALIZER;
    BSON_APPEND_INT32(&asked, name, 1);
    bool done = mongoc_client_command_simple(session->client, "admin", &asked, NULL, reply, &why);
    bson_destroy(&asked);
    return done || tv_mongo_fail(session, &why, false, error);
}

/* "7.0.14", or "7.0.77 (FerretDB v2.7.0)" where the server says that it is another. */
static void read_version(const bson_t *reply, char version[64])
{
    bson_iter_t at, inner;
    if (!version || !bson_iter_init_find(&at, reply, "version") || !BSON_ITER_HOLDS_UTF8(&at))
        return;
    const char *number = bson_iter_utf8(&at, NULL);
    if (bson_iter_init(&at, reply) && bson_iter_find_descendant(&at, "ferretdb.version", &inner) &&
        BSON_ITER_HOLDS_UTF8(&inner))
        snprintf(version, 64, "%.20s (FerretDB %.24s)", number, bson_iter_utf8(&inner, NULL));
    else
        snprintf(version, 64, "%s", number);
}

static bool look(struct tv_mongo *session, int64_t *latency_us, char version[64], struct tv_error *error)
{
    bson_t reply;
    bool known = command(session, "buildInfo", &reply, error);
    if (known)
        read_version(&reply, version);
    bson_destroy(&reply);
    if (!known)
        return false;
    int64_t from_us = tv_clock_us();
    bool alive = command(session, "ping", NULL, error);
    *latency_us = tv_clock_us() - from_us;
    return alive;
}

bool tv_mongo_ping(const struct tv_store_settings *settings, int64_t timeout_ms, int64_t *latency_us,
                   char version[64], struct tv_error *error)
{
    struct tv_store_settings hurried = *settings;
    struct tv_leg_settings *leg = &hurried.leg[TV_STORE_MONGO];
    if (leg->connect_timeout > timeout_ms)
        leg->connect_timeout = timeout_ms;
    if (leg->query_timeout > timeout_ms)
        leg->query_timeout = timeout_ms;
    struct tv_mongo *session = tv_mongo_new(&hurried, (struct tv_session_watch){0}, error);
    if (!session)
        return false;
    bool alive = tv_mongo_ready(session, tv_clock_ms() + timeout_ms, error) &&
                 look(session, latency_us, version, error);
    tv_mongo_free(session);
    return alive;
}
