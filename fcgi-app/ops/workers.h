/*
 * workers.h - what every worker of a pool is at, read from its scoreboard. No value of a statement is there to be read: shapes
 * and ids only.
 */
#ifndef OPS_WORKERS_H
#define OPS_WORKERS_H

#include "trivet.h"

struct worker_view {
    char pool[32];
    uint64_t pid;
    unsigned place; /* among the workers of its process, from 1 */
    bool busy;
    int64_t since_ms; /* how long it has been busy or idle */
    uint64_t requests;
    /* the request that it answers */
    int64_t elapsed_us; /* -1: none, or one that is not whole yet; then the rest is empty */
    const char *phase;
    char route[TV_ROUTE_NAME_MAX];
    char method[64];
    char id[TV_ACTIVITY_ID + 1];
    char shape[TV_ACTIVITY_SHAPE + 1];
};

/* Calls back for each worker, process by process; the view may be copied. */
void each_worker(const struct tv_scoreboard *board,
                 void (*found)(void *context, const struct worker_view *worker), void *context);
/* One object. with_pool: it names its pool. */
void write_worker(struct tv_json *json, const struct worker_view *worker, bool with_pool);

#endif
