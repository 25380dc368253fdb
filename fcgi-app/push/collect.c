/*
 * collect.c - finding rings, reading them in turn, giving room back.
 */
#include "collect.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "spans.h"

#define BATCH_BYTES (4 << 20)

/* --- which pools there are -------------------------------------------------------------------------------------------- */

static void start_at_tails(struct source *source)
{
    for (size_t place = 0; place < source->rings->places && place < TV_PROCESSES_MAX; place++)
        source->at[place] = tv_word(&source->rings->rings[place].tail);
}

/* Another file of the same name is another pool's run. */
static bool is_known(struct collector *collector, const struct tv_rings *rings)
{
    for (size_t i = 0; i < collector->count; i++) {
        struct source *source = &collector->sources[i];
        if (strcmp(source->rings->pool, rings->pool) != 0)
            continue;
        if (source->rings->master_pid == rings->master_pid && source->rings->made_us == rings->made_us)
            return true;
        source->replaced = true;
    }
    return false;
}

static void found_pool(void *context, const char *pool)
{
    struct collector *collector = context;
    struct tv_error error;
    struct tv_rings *rings = tv_rings_open(collector->directory, pool, &error);
    if (!rings)
        return; /* it records nothing, or is of another version */
    if (is_known(collector, rings) || collector->count == COLLECT_POOLS_MAX ||
        rings->places > TV_PROCESSES_MAX) {
        tv_rings_close(rings);
        return;
    }
    struct source *source = &collector->sources[collector->count++];
    *source = (struct source){.rings = rings};
    start_at_tails(source);
    tv_log(TV_LOG_INFO, "push.pool", "traces of %s, process %llu", pool,
           (unsigned long long)rings->master_pid);
}

static bool is_empty(const struct tv_rings *rings)
{
    for (size_t place = 0; place < rings->places; place++)
        if (tv_word(&rings->rings[place].head) != tv_word(&rings->rings[place].tail))
            return false;
    return true;
}

/* A pool that was started anew while the old one drained: both write, each its own file. */
static void forget_ended(struct collector *collector)
{
    for (size_t i = 0; i < collector->count;) {
        struct source *source = &collector->sources[i];
        bool writes = kill((pid_t)source->rings->master_pid, 0) == 0 || errno == EPERM;
        if (!source->replaced || writes || !is_empty(source->rings)) {
            i++;
            continue;
        }
        tv_rings_close(source->rings);
        collector->sources[i] = collector->sources[--collector->count];
    }
}

void collector_look(struct collector *collector)
{
    struct tv_error error;
    if (!tv_scoreboard_list(collector->directory, found_pool, collector, &error))
        tv_log(TV_LOG_DEBUG, "push.look", "%s", error.message);
    forget_ended(collector);
}

void collector_free(struct collector *collector)
{
    for (size_t i = 0; i < collector->count; i++)
        tv_rings_close(collector->sources[i].rings);
    collector->count = 0;
}

unsigned collector_pressure(const struct collector *collector)
{
    uint64_t most = 0;
    for (size_t i = 0; i < collector->count; i++) {
        const struct tv_rings *rings = collector->sources[i].rings;
        for (size_t place = 0; place < rings->places; place++) {
            uint64_t waiting = tv_word(&rings->rings[place].head) - tv_word(&rings->rings[place].tail);
            uint64_t share = waiting * 1000 / rings->ring_size + (waiting > 0);
            most = share > most ? share : most;
        }
    }
    return most > 1000 ? 1000 : (unsigned)most;
}

/* --- a batch ---------------------------------------------------------------------------------------------------------- */

struct batch {
    struct otlp otlp;
    const struct resource *resource;
    unsigned spans, spans_max;
};

/* The message begins with its first trace: an empty one is never sent. */
static void add_trace(struct batch *batch, const struct tv_record_view *trace, const char *pool)
{
    static const struct otlp_field RESOURCE_SPANS = {1, "resourceSpans"}, SCOPE_SPANS = {2, "scopeSpans"},
                                   SPANS = {2, "spans"};
    if (batch->spans == 0) {
        resource_open(&batch->otlp, batch->resource, &RESOURCE_SPANS, &SCOPE_SPANS);
        otlp_list(&batch->otlp, &SPANS);
    }
    spans_write(&batch->otlp, trace, pool);
    batch->spans += 1u + trace->head->spans;
}

static bool is_full(const struct batch *batch)
{
    return batch->spans >= batch->spans_max || batch->otlp.out->length >= BATCH_BYTES;
}

static void read_ring(struct source *source, size_t place, struct batch *batch)
{
    uint64_t record[TV_RECORD_MAX / 8];
    struct tv_record_view trace;
    bool broken = false;
    while (!is_full(batch) && tv_ring_read(source->rings, place, &source->at[place], record, &trace, &broken))
        add_trace(batch, &trace, source->rings->pool);
    if (broken)
        tv_log(TV_LOG_ERROR, "push.ring", "%s: what waited in ring %zu was no trace; it is skipped",
               source->rings->pool, place);
}

bool collector_take(struct collector *collector, const struct resource *resource, enum otlp_writing writing,
                    unsigned spans_max, struct tv_buffer *out)
{
    struct batch batch = {.resource = resource, .spans_max = spans_max};
    otlp_start(&batch.otlp, writing, out);
    for (size_t i = 0; i < collector->count; i++) {
        struct source *source = &collector->sources[(collector->turn + i) % collector->count];
        for (size_t place = 0; place < source->rings->places && !is_full(&batch); place++)
            read_ring(source, place, &batch);
    }
    collector->turn++;
    if (batch.spans == 0) {
        collector_release(collector); /* what was skipped */
        tv_buffer_reset(out, 0);
        return false;
    }
    otlp_list_end(&batch.otlp);
    resource_close(&batch.otlp);
    return otlp_end(&batch.otlp);
}

void collector_release(struct collector *collector)
{
    for (size_t i = 0; i < collector->count; i++)
        for (size_t place = 0; place < collector->sources[i].rings->places; place++)
            tv_ring_release(collector->sources[i].rings, place, collector->sources[i].at[place]);
}
