/*
 * process.h - private to the library: one process of a pool, from fork to exit.
 */
#ifndef TRIVET_SERVE_PROCESS_H
#define TRIVET_SERVE_PROCESS_H

#include "serve/worker.h"

/* Serves the listening socket until it is told to stop: TERM or QUIT drains, a second one ends at once. To be called in
 * the child, with the master's signals still blocked. Returns the exit status. */
int tv_process_run(struct tv_pool *pool, int listener);

#endif
