/*
 * main.c - tv_main: what every worker program does with its command line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/version.h"
#include "serve/app.h"
#include "serve/command_line.h"
#include "serve/master.h"
#include "store/session.h"

#define LISTENER 0 /* FastCGI 1.0, 2.2: the listening socket is file descriptor 0 */

static void print_help(const struct tv_app *app)
{
    /* the tables know the options; loading fills in nothing that help shows */
    struct tv_configuration *empty = calloc(1, sizeof *empty);
    char usage[128];
    snprintf(usage, sizeof usage, "spawn-fcgi -n -s SOCKET -M 0660 -b 1024 -- trivet-%s [--config FILE]",
             app->name);
    if (!empty)
        return;
    tv_configuration_describe(app, empty);
    tv_command_line_help(
        app->name, app->summary, usage,
        "Signals: HUP reloads, TTIN and TTOU add and remove a process, TERM and QUIT drain and stop\n"
        "(a second one at once), USR1 opens the log file anew, USR2 logs everything, then as before.\n\n",
        &empty->settings);
    free(empty);
}

static void print_version(const struct tv_app *app)
{
    char libraries[128];
    tv_stores_libraries(libraries);
    printf("trivet-%s %s (%s)\n", app->name, tv_version(), libraries);
}

static bool listens(int fd)
{
    int listening = 0;
    socklen_t size = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

static void say_right(const struct tv_configuration *configuration)
{
    if (configuration->settings.foreign[0])
        printf("sections for other workers: %s\n", configuration->settings.foreign);
    printf("the configuration is right\n");
}

static int serve(const struct tv_app *app, struct tv_configuration *configuration, const char *file)
{
    if (listens(LISTENER))
        return tv_master_run(app, configuration, file, LISTENER);
    fprintf(stderr,
            "trivet-%s: no listening socket on file descriptor 0; start it as\n"
            "  spawn-fcgi -n -s SOCKET -M 0660 -b 1024 -- trivet-%s\n",
            app->name, app->name);
    tv_configuration_free(configuration);
    return 1;
}

int tv_main(const struct tv_app *app, int argc, char **argv)
{
    const char *file = NULL;
    enum tv_action action = tv_command_line_read(app->name, argc, argv, &file);
    switch (action) {
    case TV_ACTION_WRONG: return 2;
    case TV_ACTION_VERSION: print_version(app); return 0;
    case TV_ACTION_HELP: print_help(app); return 0;
    case TV_ACTION_RUN:
    case TV_ACTION_CHECK:
    case TV_ACTION_PRINT: break;
    }
    struct tv_error error;
    struct tv_configuration *configuration = tv_configuration_load(app, file, &error);
    if (!configuration) {
        fprintf(stderr, "trivet-%s: %s\n", app->name, error.message);
        return 1;
    }
    if (action == TV_ACTION_RUN)
        return serve(app, configuration, file);
    if (action == TV_ACTION_PRINT)
        tv_settings_print(&configuration->settings, stdout);
    else
        say_right(configuration);
    tv_configuration_free(configuration);
    return 0;
}
