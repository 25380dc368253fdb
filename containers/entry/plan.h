/*
 * plan.h - what trivet-pools is to run, read from its arguments' environment once, before anything is started. A plan that
 * cannot work (a pool that nobody made, spawn-fcgi missing) is refused here: later nothing ends process 1 but a stop.
 */
#ifndef TRIVET_ENTRY_PLAN_H
#define TRIVET_ENTRY_PLAN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define PLAN_POOLS_MAX 16
#define PLAN_NAME_MAX  32
#define PLAN_PATH_MAX  108 /* of a socket's address, the final NUL included */

struct plan_pool {
    char name[PLAN_NAME_MAX];
    char socket[PLAN_PATH_MAX];
    char program[PATH_MAX];
};

struct plan {
    char directory[PLAN_PATH_MAX]; /* of the sockets */
    char watch[PLAN_PATH_MAX];     /* of the scoreboards */
    char spawn[PATH_MAX];          /* spawn-fcgi */
    char push[PATH_MAX];           /* trivet-push; empty: not wanted */
    int64_t drain_ms;
    struct plan_pool pools[PLAN_POOLS_MAX];
    int pool_count;
};

/* The pools and their sockets; looks at no file. names: "sql doc", or NULL for TRIVET_POOLS. */
bool plan_read(struct plan *plan, const char *names, struct tv_error *error) TV_MUST_CHECK;
/* Finds every program and makes the directories. */
bool plan_prepare(struct plan *plan, struct tv_error *error) TV_MUST_CHECK;
/* Takes out of the environment what is for trivet-pools alone, and says to the pools where their scoreboards are and, unless
 * somebody did, which pools are meant to be there. */
bool plan_environment(const struct plan *plan) TV_MUST_CHECK;

#endif
