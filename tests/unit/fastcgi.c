/*
 * fastcgi.c - tests of the protocol's reader: what comes out does not depend on how the bytes are cut into pieces, whether
 * the stream is right, wrong or random; bounds hold; and what the protocol has to say is said.
 */
#include "serve/fastcgi.h"

#include "exact.h"
#include "fcgi_bytes.h"
#include "tap.h"

#define PARAMETERS_MAX 2000
#define BODY_MAX       3000

static struct tv_buffer stream, log_whole, log_cut, replies;

/* --- what a reader makes of a stream --------------------------------------------------------------------------------- */

static void note_request(struct tv_buffer *log, const struct tv_fastcgi *reader)
{
    tv_buffer_printf(log, "request %d keep=%d params=", reader->id, reader->keep);
    if (reader->parameters_overflow)
        tv_buffer_text(log, "(overflow)");
    else
        tv_buffer_slice(log, tv_buffer_view(&reader->parameters));
    tv_buffer_text(log, " body=");
    if (reader->body_overflow)
        tv_buffer_text(log, "(overflow)");
    else
        tv_buffer_slice(log, tv_buffer_view(&reader->body));
    tv_buffer_text(log, "\n");
}

/* Feeds one piece and answers every request that becomes whole in it. False when the peer is broken. */
static bool feed_piece(struct tv_fastcgi *reader, const char *data, size_t length, struct tv_buffer *log)
{
    struct tv_slice rest = exact_copy(data, length);
    struct tv_slice copy = rest;
    bool good = true;
    for (bool again = true; again && good;) {
        size_t used = 0;
        enum tv_fastcgi_state state = tv_fastcgi_feed(reader, rest.data, rest.length, &used);
        good = state != TV_FASTCGI_BROKEN;
        if (state == TV_FASTCGI_WHOLE) {
            note_request(log, reader);
            tv_fastcgi_next(reader);
        } else if (good && used != rest.length) {
            tv_buffer_text(log, "stopped early\n");
            good = false;
        }
        rest = tv_slice_cut(rest, used, rest.length);
        again = state == TV_FASTCGI_WHOLE;
        tv_buffer_slice(&replies,
                        tv_buffer_view(&reader->replies)); /* as the loop sends them: after every piece */
        tv_buffer_reset(&reader->replies, 4096);
    }
    exact_free(copy);
    return good;
}

/* Lengths of the pieces come from next(); 0 means all that is left. */
static void play(struct tv_buffer *log, size_t (*next)(size_t at, uint64_t *state), uint64_t state)
{
    struct tv_fastcgi reader;
    tv_fastcgi_init(&reader, PARAMETERS_MAX, BODY_MAX);
    tv_buffer_reset(log, 1 << 20);
    tv_buffer_reset(&replies, 1 << 20);
    bool good = true;
    for (size_t at = 0; at < stream.length && good;) {
        size_t piece = next(at, &state);
        if (piece == 0 || piece > stream.length - at)
            piece = stream.length - at;
        good = feed_piece(&reader, stream.data + at, piece, log);
        at += piece;
    }
    if (good)
        tv_buffer_printf(log, "%s\n", tv_fastcgi_idle(&reader) ? "idle" : "in the middle");
    else
        tv_buffer_text(log, "broken\n");
    tv_buffer_text(log, "replies ");
    tv_buffer_slice(log, tv_buffer_view(&replies));
    tv_fastcgi_free(&reader);
}

static size_t at_once(size_t at, uint64_t *state)
{
    (void)at;
    (void)state;
    return 0;
}

static size_t byte_by_byte(size_t at, uint64_t *state)
{
    (void)at;
    (void)state;
    return 1;
}

static size_t cut_at(size_t at, uint64_t *state)
{
    return at == 0 ? (size_t)*state : 0;
}

static size_t at_random(size_t at, uint64_t *state)
{
    (void)at;
    return 1 + (exact_random(state) >> 8) % 40;
}

static bool same_log(size_t (*next)(size_t at, uint64_t *state), uint64_t state)
{
    play(&log_cut, next, state);
    return tv_slice_equal(tv_buffer_view(&log_whole), tv_buffer_view(&log_cut));
}

/* The stream that was built: what it means, and that it means the same in any pieces. */
static void means(const char *want, const char *name)
{
    play(&log_whole, at_once, 0);
    struct tv_slice log = tv_buffer_view(&log_whole);
    size_t told = (size_t)((const char *)memmem(log.data, log.length, "replies ", 8) - log.data);
    is_slice(log.data, told, want, name);
    ok(same_log(byte_by_byte, 0), "%s: the same byte by byte", name);
    size_t different = 0;
    for (size_t cut = 1; cut < stream.length; cut++)
        different += !same_log(cut_at, cut);
    is_number(different, 0, "  the same wherever it is cut in two");
    for (uint64_t seed = 1; seed < 50; seed++)
        different += !same_log(at_random, seed * 7919);
    is_number(different, 0, "  and in pieces of any length");
}

static void replied(const void *want, size_t length, const char *name)
{
    play(&log_whole, at_once, 0);
    is_bytes(replies.length ? replies.data : "", replies.length, want, length, name);
}

static void anew(void)
{
    tv_buffer_reset(&stream, 1 << 20);
}

/* A whole request of one pair. */
static void request(int id, const char *name, const char *value, const char *body)
{
    struct tv_buffer pairs;
    tv_buffer_init(&pairs, 65536);
    fcgi_pair(&pairs, name, value);
    fcgi_begin(&stream, id, 1, true);
    fcgi_stream(&stream, FCGI_PARAMS, id, tv_buffer_view(&pairs), 65535, 3);
    fcgi_stream(&stream, FCGI_STDIN, id, tv_slice_of(body), 65535, 5);
    tv_buffer_free(&pairs);
}

/* --- right streams --------------------------------------------------------------------------------------------------- */

static void right_streams(void)
{
    anew();
    request(1, "A", "b", "");
    means("request 1 keep=1 params=\1\1Ab body=\nidle\n", "a request without a body");
    replied("", 0, "which needs no reply of the protocol");

    anew();
    fcgi_begin(&stream, 258, 1, false);
    fcgi_stream(&stream, FCGI_PARAMS, 258, TV_SLICE("0123456789"), 3, 7);
    fcgi_stream(&stream, FCGI_STDIN, 258, TV_SLICE("the body of it"), 4, 255);
    means("request 258 keep=0 params=0123456789 body=the body of it\nidle\n",
          "streams in pieces with padding");

    anew();
    request(1, "A", "first", "x");
    request(1, "B", "second", "");
    request(2, "C", "third", "yz");
    means("request 1 keep=1 params=\1\5Afirst body=x\nrequest 1 keep=1 params=\1\6Bsecond body=\n"
          "request 2 keep=1 params=\1\5Cthird body=yz\nidle\n",
          "requests one after the other on a connection");

    anew();
    request(1, "A", "b", "c");
    fcgi_begin(&stream, 1, 1, true);
    fcgi_record(&stream, FCGI_PARAMS, 1, "half", 4, 0);
    means("request 1 keep=1 params=\1\1Ab body=c\nin the middle\n",
          "a request and the beginning of the next");
    anew();
    tv_buffer_append(&stream, "\1\1\0", 3);
    means("in the middle\n", "the beginning of a record");
    anew();
    means("idle\n", "nothing at all");

    static const char long_text[PARAMETERS_MAX + 1];
    anew();
    fcgi_begin(&stream, 1, 1, true);
    fcgi_stream(&stream, FCGI_PARAMS, 1, (struct tv_slice){long_text, PARAMETERS_MAX + 1}, 900, 0);
    fcgi_stream(&stream, FCGI_STDIN, 1, TV_SLICE("b"), 10, 0);
    request(1, "A", "b", "c");
    means("request 1 keep=1 params=(overflow) body=b\nrequest 1 keep=1 params=\1\1Ab body=c\nidle\n",
          "parameters beyond their bound are read to their end");
    static const char long_body[BODY_MAX + 1] = "x";
    anew();
    fcgi_begin(&stream, 1, 1, true);
    fcgi_stream(&stream, FCGI_PARAMS, 1, TV_SLICE("p"), 10, 0);
    fcgi_stream(&stream, FCGI_STDIN, 1, (struct tv_slice){long_body, BODY_MAX + 1}, 700, 1);
    request(1, "A", "b", "c");
    means("request 1 keep=1 params=p body=(overflow)\nrequest 1 keep=1 params=\1\1Ab body=c\nidle\n",
          "so is a body");
    anew();
    fcgi_begin(&stream, 1, 1, true);
    char body[BODY_MAX + 1];
    memset(body, 'x', BODY_MAX);
    body[BODY_MAX] = '\0';
    fcgi_stream(&stream, FCGI_PARAMS, 1, TV_SLICE("p"), 10, 0);
    fcgi_stream(&stream, FCGI_STDIN, 1, (struct tv_slice){body, BODY_MAX}, 700, 1);
    play(&log_whole, at_once, 0);
    ok(!memmem(log_whole.data, log_whole.length, "overflow", 8) &&
           memmem(log_whole.data, log_whole.length, body, BODY_MAX),
       "a body of the bound itself is kept");
}

/* --- what the protocol answers --------------------------------------------------------------------------------------- */

static void protocol(void)
{
    static const char cannot_multiplex[16] = {1, 3, 0, 2, 0, 8, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
    anew();
    fcgi_begin(&stream, 1, 1, true);
    fcgi_record(&stream, FCGI_PARAMS, 1, "ab", 2, 0);
    fcgi_begin(&stream, 2, 1, true);
    fcgi_stream(&stream, FCGI_PARAMS, 2, TV_SLICE("other"), 10, 2);
    fcgi_stream(&stream, FCGI_PARAMS, 1, TV_SLICE("cd"), 10, 0);
    fcgi_stream(&stream, FCGI_STDIN, 2, TV_SLICE("other"), 10, 2);
    fcgi_record(&stream, FCGI_ABORT, 2, NULL, 0, 0);
    fcgi_stream(&stream, FCGI_STDIN, 1, TV_SLICE("x"), 10, 0);
    means("request 1 keep=1 params=abcd body=x\nidle\n", "a second request beside the first");
    replied(cannot_multiplex, 16, "is declined: CANT_MPX_CONN");

    static const char unknown_role[16] = {1, 3, 0, 7, 0, 8, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0};
    for (int role = 0; role < 4; role++) {
        static const int roles[] = {0, 2, 3, 257};
        anew();
        fcgi_begin(&stream, 7, roles[role], true);
        fcgi_stream(&stream, FCGI_PARAMS, 7, TV_SLICE("ab"), 10, 0);
        fcgi_stream(&stream, FCGI_STDIN, 7, TV_SLICE("ab"), 10, 0);
        request(8, "A", "b", "");
        means("request 8 keep=1 params=\1\1Ab body=\nidle\n", "a role that is not ours, then a request");
        replied(unknown_role, 16, "the role is refused: UNKNOWN_ROLE");
    }

    static const char complete[16] = {1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    anew();
    fcgi_begin(&stream, 1, 1, true);
    fcgi_stream(&stream, FCGI_PARAMS, 1, TV_SLICE("ab"), 10, 0);
    fcgi_record(&stream, FCGI_STDIN, 1, "ab", 2, 0);
    fcgi_record(&stream, FCGI_ABORT, 1, "?", 1, 7);
    fcgi_record(&stream, FCGI_STDIN, 1, "late", 4, 0);
    fcgi_record(&stream, FCGI_STDIN, 1, NULL, 0, 0);
    request(1, "A", "b", "c");
    means("request 1 keep=1 params=\1\1Ab body=c\nidle\n", "a request that is aborted, then another");
    replied(complete, 16, "the abort is answered: REQUEST_COMPLETE");
    anew();
    fcgi_record(&stream, FCGI_ABORT, 1, NULL, 0, 0);
    means("idle\n", "an abort of nothing");
    replied("", 0, "is not answered");

    static const char values[26] = "\1\12\0\0\0\22\0\0\17\1FCGI_MPXS_CONNS0",
                      no_values[8] = "\1\12\0\0\0\0\0\0";
    struct tv_buffer asked;
    tv_buffer_init(&asked, 4096);
    fcgi_pair(&asked, "FCGI_MAX_CONNS", "");
    fcgi_pair(&asked, "FCGI_MPXS_CONNS", "");
    anew();
    fcgi_record(&stream, FCGI_GET_VALUES, 0, asked.data, asked.length, 4);
    request(1, "A", "b", "");
    means("request 1 keep=1 params=\1\1Ab body=\nidle\n", "GET_VALUES, then a request");
    replied(values, 26, "is answered with what is ours to say");
    anew();
    fcgi_record(&stream, FCGI_GET_VALUES, 0, asked.data, 16, 0);
    fcgi_record(&stream, FCGI_GET_VALUES, 0, "\100\100x", 3, 0);
    fcgi_record(&stream, FCGI_GET_VALUES, 0, NULL, 0, 0);
    means("idle\n", "GET_VALUES for something else, torn, empty");
    replied("\1\12\0\0\0\0\0\0\1\12\0\0\0\0\0\0\1\12\0\0\0\0\0\0", 24, "is answered with nothing");
    anew();
    while (asked.length < 3000)
        fcgi_pair(&asked, "FCGI_MPXS_CONNS", "");
    fcgi_record(&stream, FCGI_GET_VALUES, 0, asked.data, asked.length, 0);
    means("idle\n", "GET_VALUES of more than anyone has to ask");
    replied(no_values, 8, "is answered with nothing, too");
    tv_buffer_free(&asked);

    static const char unknown[16] = {1, 11, 0, 0, 0, 8, 0, 0, 77, 0, 0, 0, 0, 0, 0, 0};
    anew();
    fcgi_record(&stream, 77, 0, "whatever", 8, 0);
    request(1, "A", "b", "");
    means("request 1 keep=1 params=\1\1Ab body=\nidle\n", "a management record of no known type");
    replied(unknown, 16, "is answered: UNKNOWN_TYPE");
    anew();
    fcgi_begin(&stream, 1, 1, true);
    fcgi_record(&stream, FCGI_DATA, 1, "for a filter", 12, 0);
    fcgi_record(&stream, FCGI_PARAMS, 9, "for nobody", 10, 0);
    fcgi_stream(&stream, FCGI_PARAMS, 1, TV_SLICE("ab"), 10, 0);
    fcgi_record(&stream, FCGI_PARAMS, 1, "late", 4, 0);
    fcgi_record(&stream, FCGI_STDIN, 9, "for nobody", 10, 0);
    fcgi_stream(&stream, FCGI_STDIN, 1, TV_SLICE("x"), 10, 0);
    means("request 1 keep=1 params=ab body=x\nidle\n", "what is for nobody runs through");
}

/* --- wrong streams --------------------------------------------------------------------------------------------------- */

static void wrong_streams(void)
{
    anew();
    tv_buffer_text(&stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    means("broken\n", "another protocol");
    anew();
    request(1, "A", "b", "c");
    tv_buffer_append(&stream, "\2", 1);
    means("request 1 keep=1 params=\1\1Ab body=c\nbroken\n", "another version after a request");
    anew();
    fcgi_begin(&stream, 1, 1, true);
    fcgi_begin(&stream, 1, 1, true);
    means("broken\n", "the same request begun twice");
    anew();
    fcgi_begin(&stream, 0, 1, true);
    means("broken\n", "a request without a number");
    static const size_t lengths[] = {0, 1, 7, 9, 16, 1024, 1025, 1032, 3000, 65535};
    static const char zeros[65535] = {0, 1, 1};
    for (size_t i = 0; i < TV_COUNT(lengths); i++) {
        anew();
        fcgi_record(&stream, FCGI_BEGIN, 1, zeros, lengths[i], 0);
        /* every split of the long ones would take too long */
        if (lengths[i] < 2000) {
            means("broken\n", "a BEGIN of another length");
        } else {
            play(&log_whole, at_once, 0);
            ok(same_log(byte_by_byte, 0) && same_log(cut_at, 16) && same_log(cut_at, 8) &&
                   same_log(cut_at, 1040) && log_whole.length > 7 &&
                   memcmp(log_whole.data, "broken\n", 7) == 0,
               "a BEGIN of %zu bytes", lengths[i]);
        }
    }
    anew();
    fcgi_begin(&stream, 1, 1, true);
    fcgi_record(&stream, FCGI_PARAMS, 1, "ab", 2, 0);
    fcgi_record(&stream, FCGI_STDIN, 1, "x", 1, 0);
    means("broken\n", "a body before the parameters' end");
    anew();
    fcgi_begin(&stream, 1, 1, true);
    fcgi_record(&stream, FCGI_STDIN, 1, NULL, 0, 0);
    means("broken\n", "an empty one, too");
    static const int types[] = {FCGI_END, FCGI_STDOUT, FCGI_STDERR, 10, 11, 12, 0, 255};
    for (size_t i = 0; i < TV_COUNT(types); i++) {
        anew();
        fcgi_begin(&stream, 1, 1, true);
        fcgi_record(&stream, types[i], 1, "x", 1, 0);
        means("broken\n", "a record that no web server sends");
    }

    /* without a look at the replies: a peer that only asks */
    struct tv_fastcgi reader;
    tv_fastcgi_init(&reader, PARAMETERS_MAX, BODY_MAX);
    anew();
    fcgi_record(&stream, 77, 0, NULL, 0, 0);
    enum tv_fastcgi_state state = TV_FASTCGI_MORE;
    int asked = 0;
    for (; asked < 10000 && state != TV_FASTCGI_BROKEN; asked++) {
        size_t used;
        state = tv_fastcgi_feed(&reader, stream.data, stream.length, &used);
    }
    ok(asked > 200 && asked < 300, "who only asks and never reads is broken off: after %d questions", asked);
    tv_fastcgi_free(&reader);
}

static void random_streams(void)
{
    uint64_t random = 20260804;
    size_t different = 0, whole = 0;
    for (int i = 0; i < 20000; i++) {
        anew();
        size_t records = 1 + exact_random(&random) % 6;
        for (size_t j = 0; j < records; j++) {
            uint64_t dice = exact_random(&random);
            static const int types[] = {FCGI_BEGIN, FCGI_PARAMS,     FCGI_PARAMS, FCGI_STDIN,
                                        FCGI_ABORT, FCGI_GET_VALUES, FCGI_DATA};
            int id = (int)(dice >> 8) % 3;
            if (dice % 5 == 0)
                request(id, "NAME", "value", "body");
            else if (dice % 5 == 1)
                fcgi_begin(&stream, id, 1, true);
            else
                fcgi_record(&stream, types[(dice >> 16) % 7], id, "\1\1abcdefghij", (dice >> 24) % 12,
                            (dice >> 32) % 4);
        }
        if (i % 2) /* a byte goes wrong */
            stream.data[exact_random(&random) % stream.length] ^= (char)(1 + exact_random(&random) % 255);
        play(&log_whole, at_once, 0);
        whole += memmem(log_whole.data, log_whole.length, "request", 7) != NULL;
        different += !same_log(byte_by_byte, 0) || !same_log(at_random, 1 + (uint64_t)i);
    }
    is_number(different, 0, "twenty thousand random streams mean the same in any pieces");
    ok(whole > 1000, "%zu of them have requests", whole);
}

int main(void)
{
    tv_buffer_init(&stream, 1 << 20);
    tv_buffer_init(&log_whole, 1 << 20);
    tv_buffer_init(&log_cut, 1 << 20);
    tv_buffer_init(&replies, 1 << 20);
    right_streams();
    protocol();
    wrong_streams();
    random_streams();
    tv_buffer_free(&stream);
    tv_buffer_free(&log_whole);
    tv_buffer_free(&log_cut);
    tv_buffer_free(&replies);
    return done_testing();
}
