/*
 * redis_session.c - tests of the session with Redis against a server of our own that misbehaves as told: closes at the
 * wrong moment, answers late, slowly, half, or what no client can read.
 */
#include "store/redis.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/session.h"

#include "tap.h"

/* --- a server that follows a script -------------------------------------------------------------------------------- */

#define GREETING "+OK\r\n+PONG\r\n" /* to CLIENT SETNAME and PING */

/* What the server does with one connection: for each step it waits for bytes, then sends. */
struct step {
    const char *send; /* NULL: nothing */
    int pause_ms;     /* before it sends */
    bool slowly;      /* a byte every 20 ms */
    bool close;       /* after it sent */
    bool unasked;     /* does not wait for bytes */
};

struct script {
    struct step steps[6]; /* up to the first that is all zero; then it waits for the client to leave */
};

static struct {
    int listener;
    const struct script *scripts; /* one a connection */
    size_t count;
    _Atomic int accepted;
    _Atomic int received; /* times that bytes came */
    _Atomic int closed;   /* connections that are over */
    _Atomic int unasked;  /* sendings that nobody had asked for */
} server;

static char directory[] = "/tmp/trivet-redis-XXXXXX";
static char url[128];

static bool wait_readable(int fd)
{
    struct pollfd door = {.fd = fd, .events = POLLIN};
    return poll(&door, 1, 5000) > 0;
}

static void play(int fd, const struct script *script)
{
    char bytes[65536];
    for (const struct step *step = script->steps; step->send || step->close || step->pause_ms; step++) {
        if (!step->unasked && (!wait_readable(fd) || recv(fd, bytes, sizeof bytes, 0) <= 0))
            return;
        server.received += !step->unasked;
        usleep((useconds_t)step->pause_ms * 1000);
        size_t length = step->send ? strlen(step->send) : 0;
        for (size_t sent = 0; sent < length;) {
            ssize_t more = send(fd, step->send + sent, step->slowly ? 1 : length - sent, MSG_NOSIGNAL);
            if (more <= 0)
                return;
            sent += (size_t)more;
            if (step->slowly)
                usleep(20000);
        }
        server.unasked += step->unasked;
        if (step->close)
            return;
    }
    while (wait_readable(fd) && recv(fd, bytes, sizeof bytes, 0) > 0)
        server.received++;
}

static void *serve(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < server.count; i++) {
        int fd = wait_readable(server.listener) ? accept(server.listener, NULL, NULL) : -1;
        if (fd < 0)
            break;
        server.accepted++;
        play(fd, &server.scripts[i]);
        close(fd);
        server.closed++;
    }
    return NULL;
}

static pthread_t start_server(const struct script *scripts, size_t count)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/redis.sock", directory);
    unlink(address.sun_path);
    server.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(server.listener, (struct sockaddr *)&address, sizeof address) || listen(server.listener, 16))
        note("cannot listen on %s", address.sun_path);
    server.scripts = scripts;
    server.count = count;
    server.accepted = server.received = server.closed = server.unasked = 0;
    snprintf(url, sizeof url, "unix://%s", address.sun_path);
    pthread_t thread;
    pthread_create(&thread, NULL, serve, NULL);
    return thread;
}

static void stop_server(pthread_t thread)
{
    shutdown(server.listener, SHUT_RDWR); /* wakes an accept that nobody will come for */
    pthread_join(thread, NULL);
    close(server.listener);
}

/* --- what is asked of it ------------------------------------------------------------------------------------------- */

static struct tv_store_settings settings = {
    .leg[TV_STORE_REDIS] = {.url = url, .connect_timeout = 2000, .query_timeout = 1000},
    .redis_reply_max = 1 << 20,
    .breaker_failures = 2,
};
static tv_breaker breaker;
static struct tv_slot slot;
static struct tv_watcher watcher;
static struct tv_error error;

static struct tv_redis *new_session(void)
{
    breaker = 0;
    memset((void *)&slot, 0, sizeof slot);
    tv_watcher_init(&watcher, &slot);
    struct tv_session_watch watch = {.breaker = &breaker, .watcher = &watcher};
    return tv_redis_new(&settings, watch, &error);
}

static const struct tv_slice get_k[] = {{"GET", 3}, {"k", 1}};

/* GET k within the time; the text that came, "-" when it failed. */
static const char *get_within(struct tv_redis *session, int64_t time_ms)
{
    static char text[64];
    struct redisReply *reply = NULL;
    error = (struct tv_error){0};
    if (!tv_redis_call(session, get_k, 2, tv_clock_ms() + time_ms, &reply, &error))
        return "-";
    snprintf(text, sizeof text, "%s", reply->str ? reply->str : "(nil)");
    freeReplyObject(reply);
    return text;
}

static const char *get(struct tv_redis *session)
{
    return get_within(session, 5000);
}

#define RUN(test, ...)                                                                           \
    do {                                                                                         \
        static const struct script scripts[] = {__VA_ARGS__};                                    \
        note("--- %s", #test);                                                                   \
        pthread_t thread = start_server(scripts, TV_COUNT(scripts));                             \
        struct tv_redis *session = new_session();                                                \
        if (ok(session != NULL, "a session is made without connecting"))                         \
            test(session);                                                                       \
        tv_redis_free(session);                                                                  \
        stop_server(thread);                                                                     \
        is_number(slot.connections[TV_STORE_REDIS], 0, "no connection is left in the counters"); \
    } while (0)

/* --- tests --------------------------------------------------------------------------------------------------------- */

static void ordinary(struct tv_redis *session)
{
    is_number(server.accepted, 0, "nothing is connected before the first use");
    is_text(get(session), "bar", "a reply");
    is_text(get(session), "baz", "another one");
    is_number(server.accepted, 1, "over one connection");
    is_number(slot.connections[TV_STORE_REDIS], 1, "which is counted");
    is_number(slot.meters.stores[TV_STORE_REDIS].calls, 2, "two calls");
    is_number(slot.meters.stores[TV_STORE_REDIS].connects, 1, "one connect");
    is_number(slot.meters.stores[TV_STORE_REDIS].errors, 0, "no error");
}

static void closed_while_idle(struct tv_redis *session)
{
    is_text(get(session), "bar", "a reply");
    for (int i = 0; i < 200 && server.closed == 0; i++)
        usleep(10000);
    is_text(get(session), "again", "after the server closed: a new connection, no error");
    is_number(server.accepted, 2, "two connections");
    is_number(slot.meters.stores[TV_STORE_REDIS].errors, 0, "a connection that ended while idle is no error");
}

static void speaks_while_idle(struct tv_redis *session)
{
    is_text(get(session), "bar", "a reply");
    for (int i = 0; i < 1000 && server.unasked == 0; i++)
        usleep(10000);
    is_text(get(session), "right", "bytes that nobody asked for are not taken for the next reply");
    is_number(server.accepted, 2, "the connection was replaced");
}

static void broken_before_reply(struct tv_redis *session)
{
    is_text(get(session), "-", "the connection broke after the command left");
    is_number(error.status, 503, "503");
    is_number(server.accepted, 1, "it was not sent again");
    is_number(slot.meters.stores[TV_STORE_REDIS].errors, 1, "an error is counted");
    is_number(tv_breaker_state(&breaker), TV_BREAKER_CLOSED,
              "the breaker takes the next connect's word, not this");
    is_text(get(session), "next", "the next command has a new connection");
}

static void broken_in_reply(struct tv_redis *session)
{
    is_text(get(session), "-", "half a reply is none");
    is_number(error.status, 503, "503");
    is_text(get(session), "next", "and the next one is whole");
}

static void late_reply(struct tv_redis *session)
{
    int64_t started = tv_clock_ms();
    is_text(get(session), "-", "a late reply");
    is_number(error.status, 504, "504");
    ok(tv_clock_ms() - started < 2500, "within the query's time");
    is_text(get(session), "right", "is not taken for the next one's");
    is_number(tv_breaker_state(&breaker), TV_BREAKER_CLOSED, "and says nothing about being reachable");
}

static void deadline_wins(struct tv_redis *session)
{
    int64_t started = tv_clock_ms();
    is_text(get_within(session, 500), "-", "a request with little time left");
    is_number(error.status, 504, "504");
    ok(tv_clock_ms() - started < 2500, "by its own deadline: %d ms", (int)(tv_clock_ms() - started));
    is_text(get_within(session, 0), "-", "one with none");
    is_number(error.status, 504, "504");
    is_number(server.accepted, 1, "is not even connected");
}

static void dribbled_reply(struct tv_redis *session)
{
    int64_t started = tv_clock_ms();
    is_text(get(session), "-", "a byte now and then");
    is_number(error.status, 504, "504");
    ok(tv_clock_ms() - started < 2500, "does not stretch the deadline: %d ms",
       (int)(tv_clock_ms() - started));
}

static void slow_but_in_time(struct tv_redis *session)
{
    is_text(get(session), "ok", "a reply in pieces");
}

/* hiredis before 1.0 cannot read more than seven levels and is of no use afterwards; later ones can. */
static void deep(struct tv_redis *session)
{
    bool read = strcmp(get(session), "(nil)") == 0;
    ok(read || error.status == 500, "a deeply nested reply is read, or refused with 500 (%d)", error.status);
    is_text(get(session), "next", "and the next one is right, over a new connection if need be");
    is_number(server.accepted, read ? 1 : 2, "connections");
}

static void not_redis(struct tv_redis *session)
{
    is_text(get(session), "-", "something that is not Redis");
    is_number(error.status, 503, "503");
}

static void error_reply(struct tv_redis *session)
{
    is_text(get(session), "ERR no", "an error of Redis is a reply");
    is_number(slot.meters.stores[TV_STORE_REDIS].errors, 0, "and not counted as an error");
}

static void loading(struct tv_redis *session)
{
    is_text(get(session), "-", "while it loads");
    is_number(error.status, 503, "503");
    is_number(error.retry_after, 1, "with Retry-After");
    ok(strstr(error.message, "LOADING"), "and the reason: %s", error.message);
    is_text(get(session), "-", "without its master");
    is_number(error.status, 503, "503");
    is_number(tv_breaker_state(&breaker), TV_BREAKER_OPEN, "two failures in a row open the breaker");
    is_text(get(session), "-", "then it is not even asked");
    is_number(error.status, 503, "503");
    is_number(server.accepted, 2, "two connections in all");
    is_number(slot.connections[TV_STORE_REDIS], 0, "none of them kept");
    tv_breaker_success(&breaker);
    is_text(get(session), "back", "and used again when it is back");
}

static void refused_greeting(struct tv_redis *session)
{
    is_text(get(session), "-", "too many clients");
    is_number(error.status, 503, "503");
    tv_breaker_success(&breaker);
    is_text(get(session), "-", "a password is asked for");
    is_number(error.status, 503, "503");
    tv_breaker_success(&breaker);
    is_text(get(session), "fine", "a user who may not ping or set a name is served all the same");
}

static void silent_greeting(struct tv_redis *session)
{
    int64_t started = tv_clock_ms();
    is_text(get(session), "-", "a server that accepts and says nothing");
    is_number(error.status, 503, "503");
    ok(tv_clock_ms() - started < 4500, "within the connect's time");
    is_number(slot.meters.stores[TV_STORE_REDIS].errors, 1, "an error is counted");
}

static void too_large(struct tv_redis *session)
{
    struct redisReply *reply = NULL;
    is_text(get(session), "-", "a reply beyond redis.reply_max");
    is_number(error.status, 413, "413");
    ok(!tv_redis_read(session, &reply, &error), "nothing is due after it");
    is_text(get(session), "next", "and a new connection after it");
}

static void pipeline(struct tv_redis *session)
{
    struct redisReply *reply = NULL;
    ok(tv_redis_begin(session, tv_clock_ms() + 1000, &error), "begin");
    for (int i = 0; i < 3; i++)
        ok(tv_redis_add(session, get_k, 2, &error), "add");
    for (int i = 0; i < 3; i++) {
        if (!ok(tv_redis_read(session, &reply, &error), "read"))
            continue;
        is_number(reply->integer, i + 1, "in order");
        freeReplyObject(reply);
    }
    ok(!tv_redis_read(session, &reply, &error), "a fourth read fails");
    is_number(server.received, 2, "the three came in one write (after the greeting)");
    ok(tv_redis_add(session, get_k, 2, &error) && tv_redis_read(session, &reply, &error),
       "one more, without begin");
    freeReplyObject(reply);
    is_number(server.accepted, 1, "goes over the same connection");
    is_number(slot.meters.stores[TV_STORE_REDIS].calls, 4, "four calls");

    ok(tv_redis_begin(session, tv_clock_ms() + 1000, &error) && tv_redis_add(session, get_k, 2, &error) &&
           tv_redis_add(session, get_k, 2, &error) && tv_redis_read(session, &reply, &error),
       "one of two is read");
    freeReplyObject(reply);
    tv_redis_abandon(session);
    is_number(slot.connections[TV_STORE_REDIS], 0, "leaving the other closes the connection");
    is_text(get(session), "next", "so it is not taken for the next one's");
}

static void pipeline_breaks(struct tv_redis *session)
{
    struct redisReply *reply = NULL;
    ok(tv_redis_begin(session, tv_clock_ms() + 1000, &error) && tv_redis_add(session, get_k, 2, &error) &&
           tv_redis_add(session, get_k, 2, &error),
       "two are sent");
    ok(tv_redis_read(session, &reply, &error), "the first is answered");
    freeReplyObject(reply);
    ok(!tv_redis_read(session, &reply, &error), "the second is not");
    is_number(error.status, 503, "503");
    ok(!tv_redis_read(session, &reply, &error), "and reading on fails");
    is_number(server.accepted, 1, "nothing was sent again");
}

static void not_mid_transaction(struct tv_redis *session)
{
    struct redisReply *reply = NULL;
    ok(tv_redis_begin(session, tv_clock_ms() + 2000, &error) && tv_redis_add(session, get_k, 2, &error) &&
           tv_redis_read(session, &reply, &error),
       "the first part is answered");
    freeReplyObject(reply);
    for (int i = 0; i < 200 && server.closed == 0; i++)
        usleep(10000);
    ok(tv_redis_add(session, get_k, 2, &error) && !tv_redis_read(session, &reply, &error),
       "the second part fails when the connection is gone");
    is_number(error.status, 503, "503");
    is_number(server.accepted, 1, "it does not go over another connection");
}

static void login(void)
{
    static const struct script scripts[] = {
        {{{.send = "-WRONGPASS invalid username-password pair\r\n+OK\r\n" GREETING}}},
        {{{.send = "+OK\r\n-ERR DB index is out of range\r\n" GREETING}}},
        {{{.send = "+OK\r\n+OK\r\n" GREETING}, {.send = "$2\r\nin\r\n"}}}};
    note("--- login");
    pthread_t thread = start_server(scripts, TV_COUNT(scripts));
    strncat(url, "?user=u&password=hunter2&db=3", sizeof url - strlen(url) - 1);
    struct tv_redis *session = new_session();
    if (ok(session != NULL, "a session with a login")) {
        is_text(get(session), "-", "a wrong password");
        is_number(error.status, 503, "503");
        ok(strstr(error.message, "WRONGPASS") && !strstr(error.message, "hunter2"), "%s", error.message);
        is_text(get(session), "-", "a database that is not there");
        is_number(error.status, 503, "503");
        tv_breaker_success(&breaker);
        is_text(get(session), "in", "a right one");
    }
    tv_redis_free(session);
    stop_server(thread);
}

static void nobody_listens(void)
{
    note("--- nobody listens");
    snprintf(url, sizeof url, "unix://%s/nobody.sock", directory);
    struct tv_redis *session = new_session();
    is_text(get(session), "-", "no socket");
    is_number(error.status, 503, "503");
    is_text(get(session), "-", "no socket");
    is_number(tv_breaker_state(&breaker), TV_BREAKER_OPEN, "the breaker opens");
    tv_redis_free(session);
    snprintf(url, sizeof url, "redis://127.0.0.1:1");
    session = new_session();
    is_text(get(session), "-", "no port");
    is_number(error.status, 503, "503");
    tv_redis_free(session);
}

static void bad_urls(void)
{
    note("--- bad URLs");
    snprintf(url, sizeof url, "http://localhost");
    ok(!new_session(), "another scheme is refused at once: %s", error.message);
    snprintf(url, sizeof url, "rediss://localhost");
    struct tv_redis *session = new_session();
    ok(session || strstr(error.message, "TLS"), "TLS works or is refused clearly: %s",
       session ? "" : error.message);
    tv_redis_free(session);
}

static void ping(void)
{
    static const struct script scripts[] = {
        {{{.send = GREETING},
          {.send = "+PONG\r\n"},
          {.send = "$38\r\n# Server\r\nredis_version:7.0.15\r\nos:x\r\n\r\n\r\n"}}},
        {{{.send = GREETING}, {.send = "+PONG\r\n"}, {.send = "-NOPERM no\r\n"}}},
        {{{.send = GREETING}, {.pause_ms = 2000}}},
    };
    char version[64] = "";
    int64_t latency = -1;
    note("--- ping");
    pthread_t thread = start_server(scripts, TV_COUNT(scripts));
    ok(tv_redis_ping(&settings, 1000, &latency, version, &error), "a ping");
    is_text(version, "Redis 7.0.15", "tells the version");
    ok(latency >= 0 && latency < 1000000, "and the latency");
    ok(tv_redis_ping(&settings, 1000, &latency, version, &error), "a user who may not see it");
    is_text(version, "Redis", "gets the product's name");
    int64_t started = tv_clock_ms();
    ok(!tv_redis_ping(&settings, 200, &latency, version, &error), "a server that hangs");
    ok(tv_clock_ms() - started < 1000, "is given up in time");
    stop_server(thread);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(directory))
        return 1;
    static char big[(1 << 20) + 200000];
    int head = snprintf(big, sizeof big, "$%d\r\n", (1 << 20) + 100000);
    memset(big + head, 'x', sizeof big - (size_t)head - 1);

    RUN(ordinary, {{{.send = GREETING}, {.send = "$3\r\nbar\r\n"}, {.send = "$3\r\nbaz\r\n"}}});
    RUN(closed_while_idle, {{{.send = GREETING}, {.send = "$3\r\nbar\r\n", .close = true}}},
        {{{.send = GREETING}, {.send = "$5\r\nagain\r\n"}}});
    RUN(speaks_while_idle,
        {{{.send = GREETING},
          {.send = "$3\r\nbar\r\n"},
          {.send = "$5\r\nwrong\r\n", .pause_ms = 20, .unasked = true}}},
        {{{.send = GREETING}, {.send = "$5\r\nright\r\n"}}});
    RUN(broken_before_reply, {{{.send = GREETING}, {.close = true}}},
        {{{.send = GREETING}, {.send = "$4\r\nnext\r\n"}}});
    RUN(broken_in_reply, {{{.send = GREETING}, {.send = "$10\r\nhal", .close = true}}},
        {{{.send = GREETING}, {.send = "$4\r\nnext\r\n"}}});
    RUN(late_reply, {{{.send = GREETING}, {.send = "$5\r\nwrong\r\n", .pause_ms = 1300}}},
        {{{.send = GREETING}, {.send = "$5\r\nright\r\n"}}});
    RUN(deadline_wins, {{{.send = GREETING}, {.pause_ms = 3000}}});
    RUN(dribbled_reply,
        {{{.send = GREETING},
          {.send =
               "$100\r\n012345678901234567890123456789012345678901234567890123456789012345678901234567890",
           .slowly = true}}});
    RUN(slow_but_in_time, {{{.send = GREETING}, {.send = "$2\r\nok\r\n", .slowly = true}}});
    RUN(deep,
        {{{.send = GREETING},
          {.send = "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"},
          {.send = "$4\r\nnext\r\n"}}},
        {{{.send = GREETING}, {.send = "$4\r\nnext\r\n"}}});
    RUN(not_redis, {{{.send = "HTTP/1.1 400 Bad Request\r\n\r\n"}}});
    RUN(error_reply, {{{.send = GREETING}, {.send = "-ERR no\r\n"}}});
    RUN(loading, {{{.send = "+OK\r\n-LOADING Redis is loading the dataset in memory\r\n"}}},
        {{{.send = "+OK\r\n-MASTERDOWN Link with MASTER is down\r\n"}}},
        {{{.send = GREETING}, {.send = "$4\r\nback\r\n"}}});
    RUN(refused_greeting,
        {{{.send = "-ERR max number of clients reached\r\n", .close = true, .unasked = true}}},
        {{{.send = "-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n"}}},
        {{{.send = "-NOPERM no\r\n-NOPERM no\r\n"}, {.send = "$4\r\nfine\r\n"}}});
    RUN(silent_greeting, {{{.pause_ms = 1}}});
    RUN(too_large, {{{.send = GREETING}, {.send = big}}}, {{{.send = GREETING}, {.send = "$4\r\nnext\r\n"}}});
    RUN(pipeline,
        {{{.send = GREETING}, {.send = ":1\r\n:2\r\n:3\r\n"}, {.send = ":4\r\n"}, {.send = ":5\r\n:6\r\n"}}},
        {{{.send = GREETING}, {.send = "$4\r\nnext\r\n"}}});
    RUN(pipeline_breaks, {{{.send = GREETING}, {.send = ":1\r\n", .close = true}}});
    RUN(not_mid_transaction, {{{.send = GREETING}, {.send = "+OK\r\n", .close = true}}});
    login();
    ping();
    nobody_listens();
    bad_urls();
    snprintf(url, sizeof url, "%s/redis.sock", directory);
    unlink(url);
    rmdir(directory);
    return done_testing();
}
