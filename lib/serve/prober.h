/*
 * prober.h - private to the library: the threads of a process that look for stores. For those that are away, so that their
 * breakers close again, and, in trivet-ops, for all, so that whoever watches knows. A store has a thread of its own: one that
 * hangs keeps nobody from seeing that another is back. Requests and the housekeeper never wait for any of them.
 */
#ifndef TRIVET_SERVE_PROBER_H
#define TRIVET_SERVE_PROBER_H

#include "serve/worker.h"

struct tv_prober;

/* Looks for the stores that the pool uses (or, where the app looks, for all that are configured) until it is stopped. NULL when
 * there is nothing to look for, or no memory, which is logged. */
struct tv_prober *tv_prober_start(struct tv_pool *pool);
/* Nothing is looked for any more. True: the threads have ended, the prober is freed. False: one still waits for its store, which
 * nothing can cut short; it takes along what it uses, so the process must end by _exit. prober may be NULL. */
bool tv_prober_stop(struct tv_prober *prober);

#endif
