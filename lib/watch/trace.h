/*
 * trace.h - private to the library: the trace of the request that a thread is at. Who called is known for every request; spans are
 * recorded only when something pushes them, into memory that the thread has for ever, and handed over when the request ends.
 *
 * What is handed over is decided twice: when the request begins (the caller's word, or a share of all), and when it ends (what
 * failed or was slow is kept all the same).
 */
#ifndef TRIVET_WATCH_TRACE_H
#define TRIVET_WATCH_TRACE_H

#include <pthread.h>

#include "base/error.h"
#include "base/slice.h"
#include "watch/ring.h"
#include "watch/trace_context.h"
#include "watch/trace_settings.h"

/* Where a process hands its traces over; shared by its threads. */
struct tv_tracer {
    struct tv_rings *rings; /* NULL: nothing is recorded */
    size_t place;
    pthread_mutex_t lock; /* held while one trace is copied */
};

struct tv_recording; /* spans of the request under way */

struct tv_trace {
    struct tv_trace_context context; /* ours: the span is the request's own */
    bool known;                      /* the request has a trace */
    bool remote;                     /* which its caller began */
    uint64_t parent;                 /* the caller's span */
    uint64_t random[4];
    struct tv_recording *recording; /* NULL: none */
};

/* At the beginning of a thread; without memory nothing is recorded. *settings and *tracer must outlive it. */
void tv_trace_init(struct tv_trace *trace, const struct tv_trace_settings *settings, struct tv_tracer *tracer,
                   int64_t slow_ms);
void tv_trace_free(struct tv_trace *trace);

/* The two headers as they came. only_asked: without a caller's trace none begins. Borrows all three until the end. */
void tv_trace_begin(struct tv_trace *trace, int64_t now_us, struct tv_slice traceparent,
                    struct tv_slice tracestate, struct tv_slice request_id, bool only_asked);
/* For the header of the answer, terminated. False: it gets none. */
bool tv_trace_response(const struct tv_trace *trace, char out[TV_TRACEPARENT + 1]);

/* A part of the request. What is open within it is closed with it. */
void tv_trace_enter(struct tv_trace *trace, enum tv_span_kind kind, int64_t now_us);
void tv_trace_leave(struct tv_trace *trace, int64_t now_us);
/* Whether a part of this kind is open, at any depth. */
bool tv_trace_is_in(const struct tv_trace *trace, enum tv_span_kind kind);

/* A store is asked, and has answered. The span's number, 0 when it is not recorded. */
unsigned tv_trace_call(struct tv_trace *trace, unsigned store, const char *verb, struct tv_slice on,
                       struct tv_slice shape, uint64_t batch, int64_t now_us);
void tv_trace_called(struct tv_trace *trace, unsigned span, const struct tv_error *failure, int64_t now_us);

/* What the request came to. */
struct tv_trace_end {
    const char *route;
    unsigned method;
    int status;
    bool broken;
    int64_t took_us;  /* by its worker: the span's length */
    int64_t queue_us; /* before that; -1: not known */
    int64_t whole_us; /* both: what makes it a slow one */
    uint64_t bytes_in, bytes_out;
};
enum tv_trace_result { TV_TRACE_NOT_KEPT, TV_TRACE_KEPT, TV_TRACE_DROPPED };
enum tv_trace_result tv_trace_end(struct tv_trace *trace, const struct tv_trace_end *end);

#endif
