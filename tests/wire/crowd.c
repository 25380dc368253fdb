/*
 * crowd.c - many peers on few workers: idle ones, slow ones, ones that do not read or leave. The others must not notice.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pools.h"
#include "tap.h"
#include "tests.h"

enum { LARGE = 4 << 20 };

/* The longest of some ordinary requests, in milliseconds; failures count as 99999. */
static int slowest_ordinary(const struct pool *pool, int requests)
{
    int slowest = 0;
    for (int i = 0; i < requests; i++) {
        struct wire_request request = {.path = pool == &kv ? "/ping" : "/hello"};
        int64_t started = wire_now_ms();
        int status = wire_ask(pool->socket, &request, NULL, 0);
        int took = status == 200 ? (int)(wire_now_ms() - started) : 99999;
        slowest = took > slowest ? took : slowest;
    }
    return slowest;
}

/* Rounds that a measurement gets: who is held up is so each time, a machine that stalls does it now and then. */
enum { ROUNDS = 3 };

static void idle_connections(void)
{
    enum { PEERS = 100 };
    struct wire_peer peers[PEERS];
    int open = 0;
    for (int i = 0; i < PEERS; i++)
        open += wire_connect(&peers[i], hello.socket);
    is_number(open, PEERS, "100 connections that say nothing");
    int slowest = slowest_ordinary(&hello, 50);
    for (int round = 1; round < ROUNDS && slowest >= READ_TIME / 2; round++)
        slowest = slowest_ordinary(&hello, 50);
    ok(slowest < READ_TIME / 2, "hold nobody up: the slowest of 50 requests took %d ms", slowest);
    for (int i = 0; i < PEERS; i++)
        wire_close(&peers[i]);
}

/* Every connection has a request under way at the same time, again and again. */
static void kept_connections(void)
{
    enum { PEERS = 300, TIMES = 10 };
    static struct wire_peer peers[PEERS];
    struct wire_request request = {.path = "/hello"};
    struct wire_bytes out = {0};
    int open = 0, good = 0;
    int64_t slowest = 0;
    wire_build(&out, &request);
    for (int i = 0; i < PEERS; i++)
        open += wire_connect(&peers[i], hello.socket);
    is_number(open, PEERS, "300 kept connections on 4 workers");
    for (int round = 0; round < TIMES; round++) {
        int64_t started = wire_now_ms();
        for (int i = 0; i < PEERS; i++)
            wire_send(&peers[i], out.data, out.length);
        for (int i = PEERS - 1; i >= 0; i--) { /* not in the order of sending */
            struct wire_answer answer;
            wire_read(&peers[i], 1, WIRE_PATIENCE, &answer);
            good += answer.end == WIRE_ANSWERED && answer.status == 200;
            wire_answer_free(&answer);
        }
        if (wire_now_ms() - started > slowest)
            slowest = wire_now_ms() - started;
    }
    is_number(good, PEERS * TIMES, "ten requests on each: all answered");
    ok(slowest < WIRE_PATIENCE / 2, "the slowest round took %d ms", (int)slowest);
    for (int i = 0; i < PEERS; i++)
        wire_close(&peers[i]);
    wire_free(&out);
}

enum { DRIBBLERS = 16 };

/* The slowest ordinary request beside them; adds how many of them were closed. */
static int dribble(const struct wire_bytes *out, int *closed)
{
    struct wire_peer peers[DRIBBLERS];
    for (int i = 0; i < DRIBBLERS; i++)
        wire_connect(&peers[i], kv.socket);
    int slowest = 0;
    for (size_t at = 0; at < 60; at++) { /* 60 bytes in 3 s */
        for (int i = 0; i < DRIBBLERS; i++)
            wire_send(&peers[i], out->data + at, 1);
        int took = slowest_ordinary(&kv, 2);
        slowest = took > slowest ? took : slowest;
        usleep(50000);
    }
    for (int i = 0; i < DRIBBLERS; i++) {
        *closed += wire_closed(&peers[i], WIRE_PATIENCE);
        wire_close(&peers[i]);
    }
    return slowest;
}

/* More dribbling peers than workers; each would need far longer than a request may take to arrive. */
static void dribblers(void)
{
    struct wire_request request = command("[\"INCR\",\"wire:dribble\"]");
    struct wire_bytes out = {0};
    wire_build(&out, &request);
    int closed = 0, rounds = 1;
    int slowest = dribble(&out, &closed);
    for (; rounds < ROUNDS && slowest >= READ_TIME / 2; rounds++)
        slowest = dribble(&out, &closed);
    ok(slowest < READ_TIME / 2, "16 dribbling peers hold nobody up: the slowest request took %d ms", slowest);
    is_number(closed, DRIBBLERS * rounds, "and are closed");
    is_number(counter_value("wire:dribble"), 0, "without being executed");
    wire_free(&out);
}

static bool make_large_value(void)
{
    char *body = malloc(LARGE + 64);
    if (!body)
        return false;
    int head = sprintf(body, "[\"SET\",\"wire:large\",\"");
    memset(body + head, 'y', LARGE);
    memcpy(body + head + LARGE, "\"]", 3);
    struct wire_request request = command(body);
    int status = wire_ask(kv.socket, &request, NULL, 0);
    free(body);
    return status == 200;
}

static void ask_for_large(struct wire_peer *peer)
{
    struct wire_request request = {.path = "/get/wire:large"};
    struct wire_bytes out = {0};
    wire_build(&out, &request);
    wire_connect(peer, kv.socket);
    wire_send(peer, out.data, out.length);
    wire_free(&out);
}

/* What is left of the answer when it is read at last: not a whole one. */
static int count_whole(struct wire_peer *peers, int count)
{
    int whole = 0;
    for (int i = 0; i < count; i++) {
        struct wire_answer answer;
        wire_read(&peers[i], 1, WIRE_PATIENCE, &answer);
        whole += answer.end == WIRE_ANSWERED;
        wire_answer_free(&answer);
        wire_close(&peers[i]);
    }
    return whole;
}

/* Until the other side has closed each of them, without reading what it sent. */
static int count_cut_off(const struct wire_peer *peers, int count)
{
    int cut = 0;
    for (int i = 0; i < count; i++) {
        struct pollfd door = {.fd = peers[i].fd};
        cut += poll(&door, 1, WIRE_PATIENCE) == 1 && (door.revents & POLLHUP) != 0;
    }
    return cut;
}

static void readers_that_do_not_read(void)
{
    enum { FEW = 3, MANY = 12 };
    struct wire_peer peers[MANY];
    int slowest = WRITE_TIME, cut = 0, whole = 0, rounds = 0;
    for (; rounds < ROUNDS && slowest >= WRITE_TIME / 2; rounds++) {
        for (int i = 0; i < FEW; i++)
            ask_for_large(&peers[i]);
        usleep(100000);
        slowest = slowest_ordinary(&kv, 20);
        cut += count_cut_off(peers, FEW);
        whole += count_whole(peers, FEW);
    }
    ok(slowest < WRITE_TIME / 2,
       "3 of 4 workers write to peers that do not read: the slowest request took %d ms", slowest);
    is_number(cut, FEW * rounds, "who are cut off in the end");
    is_number(whole, 0, "visibly");

    for (int i = 0; i < MANY; i++)
        ask_for_large(&peers[i]);
    usleep(100000);
    int64_t started = wire_now_ms();
    slowest = slowest_ordinary(&kv, 5);
    ok(slowest < (MANY / 4 + 2) * WRITE_TIME + WIRE_PATIENCE / 2,
       "12 of them: others wait for their time to end, not for ever: %d ms", slowest);
    note("5 requests behind them took %d ms", (int)(wire_now_ms() - started));
    count_whole(peers, MANY);
}

static void slow_reader(void)
{
    struct wire_peer peer;
    struct wire_answer answer;
    ask_for_large(&peer);
    for (int i = 0; i < 30; i++) { /* a little now and then, for longer than one write may take */
        unsigned char piece
            [65536]; /* the worker goes on when most of what it sent is read: several times in WRITE_TIME */
        struct pollfd door = {.fd = peer.fd, .events = POLLIN};
        if (poll(&door, 1, WIRE_PATIENCE) <= 0)
            break;
        ssize_t length = read(peer.fd, piece, sizeof piece);
        if (length <= 0)
            break;
        unsigned char *more = realloc(peer.in, peer.length + (size_t)length);
        if (!more)
            break;
        peer.in = more;
        memcpy(peer.in + peer.length, piece, (size_t)length);
        peer.length += (size_t)length;
        peer.capacity = peer.length;
        usleep(WRITE_TIME * 1000 / 20);
    }
    wire_read(&peer, 1, WIRE_PATIENCE, &answer);
    ok(answer.end == WIRE_ANSWERED && answer.body_length == LARGE + strlen("{\"result\":\"\"}"),
       "a reader that is slow but reads gets all of it (%zu bytes)", answer.body_length);
    wire_answer_free(&answer);
    wire_close(&peer);
}

static void leavers(void)
{
    struct wire_request request = command("[\"INCR\",\"wire:left\"]");
    struct wire_bytes out = {0};
    wire_build(&out, &request);
    for (int i = 0; i < 500; i++) {
        struct wire_peer peer;
        wire_connect(&peer, kv.socket);
        wire_send(&peer, out.data, out.length);
        if (i % 3 == 0)
            usleep(200);
        wire_close(&peer);
    }
    for (int i = 0; i < 40; i++) { /* in the midst of a large answer */
        struct wire_peer peer;
        ask_for_large(&peer);
        usleep((useconds_t)i * 100);
        wire_close(&peer);
    }
    long left = counter_value("wire:left");
    ok(left >= 0 && left <= 500, "500 peers that leave before the answer: %ld commands had begun", left);
    wire_free(&out);
}

void test_crowd(void)
{
    idle_connections();
    kept_connections();
    pools_are_well("many connections");
    dribblers();
    pools_are_well("dribbling peers");
    if (!ok(make_large_value(), "a value of 4 MiB"))
        return;
    readers_that_do_not_read();
    slow_reader();
    leavers();
    pools_are_well("peers that do not read, or leave");
    pools_hold_nothing();
}
