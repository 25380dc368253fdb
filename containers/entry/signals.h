/*
 * signals.h - the signals of a process 1, as a descriptor to wait on. What they mean is not decided here.
 */
#ifndef TRIVET_ENTRY_SIGNALS_H
#define TRIVET_ENTRY_SIGNALS_H

/* Blocks everything that could end or stop a program by default and hands it out as signalfd_siginfo: TERM, QUIT, INT, HUP, USR1,
 * CHLD and those that mean nothing to a process 1; PIPE is ignored. The caller's own descriptor, non-blocking and closed on exec;
 * -1 with errno when there is none. */
int signals_open(void);

#endif
