/*
 * window.h - private to the library: how many workers a process should have. It decides; the loop starts and ends threads.
 *
 * It grows by a worker whenever a request has waited and all are busy. It shrinks by half of those that were free during all of a
 * quiet time. When one that was let go is missed at once, the quiet time doubles, so that load at the edge does not make it swing.
 * The bounds are the board's: the master may change them while the process runs.
 */
#ifndef TRIVET_SERVE_WINDOW_H
#define TRIVET_SERVE_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "watch/scoreboard.h"

struct tv_window {
    const struct tv_scoreboard *board;
    struct tv_process_meters *meters;
    int64_t quiet_ms;              /* option workers_quiet */
    _Atomic int least_idle;        /* since quiet_since_ms; written by workers */
    _Atomic int64_t full_since_us; /* all are busy and no more may come; 0: not so */
    /* the housekeeper's */
    int64_t quiet_since_ms;
    int64_t shrunk_ms; /* 0: nothing that could be regretted */
    int64_t factor;    /* of the quiet time */
};

void tv_window_init(struct tv_window *window, const struct tv_scoreboard *board,
                    struct tv_process_meters *meters, int64_t quiet_ms, int64_t now_ms);
int tv_window_most(const struct tv_window *window);
/* What is kept when nothing is to do. */
int tv_window_least(const struct tv_window *window);

/* --- by workers: idle is what is left after one became busy, workers how many there are ------------------------------- */

void tv_window_busy(struct tv_window *window, int idle, int workers);
void tv_window_idle(struct tv_window *window);

/* --- by the housekeeper ----------------------------------------------------------------------------------------------- */

/* A worker was added because a request waited; workers and idle count it already. */
void tv_window_grew(struct tv_window *window, int workers, int idle, int64_t now_ms);
/* At every tick: how many workers are to be let go now. */
int tv_window_surplus(struct tv_window *window, int workers, int idle, int64_t now_ms) TV_MUST_CHECK;

#endif
