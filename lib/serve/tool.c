/*
 * tool.c - tv_tool_main: options, the log, and what the command line and signals ask for.
 */
#include "serve/tool.h"

#include <signal.h>
#include <stdio.h>

#include "base/settings.h"
#include "base/version.h"
#include "serve/command_line.h"
#include "watch/log_setup.h"

static void describe(const struct tv_tool *tool, struct tv_settings *settings, struct tv_log_settings *log)
{
    tv_settings_init(settings, tool->name);
    tv_settings_add(settings, tv_watch_options, tv_watch_option_count, tool->watch);
    tv_settings_add(settings, tool->options, tool->option_count, tool->settings);
    tv_settings_add(settings, tv_log_options, tv_log_option_count, log);
}

static void print_help(const struct tv_tool *tool)
{
    struct tv_settings settings;
    struct tv_log_settings log;
    describe(tool, &settings, &log);
    tv_command_line_help(tool->name, tool->summary, tool->usage, "", &settings);
}

static int run(const struct tv_tool *tool, const char *file, enum tv_action action)
{
    struct tv_settings settings;
    struct tv_log_settings log;
    struct tv_error error;
    int status = 1;
    describe(tool, &settings, &log);
    if (!tv_settings_load(&settings, file, &error) || !tv_watch_settings_check(tool->watch, &error) ||
        (action == TV_ACTION_RUN && !tv_log_start(&log, tool->name, &error))) {
        fprintf(stderr, "trivet-%s: %s\n", tool->name, error.message);
    } else if (action == TV_ACTION_RUN) {
        status = tool->run();
    } else {
        status = 0;
        if (action == TV_ACTION_PRINT)
            tv_settings_print(&settings, stdout);
        else
            printf("the configuration is right\n");
    }
    tv_settings_free(&settings);
    return status;
}

bool tv_tool_log_signal(int number)
{
    switch (number) {
    case SIGUSR1: tv_log_reopen(); return true;
    case SIGUSR2: tv_log_toggle(); return true;
    default: return false;
    }
}

int tv_tool_main(const struct tv_tool *tool, int argc, char **argv)
{
    const char *file = NULL;
    enum tv_action action = tv_command_line_read(tool->name, argc, argv, &file);
    switch (action) {
    case TV_ACTION_WRONG: return 2;
    case TV_ACTION_VERSION: printf("trivet-%s %s\n", tool->name, tv_version()); return 0;
    case TV_ACTION_HELP: print_help(tool); return 0;
    case TV_ACTION_RUN:
    case TV_ACTION_CHECK:
    case TV_ACTION_PRINT: break;
    }
    return run(tool, file, action);
}
