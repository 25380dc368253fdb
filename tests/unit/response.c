/*
 * response.c - tests of an answer on its way out through a real socket: what nginx would read, record by record; and what
 * happens with a peer that is slow, late or gone.
 */
#include "serve/response_send.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tap.h"

#define ID 259

static struct tv_serve_settings limits = {.response = 8 << 20, .flow = 4096, .write_time = 5000};
static _Atomic bool draining;
static struct tv_response response;

/* --- the peer -------------------------------------------------------------------------------------------------------- */

/* What nginx would make of the bytes. */
static struct {
    int fd, ours;
    pthread_t thread;
    struct tv_buffer bytes;
    int pause_us; /* between two reads of 4096 bytes */
    /* found in the bytes */
    struct tv_buffer output;
    size_t records, longest;
    bool whole; /* STDOUT ended, then END_REQUEST complete */
    bool mark;  /* a management record stands after it */
    bool sound; /* every record as it should be */
} peer;

static void *read_all(void *unused)
{
    char piece[65536];
    ssize_t length;
    while ((length = read(peer.fd, piece, peer.pause_us ? 4096 : sizeof piece)) > 0) {
        tv_buffer_append(&peer.bytes, piece, (size_t)length);
        if (peer.pause_us)
            usleep((useconds_t)peer.pause_us);
    }
    return unused;
}

static void connect_peer(int pause_us)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        abort();
    peer.ours = ends[0];
    peer.fd = ends[1];
    peer.pause_us = pause_us;
    tv_buffer_reset(&peer.bytes, 1 << 24);
    tv_buffer_reset(&peer.output, 1 << 24);
    if (pthread_create(&peer.thread, NULL, read_all, NULL) != 0)
        abort();
}

static void split_records(void)
{
    const unsigned char *at = (const unsigned char *)peer.bytes.data;
    const unsigned char *end = at + peer.bytes.length;
    bool ended = false, complete = false;
    peer.sound = true;
    peer.records = peer.longest = 0;
    peer.mark = false;
    while (at && end - at >= 8 && peer.sound) {
        size_t length = (size_t)(at[4] << 8 | at[5]), padding = at[6];
        bool management = at[1] == 11;
        peer.sound = at[0] == 1 &&
                     (management ? at[2] == 0 && at[3] == 0 : at[2] == ID >> 8 && at[3] == (ID & 255)) &&
                     at[7] == 0 && (length + padding) % 8 == 0 && padding < 8 &&
                     (size_t)(end - at) >= 8 + length + padding && (!complete || management);
        if (!peer.sound)
            break;
        for (size_t i = 0; i < padding; i++)
            peer.sound = peer.sound && at[8 + length + i] == 0;
        if (at[1] == 6 && length > 0) {
            peer.sound = peer.sound && !ended;
            tv_buffer_append(&peer.output, at + 8, length);
            peer.records++;
            peer.longest = length > peer.longest ? length : peer.longest;
        } else if (at[1] == 6) {
            ended = true;
        } else if (at[1] == 3) {
            peer.sound = peer.sound && ended && length == 8 && at[12] == 0;
            complete = true;
        } else if (management) {
            peer.mark = true;
        } else {
            peer.sound = false;
        }
        at += 8 + length + padding;
    }
    peer.sound = peer.sound && at == end;
    peer.whole = complete;
}

/* Ends the connection and looks at what came. */
static void hang_up(void)
{
    close(peer.ours);
    pthread_join(peer.thread, NULL);
    close(peer.fd);
    split_records();
}

static void begin(bool head)
{
    connect_peer(0);
    tv_response_begin(&response, peer.ours, ID, head, tv_clock_ms() + 60000);
}

/* Sends the answer and compares all of it. */
static void sends(const char *want, const char *name)
{
    ok(tv_response_end(&response), "%s: is sent", name);
    hang_up();
    ok(peer.sound && peer.whole, "  in records that are right, with an end");
    is_slice(peer.output.length ? peer.output.data : "", peer.output.length, want, "  as it should be");
}

/* --- headers --------------------------------------------------------------------------------------------------------- */

static void headers(void)
{
    begin(false);
    tv_response_type(&response, "application/json");
    tv_buffer_text(tv_response_body(&response), "[1,2]");
    sends("Status: 200 OK\r\nContent-Length: 5\r\nContent-Type: application/json\r\n\r\n[1,2]",
          "a small answer");
    is_number(peer.records, 1, "in one record");
    is_number(response.sent, 5, "the body's bytes are counted");
    ok(!peer.mark && !response.final, "and the connection goes on");

    begin(false);
    tv_response_status(&response, 404);
    is_number(tv_response_get_status(&response), 404, "the status can be asked for");
    sends("Status: 404 Not Found\r\nContent-Length: 0\r\n\r\n", "an answer without a body");

    begin(false);
    tv_response_header(&response, "X-A", TV_SLICE("one"));
    tv_response_header(&response, "X-AB", TV_SLICE("two"));
    tv_response_header(&response, "x-a", TV_SLICE("three"));
    tv_response_type(&response, "text/html");
    tv_response_type(&response, "text/plain");
    tv_response_header(&response, "X-Empty", TV_SLICE(""));
    sends("Status: 200 OK\r\nContent-Length: 0\r\nX-AB: two\r\nx-a: three\r\nContent-Type: "
          "text/plain\r\nX-Empty: \r\n\r\n",
          "headers of the same name replace each other");

    begin(false);
    static const struct tv_slice bad[] = {
        {"a\r\nX-Evil: 1", 12}, {"a\nX-Evil: 1", 11}, {"a\rb", 3}, {"a\0b", 3}, {"\n", 1},
        {"a\r\n\r\n<b>", 8}};
    tv_response_header(&response, "X-Kept", TV_SLICE("before"));
    for (size_t i = 0; i < TV_COUNT(bad); i++) {
        tv_response_header(&response, "X-Bad", bad[i]);
        tv_response_header(&response, "X-Kept", bad[i]);
    }
    tv_response_header(&response, "X-Good", TV_SLICE("\xC3\xA9 : ; \t"));
    sends("Status: 200 OK\r\nContent-Length: 0\r\nX-Kept: before\r\nX-Good: \xC3\xA9 : ; \t\r\n\r\n",
          "values with line ends or NUL are dropped");

    begin(false);
    tv_response_header(&response, "Content-Length", TV_SLICE("999"));
    tv_response_header(&response, "content-length", TV_SLICE("999"));
    tv_response_header(&response, "Status", TV_SLICE("500 Oops"));
    tv_buffer_text(tv_response_body(&response), "abc");
    sends("Status: 200 OK\r\nContent-Length: 3\r\n\r\nabc",
          "the length and the status are the library's own");

    begin(false);
    tv_response_status(&response, 500);
    tv_response_header(&response, "X-Gone", TV_SLICE("x"));
    tv_buffer_text(tv_response_body(&response), "gone");
    tv_response_clear(&response);
    tv_buffer_text(tv_response_body(&response), "instead");
    sends("Status: 200 OK\r\nContent-Length: 7\r\n\r\ninstead", "what was cleared is gone");

    begin(false);
    char value[9000];
    memset(value, 'v', sizeof value);
    tv_response_header(&response, "X-One", (struct tv_slice){value, sizeof value});
    tv_response_header(&response, "X-Two", (struct tv_slice){value, sizeof value});
    ok(!tv_response_end(&response) && response.broken, "more headers than nginx takes break the answer");
    hang_up();
    is_number(peer.bytes.length, 0, "nothing of it leaves");
}

static void bodiless(void)
{
    begin(true);
    tv_response_type(&response, "text/plain");
    tv_buffer_text(tv_response_body(&response), "not for HEAD");
    sends("Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n", "HEAD has headers only");
    is_number(response.sent, 0, "and no bytes of a body");
    static const int statuses[] = {204, 304};
    for (size_t i = 0; i < 2; i++) {
        begin(false);
        tv_response_status(&response, statuses[i]);
        tv_buffer_text(tv_response_body(&response), "must not be there");
        sends(i == 0 ? "Status: 204 No Content\r\n\r\n" : "Status: 304 Not Modified\r\n\r\n",
              "204 and 304 have neither body nor length");
    }
    begin(true);
    bool going = true;
    for (int i = 0; i < 10000 && going; i++) {
        tv_buffer_text(tv_response_body(&response), "a row that nobody asked for\n");
        going = tv_response_flow(&response);
    }
    ok(going, "a stream for HEAD goes on");
    sends("Status: 200 OK\r\n\r\n", "and sends headers only");
}

/* --- large ones ------------------------------------------------------------------------------------------------------ */

static char pattern(size_t at)
{
    return (char)('a' + (at * 31 + at / 251) % 26);
}

static bool body_is(size_t length)
{
    const char *blank =
        peer.output.length ? memmem(peer.output.data, peer.output.length, "\r\n\r\n", 4) : NULL;
    if (!blank || (size_t)(peer.output.data + peer.output.length - blank - 4) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (blank[4 + i] != pattern(i))
            return false;
    return true;
}

static void large(void)
{
    static const size_t lengths[] = {65400,  65470,  65480,  65488,  65489,  65490,   65491,  65492,  65493,
                                     65494,  65495,  65496,  65528,  65529,  65535,   65536,  131000, 131016,
                                     131017, 131018, 131019, 131056, 200000, 1000000, 4000000};
    for (size_t i = 0; i < TV_COUNT(lengths); i++) {
        begin(false);
        for (size_t j = 0; j < lengths[i]; j++)
            tv_buffer_byte(tv_response_body(&response), pattern(j));
        bool sent = tv_response_end(&response);
        hang_up();
        char announced[64];
        snprintf(announced, sizeof announced, "\r\nContent-Length: %zu\r\n", lengths[i]);
        ok(sent && peer.sound && peer.whole && body_is(lengths[i]) && peer.longest <= 65528 &&
               memmem(peer.output.data, 100, announced, strlen(announced)),
           "a body of %zu bytes, in %zu records", lengths[i], peer.records);
    }
}

/* Rows until length bytes, with a look at the peer between them. */
static bool stream(size_t length)
{
    for (size_t at = 0; at < length; at++) {
        tv_buffer_byte(tv_response_body(&response), pattern(at));
        if (at % 100 == 99 && !tv_response_flow(&response))
            return false;
    }
    return true;
}

static void streaming(void)
{
    begin(false);
    ok(stream(4000) && !tv_response_started(&response), "below the bound nothing leaves");
    ok(stream(200) && tv_response_started(&response), "above it rows leave");
    tv_response_status(&response, 500);
    tv_response_header(&response, "X-Late", TV_SLICE("x"));
    is_number(tv_response_get_status(&response), 200, "then it is too late for another status");
    ok(tv_response_end(&response), "the end is sent");
    hang_up();
    ok(peer.sound && peer.whole && !memmem(peer.output.data, peer.output.length, "X-Late", 6),
       "and for headers");
    ok(!memmem(peer.output.data, peer.output.length, "Content-Length", 14), "no length is promised");

    begin(false);
    ok(stream(3000000), "three megabytes flow");
    ok(tv_response_end(&response), "to their end");
    hang_up();
    ok(peer.sound && peer.whole && body_is(3000000), "and arrive as they were");
    is_number(response.sent, 3000000, "all of them counted");
    ok(response.body.capacity < 200000, "in little memory: %zu bytes", response.body.capacity);

    begin(false);
    ok(stream(8192), "rows that end exactly with what was sent");
    ok(tv_response_end(&response), "have an end");
    hang_up();
    ok(peer.sound && peer.whole && body_is(8192), "like others");
}

/* --- trouble --------------------------------------------------------------------------------------------------------- */

static void breaking(void)
{
    begin(false);
    ok(stream(10000), "some rows");
    tv_response_break(&response);
    ok(!tv_response_flow(&response) && !tv_response_end(&response), "a broken answer takes no more");
    hang_up();
    ok(!peer.whole, "and has no end: nginx sees that something is missing");

    begin(false);
    struct tv_buffer *body = tv_response_body(&response);
    ok(stream(10000), "some rows");
    ok(tv_buffer_reserve(body, (size_t)limits.response + 1) == NULL,
       "then one that is larger than an answer may be");
    ok(!tv_response_flow(&response) && response.broken, "break it");
    hang_up();
    ok(!peer.whole, "without an end");

    begin(false);
    for (int64_t i = 0; i <= limits.response; i++)
        tv_buffer_byte(body, 'x');
    ok(!tv_response_end(&response), "an answer that did not fit is not sent");
    hang_up();
    is_number(peer.bytes.length, 0, "no byte of it");

    begin(false);
    response.deadline_ms = tv_clock_ms() - 1;
    ok(!stream(10000) && response.broken, "past the deadline no more rows are made");
    hang_up();
    ok(!peer.whole, "and there is no end");

    atomic_store(&draining, true);
    begin(false);
    tv_buffer_text(tv_response_body(&response), "last");
    sends("Status: 200 OK\r\nContent-Length: 4\r\n\r\nlast", "an answer of a process that drains");
    ok(peer.mark && response.final, "is marked as the connection's last");
    atomic_store(&draining, false);
}

static void bad_peers(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        abort();
    close(ends[1]);
    tv_response_begin(&response, ends[0], ID, false, tv_clock_ms() + 60000);
    tv_buffer_text(tv_response_body(&response), "nobody");
    ok(!tv_response_end(&response) && response.broken,
       "a peer that is gone breaks the answer, not the process");
    close(ends[0]);

    limits.write_time = 300;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        abort();
    tv_response_begin(&response, ends[0], ID, false, tv_clock_ms() + 60000);
    int64_t began = tv_clock_ms();
    ok(!stream(4000000) && response.broken, "a peer that does not read breaks it too");
    int64_t took = tv_clock_ms() - began;
    ok(took >= 290 && took < 10000, "after its time: %lld ms of 300", (long long)took);
    close(ends[0]);
    close(ends[1]);

    /* the time is for one piece: a peer that reads slowly but steadily gets everything */
    limits.write_time = 1000;
    connect_peer(3000);
    int small = 8192;
    setsockopt(peer.ours, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    tv_response_begin(&response, peer.ours, ID, false, tv_clock_ms() + 60000);
    began = tv_clock_ms();
    for (size_t j = 0; j < 2000000; j++)
        tv_buffer_byte(tv_response_body(&response), pattern(j));
    bool sent = tv_response_end(&response);
    took = tv_clock_ms() - began;
    hang_up();
    ok(sent && took > 1000 && peer.sound && peer.whole && body_is(2000000),
       "a slow peer gets all, in %lld ms", (long long)took);
}

int main(void)
{
    tv_response_init(&response, &limits, &draining, NULL, NULL);
    tv_buffer_init(&peer.bytes, 1 << 24);
    tv_buffer_init(&peer.output, 1 << 24);
    headers();
    bodiless();
    large();
    streaming();
    breaking();
    bad_peers();
    tv_response_free(&response);
    tv_buffer_free(&peer.bytes);
    tv_buffer_free(&peer.output);
    return done_testing();
}
