/*
 * redis.c - the session: when to connect, how long to wait, and when a connection must not be used again.
 *
 * A command is sent once. The only second try is for a connection that turns out to be closed before the kernel took a
 * single byte of it. Commands are put into one buffer and written from there; hiredis reads.
 */
#include "store/redis.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "store/redis_connect.h"
#include "store/redis_tls.h"
#include "store/redis_url.h"
#include "store/redis_verb.h"
#include "store/session.h"

enum {
    COMMANDS_MAX = 64 << 20,  /* bytes of all commands of one write: far above what a request body may hold */
    COMMANDS_KEEP = 64 << 10, /* memory that is kept for the next write */
};

struct tv_redis {
    const struct tv_store_settings *settings;
    struct tv_session_watch watch;
    struct tv_redis_url url;
    struct tv_redis_tls *tls;

    redisContext *context;  /* NULL: not connected */
    int64_t socket_timeout; /* what the socket is set to, milliseconds */
    int64_t deadline_ms;    /* of the commands under way */
    struct tv_buffer out;   /* commands that were added and not sent yet */
    size_t added;           /* how many these are */
    size_t due;             /* replies that were not read yet */
    uint64_t connections;   /* made so far */
    const char *verb;       /* of the command that was added last */
    size_t shape_length;
    char shape[TV_ACTIVITY_SHAPE];
    bool may_reconnect; /* nothing has been sent since begin, over a connection that was there before */
};

struct tv_redis *tv_redis_new(const struct tv_store_settings *settings, struct tv_session_watch watch,
                              struct tv_error *error)
{
    struct tv_redis *session = calloc(1, sizeof *session);
    if (!session) {
        tv_fail(error, 500, NULL, "out of memory for a session with Redis");
        return NULL;
    }
    session->settings = settings;
    session->watch = watch;
    tv_buffer_init(&session->out, COMMANDS_MAX);
    if (!tv_redis_url_read(settings->leg[TV_STORE_REDIS].url, &session->url, error) ||
        (session->url.tls && !tv_redis_tls_new(session->url.host, &session->tls, error))) {
        tv_redis_free(session);
        return NULL;
    }
    return session;
}

static void drop(struct tv_redis *session)
{
    if (session->context) {
        redisFree(session->context);
        session->context = NULL;
        tv_watch_connection(session->watch.watcher, TV_STORE_REDIS, false);
    }
    session->due = 0;
}

void tv_redis_free(struct tv_redis *session)
{
    if (!session)
        return;
    drop(session);
    tv_redis_tls_free(session->tls);
    tv_redis_url_free(&session->url);
    tv_buffer_free(&session->out);
    free(session);
}

void tv_redis_abandon(struct tv_redis *session)
{
    if (session->due > 0)
        drop(session);
    session->added = 0;
    tv_buffer_reset(&session->out, COMMANDS_KEEP);
}

void tv_redis_close(struct tv_redis *session)
{
    drop(session);
    tv_redis_abandon(session);
}

/* --- the connection ------------------------------------------------------------------------------------------------ */

static bool late(struct tv_error *error)
{
    return tv_fail(error, 504, NULL, "Redis did not answer in time; what was sent may still be executed");
}

static bool connect_now(struct tv_redis *session, int64_t deadline_ms, struct tv_error *error)
{
    const struct tv_leg_settings *leg = &session->settings->leg[TV_STORE_REDIS];
    int64_t timeout = tv_deadline_within(deadline_ms, leg->connect_timeout) - tv_clock_ms();
    if (timeout <= 0)
        return tv_fail(error, 504, NULL, "no time is left to connect to Redis");
    struct tv_reach reach = tv_watch_reach(session->watch.watcher, TV_STORE_REDIS);
    session->context = tv_redis_connect(&session->url, session->tls, timeout, error);
    int64_t took = tv_watch_reached(session->watch.watcher, &reach);
    if (!session->context) {
        tv_watch_store_error(session->watch.watcher, TV_STORE_REDIS);
        /* a request that came late and had little time left says nothing about Redis */
        if (timeout >= leg->connect_timeout || took / 1000 < timeout)
            tv_breaker_failure(session->watch.breaker, session->settings->breaker_failures);
        return false;
    }
    session->socket_timeout = timeout;
    session->may_reconnect = false;
    tv_watch_connection(session->watch.watcher, TV_STORE_REDIS, true);
    session->connections++;
    tv_breaker_success(session->watch.breaker);
    return true;
}

/* Nothing is due on an idle connection: whatever poll reports, a byte or the end, means that it is of no use any more. */
static bool idle_is_alive(const struct tv_redis *session)
{
    struct pollfd socket = {.fd = session->context->fd, .events = POLLIN | POLLRDHUP};
    return poll(&socket, 1, 0) == 0;
}

/* Sets the socket to the time that is left. What it is set to stays when it ends up to an eighth earlier than it might:
 * deadlines differ by a millisecond from request to request, and each change costs two system calls. */
static bool limit_wait(struct tv_redis *session, int64_t now_ms)
{
    int64_t wait = session->deadline_ms - now_ms;
    if (wait <= 0)
        return false;
    if (session->socket_timeout <= wait && session->socket_timeout >= wait - wait / 8)
        return true;
    wait -= wait / 16; /* room on both sides */
    if (!tv_redis_set_timeout(session->context, wait))
        return false;
    session->socket_timeout = wait;
    return true;
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

bool tv_redis_begin(struct tv_redis *session, int64_t deadline_ms, struct tv_error *error)
{
    tv_redis_abandon(session);
    if (tv_clock_ms() >= deadline_ms)
        return tv_fail(error, 504, NULL, "no time is left to ask Redis");
    if (!tv_breaker_allows(session->watch.breaker, "Redis", error)) {
        tv_watch_refused(session->watch.watcher);
        return false;
    }
    session->may_reconnect = true;
    if (session->context && !idle_is_alive(session))
        drop(session);
    if (!session->context && !connect_now(session, deadline_ms, error))
        return false;
    session->deadline_ms =
        tv_deadline_within(deadline_ms, session->settings->leg[TV_STORE_REDIS].query_timeout);
    return true;
}

/* The names of the commands that go out together are what may be shown of them. */
static void note_verb(struct tv_redis *session, struct tv_slice word)
{
    if (!session->watch.watcher)
        return;
    session->verb = tv_redis_verb(word);
    if (session->added == 0)
        session->shape_length = 0;
    size_t length = strlen(session->verb), blank = session->added > 0;
    if (session->shape_length + blank + length > sizeof session->shape)
        return;
    if (blank)
        session->shape[session->shape_length++] = ' ';
    memcpy(session->shape + session->shape_length, session->verb, length);
    session->shape_length += length;
}

bool tv_redis_add(struct tv_redis *session, const struct tv_slice *words, size_t count,
                  struct tv_error *error)
{
    if (count == 0)
        return tv_fail(error, 400, NULL, "a command without words");
    struct tv_buffer *out = &session->out;
    tv_buffer_byte(out, '*');
    tv_buffer_unsigned(out, count);
    for (size_t i = 0; i < count; i++) {
        tv_buffer_append(out, "\r\n$", 3);
        tv_buffer_unsigned(out, words[i].length);
        tv_buffer_append(out, "\r\n", 2);
        tv_buffer_slice(out, words[i]);
    }
    tv_buffer_append(out, "\r\n", 2);
    if (tv_buffer_failed(out))
        return tv_fail(error, 413, NULL, "the commands are too large");
    note_verb(session, words[0]);
    session->added++;
    return true;
}

static bool timed_out(const redisContext *context, int error_number)
{
#ifdef REDIS_ERR_TIMEOUT /* hiredis 1.0 and later */
    if (context->err == REDIS_ERR_TIMEOUT)
        return true;
#else
    (void)context;
#endif
    return error_number == EAGAIN;
}

/* Ends the connection over an error of the socket or the protocol; returns false. */
static bool broke(struct tv_redis *session, int error_number, struct tv_error *error)
{
    const redisContext *context = session->context;
    tv_watch_store_error(session->watch.watcher, TV_STORE_REDIS);
    if (timed_out(context, error_number)) {
        late(error);
    } else if (context->err == REDIS_ERR_PROTOCOL) {
        tv_fail(error, 500, NULL, "the reply of Redis cannot be read: %s", context->errstr);
    } else {
        tv_fail(error, 503, NULL, "the connection to Redis broke; what was sent may have been executed");
        error->retry_after = 1;
    }
    drop(session);
    return false;
}

/* Bytes that the kernel took; short when it failed, with errno. TLS has to go through hiredis. */
static size_t write_out(struct tv_redis *session)
{
    redisContext *context = session->context;
    const struct tv_buffer *out = &session->out;
    errno = 0;
    if (session->tls) {
        int done = 0;
        if (redisAppendFormattedCommand(context, out->data, out->length) != REDIS_OK)
            return 0;
        while (!done)
            if (redisBufferWrite(context, &done) != REDIS_OK)
                return 1; /* at least: how much is not known */
        return out->length;
    }
    size_t sent = 0;
    while (sent < out->length) {
        ssize_t length = send(context->fd, out->data + sent, out->length - sent, MSG_NOSIGNAL);
        if (length >= 0)
            sent += (size_t)length;
        else if (errno != EINTR)
            break;
    }
    return sent;
}

static bool flush(struct tv_redis *session, struct tv_error *error)
{
    for (;;) {
        if (!limit_wait(session, tv_clock_ms()))
            return tv_fail(error, 504, NULL, "no time is left to ask Redis");
        size_t sent = write_out(session);
        if (sent == session->out.length)
            break;
        int error_number = errno;
        bool untouched = sent == 0 && (error_number == EPIPE || error_number == ECONNRESET);
        if (!untouched || !session->may_reconnect)
            return broke(session, error_number, error);
        drop(session);
        if (!connect_now(session, session->deadline_ms, error))
            return false;
    }
    session->due = session->added;
    session->added = 0;
    session->may_reconnect = false;
    tv_buffer_reset(&session->out, COMMANDS_KEEP);
    return true;
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

static bool parse(struct tv_redis *session, void **reply, struct tv_error *error)
{
    redisContext *context = session->context;
    if (redisReaderGetReply(context->reader, reply) == REDIS_OK)
        return true;
    context->err = context->reader->err; /* what redisGetReply would do */
    memcpy(context->errstr, context->reader->errstr, sizeof context->errstr);
    return broke(session, 0, error);
}

/* Reads from the socket until one reply is whole. */
static bool receive(struct tv_redis *session, void **reply, struct tv_error *error)
{
    const int64_t most = session->settings->redis_reply_max;
    int64_t received = 0;
    while (!*reply) {
        if (!limit_wait(session, tv_clock_ms()))
            return broke(session, EAGAIN, error);
        size_t before = session->context->reader->len;
        errno = 0;
        if (redisBufferRead(session->context) != REDIS_OK)
            return broke(session, errno, error);
        received += (int64_t)(session->context->reader->len - before);
        if (!parse(session, reply, error))
            return false;
        if (!*reply && received > most) {
            drop(session);
            return tv_fail(error, 413, NULL, "the reply is larger than redis.reply_max (%lld bytes)",
                           (long long)most);
        }
    }
    return true;
}

/* What was added goes out together, and is one call up to its first reply. */
static bool call(struct tv_redis *session, void **reply, struct tv_error *error)
{
    struct tv_call call = {.store = TV_STORE_REDIS,
                           .verb = session->added == 1 ? session->verb : "PIPELINE",
                           .shape = {session->shape, session->shape_length},
                           .waits = true};
    tv_watch_call(session->watch.watcher, &call, session->added);
    bool received = flush(session, error) && receive(session, reply, error);
    tv_watch_called(session->watch.watcher, &call, received ? NULL : error);
    return received;
}

static bool wait_for_more(struct tv_redis *session, void **reply, struct tv_error *error)
{
    int64_t started = tv_clock_us();
    bool received = receive(session, reply, error);
    tv_watch_waited(session->watch.watcher, TV_STORE_REDIS, tv_clock_us() - started);
    return received;
}

/* The clock is read only when there is something to wait for. */
static bool wait_for_reply(struct tv_redis *session, void **reply, struct tv_error *error)
{
    bool received = session->added > 0 ? call(session, reply, error) : wait_for_more(session, reply, error);
    if (received)
        tv_breaker_success(session->watch.breaker);
    return received;
}

bool tv_redis_read(struct tv_redis *session, struct redisReply **reply, struct tv_error *error)
{
    void *found = NULL;
    *reply = NULL;
    if (!session->context || session->added + session->due == 0)
        return tv_fail(error, 500, NULL, "no reply of Redis is due");
    if ((session->due > 0 && !parse(session, &found, error)) ||
        (!found && !wait_for_reply(session, &found, error))) {
        tv_redis_abandon(session);
        return false;
    }
    session->due--;
    *reply = found;
    return true;
}

bool tv_redis_call(struct tv_redis *session, const struct tv_slice *words, size_t count, int64_t deadline_ms,
                   struct redisReply **reply, struct tv_error *error)
{
    *reply = NULL;
    if (!tv_redis_begin(session, deadline_ms, error))
        return false;
    if (tv_redis_add(session, words, count, error) && tv_redis_read(session, reply, error))
        return true;
    tv_redis_abandon(session);
    return false;
}

/* --- a look from outside ------------------------------------------------------------------------------------------- */

/* "Redis 7.0.15" or "Valkey 8.0.1" from the lines of INFO; which of both says the line that only Valkey has. */
static void read_version(const redisReply *reply, char version[64])
{
    static const struct {
        const char *line;
        const char *name;
    } products[] = {{"valkey_version:", "Valkey"}, {"redis_version:", "Redis"}};

    for (size_t i = 0; reply->type == REDIS_REPLY_STRING && i < TV_COUNT(products); i++) {
        const char *line = strstr(reply->str, products[i].line);
        if (!line)
            continue;
        line += strlen(products[i].line);
        snprintf(version, 64, "%s %.*s", products[i].name, (int)strcspn(line, "\r\n"), line);
        return;
    }
}

static bool ask(struct tv_redis *session, int64_t deadline_ms, int64_t *latency_us, char version[64],
                struct tv_error *error)
{
    static const struct tv_slice ping[] = {{"PING", 4}}, info[] = {{"INFO", 4}, {"server", 6}};
    struct redisReply *reply;
    if (!tv_redis_begin(session, deadline_ms, error))
        return false;
    int64_t started = tv_clock_us();
    if (!tv_redis_call(session, ping, TV_COUNT(ping), deadline_ms, &reply, error))
        return false;
    freeReplyObject(reply);
    *latency_us = tv_clock_us() - started;
    if (!version)
        return true;
    if (!tv_redis_call(session, info, TV_COUNT(info), deadline_ms, &reply, error))
        return false;
    snprintf(version, 64, "Redis"); /* a user that may not ask for more has still reached it */
    read_version(reply, version);
    freeReplyObject(reply);
    return true;
}

bool tv_redis_ping(const struct tv_store_settings *settings, int64_t timeout_ms, int64_t *latency_us,
                   char version[64], struct tv_error *error)
{
    int64_t deadline = tv_clock_ms() + timeout_ms;
    struct tv_redis *session = tv_redis_new(settings, (struct tv_session_watch){0}, error);
    if (!session)
        return false;
    bool alive = ask(session, deadline, latency_us, version, error);
    tv_redis_free(session);
    return alive;
}

uint64_t tv_redis_connections(const struct tv_redis *session)
{
    return session->connections;
}
