/*
 * main.c - trivet-pools: process 1 of the app container. Starts the pools, keeps them running, stops them; or asks them
 * how they are. It needs no shell and starts none.
 */
#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "entry/health.h"
#include "entry/plan.h"
#include "entry/supervise.h"
#include "watch/log_setup.h"

#define EXIT_USAGE 2

static const char help[] =
    "trivet-pools - starts the pools of Trivet and keeps them running\n"
    "\n"
    "Usage: trivet-pools\n"
    "       trivet-pools --healthcheck [POOL...]   0 when these (all of TRIVET_POOLS) are well, else 1\n"
    "       trivet-pools --version, --help\n"
    "\n"
    "  TRIVET_POOLS           names of the pools (sql doc kv ops hello)\n"
    "  TRIVET_RUN_DIRECTORY   where their sockets are (/run/trivet)\n"
    "  TRIVET_WATCH_DIRECTORY where their scoreboards are (watch below that)\n"
    "  TRIVET_WATCH_POOLS     pools that /metrics is to say are down when they do not run (all of "
    "TRIVET_POOLS)\n"
    "  TRIVET_POOLS_DRAIN     how long a stop may take in all before what is left is killed (35s)\n"
    "  OTEL_EXPORTER_OTLP_ENDPOINT, or its TRACES or METRICS sibling: trivet-push is kept running as well\n"
    "\n"
    "All other variables reach the pools; trivet-sql --help and its siblings list what they take. Each pool "
    "runs as\n"
    "spawn-fcgi -n -s DIRECTORY/POOL.sock -M 0660 -b 1024 -- trivet-POOL\n"
    "\n"
    "Signals: TERM, QUIT and INT drain and stop (a second one at once), HUP and USR1 go to all of them.\n";

/* "sql", "doc" ... as one text, the way TRIVET_POOLS has it. */
static bool join(char *names, size_t size, char **words)
{
    size_t length = 0;
    names[0] = '\0';
    for (; *words; words++) {
        int written = snprintf(names + length, size - length, "%s ", *words);
        if (written < 0 || (size_t)written >= size - length)
            return false;
        length += (size_t)written;
    }
    return true;
}

static int check(char **words)
{
    char names[PLAN_POOLS_MAX * PLAN_NAME_MAX];
    struct plan plan;
    struct tv_error error;
    if (!join(names, sizeof names, words) || !plan_read(&plan, *words ? names : NULL, &error)) {
        fprintf(stderr, "trivet-pools: %s\n",
                *words && strlen(names) + 1 >= sizeof names ? "too many names" : error.message);
        return EXIT_USAGE;
    }
    return health_check(&plan);
}

static int run(void)
{
    /* the log keeps it for as long as it writes */
    static const struct tv_log_settings log = {.level = "info", .file = "", .requests = "none", .slow = 500};
    struct plan plan;
    struct tv_error error;
    if (!tv_log_start(&log, "pools", &error) || !plan_read(&plan, NULL, &error) ||
        !plan_prepare(&plan, &error)) {
        tv_log(TV_LOG_ERROR, "start", "%s", error.message);
        return EXIT_USAGE;
    }
    if (!plan_environment(&plan)) {
        tv_log(TV_LOG_ERROR, "start", "no memory for the environment");
        return 1;
    }
    return supervise(&plan);
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return run();
    if (strcmp(argv[1], "--healthcheck") == 0)
        return check(argv + 2);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("trivet-pools %s\n", tv_version());
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    fprintf(stderr, "trivet-pools: unexpected argument %s (see --help)\n", argv[1]);
    return EXIT_USAGE;
}
