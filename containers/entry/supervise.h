/*
 * supervise.h - keeps the programs of a plan running until it is told to stop.
 *
 *   TERM/QUIT/INT  drain: the pools first, then what carries their last spans away, for 5 s at most. After the drain time all that
 *                  is left is killed, whatever it is: nothing that comes later is added to it but the second that killing may
 *                  take. A second one: at once.
 *   HUP, USR1      to every program: reload, open log files anew
 * TTIN and TTOU are for one pool's master; here they mean nothing. As process 1 it also takes in orphans.
 */
#ifndef TRIVET_ENTRY_SUPERVISE_H
#define TRIVET_ENTRY_SUPERVISE_H

#include "entry/plan.h"

/* The exit status. */
int supervise(const struct plan *plan);

#endif
