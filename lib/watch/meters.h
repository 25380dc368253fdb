/*
 * meters.h - what a worker and a process count: words that only grow, and nothing else, so that a dead one's can be folded into
 * the pool's by adding word to word. Made from the tables of counters.h.
 */
#ifndef TRIVET_WATCH_METERS_H
#define TRIVET_WATCH_METERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "watch/counters.h"
#include "watch/histogram.h"

#define TV_LEGS           3  /* one for each enum tv_store */
#define TV_ROUTES_MAX     24 /* the first is for what is no route of the pool's */
#define TV_ROUTE_NAME_MAX 48
#define TV_METHODS        8 /* one for each bit of enum tv_method */
#define TV_STATUS_CLASSES 4 /* 2xx to 5xx */

enum tv_family {
#define TV_FAMILY_ROW(member, name, type, labels, help) TV_FAMILY_##member,
    TV_FAMILIES(TV_FAMILY_ROW)
#undef TV_FAMILY_ROW
        TV_FAMILY_COUNT
};

struct tv_family_info {
    const char *name; /* without "trivet_" */
    const char *type; /* counter, gauge, histogram */
    const char *labels;
    const char *help;
};
TV_PUBLIC extern const struct tv_family_info tv_family_info[TV_FAMILY_COUNT];

enum tv_counter {
#define TV_COUNTER_ROW(member, family, label, value, name) TV_COUNT_##member,
    TV_COUNTERS(TV_COUNTER_ROW)
#undef TV_COUNTER_ROW
        TV_COUNTER_COUNT
};

struct tv_counter_info {
    const char *name; /* in /status */
    enum tv_family family;
    const char *label; /* empty: the family has no label but the pool */
    const char *value;
};
TV_PUBLIC extern const struct tv_counter_info tv_counter_info[TV_COUNTER_COUNT];

/* Calls of one store. */
struct tv_store_meter {
    _Atomic uint64_t calls;
    _Atomic uint64_t errors;
    _Atomic uint64_t connects;
    _Atomic uint64_t wait_us;
    struct tv_histogram duration;
};

/* Requests of one route. */
struct tv_route_meter {
    _Atomic uint64_t requests[TV_METHODS][TV_STATUS_CLASSES];
    struct tv_histogram duration;
};

/* All that a worker counts and that outlives it: words that only grow, and nothing else, so that they can be folded. */
struct tv_meters {
    _Atomic uint64_t counters[TV_COUNTER_COUNT];
    struct tv_store_meter stores[TV_LEGS];
    struct tv_histogram queue;
    struct tv_route_meter routes[TV_ROUTES_MAX];
};

/* The same for what a process counts beside its workers. */
struct tv_process_meters {
    _Atomic uint64_t at_limit_us; /* all workers busy, and no more allowed */
    _Atomic uint64_t grown;       /* workers added because a request waited */
    _Atomic uint64_t shrunk;      /* workers let go */
};

/* One writer: a load and a store are enough, and cheaper than a locked add. */
static inline void tv_word_add(_Atomic uint64_t *word, uint64_t amount)
{
    atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

static inline uint64_t tv_word(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

/* Adds every word of one to the other's; the source may be written meanwhile. */
void tv_meters_add(struct tv_meters *to, const struct tv_meters *from);
void tv_process_meters_add(struct tv_process_meters *to, const struct tv_process_meters *from);
/* Requests of a status class (0: 2xx) over all routes and methods. */
TV_PUBLIC uint64_t tv_meters_requests(const struct tv_meters *meters, unsigned status_class);
/* The observations of a histogram. */
TV_PUBLIC uint64_t tv_histogram_count(const struct tv_histogram *histogram);

#endif
