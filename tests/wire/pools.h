/*
 * pools.h - the pools under test, started by tests/wire/run, and what must hold of them at any time: the same processes
 * live, answer, and keep no descriptor.
 */
#ifndef TRIVET_TESTS_WIRE_POOLS_H
#define TRIVET_TESTS_WIRE_POOLS_H

#include <stdbool.h>

#include "client.h"

struct pool {
    const char *name;
    const char *socket;
    long master;
    long children[16];
    int child_count;
    int descriptors; /* of all children together, when nothing was connected */
};

extern struct pool hello; /* no store */
extern struct pool kv;    /* with a Redis of its own */

/* What run configured, in milliseconds. */
enum { READ_TIME = 1000, WRITE_TIME = 1000, QUEUE_BUDGET = 10000 };
/* Milliseconds; longer than anything takes on any machine that waits for nothing. */
enum { AT_ONCE = 10000 };
/* Bytes that run allows for parameters; the body's is the default. */
enum { PARAMETERS_MAX = 384 * 1024, BODY_MAX = 8 * 1024 * 1024 };

/* From the environment; false when it does not tell. */
bool pools_find(void);
/* A check (tap): the same processes as at the start, and an ordinary request is answered. */
void pools_are_well(const char *after);
/* A check: no connection was left open on the other side. */
void pools_hold_nothing(void);

/* Redis through trivet-kv: the counter's value, -1 when it cannot be asked. */
long counter_value(const char *key);
/* A POST with this body, ["INCR","KEY"] and the like. */
struct wire_request command(const char *body);

#endif
