/*
 * health.h - whether pools are well: speaks FastCGI to their sockets, as nginx would, but asks only what costs nothing and reaches no
 * store. Neither a store that is away nor one that is slow, so that all workers wait for it, is a reason to restart a container.
 */
#ifndef TRIVET_ENTRY_HEALTH_H
#define TRIVET_ENTRY_HEALTH_H

#include "entry/plan.h"

/* 0 when all pools of the plan answer, or are too busy to; else 1, and a line on stderr for each that does not. */
int health_check(const struct plan *plan);

#endif
