/*
 * collect.h - the rings of all pools: what waits in them becomes a batch, and its room is given back when the batch's fate is known.
 * So a pusher that is killed loses nothing, and one that cannot send keeps nothing in its own memory.
 */
#ifndef PUSH_COLLECT_H
#define PUSH_COLLECT_H

#include "resource.h"

#define COLLECT_POOLS_MAX 64

struct source {
    struct tv_rings *rings;
    bool replaced; /* a new pool of that name has its own file; this one ends when its writers have */
    uint64_t at[TV_PROCESSES_MAX]; /* read up to here for the batch under way */
};

struct collector {
    const char *directory;
    struct source sources[COLLECT_POOLS_MAX];
    size_t count;
    size_t turn; /* whose rings are read first: a busy pool does not starve the others */
};

/* Looks which pools there are. Cheap; every second or so. */
void collector_look(struct collector *collector);
void collector_free(struct collector *collector);
/* Bytes that wait in the fullest ring, in thousandths of its size; 0: nothing waits anywhere. */
unsigned collector_pressure(const struct collector *collector);

/* A batch of at most spans_max spans (or one trace more) to out; false: nothing waited, or it could not be written (*error). */
bool collector_take(struct collector *collector, const struct resource *resource, enum otlp_writing writing,
                    unsigned spans_max, struct tv_buffer *out) TV_MUST_CHECK;
/* The batch is done with, one way or the other. */
void collector_release(struct collector *collector);

#endif
