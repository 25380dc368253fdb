/*
 * store.h - what the three legs have in common: their names, their settings, and a ping that says how they are.
 */
#ifndef TRIVET_STORE_STORE_H
#define TRIVET_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/option.h"

enum tv_store { TV_STORE_MYSQL, TV_STORE_MONGO, TV_STORE_REDIS };
#define TV_STORE_COUNT 3

struct tv_leg_settings {
    const char *url;         /* empty: not configured */
    int64_t connect_timeout; /* milliseconds */
    int64_t
        query_timeout; /* milliseconds; what a statement may take at most, whatever the request's deadline */
};

struct tv_store_settings {
    struct tv_leg_settings leg[TV_STORE_COUNT];
    int64_t redis_reply_max;  /* bytes of one reply of Redis */
    int64_t breaker_failures; /* failures to reach a store, one after the other, that open its breaker */
    int64_t breaker_probe;    /* milliseconds between two looks whether a store is back */
};

extern const struct tv_option tv_store_options[];
extern const size_t tv_store_option_count;

/* "mysql", "mongo", "redis". */
TV_PUBLIC const char *tv_store_name(enum tv_store store);
TV_PUBLIC bool tv_store_configured(const struct tv_store_settings *settings, enum tv_store store);

/* Milliseconds that whoever has no connection yet grants a store: as long as requests do for connecting, and a little for an
 * answer. */
int64_t tv_store_patience(const struct tv_store_settings *settings, enum tv_store store);

/* Connects anew, asks the store for a sign of life and closes; ends within timeout_ms. *latency_us is the time that the
 * question took once connected. version (may be NULL) receives what the server says it is. */
TV_PUBLIC bool tv_store_ping(const struct tv_store_settings *settings, enum tv_store store,
                             int64_t timeout_ms, int64_t *latency_us, char version[64],
                             struct tv_error *error) TV_MUST_CHECK;

/* What one look at a store found. */
struct tv_store_state {
    const char *name;
    bool configured;
    bool answers;
    int64_t latency_us;
    char version[64];
    struct tv_error error; /* when it is configured and does not answer */
};

/* Pings all that are configured, side by side: one that hangs takes no time from the others, and timeout_ms is for all. */
TV_PUBLIC void tv_stores_look(const struct tv_store_settings *settings, int64_t timeout_ms,
                              struct tv_store_state states[TV_STORE_COUNT]);

#endif
