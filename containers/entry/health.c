/*
 * health.c - a FastCGI client for two questions: GET /healthz of the ops pool, and to any other pool FCGI_GET_VALUES, which reaches no
 * store. But a worker is needed to take the connection and to answer, and when all of them are with a store nobody does. So a pool that
 * stays silent is judged by its pulse. All pools are asked at once: the check takes PULSE_MS at most, however many are silent.
 */
#include "entry/health.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/clock.h"
#include "entry/ask.h"
#include "entry/pulse.h"

#define HEADER_SIZE 8

enum {
    BEGIN_REQUEST = 1,
    END_REQUEST = 3,
    PARAMS = 4,
    STDIN = 5,
    STDOUT = 6,
    GET_VALUES = 9,
    GET_VALUES_RESULT = 10
};

struct message {
    unsigned char bytes[512];
    size_t length;
};

static void put(struct message *message, const void *data, size_t length)
{
    memcpy(message->bytes + message->length, data, length);
    message->length += length;
}

/* Every record here is short. */
static void put_record(struct message *message, int type, int id, const void *content, size_t length)
{
    unsigned char header[HEADER_SIZE] = {
        1, (unsigned char)type, 0, (unsigned char)id, (unsigned char)(length >> 8), (unsigned char)length, 0,
        0};
    put(message, header, sizeof header);
    put(message, content, length);
}

static void put_pair(struct message *pairs, const char *name, const char *value)
{
    unsigned char lengths[2] = {(unsigned char)strlen(name), (unsigned char)strlen(value)};
    put(pairs, lengths, sizeof lengths);
    put(pairs, name, lengths[0]);
    put(pairs, value, lengths[1]);
}

static void put_get(struct message *message, const char *path)
{
    static const unsigned char responder[8] = {0, 1};
    struct message pairs = {.length = 0};
    put_pair(&pairs, "REQUEST_METHOD", "GET");
    put_pair(&pairs, "REQUEST_URI", path);
    put_pair(&pairs, "TRIVET_PATH", path);
    put_pair(&pairs, "QUERY_STRING", "");
    put_pair(&pairs, "CONTENT_LENGTH", "");
    put_pair(&pairs, "SERVER_PROTOCOL", "HTTP/1.1");
    put_pair(&pairs, "REMOTE_ADDR", "127.0.0.1");
    put_record(message, BEGIN_REQUEST, 1, responder, sizeof responder);
    put_record(message, PARAMS, 1, pairs.bytes, pairs.length);
    put_record(message, PARAMS, 1, "", 0);
    put_record(message, STDIN, 1, "", 0);
}

/* One whole record at the front of what came; false: it is not all there yet. */
static bool whole_record(const struct ask *ask, size_t from, int *type, size_t *content, size_t *next)
{
    const unsigned char *header = ask->bytes + from;
    if (ask->length - from < HEADER_SIZE)
        return false;
    *type = header[1];
    *content = (size_t)(header[4] << 8 | header[5]);
    *next = from + HEADER_SIZE + *content + header[6];
    return *next <= ask->length;
}

/* Reads records until one of the wanted type; its place goes to *at. */
static const char *await(struct ask *ask, int wanted, size_t *at, size_t *length)
{
    size_t from = 0, next;
    int type;
    for (;;) {
        while (whole_record(ask, from, &type, length, &next)) {
            *at = from + HEADER_SIZE;
            if (type == wanted)
                return NULL;
            if (type == END_REQUEST)
                return "an answer without content";
            from = next;
        }
        if (ask->length >= 1 && ask->bytes[0] != 1)
            return "bytes that are no FastCGI";
        const char *wrong = ask_more(ask);
        if (wrong)
            return wrong;
    }
}

static void put_values(struct message *message)
{
    struct message pairs = {.length = 0};
    put_pair(&pairs, "FCGI_MPXS_CONNS", "");
    put_record(message, GET_VALUES, 0, pairs.bytes, pairs.length);
}

static const char *await_values(struct ask *ask)
{
    size_t at, length;
    return await(ask, GET_VALUES_RESULT, &at, &length);
}

static const char *await_healthz(struct ask *ask)
{
    static const char good[] = "Status: 200";
    size_t at, length;
    const char *wrong = await(ask, STDOUT, &at, &length);
    if (wrong)
        return wrong;
    return length >= sizeof good && memcmp(ask->bytes + at, good, sizeof good - 1) == 0
               ? NULL
               : "/healthz is not 200";
}

/* --- one pool and all of them ------------------------------------------------------------------------------------------ */

struct check {
    const struct plan_pool *pool;
    bool looks_after_others; /* ops */
    struct ask ask;
    struct pulse pulse;
    const char *wrong;
};

static void begin(struct check *check, const struct plan *plan, const struct plan_pool *pool,
                  int64_t deadline_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct message message = {.length = 0};
    check->pool = pool;
    check->looks_after_others = strcmp(pool->name, "ops") == 0;
    pulse_take(&check->pulse, plan->watch, pool->name);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", pool->socket);
    if (check->looks_after_others)
        put_get(&message, "/healthz");
    else
        put_values(&message);
    check->wrong = ask_connect(&check->ask, (const struct sockaddr *)&address, sizeof address, deadline_ms);
    if (!check->wrong)
        check->wrong = ask_send(&check->ask, message.bytes, message.length);
}

static void hear(struct check *check)
{
    if (!check->wrong)
        check->wrong = check->looks_after_others ? await_healthz(&check->ask) : await_values(&check->ask);
    ask_close(&check->ask);
}

/* True when it is well. */
static bool judge(struct check *check)
{
    bool busy = check->wrong && check->ask.late && pulse_goes_on(&check->pulse);
    if (check->wrong && !busy)
        fprintf(stderr, "trivet-pools: %s: %s%s\n", check->pool->name, check->wrong,
                check->ask.late ? ", and its processes do not get on" : "");
    pulse_end(&check->pulse);
    return !check->wrong || busy;
}

int health_check(const struct plan *plan)
{
    struct check checks[PLAN_POOLS_MAX];
    int64_t deadline_ms = tv_clock_ms() + PULSE_MS;
    bool late = false, well = true;
    for (int i = 0; i < plan->pool_count; i++)
        begin(&checks[i], plan, &plan->pools[i], deadline_ms);
    for (int i = 0; i < plan->pool_count; i++) {
        hear(&checks[i]);
        late |= checks[i].wrong && checks[i].ask.late;
    }
    while (late && tv_clock_ms() < deadline_ms) /* a full backlog is known at once, a pulse is not */
        poll(NULL, 0, (int)(deadline_ms - tv_clock_ms()) + 1);
    for (int i = 0; i < plan->pool_count; i++)
        well &= judge(&checks[i]);
    return well ? 0 : 1;
}
