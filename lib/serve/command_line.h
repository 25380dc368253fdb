/*
 * command_line.h - private to the library: the command line that all programs of Trivet's share, workers and tools alike. It reads
 * words and prints help; what a program does then is its own.
 */
#ifndef TRIVET_SERVE_COMMAND_LINE_H
#define TRIVET_SERVE_COMMAND_LINE_H

#include "base/settings.h"

enum tv_action {
    TV_ACTION_RUN,
    TV_ACTION_CHECK, /* say whether the configuration is right */
    TV_ACTION_PRINT, /* print the configuration */
    TV_ACTION_VERSION,
    TV_ACTION_HELP,
    TV_ACTION_WRONG /* it has been said what; the program ends with 2 */
};

/* *file: the configuration to read (tv_configuration_file); NULL when there is none. Borrows from argv and the environment. */
enum tv_action tv_command_line_read(const char *name, int argc, char **argv, const char **file);

/* What --help prints. usage: how the program is started; notes: a paragraph with its own end, or "". */
void tv_command_line_help(const char *name, const char *summary, const char *usage, const char *notes,
                          const struct tv_settings *settings);

#endif
