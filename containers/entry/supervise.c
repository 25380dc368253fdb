/*
 * supervise.c - one loop around a signalfd; everything here is ordinary code in one thread. It never waits for a program
 * and never ends before a stop: whatever goes wrong with one program is that program's matter.
 */
#include "entry/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/version.h"
#include "entry/program.h"
#include "entry/signals.h"
#include "watch/log.h"

#define PROGRAMS_MAX (PLAN_POOLS_MAX + 1)
#define BUSY_TICK_MS 20
#define PUSH_MS      5000 /* what trivet-push may take for its last batch, when that much is left */
#define KILLED_MS    1000 /* after KILL: the kernel's time to take everything down */

enum stage { STAGE_RUN, STAGE_POOLS, STAGE_PUSH, STAGE_KILLED };

struct supervisor {
    const struct plan *plan;
    int signals;
    struct program programs[PROGRAMS_MAX];
    int count;
    int pools; /* the first of them */
    enum stage stage;
    int64_t end_ms;      /* of the stop: what runs then is killed */
    int64_t push_end_ms; /* the same for trivet-push, never later */
    int64_t killed_end_ms;
    bool clean; /* nothing had to be killed */
};

static void add_pool(struct supervisor *supervisor, const struct plan_pool *pool)
{
    supervisor->programs[supervisor->count++] = (struct program){
        .name = pool->name,
        .socket = pool->socket,
        .arguments = {supervisor->plan->spawn, "-n", "-s", pool->socket, "-M", "0660", "-b", "1024", "--",
                      pool->program, NULL},
    };
    supervisor->pools = supervisor->count;
}

static void tell_all(struct supervisor *supervisor, int signal_number)
{
    for (int i = 0; i < supervisor->count; i++)
        program_tell(&supervisor->programs[i], signal_number);
}

/* --- stopping --------------------------------------------------------------------------------------------------------- */

static void kill_all(struct supervisor *supervisor, const char *why)
{
    tv_log(TV_LOG_WARN, "stop.kill", "%s", why);
    supervisor->clean = false;
    supervisor->stage = STAGE_KILLED;
    supervisor->killed_end_ms = tv_clock_ms() + KILLED_MS;
    for (int i = 0; i < supervisor->count; i++)
        program_kill(&supervisor->programs[i]);
    if (getpid() == 1)
        kill(-1, SIGKILL); /* orphans too: there is nobody else in this container */
}

static void begin_stop(struct supervisor *supervisor)
{
    if (supervisor->stage != STAGE_RUN) {
        if (supervisor->stage != STAGE_KILLED)
            kill_all(supervisor, "told to stop again: at once");
        return;
    }
    tv_log(TV_LOG_INFO, "stop", "the pools finish what is under way");
    supervisor->stage = STAGE_POOLS;
    supervisor->end_ms = tv_clock_ms() + supervisor->plan->drain_ms;
    for (int i = 0; i < supervisor->pools; i++)
        program_tell(&supervisor->programs[i], SIGTERM);
}

static int running(const struct supervisor *supervisor, int from, int to)
{
    int count = 0;
    for (int i = from; i < to; i++)
        count += supervisor->programs[i].pid != 0;
    return count;
}

static void begin_push(struct supervisor *supervisor)
{
    int64_t whole = tv_clock_ms() + PUSH_MS;
    supervisor->stage = STAGE_PUSH;
    supervisor->push_end_ms = whole < supervisor->end_ms ? whole : supervisor->end_ms;
    for (int i = supervisor->pools; i < supervisor->count; i++)
        program_tell(&supervisor->programs[i], SIGTERM);
}

/* Alone: orphans of a pool that was killed just now may still drain, for as long as the pools might. */
static void kill_push(struct supervisor *supervisor)
{
    tv_log(TV_LOG_WARN, "stop.push", "trivet-push took too long for its last batch");
    supervisor->clean = false;
    supervisor->push_end_ms = INT64_MAX;
    for (int i = supervisor->pools; i < supervisor->count; i++)
        program_kill(&supervisor->programs[i]);
}

/* One stage of the stop further when it is due. childless: the kernel says that no process is left at all. */
static void go_on_stopping(struct supervisor *supervisor, bool childless)
{
    int64_t now = tv_clock_ms();
    if (childless || supervisor->stage == STAGE_KILLED)
        return;
    if (now >= supervisor->end_ms)
        kill_all(supervisor, "the time to drain is over");
    else if (supervisor->stage == STAGE_POOLS && running(supervisor, 0, supervisor->pools) == 0)
        begin_push(supervisor);
    else if (supervisor->stage == STAGE_PUSH && now >= supervisor->push_end_ms &&
             running(supervisor, supervisor->pools, supervisor->count) > 0)
        kill_push(supervisor);
}

static bool stopped(const struct supervisor *supervisor, bool childless)
{
    return childless || (supervisor->stage == STAGE_KILLED && tv_clock_ms() >= supervisor->killed_end_ms);
}

/* --- what happens ----------------------------------------------------------------------------------------------------- */

static void take_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;
    while (read(supervisor->signals, &info, sizeof info) == sizeof info) {
        switch (info.ssi_signo) {
        case SIGHUP:
            tv_log(TV_LOG_INFO, "reload", "told to all pools");
            tell_all(supervisor, SIGHUP);
            break;
        case SIGUSR1: tell_all(supervisor, SIGUSR1); break;
        case SIGTERM:
        case SIGQUIT:
        case SIGINT: begin_stop(supervisor); break;
        default: break; /* SIGCHLD: children are reaped at every turn */
        }
    }
}

static struct program *program_of(struct supervisor *supervisor, pid_t pid)
{
    for (int i = 0; i < supervisor->count; i++)
        if (supervisor->programs[i].pid == pid)
            return &supervisor->programs[i];
    return NULL; /* an orphan that was taken in */
}

/* False when processes are left, true when the kernel knows of none. */
static bool reap(struct supervisor *supervisor)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct program *program = program_of(supervisor, pid);
        if (!program)
            continue;
        if (supervisor->stage == STAGE_RUN)
            program_died(program, status);
        else
            program->pid = 0;
    }
    return pid < 0 && errno == ECHILD;
}

static int time_to_wait(const struct supervisor *supervisor)
{
    int64_t wait = -1;
    if (supervisor->stage != STAGE_RUN)
        return BUSY_TICK_MS;
    for (int i = 0; i < supervisor->count; i++) {
        const struct program *program = &supervisor->programs[i];
        int64_t left = program->start_after_ms - tv_clock_ms();
        if (program->pid == 0 && (wait < 0 || left < wait))
            wait = left < 0 ? 0 : left;
    }
    return (int)wait; /* nothing planned: until a signal comes */
}

static bool turn(struct supervisor *supervisor)
{
    struct pollfd watched = {.fd = supervisor->signals, .events = POLLIN};
    poll(&watched, 1, time_to_wait(supervisor));
    take_signals(supervisor);
    bool childless = reap(supervisor);
    if (supervisor->stage == STAGE_RUN) {
        for (int i = 0; i < supervisor->count; i++)
            if (program_due(&supervisor->programs[i]))
                program_start(&supervisor->programs[i]);
        return true;
    }
    go_on_stopping(supervisor, childless);
    return !stopped(supervisor, childless);
}

int supervise(const struct plan *plan)
{
    struct supervisor supervisor = {.plan = plan, .stage = STAGE_RUN, .clean = true};
    supervisor.signals = signals_open();
    if (supervisor.signals < 0) {
        tv_log(TV_LOG_ERROR, "start", "signalfd: %s", strerror(errno));
        return 1;
    }
    /* elsewhere than in a container: what a killed pool leaves comes to us, not to the machine's process 1 */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int i = 0; i < plan->pool_count; i++)
        add_pool(&supervisor, &plan->pools[i]);
    if (*plan->push)
        supervisor.programs[supervisor.count++] =
            (struct program){.name = "push", .arguments = {plan->push, NULL}};
    tv_log(TV_LOG_INFO, "start", "trivet-pools %s: %d pools in %s", tv_version(), supervisor.pools,
           plan->directory);
    for (int i = 0; i < supervisor.count; i++)
        program_start(&supervisor.programs[i]);
    while (turn(&supervisor))
        ;
    tv_log(TV_LOG_INFO, "stopped", "%s", supervisor.clean ? "all finished" : "not all had finished");
    return 0;
}
