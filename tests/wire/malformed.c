/*
 * malformed.c - what is cut short, lies, or is no FastCGI at all: never an answer as if it were whole, never a hang.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pools.h"
#include "tap.h"
#include "tests.h"

/* Whatever came back, it must not be a success. */
static bool nothing_done(const struct wire_answer *answer)
{
    return answer->end != WIRE_SILENT && answer->end != WIRE_WRONG &&
           (answer->status == 0 || answer->status >= 400);
}

/* Each byte in a write of its own, and a pause after so many. */
static bool send_bytes(struct wire_peer *peer, const struct wire_bytes *bytes, size_t before_pause)
{
    for (size_t at = 0; at < bytes->length; at += before_pause) {
        size_t left = bytes->length - at;
        if (!wire_send_slowly(peer, bytes->data + at, left < before_pause ? left : before_pause, 1, 0))
            return false;
        usleep(50);
    }
    return true;
}

static void one_byte_at_a_time(void)
{
    struct wire_request request = command("[\"ECHO\",\"every byte by itself\"]");
    struct wire_bytes bytes = {0};
    struct wire_peer peer;
    struct wire_answer answer;
    wire_build(&bytes, &request);
    /* All of it has to be there within READ_TIME. Where a pause takes many times what it should there are fewer. */
    bool sent = false;
    for (size_t pauses = bytes.length; pauses > 0; pauses /= 4) {
        int64_t started = wire_now_ms();
        wire_connect(&peer, kv.socket);
        sent = send_bytes(&peer, &bytes, bytes.length / pauses);
        if ((sent && wire_now_ms() - started < READ_TIME / 2) || pauses < 4)
            break;
        wire_close(&peer);
    }
    ok(sent, "a request of %zu bytes in as many writes", bytes.length);
    wire_read(&peer, 1, WIRE_PATIENCE, &answer);
    is_number(answer.status, 200, "is answered");
    is_text(answer.body, "{\"result\":\"every byte by itself\"}", "and whole");
    wire_answer_free(&answer);
    wire_close(&peer);
    wire_free(&bytes);

    request.piece = 1;
    char text[128];
    is_number(wire_ask(kv.socket, &request, text, sizeof text), 200, "records of one byte each");
    is_text(text, "{\"result\":\"every byte by itself\"}", "are put together");
}

/* Cut after every single byte, then the sending side closes: no answer, and Redis saw nothing. */
static void torn_everywhere(void)
{
    struct wire_request request = command("[\"INCR\",\"wire:torn\"]");
    struct wire_bytes bytes = {0};
    size_t answered = 0, hung = 0;
    wire_build(&bytes, &request);
    for (size_t cut = 0; cut < bytes.length; cut++) {
        struct wire_peer peer;
        struct wire_answer answer;
        wire_connect(&peer, kv.socket);
        wire_send(&peer, bytes.data, cut);
        shutdown(peer.fd, SHUT_WR);
        wire_read(&peer, 1, WIRE_PATIENCE, &answer);
        answered += answer.length > 0 || answer.end == WIRE_ANSWERED;
        hung += answer.end == WIRE_SILENT;
        wire_answer_free(&answer);
        wire_close(&peer);
    }
    is_number(answered, 0, "torn at each byte: no answer");
    is_number(hung, 0, "torn at each byte: closed at once");
    is_number(counter_value("wire:torn"), 0, "torn at each byte: never executed");
    wire_free(&bytes);
}

/* The same, but the peer stays and says no more: its time ends. */
static void torn_and_silent(void)
{
    enum { PEERS = 12 };
    struct wire_request request = command("[\"INCR\",\"wire:silent\"]");
    struct wire_bytes bytes = {0};
    struct wire_peer peers[PEERS];
    size_t closed = 0;
    wire_build(&bytes, &request);
    for (size_t i = 0; i < PEERS; i++) {
        wire_connect(&peers[i], kv.socket);
        wire_send(&peers[i], bytes.data, 1 + (bytes.length - 2) * i / (PEERS - 1));
    }
    int64_t started = wire_now_ms();
    for (size_t i = 0; i < PEERS; i++) {
        closed += wire_closed(&peers[i], WIRE_PATIENCE);
        wire_close(&peers[i]);
    }
    is_number(closed, PEERS, "unfinished requests are closed when their time is over");
    ok(wire_now_ms() - started < READ_TIME * PEERS, "all of them at the same time, in %d ms",
       (int)(wire_now_ms() - started));
    is_number(counter_value("wire:silent"), 0, "and never executed");
    wire_free(&bytes);
}

/* PARAMS whose inner lengths promise more than there is. */
static void torn_parameters(void)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t length;
    } cases[] = {
        {"a name longer than the stream", "\x64\x00REQUEST", 9},
        {"a value longer than the stream", "\x01\x64xx", 4},
        {"a length cut in two", "\x80\x00", 2},
        {"a name's length alone", "\x04", 1},
        {"two lengths of 2^31-1", "\xff\xff\xff\xff\xff\xff\xff\xff", 8},
        {"two lengths of 2^30", "\xc0\x00\x00\x00\xc0\x00\x00\x00", 8},
        {"a length of 2^31-1 and a short one", "\xff\xff\xff\xff\x00", 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int after = 0; after < 2; after++) { /* alone, and behind good ones */
            struct wire_bytes out = {0}, pairs = {0};
            struct wire_peer peer;
            struct wire_answer answer;
            if (after) {
                wire_pair(&pairs, "REQUEST_METHOD", "GET");
                wire_pair(&pairs, "TRIVET_PATH", "/incr/wire:pairs");
            }
            wire_put(&pairs, cases[i].bytes, cases[i].length);
            wire_begin(&out, 1, WIRE_RESPONDER, WIRE_KEEP);
            wire_stream(&out, WIRE_PARAMS, 1, pairs.data, pairs.length, 0, 0);
            wire_stream(&out, WIRE_STDIN, 1, NULL, 0, 0, 0);
            wire_connect(&peer, kv.socket);
            wire_send(&peer, out.data, out.length);
            wire_read(&peer, 1, WIRE_PATIENCE, &answer);
            ok(nothing_done(&answer), "%s%s: refused (%d)", cases[i].name, after ? ", behind good pairs" : "",
               answer.status);
            wire_answer_free(&answer);
            wire_close(&peer);
            wire_free(&out);
            wire_free(&pairs);
        }
    }
    is_number(counter_value("wire:pairs"), 0, "none was executed");
}

static void lying_lengths(void)
{
    static const struct {
        const char *name;
        const char *first;
        const char *second;
        bool good;
    } cases[] = {
        {"too big", "21", NULL, false},
        {"too small", "19", NULL, false},
        {"zero", "0", NULL, false},
        {"nothing", "", NULL, false},
        {"not a number", "twenty", NULL, false},
        {"a number with more behind it", "20 ", NULL, false},
        {"a blank before it", " 20", NULL, false},
        {"a plus sign", "+20", NULL, false},
        {"hexadecimal", "0x14", NULL, false},
        {"two numbers", "20,20", NULL, false},
        {"negative", "-20", NULL, false},
        {"beyond 32 bits", "4294967316", NULL, false},
        {"beyond 64 bits", "18446744073709551636", NULL, false},
        {"as huge as a number gets", "9223372036854775807", NULL, false},
        {"said twice, the second time wrong", "20", "21", false},
        {"said twice, the first time wrong", "21", "20", false},
        {"the truth", "20", NULL, true},
    };
    long before = counter_value("wire:lie1");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire_request request = command("[\"INCR\",\"wire:lie1\"]"); /* 20 bytes */
        struct wire_bytes out = {0};
        struct wire_peer peer;
        struct wire_answer answer;
        request.content_length = cases[i].first;
        request.second_length = cases[i].second;
        wire_build(&out, &request);
        wire_connect(&peer, kv.socket);
        wire_send(&peer, out.data, out.length);
        wire_read(&peer, 1, WIRE_PATIENCE, &answer);
        if (cases[i].good)
            is_number(answer.status, 200, "CONTENT_LENGTH is the truth: executed");
        else
            ok(nothing_done(&answer), "CONTENT_LENGTH is %s: refused (%d)", cases[i].name, answer.status);
        wire_answer_free(&answer);
        wire_close(&peer);
        wire_free(&out);
    }
    is_number(counter_value("wire:lie1") - before, 1, "only the true one was executed");
}

static void send_nonsense(const char *name, const void *data, size_t length, bool may_stay)
{
    struct wire_peer peer;
    struct wire_answer answer;
    wire_connect(&peer, kv.socket);
    wire_send(&peer, data, length); /* may fail: the other side need not read on */
    shutdown(peer.fd, SHUT_WR);
    wire_read(&peer, 1, WIRE_PATIENCE, &answer);
    ok(answer.status == 0 && (answer.end == WIRE_CLOSED || may_stay), "%s: no answer, closed", name);
    wire_answer_free(&answer);
    wire_close(&peer);
}

static void nonsense(void)
{
    static unsigned char bytes[200000];
    static const char http[] = "GET / HTTP/1.1\r\nHost: example\r\n\r\n",
                      tls[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc";
    struct wire_bytes out = {0};
    srandom(20261122);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)random();
    bytes[0] = 7;
    send_nonsense("random bytes", bytes, sizeof bytes, false);
    bytes[0] = 1;
    send_nonsense("random bytes behind the right version", bytes, sizeof bytes, false);
    memset(bytes, 0, sizeof bytes);
    send_nonsense("zeros", bytes, sizeof bytes, false);
    memset(bytes, 0xff, sizeof bytes);
    send_nonsense("ones", bytes, sizeof bytes, false);
    send_nonsense("HTTP", http, sizeof http - 1, false);
    send_nonsense("a TLS hello", tls, sizeof tls - 1, false);

    wire_begin(&out, 1, WIRE_RESPONDER, WIRE_KEEP);
    out.data[0] = 2;
    send_nonsense("version 2", out.data, out.length, false);
    out.length = 0;
    wire_record(&out, WIRE_BEGIN, 1, "\0\1\1", 3, 0);
    send_nonsense("a BEGIN of three bytes", out.data, out.length, false);
    out.length = 0;
    wire_begin(&out, 0, WIRE_RESPONDER, WIRE_KEEP);
    send_nonsense("a BEGIN without an id", out.data, out.length, false);
    out.length = 0;
    wire_stream(&out, WIRE_PARAMS, 1, "\1\1ab", 4, 0, 0);
    wire_stream(&out, WIRE_STDIN, 1, NULL, 0, 0, 0);
    send_nonsense("a request without BEGIN", out.data, out.length, true);
    out.length = 0;
    wire_begin(&out, 1, WIRE_RESPONDER, WIRE_KEEP);
    wire_stream(&out, WIRE_STDIN, 1, "[\"INCR\",\"wire:order\"]", 21, 0, 0);
    send_nonsense("a body before the parameters' end", out.data, out.length, false);
    out.length = 0;
    wire_begin(&out, 1, WIRE_RESPONDER, WIRE_KEEP);
    wire_begin(&out, 1, WIRE_RESPONDER, WIRE_KEEP);
    send_nonsense("the same BEGIN twice", out.data, out.length, false);
    wire_free(&out);
    is_number(counter_value("wire:order"), 0, "nothing of it was executed");
}

/* Valid streams with a few bytes changed: anything may come of them but a crash or a hang. The connection is closed by us, so
 * only answers that were sent count. */
static void mutations(void)
{
    struct wire_request request = command("[\"GET\",\"wire:mutation\"]");
    struct wire_bytes bytes = {0};
    int hung = 0, wrong = 0;
    request.id = 258;
    wire_build(&bytes, &request);
    wire_build(&bytes, &request);
    unsigned char *copy = malloc(bytes.length);
    srandom(4711);
    for (int round = 0; copy && round < 1500; round++) {
        struct wire_peer peer;
        struct wire_answer answer;
        memcpy(copy, bytes.data, bytes.length);
        for (long changes = random() % 4 + 1; changes > 0; changes--)
            copy[(size_t)random() % bytes.length] = (unsigned char)random();
        wire_connect(&peer, kv.socket);
        wire_send(&peer, copy, bytes.length);
        shutdown(peer.fd, SHUT_WR);
        do {
            wire_read(&peer, 258, WIRE_PATIENCE, &answer);
            hung += answer.end == WIRE_SILENT;
            wrong += answer.end == WIRE_WRONG;
            wire_answer_free(&answer);
        } while (peer.length > 0 && answer.end == WIRE_ANSWERED);
        wire_close(&peer);
    }
    is_number(hung, 0, "1500 streams with changed bytes: none hangs");
    is_number(wrong, 0, "1500 streams with changed bytes: only FastCGI comes back");
    free(copy);
    wire_free(&bytes);
}

void test_malformed(void)
{
    one_byte_at_a_time();
    torn_everywhere();
    torn_and_silent();
    pools_are_well("torn requests");
    torn_parameters();
    lying_lengths();
    pools_are_well("lies");
    nonsense();
    mutations();
    pools_are_well("nonsense");
}
