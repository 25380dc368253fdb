/*
 * trace.c - spans of one request, and the hand-over. Nothing here allocates once the thread runs, and nothing waits but for
 * another thread's copying.
 */
#include "watch/trace.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

struct tv_recording {
    const struct tv_trace_settings *settings;
    struct tv_tracer *tracer;
    int64_t slow_us;
    /* of the request under way */
    bool on;
    bool sampled;
    int64_t began_us;
    struct tv_slice request_id, state; /* borrowed */
    unsigned open;                     /* number of the innermost part; 0: the request itself */
    unsigned count, lost;
    size_t text_length;
    struct tv_span_record spans[TV_SPANS_MAX];
    char text[TV_SPAN_TEXT_MAX];
};

/* --- ids -------------------------------------------------------------------------------------------------------------- */

static uint64_t rotate(uint64_t value, int by)
{
    return value << by | value >> (64 - by);
}

/* xoshiro256**: ids must be unlikely to meet, not hard to guess. */
static uint64_t draw(uint64_t state[4])
{
    uint64_t result = rotate(state[1] * 5, 7) * 9, shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
}

static uint64_t draw_id(struct tv_trace *trace)
{
    uint64_t id;
    do
        id = draw(trace->random);
    while (id == 0); /* which stands for none */
    return id;
}

void tv_trace_init(struct tv_trace *trace, const struct tv_trace_settings *settings, struct tv_tracer *tracer,
                   int64_t slow_ms)
{
    *trace = (struct tv_trace){.recording = NULL};
    /* by each thread, so after the fork: two processes never draw the same numbers */
    if (getrandom(trace->random, sizeof trace->random, 0) != sizeof trace->random) {
        trace->random[0] = (uint64_t)tv_clock_us();
        trace->random[1] = (uint64_t)(uintptr_t)trace | 1;
    }
    if (!tracer->rings || !settings->recording)
        return;
    trace->recording = calloc(1, sizeof *trace->recording);
    if (!trace->recording)
        return;
    trace->recording->settings = settings;
    trace->recording->tracer = tracer;
    trace->recording->slow_us = slow_ms * 1000;
}

void tv_trace_free(struct tv_trace *trace)
{
    free(trace->recording);
    trace->recording = NULL;
}

/* --- the request ------------------------------------------------------------------------------------------------------ */

void tv_trace_begin(struct tv_trace *trace, int64_t now_us, struct tv_slice traceparent,
                    struct tv_slice tracestate, struct tv_slice request_id, bool only_asked)
{
    struct tv_recording *recording = trace->recording;
    trace->remote = tv_traceparent_read(traceparent, &trace->context);
    trace->known = trace->remote || (recording && !only_asked);
    if (recording)
        recording->on = false;
    if (!trace->known)
        return;
    trace->parent = trace->remote ? trace->context.span : 0;
    if (!recording)
        return; /* the log names the caller's trace, which goes no further */
    if (!trace->remote) {
        trace->context.trace[0] = draw_id(trace);
        trace->context.trace[1] = draw_id(trace);
        trace->context.flags = TV_TRACE_RANDOM;
    }
    trace->context.span = draw_id(trace);
    recording->sampled = tv_sampler_takes(&recording->settings->sampler, trace->context.trace, trace->remote,
                                          trace->context.flags & TV_TRACE_SAMPLED);
    trace->context.flags =
        (uint8_t)((trace->context.flags & TV_TRACE_RANDOM) | (recording->sampled ? TV_TRACE_SAMPLED : 0));
    recording->on = recording->sampled || recording->settings->tail;
    recording->began_us = now_us;
    recording->request_id = tv_slice_cut(request_id, 0, TV_TRACE_WORD_MAX);
    /* a list that was cut in the middle would say something else */
    recording->state =
        trace->remote && tracestate.length <= TV_TRACESTATE_MAX ? tracestate : (struct tv_slice){0};
    recording->open = recording->count = recording->lost = 0;
    recording->text_length = 0;
}

bool tv_trace_response(const struct tv_trace *trace, char out[TV_TRACEPARENT + 1])
{
    if (!trace->known || !trace->recording || !(trace->remote || trace->recording->sampled))
        return false;
    tv_traceparent_write(&trace->context, out);
    return true;
}

/* --- spans ------------------------------------------------------------------------------------------------------------ */

static bool is_on(const struct tv_trace *trace)
{
    return trace->recording && trace->recording->on;
}

static struct tv_record_text put_text(struct tv_recording *recording, struct tv_slice text, size_t most)
{
    size_t length = text.length < most ? text.length : most;
    struct tv_record_text place = {(uint16_t)recording->text_length, (uint16_t)length};
    if (length > TV_SPAN_TEXT_MAX - recording->text_length) /* the span says less, but is there */
        place.length = 0;
    if (place.length > 0)
        memcpy(recording->text + recording->text_length, text.data, length);
    recording->text_length += place.length;
    return place;
}

/* NULL when there is no room. */
static struct tv_span_record *add_span(struct tv_recording *recording, enum tv_span_kind kind, int64_t now_us)
{
    if (recording->count == TV_SPANS_MAX) {
        recording->lost++;
        return NULL;
    }
    struct tv_span_record *span = &recording->spans[recording->count++];
    memset(span, 0, sizeof *span);
    span->kind = (uint8_t)kind;
    span->parent = recording->open;
    span->start_us = now_us - recording->began_us;
    span->took_us = -1; /* open */
    return span;
}

static void close_span(struct tv_recording *recording, struct tv_span_record *span, int64_t now_us)
{
    span->took_us = now_us - recording->began_us - span->start_us;
}

void tv_trace_enter(struct tv_trace *trace, enum tv_span_kind kind, int64_t now_us)
{
    if (is_on(trace) && add_span(trace->recording, kind, now_us))
        trace->recording->open = trace->recording->count;
}

void tv_trace_leave(struct tv_trace *trace, int64_t now_us)
{
    if (!is_on(trace) || trace->recording->open == 0)
        return;
    struct tv_span_record *span = &trace->recording->spans[trace->recording->open - 1];
    close_span(trace->recording, span, now_us);
    trace->recording->open = span->parent;
}

bool tv_trace_is_in(const struct tv_trace *trace, enum tv_span_kind kind)
{
    if (!is_on(trace))
        return false;
    unsigned number = trace->recording->open;
    while (number > 0 && trace->recording->spans[number - 1].kind != kind)
        number = trace->recording->spans[number - 1].parent;
    return number > 0;
}

unsigned tv_trace_call(struct tv_trace *trace, unsigned store, const char *verb, struct tv_slice on,
                       struct tv_slice shape, uint64_t batch, int64_t now_us)
{
    struct tv_recording *recording = trace->recording;
    struct tv_span_record *span = is_on(trace) ? add_span(recording, TV_SPAN_CALL, now_us) : NULL;
    if (!span)
        return 0;
    span->store = (uint8_t)store;
    span->batch = batch > 1 ? (uint32_t)batch : 0;
    span->verb = put_text(recording, tv_slice_of(verb), TV_TRACE_WORD_MAX);
    span->on = put_text(recording, on, TV_TRACE_WORD_MAX);
    span->shape = put_text(recording, shape, TV_SPAN_SHAPE_MAX);
    return recording->count;
}

void tv_trace_called(struct tv_trace *trace, unsigned number, const struct tv_error *failure, int64_t now_us)
{
    if (!is_on(trace) || number == 0 || number > trace->recording->count)
        return;
    struct tv_span_record *span = &trace->recording->spans[number - 1];
    close_span(trace->recording, span, now_us);
    if (failure) { /* numbers alone: its message may quote a value */
        span->failure = (uint16_t)(failure->status ? failure->status : 500);
        span->native = failure->native;
    }
}

/* --- the end ---------------------------------------------------------------------------------------------------------- */

/* How many bytes the record has. */
static size_t make_record(struct tv_trace *trace, const struct tv_trace_end *end, enum tv_kept kept,
                          uint64_t out[TV_RECORD_MAX / 8])
{
    struct tv_recording *recording = trace->recording;
    struct tv_trace_record *head = (struct tv_trace_record *)out;
    struct tv_record_text route = put_text(recording, tv_slice_of(end->route), TV_TRACE_WORD_MAX);
    struct tv_record_text id = put_text(recording, recording->request_id, TV_TRACE_WORD_MAX);
    struct tv_record_text state = put_text(recording, recording->state, TV_TRACESTATE_MAX);
    *head = (struct tv_trace_record){
        .status = (uint16_t)end->status,
        .method = (uint16_t)end->method,
        .flags = trace->context.flags,
        .kept = (uint8_t)kept,
        .broken = end->broken,
        .remote = trace->remote,
        .trace = {trace->context.trace[0], trace->context.trace[1]},
        .span = trace->context.span,
        .parent = trace->parent,
        /* the wall clock is asked for what is kept alone */
        .began_us = tv_clock_wall_ms() * 1000 - (tv_clock_us() - recording->began_us),
        .took_us = end->took_us,
        .queue_us = end->queue_us,
        .bytes_in = end->bytes_in,
        .bytes_out = end->bytes_out,
        .route = route,
        .id = id,
        .state = state,
        .spans = (uint16_t)recording->count,
        .lost = (uint16_t)(recording->lost < UINT16_MAX ? recording->lost : UINT16_MAX),
        .text = (uint32_t)recording->text_length,
    };
    struct tv_span_record *spans = (struct tv_span_record *)(head + 1);
    memcpy(spans, recording->spans, recording->count * sizeof *spans);
    for (size_t i = 0; i < recording->count; i++) {
        spans[i].id = draw_id(trace);
        if (spans[i].took_us < 0) /* the request ended in the middle of it */
            spans[i].took_us = end->took_us > spans[i].start_us ? end->took_us - spans[i].start_us : 0;
    }
    char *text = (char *)(spans + recording->count);
    memcpy(text, recording->text, recording->text_length);
    size_t length = (size_t)(text + recording->text_length - (char *)out), padding = (8 - length % 8) % 8;
    memset((char *)out + length, 0, padding);
    head->size = (uint32_t)(length + padding);
    return head->size;
}

enum tv_trace_result tv_trace_end(struct tv_trace *trace, const struct tv_trace_end *end)
{
    struct tv_recording *recording = trace->recording;
    uint64_t record[TV_RECORD_MAX / 8];
    if (!is_on(trace))
        return TV_TRACE_NOT_KEPT;
    recording->on = false;
    bool failed = end->status >= 500 || end->broken, slow = end->whole_us >= recording->slow_us;
    if (!recording->sampled && !failed && !slow)
        return TV_TRACE_NOT_KEPT;
    size_t length = make_record(trace, end,
                                recording->sampled ? TV_KEPT_SAMPLED
                                : failed           ? TV_KEPT_FAILED
                                                   : TV_KEPT_SLOW,
                                record);
    struct tv_tracer *tracer = recording->tracer;
    pthread_mutex_lock(&tracer->lock);
    bool written = tv_ring_write(tracer->rings, tracer->place, record, length);
    pthread_mutex_unlock(&tracer->lock);
    return written ? TV_TRACE_KEPT : TV_TRACE_DROPPED;
}
