/*
 * activity.h - what a worker is at right now, and which trace stands for a bucket: small records in shared memory that one
 * thread writes and anyone reads while it writes. A reader sees a whole record or none.
 */
#ifndef TRIVET_WATCH_ACTIVITY_H
#define TRIVET_WATCH_ACTIVITY_H

#include <stdbool.h>

#include "base/slice.h"
#include "watch/scoreboard.h"

/* A copy for readers. */
struct tv_activity_view {
    int64_t began_us; /* monotonic; 0: the worker is idle */
    enum tv_phase phase;
    unsigned route;
    unsigned method;
    char id[TV_ACTIVITY_ID + 1];
    char shape[TV_ACTIVITY_SHAPE + 1];
};

/* False when the record changed all the time. */
TV_PUBLIC bool tv_activity_read(const struct tv_activity *activity,
                                struct tv_activity_view *out) TV_MUST_CHECK;

struct tv_exemplar_view {
    uint64_t trace[2];
    int64_t us;
    int64_t at_ms;
    unsigned route;
};

/* False when there is none, or it changed all the time. */
TV_PUBLIC bool tv_exemplar_read(const struct tv_exemplar *exemplar,
                                struct tv_exemplar_view *out) TV_MUST_CHECK;

/* Writing, by the worker itself. A request that begins has no statement and no route yet. */
void tv_activity_begin(struct tv_activity *activity, int64_t now_us, unsigned method, struct tv_slice id);
void tv_activity_statement(struct tv_activity *activity, struct tv_slice shape);
void tv_activity_end(struct tv_activity *activity);
void tv_exemplar_write(struct tv_exemplar *exemplar, const struct tv_exemplar_view *view);

#endif
