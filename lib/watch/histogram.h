/*
 * histogram.h - how long something took, counted into fixed buckets. One writer, relaxed atomics; buckets are not
 * cumulative here, whoever shows them adds them up.
 *
 * The bounds are chosen once: another set would be another metric. 50 ms and 250 ms are the objectives of the dialects'
 * latency (docs/monitoring.md), so that their share is read off, not interpolated.
 */
#ifndef TRIVET_WATCH_HISTOGRAM_H
#define TRIVET_WATCH_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

/* Upper bounds in microseconds, and as Prometheus writes them in seconds. */
#define TV_BOUNDS(X)  \
    X(1000, "0.001")  \
    X(2500, "0.0025") \
    X(5000, "0.005")  \
    X(10000, "0.01")  \
    X(25000, "0.025") \
    X(50000, "0.05")  \
    X(100000, "0.1")  \
    X(250000, "0.25") \
    X(500000, "0.5")  \
    X(1000000, "1")   \
    X(2500000, "2.5") \
    X(5000000, "5")   \
    X(10000000, "10") \
    X(30000000, "30")

enum {
#define TV_BOUND_ROW(us, text) TV_BOUND_##us,
    TV_BOUNDS(TV_BOUND_ROW)
#undef TV_BOUND_ROW
        TV_BOUND_COUNT,
    TV_BUCKET_COUNT /* the last one has no bound */
};

struct tv_bound {
    int64_t us;
    const char *seconds;
};
TV_PUBLIC extern const struct tv_bound tv_bounds[TV_BOUND_COUNT];

struct tv_histogram {
    _Atomic uint64_t buckets[TV_BUCKET_COUNT];
    _Atomic uint64_t sum_us;
};

/* The bucket that a duration falls into. */
static inline unsigned tv_bucket_of(int64_t us)
{
    unsigned bucket = 0;
    while (bucket < TV_BOUND_COUNT && us > tv_bounds[bucket].us)
        bucket++;
    return bucket;
}

/* By the one writer of this histogram. */
static inline void tv_histogram_observe(struct tv_histogram *histogram, int64_t us)
{
    _Atomic uint64_t *bucket = &histogram->buckets[tv_bucket_of(us)];
    atomic_store_explicit(bucket, atomic_load_explicit(bucket, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    atomic_store_explicit(&histogram->sum_us,
                          atomic_load_explicit(&histogram->sum_us, memory_order_relaxed) + (uint64_t)us,
                          memory_order_relaxed);
}

#endif
