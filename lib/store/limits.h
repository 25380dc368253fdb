/*
 * limits.h - how many connections a store takes, and how many it has: asked of the store itself, with a connection of its own.
 * For people and programs that decide how large a pool may be, not for requests.
 */
#ifndef TRIVET_STORE_LIMITS_H
#define TRIVET_STORE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

#define TV_LIMIT_UNKNOWN (-1)

struct tv_store_limits {
    int64_t limit;   /* connections that this login may have; TV_LIMIT_UNKNOWN when the store does not say */
    int64_t in_use;  /* of all its clients, the one that asks too; TV_LIMIT_UNKNOWN likewise */
    bool full;       /* it refused the connection because it has no more */
    char source[64]; /* where the limit comes from ("max_connections"), or why it is not known */
};

/* Ends within timeout_ms. False when the store could not be asked at all; one that is full has been asked. */
TV_PUBLIC bool tv_store_limits(const struct tv_store_settings *settings, enum tv_store store,
                               int64_t timeout_ms, struct tv_store_limits *out,
                               struct tv_error *error) TV_MUST_CHECK;

#endif
