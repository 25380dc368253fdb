/*
 * protocol.c - what the protocol allows but nginx does not do, and where its bounds are: unknown records, roles, second
 * requests, aborts, pipelining, padding, large parameters and bodies.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "pools.h"
#include "tap.h"
#include "tests.h"

/* Sends on the open connection and reads the answer's status; 0 when there is none. */
static int ask_on(struct wire_peer *peer, const struct wire_request *request)
{
    struct wire_bytes out = {0};
    struct wire_answer answer;
    wire_build(&out, request);
    wire_send(peer, out.data, out.length);
    wire_read(peer, request->id ? request->id : 1, WIRE_PATIENCE, &answer);
    int status = answer.end == WIRE_ANSWERED ? answer.status : 0;
    wire_answer_free(&answer);
    wire_free(&out);
    return status;
}

static void management(void)
{
    struct wire_request request = {.path = "/hello"};
    struct wire_bytes out = {0}, names = {0};
    struct wire_peer peer;
    unsigned char content[256] = {0};
    size_t length = 0;
    wire_connect(&peer, hello.socket);
    wire_record(&out, 99, 0, "what?", 5, 3);
    wire_send(&peer, out.data, out.length);
    is_number(wire_read_record(&peer, WIRE_PATIENCE, content, sizeof content, &length), WIRE_UNKNOWN_TYPE,
              "an unknown management record is answered with UNKNOWN_TYPE");
    is_number(content[0], 99, "which names it");

    out.length = 0;
    wire_pair(&names, "FCGI_MPXS_CONNS", "");
    wire_pair(&names, "FCGI_NO_SUCH_THING", "");
    wire_record(&out, WIRE_GET_VALUES, 0, names.data, names.length, 0);
    wire_send(&peer, out.data, out.length);
    is_number(wire_read_record(&peer, WIRE_PATIENCE, content, sizeof content, &length),
              WIRE_GET_VALUES_RESULT, "GET_VALUES is answered");
    is_bytes((const char *)content, length,
             "\x0f\x01"
             "FCGI_MPXS_CONNS0",
             18, "requests are not multiplexed");
    is_number(ask_on(&peer, &request), 200, "and a request follows on the same connection");
    wire_close(&peer);

    out.length = 0; /* a flood of questions without reading the answers */
    for (int i = 0; i < 20000; i++)
        wire_record(&out, WIRE_GET_VALUES, 0, names.data, names.length, 0);
    wire_connect(&peer, hello.socket);
    wire_send(&peer, out.data, out.length);
    wire_close(&peer);

    out.length = 0;
    wire_begin(&out, 1, WIRE_RESPONDER, WIRE_KEEP);
    wire_record(&out, 99, 1, "what?", 5, 0);
    wire_connect(&peer, hello.socket);
    wire_send(&peer, out.data, out.length);
    ok(wire_closed(&peer, WIRE_PATIENCE), "an unknown record for a request ends the connection");
    wire_close(&peer);
    wire_free(&out);
    wire_free(&names);
}

static void roles(void)
{
    static const int others[] = {0, 2, 3, 256 + WIRE_RESPONDER, 65535};
    struct wire_request request = {.path = "/hello"};
    struct wire_peer peer;
    wire_connect(&peer, hello.socket);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct wire_bytes out = {0};
        struct wire_answer answer;
        wire_begin(&out, 5, others[i], WIRE_KEEP);
        wire_send(&peer, out.data, out.length);
        wire_read(&peer, 5, WIRE_PATIENCE, &answer);
        ok(answer.end == WIRE_ANSWERED && answer.protocol_status == WIRE_UNKNOWN_ROLE && answer.length == 0,
           "role %d: UNKNOWN_ROLE", others[i]);
        wire_answer_free(&answer);
        wire_free(&out);
    }
    is_number(ask_on(&peer, &request), 200, "the connection is still good");
    wire_close(&peer);
}

/* Another request begins in the midst of one. */
static void second_begin(void)
{
    struct wire_request request = command("[\"ECHO\",\"the first\"]");
    struct wire_bytes out = {0}, whole = {0};
    struct wire_peer peer;
    struct wire_answer answer;
    wire_build(&whole, &request);
    wire_put(&out, whole.data, 16); /* BEGIN */
    wire_begin(&out, 2, WIRE_RESPONDER, WIRE_KEEP);
    wire_stream(&out, WIRE_PARAMS, 2, "\1\1ab", 4, 0, 0); /* and its parameters, which belong to nothing */
    wire_put(&out, whole.data + 16, whole.length - 16);
    wire_connect(&peer, kv.socket);
    wire_send(&peer, out.data, out.length);
    wire_read(&peer, 2, WIRE_PATIENCE, &answer);
    ok(answer.end == WIRE_ANSWERED && answer.protocol_status == WIRE_CANT_MPX,
       "a second request: CANT_MPX_CONN");
    wire_answer_free(&answer);
    wire_read(&peer, 1, WIRE_PATIENCE, &answer);
    is_number(answer.status, 200, "the first is answered");
    is_text(answer.body, "{\"result\":\"the first\"}", "untouched by the other's records");
    wire_answer_free(&answer);
    wire_close(&peer);
    wire_free(&out);
    wire_free(&whole);
}

/* FCGI_ABORT_REQUEST after each record of a request. */
static void aborts(void)
{
    struct wire_request request = command("[\"INCR\",\"wire:abort\"]"), after = {.path = "/ping"};
    struct wire_bytes whole = {0};
    size_t cut = 0, rounds = 0, good = 0;
    request.piece = 20;
    request.id = 3;
    wire_build(&whole, &request);
    while (cut < whole.length) {
        cut += 8 + ((size_t)whole.data[cut + 4] << 8 | whole.data[cut + 5]) + whole.data[cut + 6];
        if (cut == whole.length)
            break; /* the request is whole then */
        struct wire_bytes out = {0};
        struct wire_peer peer;
        struct wire_answer answer;
        wire_put(&out, whole.data, cut);
        wire_record(&out, WIRE_ABORT, 3, NULL, 0, 0);
        wire_connect(&peer, kv.socket);
        wire_send(&peer, out.data, out.length);
        wire_read(&peer, 3, WIRE_PATIENCE, &answer);
        good += answer.end == WIRE_ANSWERED && answer.length == 0 && ask_on(&peer, &after) == 200;
        rounds++;
        wire_answer_free(&answer);
        wire_close(&peer);
        wire_free(&out);
    }
    ok(rounds > 10, "%zu places to abort at", rounds);
    is_number(good, rounds, "aborted: ended without an answer, and the connection serves the next request");
    is_number(counter_value("wire:abort"), 0, "and never executed");
    wire_free(&whole);
}

static void pipelined(void)
{
    enum { COUNT = 50 };
    struct wire_bytes out = {0};
    struct wire_peer peer;
    size_t right = 0;
    for (int i = 0; i < COUNT; i++) {
        char body[64];
        snprintf(body, sizeof body, "[\"ECHO\",\"%d\"]", i);
        struct wire_request request = command(body);
        request.id = i % 7 + 1;
        wire_build(&out, &request);
    }
    wire_connect(&peer, kv.socket);
    wire_send(&peer, out.data, out.length);
    for (int i = 0; i < COUNT; i++) {
        char want[64];
        struct wire_answer answer;
        snprintf(want, sizeof want, "{\"result\":\"%d\"}", i);
        wire_read(&peer, i % 7 + 1, WIRE_PATIENCE, &answer);
        right += answer.status == 200 && answer.others == 0 && strcmp(answer.body, want) == 0;
        wire_answer_free(&answer);
    }
    is_number(right, COUNT, "50 requests in one write: 50 answers, in order");
    wire_close(&peer);
    wire_free(&out);
}

static void keeping(void)
{
    struct wire_request request = {.path = "/hello"};
    struct wire_peer peer;
    int good = 0;
    wire_connect(&peer, hello.socket);
    for (int i = 0; i < 200; i++)
        good += ask_on(&peer, &request) == 200;
    is_number(good, 200, "FCGI_KEEP_CONN: 200 requests over one connection");
    request.leave = true;
    is_number(ask_on(&peer, &request), 200, "without it: an answer");
    ok(wire_closed(&peer, WIRE_PATIENCE), "and the connection is closed");
    wire_close(&peer);
}

static void padding(void)
{
    struct wire_request request = command("[\"ECHO\",\"padded\"]");
    char text[64];
    for (size_t bytes = 1; bytes <= 255; bytes += 127) {
        request.padding = bytes;
        request.piece = 7;
        is_number(wire_ask(kv.socket, &request, text, sizeof text), 200, "records with padding");
        is_text(text, "{\"result\":\"padded\"}", "  which is no content");
    }
}

static char *filled(size_t length)
{
    char *text = malloc(length + 1);
    if (text) {
        memset(text, 'x', length);
        text[length] = '\0';
    }
    return text;
}

static void large_parameters(void)
{
    static const struct {
        size_t length;
        int status;
    } cases[] = {
        {65000, 200},      {65535 - 8, 200},      {65536, 200},
        {300 * 1024, 200}, {PARAMETERS_MAX, 431}, {4 * PARAMETERS_MAX, 431},
    };
    struct wire_request ordinary = {.path = "/hello"};
    struct wire_peer peer;
    wire_connect(&peer, hello.socket);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *value = filled(cases[i].length);
        struct wire_request request = {.path = "/hello", .header = value};
        int status = ask_on(&peer, &request);
        ok(status == cases[i].status, "a header of %zu bytes: %d, want %d", cases[i].length, status,
           cases[i].status);
        free(value);
    }
    is_number(ask_on(&peer, &ordinary), 200, "and the connection is still good");
    wire_close(&peer);
}

static void large_bodies(void)
{
    static const struct {
        size_t length;
        int status;
    } cases[] = {{1 << 20, 200}, {BODY_MAX, 200}, {BODY_MAX + 1, 413}, {3 * BODY_MAX, 413}};
    struct wire_request ordinary = {.path = "/ping"};
    struct wire_peer peer;
    wire_connect(&peer, kv.socket);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *body = filled(cases[i].length);
        if (!body)
            continue;
        memcpy(body, "[\"STRLEN\",\"", 11);
        memcpy(body + cases[i].length - 2, "\"]", 2);
        struct wire_request request = command(body);
        int status = ask_on(&peer, &request);
        ok(status == cases[i].status, "a body of %zu bytes: %d, want %d", cases[i].length, status,
           cases[i].status);
        free(body);
    }
    is_number(ask_on(&peer, &ordinary), 200, "and the connection is still good");
    wire_close(&peer);
}

/* What nginx always sends may be missing: refused, not guessed. */
static void incomplete(void)
{
    static const char *const sets[][2] = {{NULL, NULL}, {"REQUEST_METHOD", "GET"}, {"TRIVET_PATH", "/hello"}};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        struct wire_bytes out = {0}, pairs = {0};
        struct wire_peer peer;
        struct wire_answer answer;
        if (sets[i][0])
            wire_pair(&pairs, sets[i][0], sets[i][1]);
        wire_begin(&out, 1, WIRE_RESPONDER, WIRE_KEEP);
        wire_stream(&out, WIRE_PARAMS, 1, pairs.data, pairs.length, 0, 0);
        wire_stream(&out, WIRE_STDIN, 1, NULL, 0, 0, 0);
        wire_connect(&peer, hello.socket);
        wire_send(&peer, out.data, out.length);
        wire_read(&peer, 1, WIRE_PATIENCE, &answer);
        is_number(answer.status, 400, sets[i][0] ? sets[i][0] : "no parameters at all");
        wire_answer_free(&answer);
        wire_close(&peer);
        wire_free(&out);
        wire_free(&pairs);
    }
    struct wire_request relative = {.path = "hello"};
    is_number(wire_ask(hello.socket, &relative, NULL, 0), 400, "a path without its slash");
}

static void head(void)
{
    struct wire_request request = {.method = "HEAD", .path = "/hello"};
    char body[64];
    is_number(wire_ask(hello.socket, &request, body, sizeof body), 200, "HEAD");
    is_text(body, "", "has no body");
}

/* A request that waited in nginx or in the backlog for too long is not started. */
static void too_old(void)
{
    char start[64];
    struct timeval now;
    struct wire_request request = command("[\"INCR\",\"wire:old\"]");
    request.start = start;
    gettimeofday(&now, NULL);
    snprintf(start, sizeof start, "%lld.%03d", (long long)now.tv_sec - QUEUE_BUDGET / 1000 - 1, 500);
    is_number(wire_ask(kv.socket, &request, NULL, 0), 503, "older than its budget: 503");
    is_number(counter_value("wire:old"), 0, "and not executed");
    gettimeofday(&now, NULL); /* once more: what came before took its time */
    snprintf(start, sizeof start, "%lld.%03d", (long long)now.tv_sec, (int)(now.tv_usec / 1000));
    is_number(wire_ask(kv.socket, &request, NULL, 0), 200, "young enough: 200");
    snprintf(start, sizeof start, "%lld.000", (long long)now.tv_sec + 1000);
    is_number(wire_ask(kv.socket, &request, NULL, 0), 200, "from the future (clocks differ): 200");
    snprintf(start, sizeof start, "yesterday");
    is_number(wire_ask(kv.socket, &request, NULL, 0), 200, "no time at all: 200");
    is_number(counter_value("wire:old"), 3, "executed three times");
}

void test_protocol(void)
{
    management();
    roles();
    second_begin();
    aborts();
    pipelined();
    keeping();
    padding();
    pools_are_well("the protocol's corners");
    large_parameters();
    large_bodies();
    incomplete();
    head();
    too_old();
    pools_are_well("its bounds");
}
