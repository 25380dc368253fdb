/*
 * frame.c - one picture of all pools: rates since the last one, and the requests that take longest now.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool.h"

/* Keeps the longest ones, in order. */
static void keep_slow(void *context, const struct worker_view *worker)
{
    struct frame *frame = context;
    size_t at = frame->slow_count;
    if (worker->elapsed_us < 0)
        return;
    while (at > 0 && frame->slowest[at - 1].elapsed_us < worker->elapsed_us)
        at--;
    if (at == TV_COUNT(frame->slowest))
        return;
    size_t moved = frame->slow_count - at - (frame->slow_count == TV_COUNT(frame->slowest));
    memmove(&frame->slowest[at + 1], &frame->slowest[at], moved * sizeof *frame->slowest);
    frame->slowest[at] = *worker;
    if (frame->slow_count < TV_COUNT(frame->slowest))
        frame->slow_count++;
}

static const struct reading *reading_of(const struct frame *frame, const char *pool)
{
    for (size_t i = 0; frame && i < frame->pools; i++)
        if (strcmp(frame->readings[i].pool, pool) == 0)
            return &frame->readings[i];
    return NULL;
}

bool frame_take(struct frame *frame, const struct frame *before, const char *directory,
                struct tv_error *error)
{
    struct boards boards;
    frame->seconds = 0;
    frame->pools = frame->slow_count = 0;
    if (!boards_open(&boards, directory, NULL, error))
        return false;
    for (size_t i = 0; i < boards.count; i++) {
        struct reading *reading = &frame->readings[frame->pools];
        struct change *change = &frame->changes[frame->pools++];
        reading_take(reading, boards.list[i]);
        const struct reading *last = reading_of(before, reading->pool);
        change_between(change, last, reading);
        if (last && change->seconds > frame->seconds)
            frame->seconds = change->seconds;
        if (reading->state == POOL_RUNNING)
            each_worker(boards.list[i], keep_slow, frame);
    }
    boards_close(&boards);
    return true;
}

/* --- text ------------------------------------------------------------------------------------------------------------- */

static const char *const pool_heads[] = {"<POOL", ">PROC", ">WORKERS", ">REQ/S",    ">P50",
                                         ">P95",  ">P99",  ">QUEUE",   ">WAIT95",   ">SHED/S",
                                         ">5XX%", ">HIT%", ">CONNS",   "<BREAKERS", NULL};
static const char *const slow_heads[] = {"<ELAPSED", "<POOL",   "<PHASE",      "<METHOD",    "<ROUTE",
                                         ">PROCESS", ">WORKER", "<REQUEST-ID", "<STATEMENT", NULL};

static void write_breakers(struct table *table, const struct reading *reading)
{
    static const char marks[] = {'.', 'O', 'h', '?'}; /* closed, open, half-open */
    char text[TV_STORE_COUNT * 16] = "";
    size_t used = 0;
    for (int store = 0; store < TV_STORE_COUNT; store++)
        if (reading->stores_used & 1u << store)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s:%c", used ? " " : "",
                                     tv_store_name((enum tv_store)store), marks[reading->breakers[store]]);
    table_cell(table, "%s", used ? text : "-");
}

static void write_share(struct table *table, double share)
{
    if (share < 0)
        table_cell(table, "-");
    else
        table_cell(table, "%.1f", share * 100);
}

static void write_pool(struct table *table, const struct reading *reading, const struct change *change)
{
    char text[16];
    table_cell(table, "%s%s", reading->pool,
               reading->state == POOL_RUNNING   ? ""
               : reading->state == POOL_STOPPED ? " (stopped)"
                                                : " (dead)");
    table_cell(table, "%llu/%llu", (unsigned long long)reading->processes,
               (unsigned long long)reading->processes_wanted);
    table_cell(table, "%llu/%llu/%llu", (unsigned long long)reading->busy,
               (unsigned long long)reading->workers, (unsigned long long)reading->workers_max);
    table_cell(table, change->requests < 99.95 ? "%.1f" : "%.0f", change->requests);
    table_cell(table, "%s", duration_text(change->p50_us, text));
    table_cell(table, "%s", duration_text(change->p95_us, text));
    table_cell(table, "%s", duration_text(change->p99_us, text));
    if (reading->queue_known)
        table_cell(table, "%u", reading->queue);
    else
        table_cell(table, "-");
    table_cell(table, "%s", duration_text(change->queue_p95_us, text));
    table_cell(table, "%.1f", change->shed);
    write_share(table, change->failed_share);
    write_share(table, change->hit_share);
    table_cell(table, "%llu/%llu", (unsigned long long)reading->connections,
               (unsigned long long)reading->connections_max);
    write_breakers(table, reading);
}

static void write_slow(struct table *table, const struct worker_view *worker)
{
    char text[16];
    table_cell(table, "%s", duration_text((double)worker->elapsed_us, text));
    table_cell(table, "%s", worker->pool);
    table_cell(table, "%s", worker->phase);
    table_cell(table, "%s", worker->method);
    table_cell(table, "%s", worker->route);
    table_cell(table, "%llu", (unsigned long long)worker->pid);
    table_cell(table, "%u", worker->place);
    table_cell(table, "%s", worker->id);
    table_cell(table, "%s", worker->shape);
}

static void write_line(struct tv_buffer *out, size_t width, const char *end, const char *text)
{
    size_t length = strlen(text);
    tv_buffer_append(out, text, width > 0 && width < length ? width : length);
    tv_buffer_text(out, end);
}

static void write_head(const struct frame *frame, struct tv_buffer *out, size_t width, const char *end)
{
    char line[160], when[16];
    time_t now = time(NULL);
    struct tm local;
    strftime(when, sizeof when, "%H:%M:%S", localtime_r(&now, &local));
    snprintf(line, sizeof line, "trivet-ops top  %s  %zu pools, rates of the last %.1f s", when, frame->pools,
             frame->seconds);
    write_line(out, width, end, line);
}

void frame_write_text(const struct frame *frame, struct tv_buffer *out, size_t lines, size_t width,
                      const char *end)
{
    struct table table;
    size_t limit = lines == 0 ? SIZE_MAX : lines;
    write_head(frame, out, width, end);
    table_start(&table, pool_heads);
    for (size_t i = 0; i < frame->pools; i++)
        write_pool(&table, &frame->readings[i], &frame->changes[i]);
    table_finish(&table, out, limit > 1 ? limit - 1 : 0, width, end);
    size_t used = 1 + 1 + frame->pools;
    if (limit < used + 3)
        return;
    write_line(out, width, end, "");
    write_line(out, width, end,
               frame->slow_count ? "Requests that take longest now" : "No request is being answered");
    if (frame->slow_count == 0)
        return;
    table_start(&table, slow_heads);
    for (size_t i = 0; i < frame->slow_count; i++)
        write_slow(&table, &frame->slowest[i]);
    table_finish(&table, out, limit - used - 2, width, end);
}
