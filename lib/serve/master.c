/*
 * master.c - the one thread that keeps a pool. Signals arrive through a signalfd and orders through the control socket, so
 * everything here is ordinary code.
 *
 *   HUP        check the configuration, start new processes with it, and when they run let the old ones drain
 *   TTIN/TTOU  one process more / fewer
 *   TERM/QUIT/INT  drain all, then stop, at the latest after the drain time; a second one: at once
 *   USR1       open the log file anew
 *   USR2       log everything (debug), or again as configured
 */
#include "serve/master.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/version.h"
#include "serve/master_state.h"
#include "store/session.h"

#define IDLE_TICK_MS  500
#define BUSY_TICK_MS  20
#define KILL_AFTER_MS 1000 /* beyond the drain time */

void tv_master_stop(struct tv_master *master)
{
    if (master->stopping) {
        master->at_once = true;
        tv_children_tell(master, SIGKILL);
        return;
    }
    tv_log(TV_LOG_INFO, "stop", "finishing what is under way");
    master->stopping = true;
    master->stop_until_ms = tv_clock_ms() + master->configuration->serve.drain + KILL_AFTER_MS;
    tv_children_tell(master, SIGTERM);
}

static void change_number(struct tv_master *master, int64_t by)
{
    int64_t wanted = master->size.processes + by;
    if (wanted >= 1 && wanted <= TV_MASTER_PROCESSES_MAX)
        master->size.processes = wanted;
    tv_log(TV_LOG_INFO, "processes", "%lld processes wanted", (long long)master->size.processes);
}

/* With the signal goes the level itself: processes that were started since must not toggle into the opposite. */
static void tell_level(struct tv_master *master)
{
    union sigval level = {.sival_int = (int)tv_log_level()};
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++)
        if (master->children[i].state != TV_CHILD_NONE)
            sigqueue(master->children[i].pid, SIGUSR2, level);
}

bool tv_master_level(struct tv_master *master, const char *name, struct tv_error *error)
{
    if (!tv_log_set_level(name))
        return tv_fail(error, 400, NULL, "level: expected error, warn, info, debug or default, not %s", name);
    tell_level(master);
    return true;
}

static void take_signals(struct tv_master *master)
{
    struct signalfd_siginfo info;
    while (read(master->signals, &info, sizeof info) == sizeof info) {
        switch (info.ssi_signo) {
        case SIGHUP:
            if (!master->stopping)
                tv_reload_begin(master);
            break;
        case SIGTTIN: change_number(master, 1); break;
        case SIGTTOU: change_number(master, -1); break;
        case SIGUSR1:
            tv_log_reopen();
            tv_children_tell(master, SIGUSR1);
            break;
        case SIGUSR2:
            tv_log_toggle();
            tell_level(master);
            break;
        case SIGTERM:
        case SIGQUIT:
        case SIGINT: tv_master_stop(master); break;
        default: break; /* SIGCHLD: children are reaped at every turn */
        }
    }
}

void tv_master_show(struct tv_master *master)
{
    struct tv_scoreboard *board = master->board;
    atomic_store(&board->generation, master->generation);
    atomic_store(&board->processes_wanted, (uint64_t)master->size.processes);
    atomic_store(&board->workers_min, (uint64_t)master->size.workers_min);
    atomic_store(&board->workers_max, (uint64_t)master->size.workers_max);
    atomic_store(&board->connections_max, (uint64_t)master->configuration->serve.connections);
}

/* Until a signal, a client of the control socket or the tick. */
static void wait_for_events(const struct tv_master *master)
{
    struct pollfd watched[1 + TV_CONTROL_FDS] = {{.fd = master->signals, .events = POLLIN}};
    size_t count = 1 + tv_control_watch(master->control, watched + 1);
    bool busy = master->reloading || master->stopping || tv_clock_ms() < master->spawn_after_ms ||
                tv_control_waiting(master->control);
    poll(watched, count, busy ? BUSY_TICK_MS : IDLE_TICK_MS);
}

static void turn(struct tv_master *master)
{
    wait_for_events(master);
    take_signals(master);
    tv_children_reap(master);
    tv_control_turn(master->control);
    if (master->stopping) {
        if (tv_clock_ms() > master->stop_until_ms)
            tv_children_tell(master, SIGKILL);
        return;
    }
    tv_children_notice(master);
    tv_master_show(master); /* first: new processes take their window from the board */
    tv_children_keep(master);
    tv_reload_turn(master);
}

/* Takes over what the pool before this one knew of the cache: whether a write may be unsaid, and which Redis it was. Without
 * a trace of it nothing is believed; then the first one to reach Redis makes all entries void (cache/trust.h). */
static void inherit_trust(struct tv_scoreboard *board, const struct tv_scoreboard *last)
{
    atomic_store(&board->cache_distrust, !last || atomic_load(&last->cache_distrust) != 0);
    atomic_store(&board->cache_server, last ? atomic_load(&last->cache_server) : 0);
}

/* The first place is for requests of no route, and has no name. */
static void name_routes(struct tv_scoreboard *board, const char *const *routes)
{
    board->route_count = 1;
    for (; routes && *routes && board->route_count < TV_ROUTES_MAX; routes++)
        snprintf(board->routes[board->route_count++], TV_ROUTE_NAME_MAX, "%s", *routes);
}

/* What does not change while the pool runs. last: the board of the pool before this one, or NULL. */
static void describe_pool(struct tv_master *master, const struct tv_scoreboard *last)
{
    struct stat status;
    const struct tv_configuration *configuration = master->configuration;
    struct tv_scoreboard *board = master->board;
    snprintf(board->version, sizeof board->version, "%s", tv_version());
    tv_stores_libraries(board->libraries);
    board->socket_inode = fstat(master->listener, &status) == 0 ? (uint64_t)status.st_ino : 0;
    name_routes(board, master->app->routes);
    uint64_t used = 0;
    for (int store = 0; store < TV_STORE_COUNT; store++)
        if (master->app->stores & 1u << store &&
            tv_store_configured(&configuration->store, (enum tv_store)store))
            used |= 1u << store;
    if (master->app->cached && configuration->cache.enabled &&
        (*configuration->cache.url || tv_store_configured(&configuration->store, TV_STORE_REDIS))) {
        used |= 1u << TV_STORE_REDIS;
        inherit_trust(board, last);
    }
    atomic_store(&board->stores_used, used);
    atomic_store(&board->started_ms, (uint64_t)tv_clock_wall_ms());
    tv_master_show(master);
    atomic_store(&board->master_pid, (uint64_t)getpid());
}

static bool open_board(struct tv_master *master, struct tv_error *error)
{
    const struct tv_configuration *configuration = master->configuration;
    struct tv_error none;
    const struct tv_scoreboard *last =
        tv_scoreboard_open(configuration->watch.directory, master->app->name, &none);
    master->board = tv_scoreboard_create(configuration->watch.directory, master->app->name, error);
    if (master->board)
        describe_pool(master, last);
    if (last)
        tv_scoreboard_close(last);
    return master->board != NULL;
}

/* Nobody is refused an answer because it cannot be traced. */
static void open_rings(struct tv_master *master)
{
    const struct tv_configuration *configuration = master->configuration;
    struct tv_error error;
    if (!configuration->trace.recording)
        return;
    master->rings = tv_rings_create(configuration->watch.directory, master->app->name, TV_PROCESSES_MAX,
                                    (size_t)configuration->trace.ring, &error);
    if (!master->rings)
        tv_log(TV_LOG_ERROR, "trace.start", "nothing is traced: %s", error.message);
}

static int open_signals(void)
{
    static const int taken[] = {SIGHUP, SIGTTIN, SIGTTOU, SIGTERM, SIGQUIT,
                                SIGINT, SIGUSR1, SIGUSR2, SIGCHLD};
    sigset_t mask;
    sigemptyset(&mask);
    for (size_t i = 0; i < TV_COUNT(taken); i++)
        sigaddset(&mask, taken[i]);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Orders are a convenience: a pool that cannot have a socket for them still serves. */
static void open_control(struct tv_master *master)
{
    struct tv_error error;
    master->handler = tv_master_orders;
    master->handler.context = master;
    master->control =
        tv_control_open(master->configuration->watch.directory, master->app->name, &master->handler, &error);
    if (!master->control)
        tv_log(TV_LOG_WARN, "control", "no orders but by signals: %s", error.message);
}

static bool start(struct tv_master *master, struct tv_error *error)
{
    const struct tv_configuration *configuration = master->configuration;
    master->signals = open_signals();
    if (master->signals < 0)
        return tv_fail(error, 500, NULL, "signalfd: %s", strerror(errno));
    if (!tv_log_start(&configuration->log, master->app->name, error) || !open_board(master, error))
        return false;
    open_control(master);
    open_rings(master);
    tv_log(TV_LOG_INFO, "start", "%s %s: %lld processes of %lld to %lld workers", master->app->name,
           tv_version(), (long long)master->size.processes, (long long)master->size.workers_min,
           (long long)master->size.workers_max);
    return true;
}

static bool over(const struct tv_master *master)
{
    return master->stopping &&
           tv_children_count(master, TV_CHILD_SERVING, 0) + tv_children_count(master, TV_CHILD_LEAVING, 0) ==
               0;
}

static void end(struct tv_master *master)
{
    atomic_store(&master->board->master_pid, 0);
    tv_control_review(master->control); /* who asked for the end is told */
    tv_control_close(master->control);
    tv_scoreboard_destroy(master->board);
    tv_configuration_free(master->before);
    tv_configuration_free(master->configuration);
    close(master->signals);
    free(master);
}

int tv_master_run(const struct tv_app *app, struct tv_configuration *configuration, const char *file,
                  int listener)
{
    struct tv_master *master = calloc(1, sizeof *master);
    struct tv_error error;
    if (!master)
        return 1;
    *master = (struct tv_master){.app = app,
                                 .configuration = configuration,
                                 .file = file,
                                 .listener = listener,
                                 .size = tv_pool_size_of(configuration),
                                 .generation = 1};
    if (!start(master, &error)) {
        tv_log(TV_LOG_ERROR, "start", "%s", error.message);
        tv_configuration_free(configuration);
        free(master);
        return 1;
    }
    tv_children_keep(master);
    while (!over(master))
        turn(master);
    tv_log(TV_LOG_INFO, "stopped", "%s", master->at_once ? "at once" : "all finished");
    end(master);
    return 0;
}
