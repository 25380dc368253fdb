/*
 * program.h - one program that is kept running: when it is started, how long after its end it is started again, and how it
 * is told things. It decides nothing about stopping; that is the supervisor's.
 */
#ifndef TRIVET_ENTRY_PROGRAM_H
#define TRIVET_ENTRY_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROGRAM_ARGUMENTS_MAX 12

struct program {
    const char *name;                             /* for the log: "sql" */
    const char *socket;                           /* it listens on; NULL: on none */
    const char *arguments[PROGRAM_ARGUMENTS_MAX]; /* the first is the program's path; NULL ends them */
    pid_t pid; /* of the program and of its process group; 0: it does not run */
    int64_t started_ms;
    int64_t start_after_ms;
    int64_t backoff_ms;
    uint64_t starts;
};

/* Whether it is time to start it. */
bool program_due(const struct program *program);
/* In a process group of its own, with HUP and USR1 blocked: whoever means something by them takes them so (signalfd), however early
 * they come. Failing is noted, and tried again later. */
void program_start(struct program *program);
/* It has ended, unasked: says why in the log and plans the next start. */
void program_died(struct program *program, int status);
/* To its first process alone: it is a master that knows what to do with its children. */
void program_tell(const struct program *program, int signal_number);
/* Every process of its group, at once. */
void program_kill(const struct program *program);

#endif
