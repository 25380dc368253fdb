/*
 * redis_connect.c - connecting, and the greeting: what has to be said before the first command, in one write.
 */
#include "store/redis_connect.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "base/clock.h"
#include "store/redis_tls.h"

enum { RETRY_AFTER = 1 }; /* seconds: a store that is back is used again within one */

static struct timeval timeval_of(int64_t milliseconds)
{
    return (struct timeval){.tv_sec = (time_t)(milliseconds / 1000),
                            .tv_usec = (suseconds_t)(milliseconds % 1000 * 1000)};
}

bool tv_redis_set_timeout(struct redisContext *context, int64_t timeout_ms)
{
    return redisSetTimeout(context, timeval_of(timeout_ms)) == REDIS_OK;
}

static bool away(struct tv_error *error, const char *what, const char *why)
{
    tv_fail(error, 503, NULL, "%s: %s", what, why);
    error->retry_after = RETRY_AFTER;
    return false;
}

static bool begins(const redisReply *reply, const char *prefix)
{
    return strncmp(reply->str, prefix, strlen(prefix)) == 0;
}

/* What the greeting says, and whether Redis must agree. CLIENT SETNAME is a courtesy to whoever reads CLIENT LIST. PING is
 * there because Redis answers everything else while it loads its data or has lost its master; that a user may not ping,
 * or that a script is running, is no reason to stay away. */
enum step { STEP_AUTH, STEP_SELECT, STEP_NAME, STEP_PING };

static bool accept_reply(enum step step, const redisReply *reply, struct tv_error *error)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return true;
    if (step == STEP_AUTH)
        return away(error, "Redis refuses the login", reply->str);
    if (step == STEP_SELECT)
        return away(error, "Redis refuses the database", reply->str);
    /* said instead of any answer, before it closes */
    if (begins(reply, "ERR max number of clients") || begins(reply, "DENIED"))
        return away(error, "Redis refuses the connection", reply->str);
    if (step == STEP_PING &&
        (begins(reply, "LOADING") || begins(reply, "MASTERDOWN") || begins(reply, "NOAUTH")))
        return away(error, "Redis is not ready", reply->str);
    return true;
}

static bool broke(const redisContext *context, int64_t started_ms, struct tv_error *error)
{
    if (errno == EAGAIN) {
        char why[64];
        snprintf(why, sizeof why, "no answer in %lld ms", (long long)(tv_clock_ms() - started_ms));
        return away(error, "Redis cannot be reached", why);
    }
    return away(error, "Redis cannot be reached", context->errstr);
}

static bool greet(redisContext *context, const struct tv_redis_url *url, struct tv_error *error)
{
    enum step steps[4];
    size_t count = 0;
    int64_t started = tv_clock_ms();
    int failed = 0;

    if (url->password) {
        const char *words[] = {"AUTH", url->user ? url->user : url->password, url->password};
        failed |= redisAppendCommandArgv(context, url->user ? 3 : 2, words, NULL);
        steps[count++] = STEP_AUTH;
    }
    if (url->database > 0) {
        failed |= redisAppendCommand(context, "SELECT %d", url->database);
        steps[count++] = STEP_SELECT;
    }
    failed |= redisAppendCommand(context, "CLIENT SETNAME trivet");
    steps[count++] = STEP_NAME;
    failed |= redisAppendCommand(context, "PING");
    steps[count++] = STEP_PING;
    if (failed)
        return away(error, "Redis cannot be asked", context->errstr);

    for (size_t i = 0; i < count; i++) {
        void *reply = NULL;
        errno = 0;
        if (redisGetReply(context, &reply) != REDIS_OK)
            return broke(context, started, error);
        bool accepted = accept_reply(steps[i], reply, error);
        freeReplyObject(reply);
        if (!accepted)
            return false;
    }
    return true;
}

struct redisContext *tv_redis_connect(const struct tv_redis_url *url, struct tv_redis_tls *tls,
                                      int64_t timeout_ms, struct tv_error *error)
{
    struct timeval timeout = timeval_of(timeout_ms);
    redisContext *context = url->path ? redisConnectUnixWithTimeout(url->path, timeout)
                                      : redisConnectWithTimeout(url->host, url->port, timeout);
    if (!context) {
        away(error, "Redis cannot be reached", "out of memory");
        return NULL;
    }
    bool ready = context->err == 0 || away(error, "Redis cannot be reached", context->errstr);
    if (ready && !tv_redis_set_timeout(context, timeout_ms))
        ready = away(error, "Redis cannot be reached", context->errstr);
    if (ready && url->host) /* a peer whose machine is gone is noticed while idle, not by the next request */
        ready = redisEnableKeepAlive(context) == REDIS_OK ||
                away(error, "Redis cannot be reached", context->errstr);
    if (ready && tls)
        ready = tv_redis_tls_start(tls, context, error);
    if (ready && greet(context, url, error))
        return context;
    redisFree(context);
    return NULL;
}
