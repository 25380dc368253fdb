/*
 * metrics.h - what the files of /metrics share: all pools as they were at one moment, and the pen.
 */
#ifndef OPS_METRICS_H
#define OPS_METRICS_H

#include "trivet.h"

#define METRICS_POOLS_MAX 32 /* samples of one family must stand together: all boards are open at once */

struct metrics_pool {
    const struct tv_scoreboard *board;
    struct tv_meters meters;
    struct tv_process_meters processes;
    /* now */
    bool alive;
    bool stopped;     /* in order; a pool that is neither has died */
    uint64_t serving; /* processes */
    uint64_t busy, idle;
    uint64_t waiting, peers;
    uint64_t connections[TV_LEGS];
    uint64_t resident; /* bytes */
};

struct metrics {
    const char *directory;
    struct tv_expected expected; /* pools that are meant to be there */
    struct tv_expected unread;   /* pools whose board is there and was written by another version */
    struct tv_buffer *out;
    enum tv_family family; /* being written */
    bool openmetrics;
    size_t count;
    struct metrics_pool pools[METRICS_POOLS_MAX];
    /* of the pool whose durations are being written: the newest trace of each route and bucket; at_ms 0: none */
    struct tv_exemplar_view newest[TV_ROUTES_MAX][TV_BUCKET_COUNT];
};

/* Writes the samples of metrics->family for one pool. */
typedef void metrics_writer(struct metrics *metrics, const struct metrics_pool *pool);

/* metrics.c: the beginning of a sample, "trivet_NAME{pool="...",label="value"} "; labels may be NULL, so may the pool. */
void metrics_sample(struct metrics *metrics, const struct metrics_pool *pool, const char *label,
                    const char *value, const char *label2, const char *value2);
/* The end of a sample. */
void metrics_unsigned(struct metrics *metrics, uint64_t value);
void metrics_seconds(struct metrics *metrics, uint64_t us);

/* All families; what trivet-ops answers with and trivet-push sends. pools: those that are meant to be there (watch.pools). */
bool metrics_write(const char *directory, const char *pools, bool openmetrics, struct tv_buffer *out,
                   struct tv_error *error) TV_MUST_CHECK;

/* metrics_push.c: how trivet-push fares, and whether it lives; nothing when there is none. Of no pool. */
void metrics_write_push_up(struct metrics *metrics);
void metrics_write_push(struct metrics *metrics);
/* metrics_pool.c: what processes and workers do now. */
void metrics_take_census(struct metrics_pool *pool);
/* metrics_gauges.c: NULL for a family that the counters' table fills. */
metrics_writer *metrics_writer_of(enum tv_family family);
/* Which pools run, of those that have a board and of those that are to be there without one. */
void metrics_write_up(struct metrics *metrics);
/* What trivet-ops saw of the stores; of no pool in particular. */
void metrics_write_looks(struct metrics *metrics);
/* metrics_histograms.c */
metrics_writer metrics_write_durations, metrics_write_queue, metrics_write_store_durations;

#endif
