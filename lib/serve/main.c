/*
 * main.c - tv_main: the command line every worker program has.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/version.h"
#include "serve/app.h"
#include "serve/master.h"
#include "store/session.h"

#define LISTENER 0 /* FastCGI 1.0, 2.2: the listening socket is file descriptor 0 */

enum action { ACTION_SERVE, ACTION_CHECK, ACTION_PRINT };

static void print_help(const struct tv_app *app)
{
    /* the tables know the options; loading fills in nothing that help shows */
    struct tv_configuration *empty = calloc(1, sizeof *empty);
    printf("trivet-%s - %s\n\n"
           "Usage: spawn-fcgi -n -s SOCKET -M 0660 -b 1024 -- trivet-%s [--config FILE]\n\n"
           "  --config FILE     INI file (default: %s if it is there; or TRIVET_CONFIG)\n"
           "  --check           says whether the configuration is right, and ends\n"
           "  --print-config    prints the configuration with where each value comes from, and ends\n"
           "  --version, --help\n\n"
           "Signals: HUP reloads, TTIN and TTOU add and remove a process, TERM and QUIT drain and stop\n"
           "(a second one at once), USR1 opens the log file anew.\n\n"
           "Options, as [section] and key in the file or as a variable of the environment, which wins; with "
           "_FILE\n"
           "appended the variable names a file that holds the value:\n",
           app->name, app->summary, app->name, TRIVET_CONFIG_FILE);
    if (empty) {
        tv_configuration_describe(app, empty);
        tv_settings_help(&empty->settings, stdout);
        free(empty);
    }
}

static void print_version(const struct tv_app *app)
{
    char libraries[128];
    tv_stores_libraries(libraries);
    printf("trivet-%s %s (%s)\n", app->name, tv_version(), libraries);
}

static const char *config_file(const char *given)
{
    const char *named = given ? given : getenv("TRIVET_CONFIG");
    if (named && *named)
        return named;
    return access(TRIVET_CONFIG_FILE, R_OK) == 0 ? TRIVET_CONFIG_FILE : NULL;
}

static bool listens(int fd)
{
    int listening = 0;
    socklen_t size = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

static int check_only(const struct tv_configuration *configuration)
{
    if (configuration->settings.foreign[0])
        printf("sections for other workers: %s\n", configuration->settings.foreign);
    printf("the configuration is right\n");
    return 0;
}

static int run(const struct tv_app *app, const char *file, enum action action)
{
    struct tv_error error;
    struct tv_configuration *configuration = tv_configuration_load(app, file, &error);
    int status = 0;
    if (!configuration) {
        fprintf(stderr, "trivet-%s: %s\n", app->name, error.message);
        return 1;
    }
    switch (action) {
    case ACTION_CHECK: status = check_only(configuration); break;
    case ACTION_PRINT: tv_settings_print(&configuration->settings, stdout); break;
    case ACTION_SERVE:
        if (listens(LISTENER))
            return tv_master_run(app, configuration, file, LISTENER);
        fprintf(stderr,
                "trivet-%s: no listening socket on file descriptor 0; start it as\n"
                "  spawn-fcgi -n -s SOCKET -M 0660 -b 1024 -- trivet-%s\n",
                app->name, app->name);
        status = 1;
        break;
    }
    tv_configuration_free(configuration);
    return status;
}

int tv_main(const struct tv_app *app, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 't'},
        {"print-config", no_argument, NULL, 'p'}, {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    const char *file = NULL;
    enum action action = ACTION_SERVE;
    int option;
    while ((option = getopt_long(argc, argv, "c:tpVh", options, NULL)) != -1) {
        switch (option) {
        case 'c': file = optarg; break;
        case 't': action = ACTION_CHECK; break;
        case 'p': action = ACTION_PRINT; break;
        case 'V': print_version(app); return 0;
        case 'h': print_help(app); return 0;
        default: return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "trivet-%s: unexpected argument %s (see --help)\n", app->name, argv[optind]);
        return 2;
    }
    return run(app, config_file(file), action);
}
