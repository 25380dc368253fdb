/*
 * watcher.c - a few looks at the clock, and what is made of them. Nothing here allocates, waits or fails.
 */
#include "watch/watcher.h"

#include <string.h>

#include "base/clock.h"
#include "watch/activity.h"

void tv_watcher_init(struct tv_watcher *watcher, struct tv_slot *slot)
{
    *watcher = (struct tv_watcher){.slot = slot};
}

/* --- time ------------------------------------------------------------------------------------------------------------- */

static void change_phase(struct tv_watcher *watcher, enum tv_phase phase, int64_t now_us)
{
    watcher->phase_us[watcher->phase] += now_us - watcher->marked_us;
    watcher->marked_us = now_us;
    watcher->phase = phase;
    atomic_store_explicit(&watcher->slot->activity.phase, phase, memory_order_relaxed);
}

/* Guard and cache are spans of their own; whoever leaves one enters what was before. */
static void change_span(struct tv_watcher *watcher, enum tv_phase phase)
{
    enum tv_span_kind kind = phase == TV_PHASE_GUARD ? TV_SPAN_GUARD : TV_SPAN_CACHE;
    struct tv_trace *trace = &watcher->trace;
    int64_t now = watcher->marked_us;
    if (phase == TV_PHASE_CACHE || (phase == TV_PHASE_GUARD && !tv_trace_is_in(trace, kind)))
        tv_trace_enter(trace, kind, now);
    else
        tv_trace_leave(trace, now);
}

enum tv_phase tv_watch_enter(struct tv_watcher *watcher, enum tv_phase phase)
{
    if (!watcher)
        return TV_PHASE_NONE;
    enum tv_phase before = watcher->phase;
    if (before != phase) {
        change_phase(watcher, phase, tv_clock_us());
        if (watcher->trace.recording)
            change_span(watcher, phase);
    }
    return before;
}

/* --- a request -------------------------------------------------------------------------------------------------------- */

void tv_watch_begin(struct tv_watcher *watcher)
{
    watcher->began_us = watcher->marked_us = tv_clock_us();
    watcher->phase = TV_PHASE_READ;
    memset(watcher->phase_us, 0, sizeof watcher->phase_us);
    watcher->slowest_us = -1;
    watcher->shape_length = 0;
}

void tv_watch_identify(struct tv_watcher *watcher, unsigned method, struct tv_slice id)
{
    tv_activity_begin(&watcher->slot->activity, watcher->began_us, method, id);
    atomic_store_explicit(&watcher->slot->activity.phase, watcher->phase, memory_order_relaxed);
}

void tv_watch_trace(struct tv_watcher *watcher, struct tv_slice traceparent, struct tv_slice tracestate,
                    struct tv_slice id, bool only_asked)
{
    tv_trace_begin(&watcher->trace, watcher->began_us, traceparent, tracestate, id, only_asked);
}

struct tv_slice tv_watch_trace_id(const struct tv_watcher *watcher, char out[TV_TRACE_ID_TEXT])
{
    if (!watcher->trace.known)
        return (struct tv_slice){0};
    tv_trace_id_write(watcher->trace.context.trace, out);
    return (struct tv_slice){out, TV_TRACE_ID_TEXT};
}

void tv_watch_route(struct tv_watcher *watcher, unsigned route)
{
    atomic_store_explicit(&watcher->slot->activity.route, route, memory_order_relaxed);
}

static unsigned status_class(const struct tv_outcome *outcome)
{
    int class = outcome->broken && outcome->status < 500 ? 5 : outcome->status / 100;
    return class < 2 ? 0 : class > 5 ? 3 : (unsigned)class - 2;
}

/* Hands the trace over; one that was kept stands for its request's bucket. */
static void end_trace(struct tv_watcher *watcher, const struct tv_outcome *outcome, uint64_t method,
                      int64_t took, int64_t whole)
{
    struct tv_trace_end end = {
        .route = outcome->route_name,
        .method = (unsigned)method,
        .status = outcome->status,
        .broken = outcome->broken,
        .took_us = took,
        .whole_us = whole,
        .queue_us = outcome->queue_us,
        .bytes_in = outcome->bytes_in,
        .bytes_out = outcome->bytes_out,
    };
    enum tv_trace_result result = tv_trace_end(&watcher->trace, &end);
    if (result == TV_TRACE_NOT_KEPT) {
        watcher->trace.known = watcher->trace.remote; /* else nobody will ever find it by its id */
        return;
    }
    tv_slot_add(watcher->slot, result == TV_TRACE_KEPT ? TV_COUNT_TRACES_KEPT : TV_COUNT_TRACES_DROPPED, 1);
    if (result == TV_TRACE_KEPT) {
        const uint64_t *trace = watcher->trace.context.trace;
        tv_exemplar_write(&watcher->slot->exemplars[tv_bucket_of(whole)],
                          &(struct tv_exemplar_view){.trace = {trace[0], trace[1]},
                                                     .us = whole,
                                                     .at_ms = tv_clock_wall_ms(),
                                                     .route = outcome->route});
    }
}

/* Waits that a session told may have been taken with a clock that ticks every few milliseconds. What they took too much of is given
 * back, so that no part of a request took less than nothing. */
static void settle_phases(struct tv_watcher *watcher)
{
    for (int phase = TV_PHASE_NONE + 1; phase < TV_PHASE_COUNT; phase++)
        if (watcher->phase_us[phase] < 0) {
            watcher->phase_us[TV_PHASE_STORE] += watcher->phase_us[phase];
            watcher->phase_us[phase] = 0;
        }
}

int64_t tv_watch_end(struct tv_watcher *watcher, const struct tv_outcome *outcome)
{
    struct tv_slot *slot = watcher->slot;
    struct tv_route_meter *route = &slot->meters.routes[outcome->route];
    uint64_t method = tv_word(&slot->activity.method);
    change_phase(watcher, TV_PHASE_NONE, tv_clock_us());
    settle_phases(watcher);
    int64_t took = watcher->marked_us - watcher->began_us;
    int64_t whole = took + (outcome->queue_us > 0 ? outcome->queue_us : 0);
    tv_word_add(&route->requests[method ? __builtin_ctzll(method) : TV_METHODS - 1][status_class(outcome)],
                1);
    tv_histogram_observe(&route->duration, whole);
    if (outcome->queue_us >= 0)
        tv_histogram_observe(&slot->meters.queue, outcome->queue_us);
    tv_slot_add(slot, TV_COUNT_BYTES_IN, outcome->bytes_in);
    tv_slot_add(slot, TV_COUNT_BYTES_OUT, outcome->bytes_out);
    tv_slot_add(slot, TV_COUNT_BUSY_US, (uint64_t)took);
    tv_word_add(&slot->requests, 1);
    if (watcher->trace.recording)
        end_trace(watcher, outcome, method, took, whole);
    tv_activity_end(&slot->activity);
    return whole;
}

/* --- stores ----------------------------------------------------------------------------------------------------------- */

void tv_watch_call(struct tv_watcher *watcher, struct tv_call *call, uint64_t count)
{
    call->began_us = tv_clock_us();
    call->before = TV_PHASE_NONE;
    call->span = 0;
    if (!watcher)
        return;
    tv_word_add(&watcher->slot->meters.stores[call->store].calls, count);
    tv_activity_statement(&watcher->slot->activity, call->shape);
    call->before = watcher->phase;
    if (watcher->phase != TV_PHASE_CACHE) /* the cache's questions are its own time */
        change_phase(watcher, TV_PHASE_STORE, call->began_us);
    if (watcher->trace.recording)
        call->span = tv_trace_call(&watcher->trace, call->store, call->verb, call->on, call->shape, count,
                                   call->began_us);
}

void tv_watch_called(struct tv_watcher *watcher, struct tv_call *call, const struct tv_error *failure)
{
    if (!watcher)
        return;
    int64_t now = tv_clock_us(), took = now - call->began_us;
    tv_histogram_observe(&watcher->slot->meters.stores[call->store].duration, took);
    if (call->waits)
        tv_word_add(&watcher->slot->meters.stores[call->store].wait_us, (uint64_t)took);
    if (watcher->phase != call->before)
        change_phase(watcher, call->before, now);
    if (call->span)
        tv_trace_called(&watcher->trace, call->span, failure, now);
    if (took > watcher->slowest_us) {
        watcher->slowest_us = took;
        watcher->shape_length = call->shape.length < TV_SHAPE_MAX ? call->shape.length : TV_SHAPE_MAX;
        if (watcher->shape_length > 0)
            memcpy(watcher->shape, call->shape.data, watcher->shape_length);
    }
}

struct tv_reach tv_watch_reach(struct tv_watcher *watcher, unsigned store)
{
    struct tv_reach reach = {.store = store, .began_us = tv_clock_us()};
    if (!watcher)
        return reach;
    reach.before = watcher->phase;
    if (watcher->phase != TV_PHASE_CACHE)
        change_phase(watcher, TV_PHASE_STORE, reach.began_us);
    return reach;
}

int64_t tv_watch_reached(struct tv_watcher *watcher, const struct tv_reach *reach)
{
    int64_t now = tv_clock_us(), took = now - reach->began_us;
    if (!watcher)
        return took;
    tv_word_add(&watcher->slot->meters.stores[reach->store].wait_us, (uint64_t)took);
    if (watcher->phase != reach->before)
        change_phase(watcher, reach->before, now);
    return took;
}

void tv_watch_waited(struct tv_watcher *watcher, unsigned store, int64_t us)
{
    if (!watcher)
        return;
    tv_word_add(&watcher->slot->meters.stores[store].wait_us, (uint64_t)us);
    if (watcher->phase != TV_PHASE_STORE && watcher->phase != TV_PHASE_CACHE) {
        watcher->phase_us[TV_PHASE_STORE] += us; /* between calls: more rows */
        watcher->phase_us[watcher->phase] -= us;
    }
}

void tv_watch_connection(struct tv_watcher *watcher, unsigned store, bool open)
{
    if (!watcher)
        return;
    tv_word_add(&watcher->slot->connections[store], open ? 1 : (uint64_t)-1);
    if (open)
        tv_word_add(&watcher->slot->meters.stores[store].connects, 1);
}

void tv_watch_refused(struct tv_watcher *watcher)
{
    if (watcher && watcher->phase != TV_PHASE_CACHE)
        tv_slot_add(watcher->slot, TV_COUNT_SHED_BREAKER, 1);
}

void tv_watch_store_error(struct tv_watcher *watcher, unsigned store)
{
    if (watcher)
        tv_word_add(&watcher->slot->meters.stores[store].errors, 1);
}
