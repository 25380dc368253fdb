/*
 * mongo_session.c - the life of a client: made from the URL when first needed, replaced when its connections are gone.
 */
#include "store/mongo_session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "watch/log.h"

/* How long saying good-bye to the server may take when a session ends. */
#define FAREWELL_MS 300

static void log_line(mongoc_log_level_t level, const char *domain, const char *message, void *unused)
{
    (void)unused;
    enum tv_log_level ours = level <= MONGOC_LOG_LEVEL_CRITICAL  ? TV_LOG_ERROR
                             : level == MONGOC_LOG_LEVEL_WARNING ? TV_LOG_WARN
                             : level <= MONGOC_LOG_LEVEL_INFO    ? TV_LOG_INFO
                                                                 : TV_LOG_DEBUG;
    tv_log(ours, "store.mongo", "%s: %s", domain, message);
}

static void take_log(void)
{
    mongoc_log_set_handler(log_line, NULL);
}

static bool set_integer(mongoc_uri_t *uri, const char *name, int64_t value)
{
    return mongoc_uri_has_option(uri, name) || mongoc_uri_set_option_as_int32(uri, name, (int32_t)value);
}

static bool set_boolean(mongoc_uri_t *uri, const char *name, bool value)
{
    return mongoc_uri_has_option(uri, name) || mongoc_uri_set_option_as_bool(uri, name, value);
}

/* What the URL says wins. Retries are off because a request that may have been executed is never sent twice by us. */
static bool set_defaults(mongoc_uri_t *uri, const struct tv_leg_settings *leg)
{
    return (mongoc_uri_get_appname(uri) || mongoc_uri_set_appname(uri, "trivet")) &&
           set_integer(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, leg->connect_timeout) &&
           set_integer(uri, MONGOC_URI_CONNECTTIMEOUTMS, leg->connect_timeout) &&
           set_integer(uri, MONGOC_URI_SOCKETTIMEOUTMS, leg->query_timeout) &&
           set_boolean(uri, MONGOC_URI_SERVERSELECTIONTRYONCE, true) &&
           set_boolean(uri, MONGOC_URI_RETRYWRITES, false) && set_boolean(uri, MONGOC_URI_RETRYREADS, false);
}

/* The driver's own sentence could hold a piece of the password: it is shown only where there can be none. */
static bool bad_url(const char *url, const char *why, struct tv_error *error)
{
    tv_fail(error, 500, NULL, "mongo.url is not a URL of MongoDB's form (mongodb://host:port/)");
    if (why && !strchr(url, '@'))
        tv_error_details(error, "%s", why);
    return false;
}

struct tv_mongo *tv_mongo_new(const struct tv_store_settings *settings, struct tv_session_watch watch,
                              struct tv_error *error)
{
    static pthread_once_t logging = PTHREAD_ONCE_INIT;
    const struct tv_leg_settings *leg = &settings->leg[TV_STORE_MONGO];
    bson_error_t why;
    pthread_once(&logging, take_log);
    struct tv_mongo *session = calloc(1, sizeof *session);
    if (!session) {
        tv_fail(error, 500, NULL, "out of memory");
        return NULL;
    }
    session->settings = settings;
    session->watch = watch;
    session->wire.watcher = watch.watcher;
    session->wire.connect_timeout_ms = leg->connect_timeout;
    session->uri = mongoc_uri_new_with_error(leg->url, &why);
    if (!session->uri)
        bad_url(leg->url, why.message, error);
    else if (!set_defaults(session->uri, leg))
        bad_url(leg->url, NULL, error);
    else if (!mongoc_write_concern_is_acknowledged(mongoc_uri_get_write_concern(session->uri)))
        tv_fail(error, 500, NULL, "mongo.url says w=0: no write could ever be acknowledged");
    else
        return session;
    tv_mongo_free(session);
    return NULL;
}

static void forget_collection(struct tv_mongo *session)
{
    if (session->collection)
        mongoc_collection_destroy(session->collection);
    bson_free(session->database_name);
    bson_free(session->collection_name);
    session->collection = NULL;
    session->database_name = session->collection_name = NULL;
}

static void end_client(struct tv_mongo *session)
{
    if (session->cursor)
        mongoc_cursor_destroy(session->cursor);
    forget_collection(session);
    if (session->client)
        mongoc_client_destroy(session->client);
    session->cursor = NULL;
    session->first = NULL;
    session->client = NULL;
}

void tv_mongo_drop(struct tv_mongo *session)
{
    if (session
            ->client) /* so that neither killCursors nor endSessions looks for a server that is not there */
        mongoc_client_reset(session->client);
    end_client(session);
}

void tv_mongo_free(struct tv_mongo *session)
{
    if (!session)
        return;
    session->wire.deadline_ms = tv_clock_ms() + FAREWELL_MS;
    if (session->client && !tv_mongo_wire_alive(&session->wire))
        tv_mongo_drop(session);
    end_client(session);
    if (session->uri)
        mongoc_uri_destroy(session->uri);
    free(session);
}

bool tv_mongo_ready(struct tv_mongo *session, int64_t deadline_ms, struct tv_error *error)
{
    bson_error_t why = {0};
    if (!tv_breaker_allows(session->watch.breaker, "MongoDB", error)) {
        tv_watch_refused(session->watch.watcher);
        return false;
    }
    if (tv_clock_ms() >= deadline_ms)
        return tv_fail(error, 504, NULL, "no time was left to ask MongoDB");
    session->wire.deadline_ms = deadline_ms;
    session->wire.sent = 0;
    session->wire.why[0] = '\0';
    if (session->client && !tv_mongo_wire_alive(&session->wire))
        tv_mongo_drop(session);
    if (session->client)
        return true;
    session->client =
        mongoc_client_new_from_uri_with_error(session->uri, &why); /* may ask the DNS (mongodb+srv) */
    if (!session->client)
        return tv_mongo_fail(session, &why, false, error);
    mongoc_client_set_error_api(session->client, MONGOC_ERROR_API_VERSION_2);
    mongoc_client_set_stream_initiator(session->client, tv_mongo_wire_open, &session->wire);
    return true;
}

int64_t tv_mongo_time_left(const struct tv_mongo *session)
{
    int64_t query = session->settings->leg[TV_STORE_MONGO].query_timeout;
    int64_t left = session->wire.deadline_ms - tv_clock_ms();
    if (left > query)
        left = query;
    left -= left / 10 < 100 ? left / 10 : 100;
    return left < 1 ? 1 : left;
}
