/*
 * ring.c - tests of traces in shared memory: whole records or none, whoever is killed when, and files that are none of ours.
 */
#include "watch/ring.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tap.h"
#include "watch/trace.h"

static char directory[] = "/tmp/tv-ring.XXXXXX";
static uint64_t out[TV_RECORD_MAX / 8];

/* A record with a text of so many bytes, all of them the letter. */
static size_t make_record(uint64_t record[TV_RECORD_MAX / 8], char letter, size_t text)
{
    struct tv_trace_record *head = (struct tv_trace_record *)record;
    size_t length = sizeof *head + text, whole = (length + 7) / 8 * 8;
    memset(record, 0, whole);
    head->size = (uint32_t)whole;
    head->text = (uint32_t)text;
    head->trace[1] = head->span = (uint64_t)letter;
    head->route = (struct tv_record_text){0, (uint16_t)text};
    memset(head + 1, letter, text);
    return whole;
}

static bool is_whole(const struct tv_record_view *view)
{
    struct tv_slice text = tv_record_slice(view, view->head->route);
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] != (char)view->head->span)
            return false;
    return true;
}

static struct tv_rings *fresh(const char *pool)
{
    struct tv_error error;
    struct tv_rings *rings = tv_rings_create(directory, pool, 4, 65536, &error);
    ok(rings != NULL, "rings are made");
    return rings;
}

/* Reads and releases all; the records that were whole. -1: something was not. */
static int drain(struct tv_rings *rings, size_t place)
{
    uint64_t at = atomic_load(&rings->rings[place].tail);
    struct tv_record_view view;
    bool broken;
    int count = 0;
    while (tv_ring_read(rings, place, &at, out, &view, &broken)) {
        if (!is_whole(&view))
            return -1;
        count++;
    }
    tv_ring_release(rings, place, at);
    return broken ? -1 : count;
}

static void round_and_round(void)
{
    struct tv_rings *writer = fresh("kv");
    struct tv_error error;
    struct tv_rings *reader = tv_rings_open(directory, "kv", &error);
    uint64_t record[TV_RECORD_MAX / 8];
    int written = 0, read = 0;
    if (!ok(writer && reader, "both sides map the file"))
        return;
    for (int i = 0; i < 2000; i++) {
        size_t length = make_record(record, (char)('a' + i % 26), (size_t)i * 37 % 3000);
        written += tv_ring_write(writer, 1, record, length);
        if (i % 7 == 0)
            read += drain(reader, 1);
    }
    read += drain(reader, 1);
    is_number(written, 2000, "all were written, many times round the end");
    is_number(read, 2000, "and all were read, whole");
    is_number(drain(reader, 0), 0, "another place has none of them");
    int held = 0;
    size_t length = make_record(record, 'x', 1000);
    while (tv_ring_write(writer, 2, record, length))
        held++;
    ok(held > 50 && (size_t)held * length <= 65536, "a full ring takes no more: %d", held);
    is_number(drain(reader, 2), held, "what it had is whole");
    ok(tv_ring_write(writer, 2, record, length), "and then there is room again");
    tv_rings_close(reader);
    tv_rings_close(writer);
}

static void killed_writer(void)
{
    struct tv_rings *rings = fresh("killed");
    int whole = 0, torn = 0;
    for (int i = 0; i < 40; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            uint64_t record[TV_RECORD_MAX / 8];
            for (unsigned n = 0;; n++)
                (void)!tv_ring_write(rings, 0, record,
                                     make_record(record, (char)('a' + n % 26), n * 131 % 6000));
        }
        int64_t until = tv_clock_us() + 500 + i * 150;
        while (tv_clock_us() < until) {
            int count = drain(rings, 0);
            torn += count < 0;
            whole += count > 0 ? count : 0;
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        int count = drain(rings, 0);
        torn += count < 0;
        whole += count > 0 ? count : 0;
    }
    is_number(torn, 0, "a writer that is killed leaves nothing torn");
    ok(whole > 40, "and many whole ones: %d", whole);
    tv_rings_close(rings);
}

static void killed_reader(void)
{
    struct tv_rings *rings = fresh("reader");
    uint64_t record[TV_RECORD_MAX / 8];
    int seen[2];
    if (pipe(seen) != 0)
        return;
    for (int i = 0; i < 20; i++)
        (void)!tv_ring_write(rings, 0, record, make_record(record, 'r', 100));
    pid_t pid = fork();
    if (pid == 0) { /* reads, and dies before it has released */
        uint64_t at = 0;
        struct tv_record_view view;
        bool broken;
        while (tv_ring_read(rings, 0, &at, out, &view, &broken))
            ;
        (void)!write(seen[1], "", 1);
        pause();
    }
    char byte;
    ok(read(seen[0], &byte, 1) == 1, "a reader has read");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    is_number(drain(rings, 0), 20, "what it had not released is there for the next");
    tv_rings_close(rings);
}

/* --- a worker's traces, from two threads of a process ----------------------------------------------------------------- */

#define EACH 300

static struct tv_tracer tracer = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct tv_trace_settings settings = {.recording = true, .tail = true};

static void one_request(struct tv_trace *trace, const char *route)
{
    static const struct tv_error failure = {.status = 504, .native = 7};
    int64_t now = tv_clock_us();
    tv_trace_begin(trace, now, TV_SLICE(""), TV_SLICE(""), TV_SLICE("request"), false);
    tv_trace_enter(trace, TV_SPAN_GUARD, now + 1);
    tv_trace_leave(trace, now + 2);
    tv_trace_enter(trace, TV_SPAN_CACHE, now + 3);
    unsigned call = tv_trace_call(trace, 2, "GET", TV_SLICE("things"), TV_SLICE("GET"), 1, now + 4);
    tv_trace_called(trace, call, NULL, now + 5);
    tv_trace_leave(trace, now + 6);
    call = tv_trace_call(trace, 0, "SELECT", TV_SLICE(""), TV_SLICE("SELECT ?"), 3, now + 7);
    tv_trace_called(trace, call, &failure, now + 9);
    struct tv_trace_end end = {.route = route, .method = 1, .status = 200, .took_us = 10, .queue_us = -1};
    while (tv_trace_end(trace, &end) == TV_TRACE_DROPPED)
        return;
}

static void *work(void *route)
{
    struct tv_trace trace;
    tv_trace_init(&trace, &settings, &tracer, 1000000);
    for (int i = 0; i < EACH; i++)
        one_request(&trace, route);
    tv_trace_free(&trace);
    return NULL;
}

static bool is_as_made(const struct tv_record_view *view)
{
    const struct tv_span_record *spans = view->spans;
    return view->head->spans == 4 && view->head->lost == 0 && view->head->took_us == 10 &&
           spans[0].kind == TV_SPAN_GUARD && spans[0].parent == 0 && spans[0].took_us == 1 &&
           spans[1].kind == TV_SPAN_CACHE && spans[1].parent == 0 && spans[1].took_us == 3 &&
           spans[2].kind == TV_SPAN_CALL && spans[2].parent == 2 && spans[2].failure == 0 &&
           spans[2].batch == 0 && tv_slice_is(tv_record_slice(view, spans[2].on), "things") &&
           spans[3].parent == 0 && spans[3].failure == 504 && spans[3].native == 7 && spans[3].batch == 3 &&
           tv_slice_is(tv_record_slice(view, spans[3].shape), "SELECT ?") &&
           tv_slice_is(tv_record_slice(view, view->head->id), "request") &&
           (tv_slice_is(tv_record_slice(view, view->head->route), "/a") ||
            tv_slice_is(tv_record_slice(view, view->head->route), "/bb"));
}

static void two_threads(void)
{
    pthread_t threads[2];
    static char routes[2][4] = {"/a", "/bb"};
    struct tv_error error;
    tracer.rings = tv_rings_create(directory, "threads", 2, 1 << 20, &error);
    tracer.place = 1;
    for (size_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, routes[i]);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    uint64_t at = 0, last = 0;
    struct tv_record_view view;
    bool broken;
    int count = 0, good = 0, same = 0;
    while (tv_ring_read(tracer.rings, 1, &at, out, &view, &broken)) {
        count++;
        good += is_as_made(&view);
        same += view.head->span == last;
        last = view.head->span;
    }
    is_number(count, 2 * EACH, "two threads' traces are all there");
    is_number(good, 2 * EACH, "each as it was made");
    is_number(same + broken, 0, "ids differ, nothing is broken");
    tv_rings_close(tracer.rings);
}

static void too_much(void)
{
    struct tv_trace trace;
    struct tv_error error;
    struct tv_record_view view;
    static char shape[5000];
    uint64_t at = 0;
    bool broken;
    memset(shape, 'S', sizeof shape);
    tracer.rings = tv_rings_create(directory, "much", 2, 1 << 20, &error);
    tv_trace_init(&trace, &settings, &tracer, 1000000);
    tv_trace_begin(&trace, 0, TV_SLICE(""), TV_SLICE(""), TV_SLICE("id"), false);
    for (int i = 0; i < 100; i++)
        tv_trace_called(
            &trace,
            tv_trace_call(&trace, 0, "SELECT", TV_SLICE("t"), (struct tv_slice){shape, sizeof shape}, 1, i),
            NULL, i + 1);
    tv_trace_enter(&trace, TV_SPAN_CACHE, 100); /* finds no room, so there is nothing to leave */
    tv_trace_leave(&trace, 101);
    struct tv_trace_end end = {.route = "/r", .method = 1, .status = 500, .took_us = 200, .queue_us = 5};
    is_number(tv_trace_end(&trace, &end), TV_TRACE_KEPT, "a request of a hundred long calls is kept");
    ok(tv_ring_read(tracer.rings, 1, &at, out, &view, &broken), "and read");
    is_number(view.head->spans, TV_SPANS_MAX, "as many spans as there is room for");
    is_number(view.head->lost, 101 - TV_SPANS_MAX, "the others are counted");
    is_number(view.spans[0].shape.length, TV_SPAN_SHAPE_MAX, "a long shape is cut");
    ok(view.head->text <= TV_SPAN_TEXT_MAX, "texts have their bound");
    tv_trace_free(&trace);
    tv_rings_close(tracer.rings);
}

/* --- what is no record, and no file of ours --------------------------------------------------------------------------- */

static void noise(void)
{
    uint64_t record[TV_RECORD_MAX / 8];
    struct tv_record_view view;
    int believed = 0, harmless = 0;
    srandom(7);
    for (int i = 0; i < 20000; i++) { /* one word of a good record is changed */
        size_t length = make_record(record, 'n', 200);
        ((struct tv_trace_record *)record)->spans = 1; /* the text's first bytes now stand for a span */
        record[(size_t)random() % (length / 8)] = (uint64_t)random() << 33 ^ (uint64_t)random();
        if (!tv_record_check(record, length, &view))
            continue;
        believed++;
        harmless += view.text + view.head->text <= (const char *)record + length;
    }
    is_number(believed, harmless, "what is believed points at nothing outside");
    struct tv_rings *rings = fresh("noise");
    for (int i = 0; i < 200; i++) {
        uint64_t at = atomic_load(&rings->rings[0].tail);
        bool broken;
        for (size_t n = 0; n < 512; n++)
            record[n] = (uint64_t)random() << 33 ^ (uint64_t)random();
        record[0] &= 0x0000000000000fff; /* a size that might be one */
        (void)!tv_ring_write(rings, 0, record, 4096);
        while (tv_ring_read(rings, 0, &at, out, &view, &broken))
            ;
        tv_ring_release(rings, 0, at);
    }
    uint64_t good[TV_RECORD_MAX / 8];
    ok(tv_ring_write(rings, 0, good, make_record(good, 'g', 10)), "after noise there is room");
    is_number(drain(rings, 0), 1, "and a good record is read");
    atomic_store(&rings->rings[0].head, UINT64_MAX / 2);
    is_number(drain(rings, 0), -1, "marks that make no sense are told");
    is_number(drain(rings, 0), 0, "and passed");
    tv_rings_close(rings);
}

static void foreign(void)
{
    struct tv_error error;
    char path[128];
    static const size_t sizes[] = {0, 1, 4096, 70000};
    for (size_t i = 0; i < TV_COUNT(sizes); i++) {
        snprintf(path, sizeof path, "%s/foreign.spans", directory);
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        ok(fd >= 0 && ftruncate(fd, (off_t)sizes[i]) == 0 && !tv_rings_open(directory, "foreign", &error),
           "a file of %zu bytes is none", sizes[i]);
        close(fd);
    }
    struct tv_rings *rings = fresh("cut");
    snprintf(path, sizeof path, "%s/cut.spans", directory);
    ok(truncate(path, (off_t)(rings->size - 4096)) == 0 && !tv_rings_open(directory, "cut", &error),
       "one that was cut off is none");
    tv_rings_close(rings);
    ok(!tv_rings_open(directory, "nowhere", &error), "nor one that is not there");
}

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    round_and_round();
    killed_writer();
    killed_reader();
    two_threads();
    too_much();
    noise();
    foreign();
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command) == 0 ? done_testing() : 1;
}
