/*
 * limits.c - each store's own way of saying it. What a login may not see stays unknown: that is no failure.
 */
#include "store/limits.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/mongo_session.h"
#include "store/mysql.h"
#include "store/redis.h"
#include "store/session.h"

static bool source(struct tv_store_limits *out, const char *text)
{
    snprintf(out->source, sizeof out->source, "%s", text);
    return true;
}

/* --- MySQL ------------------------------------------------------------------------------------------------------------ */

/* What the server says instead of letting another one in. */
enum { TOO_MANY_CONNECTIONS = 1040, TOO_MANY_OF_USER = 1203, USER_LIMIT = 1226 };

static int64_t number_of(const struct tv_value *value)
{
    int64_t number;
    switch (value->type) {
    case TV_VALUE_INTEGER: return value->integer;
    case TV_VALUE_UNSIGNED: return (int64_t)value->unsigned_integer;
    case TV_VALUE_TEXT: return tv_slice_integer(value->text, &number) ? number : TV_LIMIT_UNKNOWN;
    default: return TV_LIMIT_UNKNOWN;
    }
}

/* Columns from the given one on of the first row, as numbers. */
static bool first_row(struct tv_mysql *session, struct tv_slice statement, size_t from, int64_t *out,
                      size_t count, int64_t deadline_ms, struct tv_error *error)
{
    const struct tv_column *columns;
    const struct tv_value *row;
    if (!tv_mysql_run(session, statement, NULL, 0, deadline_ms, error))
        return false;
    bool whole = tv_mysql_columns(session, &columns) >= from + count;
    enum tv_step step = whole ? tv_mysql_next(session, &row, error) : TV_STEP_END;
    for (size_t i = 0; i < count; i++)
        out[i] = step == TV_STEP_ROW ? number_of(&row[from + i]) : TV_LIMIT_UNKNOWN;
    tv_mysql_finish(session);
    return step != TV_STEP_FAILED;
}

/* The session's max_user_connections is the account's own limit, or else the server's for every account; 0 means none. */
static bool ask_mysql(struct tv_mysql *session, int64_t deadline_ms, struct tv_store_limits *out,
                      struct tv_error *error)
{
    int64_t limits[2];
    if (!first_row(session, TV_SLICE("SELECT @@GLOBAL.max_connections, @@SESSION.max_user_connections"), 0,
                   limits, 2, deadline_ms, error) ||
        !first_row(session, TV_SLICE("SHOW GLOBAL STATUS LIKE 'Threads_connected'"), 1, &out->in_use, 1,
                   deadline_ms, error))
        return false;
    bool own = limits[1] > 0 && limits[1] < limits[0];
    out->limit = own ? limits[1] : limits[0];
    return source(out, own ? "max_user_connections" : "max_connections");
}

static bool mysql_limits(const struct tv_store_settings *settings, int64_t deadline_ms,
                         struct tv_store_limits *out, struct tv_error *error)
{
    struct tv_mysql *session = tv_mysql_new(settings, (struct tv_session_watch){0}, error);
    if (!session)
        return false;
    bool asked = ask_mysql(session, deadline_ms, out, error);
    tv_mysql_free(session);
    out->full = !asked && (error->native == TOO_MANY_CONNECTIONS || error->native == TOO_MANY_OF_USER ||
                           error->native == USER_LIMIT);
    return asked || (out->full && source(out, "it refuses every further connection"));
}

/* --- Redis ------------------------------------------------------------------------------------------------------------ */

/* The number after "name:" in the lines of INFO. */
static int64_t info_number(const redisReply *reply, const char *name)
{
    int64_t number;
    const char *line = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, name) : NULL;
    if (!line)
        return TV_LIMIT_UNKNOWN;
    line += strlen(name);
    return tv_slice_integer((struct tv_slice){line, strcspn(line, "\r\n")}, &number) ? number
                                                                                     : TV_LIMIT_UNKNOWN;
}

/* The value in the reply to CONFIG GET, which a managed Redis or a modest user refuses. */
static int64_t config_number(const redisReply *reply)
{
    int64_t number;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[1]->type != REDIS_REPLY_STRING)
        return TV_LIMIT_UNKNOWN;
    return tv_slice_integer((struct tv_slice){reply->element[1]->str, reply->element[1]->len}, &number)
               ? number
               : TV_LIMIT_UNKNOWN;
}

static bool ask_redis(struct tv_redis *session, int64_t deadline_ms, struct tv_store_limits *out,
                      struct tv_error *error)
{
    static const struct tv_slice info[] = {{"INFO", 4}, {"clients", 7}};
    static const struct tv_slice config[] = {{"CONFIG", 6}, {"GET", 3}, {"maxclients", 10}};
    struct redisReply *reply;
    if (!tv_redis_call(session, info, TV_COUNT(info), deadline_ms, &reply, error))
        return false;
    out->in_use = info_number(reply, "connected_clients:");
    out->limit = info_number(reply, "maxclients:");
    freeReplyObject(reply);
    if (out->limit == TV_LIMIT_UNKNOWN) {
        if (!tv_redis_call(session, config, TV_COUNT(config), deadline_ms, &reply, error))
            return false;
        out->limit = config_number(reply);
        freeReplyObject(reply);
    }
    return source(out,
                  out->limit == TV_LIMIT_UNKNOWN ? "this user may not ask for maxclients" : "maxclients");
}

static bool redis_limits(const struct tv_store_settings *settings, int64_t deadline_ms,
                         struct tv_store_limits *out, struct tv_error *error)
{
    struct tv_redis *session = tv_redis_new(settings, (struct tv_session_watch){0}, error);
    if (!session)
        return false;
    bool asked = ask_redis(session, deadline_ms, out, error);
    tv_redis_free(session);
    out->full = !asked && strstr(error->message, "max number of clients");
    return asked || (out->full && source(out, "it refuses every further connection"));
}

/* --- MongoDB ---------------------------------------------------------------------------------------------------------- */

static int64_t bson_number(const bson_t *document, const char *path)
{
    bson_iter_t at, inner;
    return bson_iter_init(&at, document) && bson_iter_find_descendant(&at, path, &inner) &&
                   BSON_ITER_HOLDS_NUMBER(&inner)
               ? bson_iter_as_int64(&inner)
               : TV_LIMIT_UNKNOWN;
}

/* A login without clusterMonitor is refused, and a server that only speaks the protocol may not know: neither is a failure. */
static bool ask_mongo(struct tv_mongo *session, struct tv_store_limits *out, struct tv_error *error)
{
    bson_error_t why;
    bson_t asked = BSON_INITIALIZER, reply;
    BSON_APPEND_INT32(&asked, "serverStatus", 1);
    bool done = mongoc_client_command_simple(session->client, "admin", &asked, NULL, &reply, &why);
    int64_t current = bson_number(&reply, "connections.current");
    int64_t available = bson_number(&reply, "connections.available");
    bson_destroy(&asked);
    bson_destroy(&reply);
    if (!done && why.domain != MONGOC_ERROR_SERVER && why.domain != MONGOC_ERROR_QUERY)
        return tv_mongo_fail(session, &why, false, error);
    bool known = current != TV_LIMIT_UNKNOWN && available != TV_LIMIT_UNKNOWN;
    out->in_use = current;
    out->limit = known ? current + available : TV_LIMIT_UNKNOWN;
    return source(out, known ? "net.maxIncomingConnections" : "serverStatus does not tell this login");
}

static bool mongo_limits(const struct tv_store_settings *settings, int64_t deadline_ms,
                         struct tv_store_limits *out, struct tv_error *error)
{
    struct tv_mongo *session = tv_mongo_new(settings, (struct tv_session_watch){0}, error);
    if (!session)
        return false;
    bool asked = tv_mongo_ready(session, deadline_ms, error) && ask_mongo(session, out, error);
    tv_mongo_free(session);
    return asked;
}

bool tv_store_limits(const struct tv_store_settings *settings, enum tv_store store, int64_t timeout_ms,
                     struct tv_store_limits *out, struct tv_error *error)
{
    struct tv_store_settings hurried = *settings;
    struct tv_leg_settings *leg = &hurried.leg[store];
    int64_t deadline = tv_clock_ms() + timeout_ms;
    *out = (struct tv_store_limits){.limit = TV_LIMIT_UNKNOWN, .in_use = TV_LIMIT_UNKNOWN};
    if (leg->connect_timeout > timeout_ms)
        leg->connect_timeout = timeout_ms;
    if (leg->query_timeout > timeout_ms)
        leg->query_timeout = timeout_ms;
    switch (store) {
    case TV_STORE_MYSQL: return mysql_limits(&hurried, deadline, out, error);
    case TV_STORE_REDIS: return redis_limits(&hurried, deadline, out, error);
    case TV_STORE_MONGO: return mongo_limits(&hurried, deadline, out, error);
    }
    return tv_fail(error, 500, NULL, "there is no such store");
}
