/*
 * mongo_error.c - what the driver's errors mean: was the server reached, did it answer, whose fault is it.
 */
#include <string.h>

#include "base/clock.h"
#include "store/mongo_session.h"
#include "watch/log.h"

/* The server's error numbers that are not the request's fault (MongoDB's error_codes.yml). */
enum {
    INTERNAL_ERROR = 1,
    UNAUTHORIZED = 13,
    MAX_TIME_EXPIRED = 50,
};
/* Not now, or not there; those that drivers try again, too (Retryable Reads and Writes). */
static const unsigned passing[] = {
    6,     /* HostUnreachable */
    7,     /* HostNotFound */
    89,    /* NetworkTimeout */
    91,    /* ShutdownInProgress */
    189,   /* PrimarySteppedDown */
    262,   /* ExceededTimeLimit */
    9001,  /* SocketException */
    10058, /* LegacyNotPrimary */
    10107, /* NotWritablePrimary */
    11600, /* InterruptedAtShutdown */
    11602, /* InterruptedDueToReplStateChange */
    13435, /* NotPrimaryNoSecondaryOk */
    13436, /* NotPrimaryOrSecondary */
};

static bool is_passing(unsigned code)
{
    for (size_t i = 0; i < TV_COUNT(passing); i++)
        if (passing[i] == code)
            return true;
    return false;
}

static bool answered(const bson_error_t *cause, struct tv_error *error)
{
    if (cause->code == MAX_TIME_EXPIRED)
        tv_fail(error, 504, NULL, "MongoDB needed more time than the request has");
    else if (cause->code == UNAUTHORIZED)
        tv_fail(error, 403, NULL, "%s", cause->message);
    else if (is_passing(cause->code)) {
        tv_fail(error, 503, NULL, "%s", cause->message);
        error->retry_after = 1;
    } else if (cause->code == INTERNAL_ERROR) {
        /* also what FerretDB says of what it is at when it is told to end */
        tv_fail(error, 500, NULL, "MongoDB failed: %s", cause->message);
        error->quotes = true;
    } else
        tv_fail(error, 400, NULL, "%s", cause->message);
    error->native = (int)cause->code;
    return false;
}

/* Acknowledged by the one that was asked, but not by as many as the URL's write concern demands. */
static bool unconfirmed(const bson_error_t *cause, struct tv_error *error)
{
    tv_fail(error, 503, NULL, "the write was done, but not confirmed as the write concern demands: %s",
            cause->message);
    error->native = (int)cause->code;
    return false;
}

static bool unreached(struct tv_mongo *session, const bson_error_t *cause, bool writes,
                      struct tv_error *error)
{
    bool refused = cause->domain == MONGOC_ERROR_SCRAM || cause->domain == MONGOC_ERROR_SASL ||
                   (cause->domain == MONGOC_ERROR_CLIENT && cause->code == MONGOC_ERROR_CLIENT_AUTHENTICATE);
    bool late = tv_clock_ms() >= session->wire.deadline_ms;
    bool unknown = writes && session->wire.sent > 0;
    tv_breaker_failure(session->watch.breaker, session->settings->breaker_failures);
    tv_watch_store_error(session->watch.watcher, TV_STORE_MONGO);
    if (session->watch.breaker) /* who only pings tells what it found by itself */
        tv_log(TV_LOG_WARN, "store.mongo", "%s%s%s", cause->message, *session->wire.why ? "; " : "",
               session->wire.why);
    tv_mongo_drop(session);
    if (refused)
        tv_fail(error, 503, NULL, "MongoDB refuses the credentials of mongo.url");
    else if (late)
        tv_fail(error, 504, NULL, "MongoDB did not answer in time");
    else if (unknown)
        tv_fail(error, 503, NULL, "the connection to MongoDB broke");
    else {
        tv_fail(error, 503, NULL, "MongoDB cannot be reached");
        error->retry_after = 1;
    }
    if (unknown && !refused) /* no Retry-After here: who repeats the write may do it twice */
        tv_error_details(error, "whether the write was done is not known");
    return false;
}

bool tv_mongo_fail(struct tv_mongo *session, const bson_error_t *cause, bool writes, struct tv_error *error)
{
    switch (cause->domain) {
    case MONGOC_ERROR_SERVER: tv_breaker_success(session->watch.breaker); return answered(cause, error);
    case MONGOC_ERROR_WRITE_CONCERN:
        tv_breaker_success(session->watch.breaker);
        return unconfirmed(cause, error);
    case MONGOC_ERROR_BSON:
    case MONGOC_ERROR_COMMAND:
    case MONGOC_ERROR_CURSOR:
    case MONGOC_ERROR_NAMESPACE: /* the driver found fault with what it was given; nothing was sent */
        return tv_fail(error, 400, NULL, "%s", cause->message);
    default: return unreached(session, cause, writes, error);
    }
}
