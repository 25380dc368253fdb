/*
 * push_state.h - how the program that pushes traces and metrics fares, for those who watch it: a small file of shared memory in
 * watch.directory. Its one writer also holds the file's lock: there is one such program a directory, and who only reads can tell
 * whether it lives, since the kernel gives the lock back however it ended and no other process is taken for it.
 */
#ifndef TRIVET_WATCH_PUSH_STATE_H
#define TRIVET_WATCH_PUSH_STATE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"

#define TV_PUSH_MAGIC  0x5452495650555348ull
#define TV_PUSH_LAYOUT 1

enum tv_push_signal { TV_PUSH_TRACES, TV_PUSH_METRICS, TV_PUSH_SIGNALS };
/* Accepted; an attempt that failed and is made again; given up for good. */
enum tv_push_outcome { TV_PUSH_SENT, TV_PUSH_FAILED, TV_PUSH_DROPPED, TV_PUSH_OUTCOMES };

TV_PUBLIC extern const char *const tv_push_signal_names[TV_PUSH_SIGNALS];
TV_PUBLIC extern const char *const tv_push_outcome_names[TV_PUSH_OUTCOMES];

struct tv_push_state {
    uint64_t magic;
    uint64_t layout;
    /* 0: it ended as it was told to, or had nothing to do; else who wrote last, alive or not */
    _Atomic uint64_t pid;
    _Atomic uint64_t batches[TV_PUSH_SIGNALS][TV_PUSH_OUTCOMES]; /* only grow, over its restarts too */
};

/* Reading; NULL with *error when there is none or it is of another version. */
TV_PUBLIC const struct tv_push_state *tv_push_state_open(const char *directory, struct tv_error *error);
TV_PUBLIC void tv_push_state_close(const struct tv_push_state *state);
/* It runs; it died, or could not begin; there was never one, or it ended on purpose, or it is of another version. Reading this takes
 * no lock: a program that begins at this moment is not kept out. */
enum tv_push_life { TV_PUSH_LIVES, TV_PUSH_DIED, TV_PUSH_NONE };
TV_PUBLIC enum tv_push_life tv_push_state_life(const char *directory);
/* Writing: takes the counts over from the program that wrote before. The lock lasts as long as the process. NULL when another
 * program has it. */
TV_PUBLIC struct tv_push_state *tv_push_state_take(const char *directory, struct tv_error *error);

#endif
