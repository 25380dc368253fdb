/*
 * tool.h - a program of Trivet's that serves no requests but has the same options, command line and log as a worker.
 */
#ifndef TRIVET_SERVE_TOOL_H
#define TRIVET_SERVE_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"
#include "base/option.h"
#include "watch/watch_settings.h"

struct tv_tool {
    const char *name;    /* "push"; lower case, at most 31 bytes */
    const char *summary; /* one line for --help */
    const char *usage;   /* how it is started */
    const struct tv_option *options;
    size_t option_count;
    void *settings;                  /* the struct that they fill */
    struct tv_watch_settings *watch; /* what stands in [watch], which every program has */
    /* Does the work, once options are loaded and the log is open. The exit status of the program. */
    int (*run)(void);
};

/* Parses the command line and runs. The exit status of the program. */
TV_PUBLIC int tv_tool_main(const struct tv_tool *tool, int argc, char **argv);
/* Does what a signal means to the log of any program: USR1 opens the file anew, USR2 writes everything, or again as configured.
 * Not to be called from a handler. False: it is another signal, and the program's own matter. */
TV_PUBLIC bool tv_tool_log_signal(int number) TV_MUST_CHECK;

#endif
