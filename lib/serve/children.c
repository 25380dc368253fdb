/*
 * children.c - fork, watch, replace.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "serve/master_state.h"
#include "serve/process.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  5000
/* A process that lived this long did not die of its start. */
#define HEALTHY_MS 10000

int64_t tv_children_count(const struct tv_master *master, enum tv_child_state state, uint64_t generation)
{
    int64_t count = 0;
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++)
        count += master->children[i].state == state &&
                 (generation == 0 || master->children[i].generation == generation);
    return count;
}

int64_t tv_children_running(const struct tv_master *master)
{
    int64_t running = 0;
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        const struct tv_child *child = &master->children[i];
        running += child->state == TV_CHILD_SERVING && child->generation == master->generation &&
                   atomic_load(&master->board->processes[i].state) == TV_PROCESS_RUNNING;
    }
    return running;
}

static void tell(struct tv_child *child, int signal_number)
{
    kill(child->pid, signal_number);
    if (signal_number == SIGTERM)
        child->state = TV_CHILD_LEAVING;
}

void tv_children_tell(struct tv_master *master, int signal_number)
{
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++)
        if (master->children[i].state != TV_CHILD_NONE)
            tell(&master->children[i], signal_number);
}

void tv_children_dismiss(struct tv_master *master, bool newest)
{
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        struct tv_child *child = &master->children[i];
        if (child->state == TV_CHILD_SERVING && (child->generation == master->generation) == newest)
            tell(child, SIGTERM);
    }
}

/* --- starting --------------------------------------------------------------------------------------------------------- */

static int run_child(struct tv_master *master, struct tv_process_board *place, pid_t parent)
{
    struct tv_pool pool = {.app = master->app,
                           .configuration = master->configuration,
                           .board = master->board,
                           .place = place,
                           .tracer = {.rings = master->rings,
                                      .place = (size_t)(place - master->board->processes),
                                      .lock = PTHREAD_MUTEX_INITIALIZER}};
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* without a master nobody would replace us: drain and go */
    if (getppid() != parent)
        return 0;
    close(master->signals);
    tv_control_forget(master->control); /* or it would look open after the master's death */
    return tv_process_run(&pool, master->listener);
}

static bool spawn(struct tv_master *master)
{
    size_t i = 0;
    while (i < TV_PROCESSES_MAX && master->children[i].state != TV_CHILD_NONE)
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
    master->children[i] = (struct tv_child){TV_CHILD_SERVING, pid, master->generation, tv_clock_ms()};
    return true;
}

static void later(struct tv_master *master)
{
    /* doubled, and spread by up to a quarter so that many pods do not start in step */
    int64_t spread = (int64_t)(tv_clock_us() % 256) * master->backoff_ms / 1024;
    master->spawn_after_ms = tv_clock_ms() + master->backoff_ms + spread;
    master->backoff_ms = master->backoff_ms == 0                    ? BACKOFF_FIRST_MS
                         : master->backoff_ms * 2 < BACKOFF_LAST_MS ? master->backoff_ms * 2
                                                                    : BACKOFF_LAST_MS;
}

void tv_children_keep(struct tv_master *master)
{
    int64_t wanted = master->size.processes;
    int64_t serving = tv_children_count(master, TV_CHILD_SERVING, master->generation);
    while (serving < wanted && tv_clock_ms() >= master->spawn_after_ms) {
        if (!spawn(master)) {
            later(master);
            break;
        }
        serving++;
    }
    for (size_t i = TV_PROCESSES_MAX; i > 0 && serving > wanted; i--) {
        struct tv_child *child = &master->children[i - 1];
        if (child->state == TV_CHILD_SERVING && child->generation == master->generation) {
            tell(child, SIGTERM);
            serving--;
        }
    }
}

void tv_children_notice(struct tv_master *master)
{
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++)
        if (master->children[i].state == TV_CHILD_SERVING &&
            atomic_load(&master->board->processes[i].state) == TV_PROCESS_DRAINING)
            master->children[i].state = TV_CHILD_LEAVING;
}

/* --- ending ----------------------------------------------------------------------------------------------------------- */

/* "process 4711 was killed by signal 9 (Killed)" */
static void describe_death(pid_t pid, int status, char out[128])
{
    if (WIFSIGNALED(status))
        snprintf(out, 128, "process %d was killed by signal %d (%s)", (int)pid, WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(out, 128, "process %d ended with status %d", (int)pid, WEXITSTATUS(status));
}

static void child_ended(struct tv_master *master, size_t i, int status)
{
    struct tv_child *child = &master->children[i];
    char death[128];
    bool running = atomic_load(&master->board->processes[i].state) != TV_PROCESS_STARTING;
    bool expected = child->state == TV_CHILD_LEAVING;
    bool newest = child->generation == master->generation;
    int64_t lived = tv_clock_ms() - child->started_ms;
    tv_scoreboard_retire(master->board, i);
    child->state = TV_CHILD_NONE;
    if (expected || master->stopping)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        tv_log(TV_LOG_INFO, "process.left", "process %d left on request and is replaced", (int)child->pid);
        return;
    }
    atomic_fetch_add(&master->board->restarts, 1);
    describe_death(child->pid, status, death);
    tv_log(TV_LOG_ERROR, "process.died", "%s", death);
    if (master->reloading && newest && !running) {
        tv_reload_undo(master, death);
        return;
    }
    if (lived >= HEALTHY_MS)
        master->backoff_ms = 0;
    later(master); /* the first time at once, then slower and slower, but never not at all */
}

void tv_children_reap(struct tv_master *master)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < TV_PROCESSES_MAX; i++)
            if (master->children[i].state != TV_CHILD_NONE && master->children[i].pid == pid)
                child_ended(master, i, status);
}
