/*
 * pulse.h - whether the processes of a pool get on although none of them answers: each counts on the scoreboard while it does, also
 * when all its workers are with a store. To be taken twice, a while apart.
 */
#ifndef TRIVET_ENTRY_PULSE_H
#define TRIVET_ENTRY_PULSE_H

#include <stdbool.h>

#include "watch/scoreboard.h"

/* Long enough for a process to count more than once. */
#define PULSE_MS 2000

struct pulse {
    const struct tv_scoreboard *board; /* NULL: there is none that can be read */
    uint64_t beats[TV_PROCESSES_MAX];
};

/* What the pool has counted so far. To be ended. */
void pulse_take(struct pulse *pulse, const char *directory, const char *pool);
/* PULSE_MS later: whether the pool has processes that serve, and all of them have counted on. */
bool pulse_goes_on(const struct pulse *pulse);
void pulse_end(struct pulse *pulse);

#endif
