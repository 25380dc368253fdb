/*
 * master.c - fork, watch, replace. Signals arrive through a signalfd, so everything here is ordinary code in one thread.
 *
 *   HUP        check the configuration, start new processes with it, and when they run let the old ones drain
 *   TTIN/TTOU  one process more / fewer
 *   TERM/QUIT/INT  drain all, then stop, at the latest after the drain time; a second one: at once
 *   USR1       open the log file anew
 */
#include "serve/master.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/version.h"
#include "serve/process.h"
#include "store/session.h"
#include "watch/scoreboard.h"

#define PROCESSES_MAX    (TV_PROCESSES_MAX / 2) /* a reload doubles them for a while */
#define IDLE_TICK_MS     500
#define BUSY_TICK_MS     20
#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  5000
/* A process that lived this long did not die of its start. */
#define HEALTHY_MS    10000
#define KILL_AFTER_MS 1000 /* beyond the drain time */

enum child_state { CHILD_NONE, CHILD_SERVING, CHILD_LEAVING };

struct child {
    enum child_state state;
    pid_t pid;
    uint64_t generation;
    int64_t started_ms;
};

struct master {
    const struct tv_app *app;
    struct tv_configuration *configuration;
    const char *file;
    int listener;
    int signals;
    struct tv_scoreboard *board;
    struct child children[TV_PROCESSES_MAX];
    int64_t wanted;      /* processes */
    uint64_t generation; /* of the configuration that new processes get */
    /* a reload under way: processes of the generation before it still serve */
    bool reloading;
    bool reload_again; /* HUP came meanwhile */
    struct tv_configuration *before;
    /* replacing what died */
    int64_t backoff_ms;
    int64_t spawn_after_ms;
    /* stopping */
    bool stopping;
    bool at_once;
    int64_t stop_until_ms;
};

static int64_t count_children(const struct master *master, enum child_state state, uint64_t generation)
{
    int64_t count = 0;
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++)
        count += master->children[i].state == state &&
                 (generation == 0 || master->children[i].generation == generation);
    return count;
}

static void order(struct child *child, int signal_number)
{
    kill(child->pid, signal_number);
    if (signal_number == SIGTERM)
        child->state = CHILD_LEAVING;
}

static void order_all(struct master *master, int signal_number)
{
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++)
        if (master->children[i].state != CHILD_NONE)
            order(&master->children[i], signal_number);
}

/* --- starting processes ----------------------------------------------------------------------------------------------- */

static int run_child(struct master *master, struct tv_process_board *place, pid_t parent)
{
    struct tv_pool pool = {
        .app = master->app, .configuration = master->configuration, .board = master->board, .place = place};
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* without a master nobody would replace us: drain and go */
    if (getppid() != parent)
        return 0;
    close(master->signals);
    return tv_process_run(&pool, master->listener);
}

static bool spawn(struct master *master)
{
    size_t i = 0;
    while (i < TV_PROCESSES_MAX && master->children[i].state != CHILD_NONE)
        i++;
    if (i == TV_PROCESSES_MAX)
        return false; /* all places are still draining; the next tick tries again */
    struct tv_process_board *place = &master->board->processes[i];
    atomic_store(&place->state, TV_PROCESS_STARTING);
    atomic_store(&place->generation, master->generation);
    atomic_store(&place->started_ms, (uint64_t)tv_clock_wall_ms());
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        tv_log(TV_LOG_ERROR, "fork", "%s", strerror(errno));
        atomic_store(&place->state, TV_PROCESS_NONE);
        return false;
    }
    if (pid == 0)
        exit(run_child(master, place, parent));
    atomic_store(&place->pid, (uint64_t)pid);
    master->children[i] = (struct child){CHILD_SERVING, pid, master->generation, tv_clock_ms()};
    return true;
}

static void later(struct master *master)
{
    /* doubled, and spread by up to a quarter so that many pods do not start in step */
    int64_t spread = (int64_t)(tv_clock_us() % 256) * master->backoff_ms / 1024;
    master->spawn_after_ms = tv_clock_ms() + master->backoff_ms + spread;
    master->backoff_ms = master->backoff_ms == 0                    ? BACKOFF_FIRST_MS
                         : master->backoff_ms * 2 < BACKOFF_LAST_MS ? master->backoff_ms * 2
                                                                    : BACKOFF_LAST_MS;
}

static void keep_number(struct master *master)
{
    int64_t serving = count_children(master, CHILD_SERVING, master->generation);
    while (serving < master->wanted && tv_clock_ms() >= master->spawn_after_ms) {
        if (!spawn(master)) {
            later(master);
            break;
        }
        serving++;
    }
    for (size_t i = TV_PROCESSES_MAX; i > 0 && serving > master->wanted; i--) {
        struct child *child = &master->children[i - 1];
        if (child->state == CHILD_SERVING && child->generation == master->generation) {
            order(child, SIGTERM);
            serving--;
        }
    }
}

/* --- reloading -------------------------------------------------------------------------------------------------------- */

static void begin_reload(struct master *master)
{
    struct tv_error error;
    if (master->reloading) {
        master->reload_again = true;
        return;
    }
    struct tv_configuration *loaded = tv_configuration_load(master->app, master->file, &error);
    if (!loaded) {
        tv_log(TV_LOG_ERROR, "reload.refused", "the old configuration stays: %s", error.message);
        return;
    }
    if (!tv_log_start(&loaded->log, master->app->name, &error)) {
        tv_log(TV_LOG_ERROR, "reload.refused", "the old configuration stays: %s", error.message);
        tv_configuration_free(loaded);
        return;
    }
    master->before = master->configuration;
    master->configuration = loaded;
    master->generation++;
    master->wanted = loaded->serve.processes;
    master->reloading = true;
    master->spawn_after_ms = 0;
    tv_log(TV_LOG_INFO, "reload.begin", "generation %llu", (unsigned long long)master->generation);
}

/* The new generation cannot start: the old one goes on as if nothing had been asked. */
static void undo_reload(struct master *master)
{
    struct tv_error error;
    tv_log(TV_LOG_ERROR, "reload.undone",
           "processes with the new configuration do not start; the old ones stay");
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++)
        if (master->children[i].state == CHILD_SERVING &&
            master->children[i].generation == master->generation)
            order(&master->children[i], SIGTERM);
    tv_configuration_free(master->configuration);
    master->configuration = master->before;
    master->before = NULL;
    master->generation--;
    master->wanted = master->configuration->serve.processes;
    master->reloading = false;
    if (!tv_log_start(&master->configuration->log, master->app->name, &error))
        tv_log(TV_LOG_ERROR, "log", "%s", error.message);
}

static bool all_new_run(const struct master *master)
{
    int64_t running = 0;
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        const struct child *child = &master->children[i];
        running += child->state == CHILD_SERVING && child->generation == master->generation &&
                   atomic_load(&master->board->processes[i].state) == TV_PROCESS_RUNNING;
    }
    return running >= master->wanted;
}

static void finish_reload(struct master *master)
{
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++)
        if (master->children[i].state == CHILD_SERVING &&
            master->children[i].generation != master->generation)
            order(&master->children[i], SIGTERM);
    tv_configuration_free(master->before);
    master->before = NULL;
    master->reloading = false;
    tv_log(TV_LOG_INFO, "reload.done", "generation %llu", (unsigned long long)master->generation);
    if (master->reload_again) {
        master->reload_again = false;
        begin_reload(master);
    }
}

/* --- what happens ----------------------------------------------------------------------------------------------------- */

static void child_ended(struct master *master, size_t i, int status)
{
    struct child *child = &master->children[i];
    bool running = atomic_load(&master->board->processes[i].state) != TV_PROCESS_STARTING;
    bool expected = child->state == CHILD_LEAVING;
    bool newest = child->generation == master->generation;
    int64_t lived = tv_clock_ms() - child->started_ms;
    tv_scoreboard_retire(master->board, i);
    child->state = CHILD_NONE;
    if (expected || master->stopping)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        tv_log(TV_LOG_INFO, "process.left", "process %d left on request and is replaced", (int)child->pid);
        return;
    }
    atomic_fetch_add(&master->board->restarts, 1);
    if (WIFSIGNALED(status))
        tv_log(TV_LOG_ERROR, "process.died", "process %d was killed by signal %d (%s)", (int)child->pid,
               WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        tv_log(TV_LOG_ERROR, "process.died", "process %d ended with status %d", (int)child->pid,
               WEXITSTATUS(status));
    if (master->reloading && newest && !running) {
        undo_reload(master);
        return;
    }
    if (lived >= HEALTHY_MS)
        master->backoff_ms = 0;
    later(master); /* the first time at once, then slower and slower, but never not at all */
}

static void reap_children(struct master *master)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < TV_PROCESSES_MAX; i++)
            if (master->children[i].state != CHILD_NONE && master->children[i].pid == pid)
                child_ended(master, i, status);
}

static void begin_stop(struct master *master)
{
    if (master->stopping) {
        master->at_once = true;
        order_all(master, SIGKILL);
        return;
    }
    tv_log(TV_LOG_INFO, "stop", "finishing what is under way");
    master->stopping = true;
    master->stop_until_ms = tv_clock_ms() + master->configuration->serve.drain + KILL_AFTER_MS;
    order_all(master, SIGTERM);
}

static void change_number(struct master *master, int64_t by)
{
    int64_t wanted = master->wanted + by;
    if (wanted >= 1 && wanted <= PROCESSES_MAX)
        master->wanted = wanted;
    tv_log(TV_LOG_INFO, "processes", "%lld processes wanted", (long long)master->wanted);
}

static void take_signals(struct master *master)
{
    struct signalfd_siginfo info;
    while (read(master->signals, &info, sizeof info) == sizeof info) {
        switch (info.ssi_signo) {
        case SIGHUP:
            if (!master->stopping)
                begin_reload(master);
            break;
        case SIGTTIN: change_number(master, 1); break;
        case SIGTTOU: change_number(master, -1); break;
        case SIGUSR1:
            tv_log_reopen();
            order_all(master, SIGUSR1);
            break;
        case SIGTERM:
        case SIGQUIT:
        case SIGINT: begin_stop(master); break;
        default: break; /* SIGCHLD: children are reaped at every turn */
        }
    }
}

/* A process that someone told to leave makes room for its replacement now, not when it is gone. */
static void notice_leavers(struct master *master)
{
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++)
        if (master->children[i].state == CHILD_SERVING &&
            atomic_load(&master->board->processes[i].state) == TV_PROCESS_DRAINING)
            master->children[i].state = CHILD_LEAVING;
}

static void show_numbers(struct master *master)
{
    struct tv_scoreboard *board = master->board;
    atomic_store(&board->generation, master->generation);
    atomic_store(&board->processes_wanted, (uint64_t)master->wanted);
    atomic_store(&board->workers_min, (uint64_t)master->configuration->serve.workers_min);
    atomic_store(&board->workers_max, (uint64_t)master->configuration->serve.workers_max);
}

static void turn(struct master *master)
{
    struct pollfd watched = {.fd = master->signals, .events = POLLIN};
    bool busy = master->reloading || master->stopping || tv_clock_ms() < master->spawn_after_ms;
    poll(&watched, 1, busy ? BUSY_TICK_MS : IDLE_TICK_MS);
    take_signals(master);
    reap_children(master);
    if (master->stopping) {
        if (tv_clock_ms() > master->stop_until_ms)
            order_all(master, SIGKILL);
        return;
    }
    notice_leavers(master);
    keep_number(master);
    if (master->reloading && all_new_run(master))
        finish_reload(master);
    show_numbers(master);
}

/* Takes over what the pool before this one knew of the cache: whether a write may be unsaid, and which Redis it was. Without
 * a trace of it nothing is believed; then the first one to reach Redis makes all entries void (cache/trust.h). */
static void inherit_trust(struct tv_scoreboard *board, const struct tv_scoreboard *last)
{
    atomic_store(&board->cache_distrust, !last || atomic_load(&last->cache_distrust) != 0);
    atomic_store(&board->cache_server, last ? atomic_load(&last->cache_server) : 0);
}

/* What does not change while the pool runs. last: the board of the pool before this one, or NULL. */
static void describe_pool(struct master *master, const struct tv_scoreboard *last)
{
    struct stat status;
    const struct tv_configuration *configuration = master->configuration;
    struct tv_scoreboard *board = master->board;
    snprintf(board->version, sizeof board->version, "%s", tv_version());
    tv_stores_libraries(board->libraries);
    board->socket_inode = fstat(master->listener, &status) == 0 ? (uint64_t)status.st_ino : 0;
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
    show_numbers(master);
    atomic_store(&board->master_pid, (uint64_t)getpid());
}

static bool open_board(struct master *master, struct tv_error *error)
{
    const struct tv_configuration *configuration = master->configuration;
    struct tv_error none;
    const struct tv_scoreboard *last =
        tv_scoreboard_open(configuration->serve.watch_directory, master->app->name, &none);
    master->board = tv_scoreboard_create(configuration->serve.watch_directory, master->app->name, error);
    if (master->board)
        describe_pool(master, last);
    if (last)
        tv_scoreboard_close(last);
    return master->board != NULL;
}

static int open_signals(void)
{
    static const int taken[] = {SIGHUP, SIGTTIN, SIGTTOU, SIGTERM, SIGQUIT, SIGINT, SIGUSR1, SIGCHLD};
    sigset_t mask;
    sigemptyset(&mask);
    for (size_t i = 0; i < TV_COUNT(taken); i++)
        sigaddset(&mask, taken[i]);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

int tv_master_run(const struct tv_app *app, struct tv_configuration *configuration, const char *file,
                  int listener)
{
    struct master *master = calloc(1, sizeof *master);
    struct tv_error error = {.status = 0};
    if (!master)
        return 1;
    *master = (struct master){.app = app,
                              .configuration = configuration,
                              .file = file,
                              .listener = listener,
                              .wanted = configuration->serve.processes,
                              .generation = 1};
    master->signals = open_signals();
    if (master->signals < 0 || !tv_log_start(&configuration->log, app->name, &error) ||
        !open_board(master, &error)) {
        tv_log(TV_LOG_ERROR, "start", "%s", error.status ? error.message : strerror(errno));
        tv_configuration_free(configuration);
        free(master);
        return 1;
    }
    tv_log(TV_LOG_INFO, "start", "%s %s: %lld processes of %lld to %lld workers", app->name, tv_version(),
           (long long)master->wanted, (long long)configuration->serve.workers_min,
           (long long)configuration->serve.workers_max);
    keep_number(master);
    while (!(master->stopping &&
             count_children(master, CHILD_SERVING, 0) + count_children(master, CHILD_LEAVING, 0) == 0))
        turn(master);
    tv_log(TV_LOG_INFO, "stopped", "%s", master->at_once ? "at once" : "all finished");
    atomic_store(&master->board->master_pid, 0);
    tv_scoreboard_destroy(master->board);
    tv_configuration_free(master->before);
    tv_configuration_free(master->configuration);
    close(master->signals);
    free(master);
    return 0;
}
