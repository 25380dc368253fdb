/*
 * command_line.c - five options and their help.
 */
#include "serve/command_line.h"

#include <getopt.h>
#include <stdio.h>

#include "serve/serve_settings.h"

enum tv_action tv_command_line_read(const char *name, int argc, char **argv, const char **file)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 't'},
        {"print-config", no_argument, NULL, 'p'}, {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    const char *named = NULL;
    enum tv_action action = TV_ACTION_RUN;
    int option;
    while ((option = getopt_long(argc, argv, "c:tpVh", options, NULL)) != -1) {
        switch (option) {
        case 'c': named = optarg; break;
        case 't': action = TV_ACTION_CHECK; break;
        case 'p': action = TV_ACTION_PRINT; break;
        case 'V': return TV_ACTION_VERSION;
        case 'h': return TV_ACTION_HELP;
        default: return TV_ACTION_WRONG;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "trivet-%s: unexpected argument %s (see --help)\n", name, argv[optind]);
        return TV_ACTION_WRONG;
    }
    *file = tv_configuration_file(named);
    return action;
}

void tv_command_line_help(const char *name, const char *summary, const char *usage, const char *notes,
                          const struct tv_settings *settings)
{
    printf("trivet-%s - %s\n\n"
           "Usage: %s\n\n"
           "  --config FILE     INI file (default: %s if it is there; or TRIVET_CONFIG)\n"
           "  --check           says whether the configuration is right, and ends\n"
           "  --print-config    prints the configuration with where each value comes from, and ends\n"
           "  --version, --help\n\n"
           "%s"
           "Options, as [section] and key in the file or as a variable of the environment, which wins; with "
           "_FILE\n"
           "appended the variable names a file that holds the value:\n",
           name, summary, usage, TRIVET_CONFIG_FILE, notes);
    tv_settings_help(settings, stdout);
}
