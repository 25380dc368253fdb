/*
 * span_record.h - one finished trace of one request, as it lies in shared memory between the worker that made it and the program
 * that pushes it: a head, its spans, their texts. No pointers; texts are places in the last part.
 *
 * No value ever stands in it: methods, route templates, statements' shapes, ids.
 */
#ifndef TRIVET_WATCH_SPAN_RECORD_H
#define TRIVET_WATCH_SPAN_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/slice.h"

#define TV_SPANS_MAX      32   /* of one request, beside the request's own */
#define TV_SPAN_TEXT_MAX  6144 /* bytes of all texts of one request */
#define TV_SPAN_SHAPE_MAX 1024 /* of one statement's shape; what is longer is cut off */
#define TV_TRACESTATE_MAX 512
#define TV_TRACE_WORD_MAX 128 /* any other text */

enum tv_span_kind { TV_SPAN_GUARD, TV_SPAN_CACHE, TV_SPAN_CALL, TV_SPAN_KIND_COUNT };

/* Why a trace is kept. */
enum tv_kept { TV_KEPT_SAMPLED, TV_KEPT_FAILED, TV_KEPT_SLOW };

struct tv_record_text {
    uint16_t at, length;
};

struct tv_span_record {
    uint64_t id;
    int64_t start_us; /* since the request began */
    int64_t took_us;
    uint32_t parent;  /* 0: the request; otherwise the number, from 1, of a span before it */
    uint32_t batch;   /* commands that went out together; 0 but for calls */
    uint8_t kind;     /* enum tv_span_kind */
    uint8_t store;    /* enum tv_store, of a call */
    uint16_t failure; /* the status that the failure stands for; 0: none */
    int32_t native;   /* the store's own number of it; 0: none */
    struct tv_record_text verb, on, shape;
    uint32_t spare;
};

struct tv_trace_record {
    uint32_t size;   /* of the whole record, a multiple of eight */
    uint32_t text;   /* bytes of texts */
    uint16_t spans;  /* that follow */
    uint16_t lost;   /* spans that found no room */
    uint16_t status; /* HTTP */
    uint16_t method; /* one bit of enum tv_method */
    uint8_t flags;   /* of the trace context */
    uint8_t kept;    /* enum tv_kept */
    uint8_t broken;  /* the transfer was cut */
    uint8_t remote;  /* the parent is the caller's span */
    uint32_t spare;
    uint64_t trace[2], span, parent;
    int64_t began_us; /* wall clock */
    int64_t took_us;
    int64_t queue_us; /* -1: not known */
    uint64_t bytes_in, bytes_out;
    struct tv_record_text route, id, state; /* template, X-Request-Id, tracestate */
    uint32_t spare_end;
};

_Static_assert(sizeof(struct tv_span_record) % 8 == 0 && sizeof(struct tv_trace_record) % 8 == 0,
               "parts are aligned");

#define TV_RECORD_MAX \
    (sizeof(struct tv_trace_record) + TV_SPANS_MAX * sizeof(struct tv_span_record) + TV_SPAN_TEXT_MAX)

/* A record that was found to be whole; borrows it. */
struct tv_record_view {
    const struct tv_trace_record *head;
    const struct tv_span_record *spans;
    const char *text;
};

/* Whether these bytes (aligned to eight) are one whole record: nothing in it points out of it. */
TV_PUBLIC bool tv_record_check(const void *bytes, size_t length, struct tv_record_view *out) TV_MUST_CHECK;
TV_PUBLIC struct tv_slice tv_record_slice(const struct tv_record_view *view, struct tv_record_text text);

#endif
