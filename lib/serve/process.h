/*
 * process.h - private to the library: one process of a pool, from fork to exit.
 */
#ifndef TRIVET_SERVE_PROCESS_H
#define TRIVET_SERVE_PROCESS_H

#include "serve/worker.h"

/* Serves the listening socket until it is told to stop: TERM or QUIT drains, for serve.drain at the longest. Told again it goes on
 * draining: the master, the kernel when the master is dead and whoever keeps the pool may all say the same, and what is under way
 * must not be lost by that. Who wants an end at once says KILL, as the master does. To be called in the child, with the master's
 * signals still blocked. Returns the exit status. */
int tv_process_run(struct tv_pool *pool, int listener);

#endif
