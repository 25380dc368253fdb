/*
 * trace_context.h - private to the library: who a request belongs to, as W3C Trace Context writes it. Reading and writing the
 * header, and nothing about recording.
 */
#ifndef TRIVET_WATCH_TRACE_CONTEXT_H
#define TRIVET_WATCH_TRACE_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define TV_TRACEPARENT   55 /* bytes of version 00 */
#define TV_TRACE_ID_TEXT 32
#define TV_TRACE_SAMPLED 0x01 /* the caller records it */
#define TV_TRACE_RANDOM  0x02 /* the last seven bytes of the trace's id were chosen at random (Level 2) */

struct tv_trace_context {
    uint64_t trace[2]; /* as numbers: the first digits are in the first one */
    uint64_t span;
    uint8_t flags;
};

/* Takes version 00 as it is defined, and of later ones the part that they have in common with it. False: there is none, or it is
 * malformed; then *out says nothing and a trace begins here. */
bool tv_traceparent_read(struct tv_slice text, struct tv_trace_context *out) TV_MUST_CHECK;
/* The same, terminated: version 00. */
void tv_traceparent_write(const struct tv_trace_context *context, char out[TV_TRACEPARENT + 1]);
/* The trace's id in lower-case hexadecimal digits, not terminated. */
void tv_trace_id_write(const uint64_t trace[2], char out[TV_TRACE_ID_TEXT]);

#endif
