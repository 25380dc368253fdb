/*
 * mongo_session.c - tests of the session with MongoDB against a server of our own that closes, stalls and errs as told:
 * what was sent is never sent again, what died while idle costs nothing, no call outlives its deadline.
 */
#include "store/mongo_session.h"

#include <netinet/in.h>

#include "base/clock.h"
#include "store/limits.h"

#include "mongo_double.h"
#include "tap.h"

static struct tv_store_settings settings = {.breaker_failures = 3, .breaker_probe = 500};
static tv_breaker breaker;
static struct tv_slot slot;
static struct tv_watcher watcher = {.slot = &slot};
static struct tv_mongo *session;
static struct tv_error error;
static char directory[] = "/tmp/trivet-mongo-XXXXXX";

/* Documents that a find gives; -1 when it fails. */
static int find_in(int64_t milliseconds)
{
    const bson_t *document;
    enum tv_step step;
    int count = 0;
    if (!tv_mongo_find(session, "d", "c", NULL, NULL, tv_clock_ms() + milliseconds, &error))
        return -1;
    while ((step = tv_mongo_next(session, &document, &error)) == TV_STEP_ROW) {
        bson_iter_t at;
        if (!bson_iter_init_find(&at, document, "n") || bson_iter_int32(&at) != count)
            return -2;
        count++;
    }
    tv_mongo_finish(session);
    return step == TV_STEP_END ? count : -1;
}

static bool insert_in(int64_t milliseconds)
{
    bson_t document = BSON_INITIALIZER;
    BSON_APPEND_INT32(&document, "_id", 1);
    bool done = tv_mongo_insert(session, "d", "c", &document, tv_clock_ms() + milliseconds, &error);
    bson_destroy(&document);
    return done;
}

/* The operation failed, and as it should. */
static void fails(bool failed, int status, int retry_after, const char *name)
{
    if (!ok(failed && error.status == status && error.retry_after == retry_after, "%s", name))
        note("%d, Retry-After %d: %s; %s", error.status, error.retry_after, error.message, error.details);
}

static void reading_and_writing(void)
{
    is_number(find_in(1000), 3, "a find gives its documents");
    ok(mongo.max_time_ms > 0 && mongo.max_time_ms <= 1000, "the server was told its time: %d ms",
       (int)mongo.max_time_ms);
    ok(insert_in(400), "an insert is acknowledged");
    ok(mongo.max_time_ms > 0 && mongo.max_time_ms <= 400, "with its own time: %d ms", (int)mongo.max_time_ms);
    mongo.batches = 4;
    is_number(find_in(1000), 12, "a find goes on over batches");
    is_number(mongo.get_mores, 3, "with a getMore for each");
    ok(tv_mongo_find(session, "d", "other", NULL, NULL, tv_clock_ms() + 1000, &error),
       "a find that is left early");
    tv_mongo_finish(session);
    is_number(mongo.kills, 1, "  closes its cursor in the server");
    mongo.batches = 1;
    is_number(find_in(1000), 3, "the next one works");
    is_number(mongo.accepted, 1, "all over one connection");
    is_number(atomic_load(&slot.meters.stores[TV_STORE_MONGO].connects), 1, "which is counted");
    is_number(atomic_load(&slot.connections[TV_STORE_MONGO]), 1, "and open");
    is_number(atomic_load(&slot.meters.stores[TV_STORE_MONGO].calls), 5, "calls are counted");
    ok(atomic_load(&slot.meters.stores[TV_STORE_MONGO].wait_us) > 0, "and their time");
}

static void dying_while_idle(void)
{
    int inserts = mongo.inserts, accepted = mongo.accepted, closed = mongo.closed, strays = mongo.strays;
    fault_on("find", FAULT_CLOSE_AFTER);
    is_number(find_in(1000), 3, "the server closes after its answer");
    mongo_await(&mongo.closed, closed);
    ok(insert_in(1000), "the write that follows is not hurt");
    is_number(mongo.inserts, inserts + 1, "and was sent once");
    closed = mongo.closed;
    fault_on("insert", FAULT_CLOSE_AFTER);
    ok(insert_in(1000), "the server closes after a write");
    mongo_await(&mongo.closed, closed);
    is_number(find_in(1000), 3, "the read that follows is not hurt");
    is_number(mongo.accepted, accepted + 2, "each time there was a new connection");
    fault_on("find", FAULT_STRAY);
    find_in(1000);
    mongo_await(&mongo.strays, strays);
    is_number(find_in(1000), 3, "bytes that nobody asked for are not taken for an answer");
    is_number(atomic_load(&slot.meters.stores[TV_STORE_MONGO].errors), 0, "none of this was an error");
    is_number(tv_breaker_state(&breaker), TV_BREAKER_CLOSED, "nor for the breaker");
}

static void breaking_off(void)
{
    int inserts = mongo.inserts, finds = mongo.finds;
    fault_on("insert", FAULT_CLOSE);
    fails(!insert_in(1000), 503, 0, "a write whose answer never came");
    ok(strstr(error.details, "not known") != NULL, "nobody says that it was not done");
    is_number(mongo.inserts, inserts + 1, "it was sent once");
    ok(insert_in(1000), "the next write works at once");
    fault_on("find", FAULT_CLOSE);
    fails(find_in(1000) == -1, 503, 1, "a read whose answer never came");
    is_number(mongo.finds, finds + 1, "it was sent once too");
    fault_on("find", FAULT_HALF);
    fails(find_in(1000) == -1, 503, 1, "half an answer is none");
    is_number(find_in(1000), 3, "the next read works at once");
    fault_on("find", FAULT_GARBAGE);
    fails(find_in(1000) == -1, 503, 1, "nor is what cannot be read");
    is_number(find_in(1000), 3, "and then all is well");
    mongo.batches = 3;
    fault_on("getMore", FAULT_CLOSE);
    fails(find_in(1000) == -1, 503, 1, "an answer that breaks off between batches fails");
    mongo.batches = 1;
    is_number(find_in(1000), 3, "and then all is well again");
    is_number(atomic_load(&slot.meters.stores[TV_STORE_MONGO].errors), 5, "errors are counted");
    is_number(atomic_load(&slot.connections[TV_STORE_MONGO]), 1, "connections that are gone are not");
}

static void deadlines(void)
{
    mongo.late_ms = 3000;
    fault_on("find", FAULT_LATE);
    int64_t from = tv_clock_ms();
    int closed = mongo.closed;
    fails(find_in(150) == -1, 504, 0, "an answer after the deadline");
    int64_t took = tv_clock_ms() - from;
    ok(took >= 140 && took < 2500, "is not waited for: %d ms", (int)took);
    is_number(find_in(1000), 3, "and never taken for another's");
    fault_on("insert", FAULT_LATE);
    from = tv_clock_ms();
    fails(!insert_in(150), 504, 0, "a late write");
    ok(strstr(error.details, "not known") != NULL, "may have been done");
    ok(tv_clock_ms() - from < 2500, "and is not waited for either");
    fails(find_in(-1) == -1, 504, 0, "no time left: nothing is sent");
    mongo_await(&mongo.closed, closed + 1); /* the late answers have been sent, to nobody */
    is_number(find_in(1000), 3, "later all is well");
}

static void answered_errors(void)
{
    static const struct {
        const char *command;
        enum fault fault;
        int code, status, retry_after;
    } cases[] = {
        {"find", FAULT_ERROR, 2, 400, 0},          {"find", FAULT_ERROR, 50, 504, 0},
        {"find", FAULT_ERROR, 13, 403, 0},         {"find", FAULT_ERROR, 13435, 503, 1},
        {"getMore", FAULT_ERROR, 43, 400, 0},      {"insert", FAULT_ERROR, 10107, 503, 1},
        {"find", FAULT_ERROR, 89, 503, 1},         {"find", FAULT_ERROR, 1, 500, 0},
        {"insert", FAULT_ERROR, 121, 400, 0},      {"insert", FAULT_WRITE_ERROR, 11000, 400, 0},
        {"insert", FAULT_UNCONFIRMED, 64, 503, 0},
    };
    uint64_t errors = atomic_load(&slot.meters.stores[TV_STORE_MONGO].errors);
    mongo.batches = 2;
    for (size_t i = 0; i < TV_COUNT(cases); i++) {
        mongo.error_code = cases[i].code;
        fault_on(cases[i].command, cases[i].fault);
        bool failed = cases[i].command[0] == 'i' ? !insert_in(1000) : find_in(1000) == -1;
        ok(failed && error.native == cases[i].code, "%s is answered with %d", cases[i].command,
           cases[i].code);
        fails(failed, cases[i].status, cases[i].retry_after, "  which becomes the status that it should");
    }
    mongo.batches = 1;
    is_number(find_in(1000), 3, "the connection is still good");
    is_number(atomic_load(&slot.meters.stores[TV_STORE_MONGO].errors), errors,
              "what the server answers is no error of reaching it");
    is_number(tv_breaker_state(&breaker), TV_BREAKER_CLOSED, "nor for the breaker");
}

static void away_and_back(void)
{
    int closed = mongo.closed;
    fault_on("find", FAULT_CLOSE_AFTER);
    find_in(1000);
    mongo_unlisten(0);
    mongo_await(&mongo.closed, closed);
    int64_t from = tv_clock_ms();
    for (int i = 0; i < 3; i++)
        fails(!insert_in(5000) && !error.details[0], 503, 1,
              "the server is away, and surely nothing was done");
    ok(tv_clock_ms() - from < 4000, "which is known at once: %d ms", (int)(tv_clock_ms() - from));
    is_number(tv_breaker_state(&breaker), TV_BREAKER_OPEN, "three times open the breaker");
    fails(find_in(5000) == -1 && strstr(error.details, "background"), 503, 1, "and then nothing is tried");
    int64_t latency;
    ok(!tv_mongo_ping(&settings, 300, &latency, NULL, &error), "a ping fails too");
    ok(mongo_listen(0), "it is back");
    tv_breaker_success(&breaker);
    from = tv_clock_ms();
    is_number(find_in(9000), 3, "and used again");
    ok(tv_clock_ms() - from < 4000, "at once, not after the driver's five seconds: %d ms",
       (int)(tv_clock_ms() - from));
}

static void pings(void)
{
    int64_t latency = -1;
    char version[64] = "";
    ok(tv_mongo_ping(&settings, 1000, &latency, version, &error), "a ping works");
    is_text(version, "7.0.0", "tells the version");
    ok(latency >= 0 && latency < 1000000, "and how long it took: %d us", (int)latency);
    mongo.late_ms = 3000;
    fault_on("ping", FAULT_LATE);
    int64_t from = tv_clock_ms();
    fails(!tv_mongo_ping(&settings, 200, &latency, version, &error), 504, 0, "a silent server fails it");
    ok(tv_clock_ms() - from < 2500, "in time: %d ms", (int)(tv_clock_ms() - from));
}

static bool limits_are(int64_t limit, int64_t in_use)
{
    struct tv_store_limits limits;
    bool asked = tv_store_limits(&settings, TV_STORE_MONGO, 1000, &limits, &error);
    if (asked && limits.limit == limit && limits.in_use == in_use && !limits.full)
        return true;
    note("%s: %lld, in use %lld (%s)", asked ? "asked" : error.message, (long long)limits.limit,
         (long long)limits.in_use, limits.source);
    return false;
}

static void limits_of_connections(void)
{
    struct tv_store_limits limits;
    mongo.connections = true;
    ok(limits_are(100, 7), "how many connections it takes is what it has and what is left");
    mongo.connections = false;
    ok(limits_are(TV_LIMIT_UNKNOWN, TV_LIMIT_UNKNOWN), "a server that does not tell: unknown, no failure");
    mongo.error_code = 13;
    fault_on("serverStatus", FAULT_ERROR);
    ok(limits_are(TV_LIMIT_UNKNOWN, TV_LIMIT_UNKNOWN), "a login that may not ask: the same");
    fault_on("serverStatus", FAULT_CLOSE);
    fails(!tv_store_limits(&settings, TV_STORE_MONGO, 1000, &limits, &error), 503, 1,
          "a server that breaks off could not be asked");
}

static void refused_url(const char *url, const char *secret, const char *name)
{
    struct tv_store_settings bad = settings;
    bad.leg[TV_STORE_MONGO].url = url;
    struct tv_mongo *made = tv_mongo_new(&bad, (struct tv_session_watch){0}, &error);
    ok(!made && error.status == 500 && !strstr(error.message, secret) && !strstr(error.details, secret),
       "%s: %s; %s", name, error.message, error.details);
    tv_mongo_free(made);
}

static void urls(void)
{
    refused_url("http://example.org/", "secret", "another scheme");
    refused_url("mongodb://user:secret@host:port:more/", "secret", "a broken one with a password");
    refused_url("mongodb://user:sec%ret@host/", "sec%ret", "a broken password");
    refused_url("mongodb://host/?w=0", "secret", "writes without acknowledgement");
}

/* A port of this machine where connecting neither succeeds nor fails: its queue is full. */
static int silent_port(int fds[4], char out[32])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fds[0], (struct sockaddr *)&address, length) != 0 || listen(fds[0], 0) != 0)
        return -1;
    getsockname(fds[0], (struct sockaddr *)&address, &length);
    snprintf(out, 32, "127.0.0.1:%u", ntohs(address.sin_port));
    for (int i = 1; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fds[i], (struct sockaddr *)&address, length);
    }
    return 0;
}

/* A machine of the set that died without a word: connecting to it ends with connect_timeout only. */
static void silent_member(struct tv_store_settings both)
{
    char kept[100], url[300];
    int fds[4];
    memcpy(kept, mongo.paths[1], sizeof kept);
    if (silent_port(fds, mongo.paths[1]) != 0) {
        skip("a silent member", "no port could be had");
        return;
    }
    snprintf(url, sizeof url, "mongodb://%%2Ftmp%%2F%s%%2F0.sock/?replicaSet=rs", directory + 5);
    both.leg[TV_STORE_MONGO].url = url;
    both.leg[TV_STORE_MONGO].connect_timeout = 3000;
    mongo.primary = 0;
    session = tv_mongo_new(&both, (struct tv_session_watch){&breaker, &watcher}, &error);
    int64_t from = tv_clock_ms();
    is_number(find_in(20000), 3, "a set with a silent member is of use");
    ok(tv_clock_ms() - from < 10000, "after the time that connecting may take: %d ms",
       (int)(tv_clock_ms() - from));
    from = tv_clock_ms();
    is_number(find_in(20000), 3, "and then");
    ok(tv_clock_ms() - from < 2500, "without delay: %d ms", (int)(tv_clock_ms() - from));
    tv_mongo_free(session);
    memcpy(mongo.paths[1], kept, sizeof kept);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

/* Two servers that take turns in being the primary; the session is another one than in the tests before. */
static void replica_set(void)
{
    char url[300];
    snprintf(url, sizeof url, "mongodb://%%2Ftmp%%2F%s%%2F1.sock/?replicaSet=rs", directory + 5);
    struct tv_store_settings both = settings;
    both.leg[TV_STORE_MONGO].url = url;
    struct tv_mongo *single = session;
    mongo.replica_set = true;
    session = tv_mongo_new(&both, (struct tv_session_watch){&breaker, &watcher}, &error);
    int before = mongo.finds_at[0];
    is_number(find_in(1000), 3, "a replica set is found by one of its members");
    is_number(mongo.finds_at[0], before + 1, "and its primary asked");
    mongo.primary = 1;
    mongo.error_code = 10107;
    fault_on("insert", FAULT_ERROR);
    fails(!insert_in(1000), 503, 1, "the primary has changed");
    before = mongo.finds_at[1];
    is_number(find_in(1000), 3, "which the next request knows");
    is_number(mongo.finds_at[1], before + 1, "it asks the new one");
    mongo_unlisten(0);
    int closed = mongo.closed;
    fault_on("find", FAULT_CLOSE_AFTER);
    is_number(find_in(1000), 3, "the primary closes its connection");
    mongo_await(&mongo.closed, closed);
    int64_t from = tv_clock_ms();
    is_number(find_in(1000), 3, "and is found again while the other one is away");
    ok(tv_clock_ms() - from < 900, "without delay: %d ms", (int)(tv_clock_ms() - from));
    mongo_listen(0);
    tv_mongo_free(session);
    silent_member(both);
    session = single;
    mongo.replica_set = false;
    mongo.primary = 0;
}

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    char url[300];
    snprintf(url, sizeof url, "mongodb://%%2Ftmp%%2F%s%%2F0.sock/", directory + 5);
    for (int i = 0; i < 2; i++)
        snprintf(mongo.paths[i], sizeof mongo.paths[i], "%s/%d.sock", directory, i);
    if (!mongo_listen(0) || !mongo_listen(1))
        return 1;
    settings.leg[TV_STORE_MONGO] = (struct tv_leg_settings){url, 1000, 5000};
    mongoc_init();
    session = tv_mongo_new(&settings, (struct tv_session_watch){&breaker, &watcher}, &error);
    if (!ok(session != NULL, "a session is made"))
        return 1;
    is_number(mongo.accepted, 0, "without a connection");
    reading_and_writing();
    dying_while_idle();
    breaking_off();
    deadlines();
    answered_errors();
    away_and_back();
    pings();
    limits_of_connections();
    urls();
    replica_set();
    int farewells = mongo.farewells;
    tv_mongo_free(session);
    is_number(mongo.farewells, farewells + 1, "a session that ends says so");
    is_number(atomic_load(&slot.connections[TV_STORE_MONGO]), 0, "and leaves no connection");
    mongoc_cleanup();
    mongo_unlisten(0);
    mongo_unlisten(1);
    rmdir(directory);
    return done_testing();
}
