/*
 * process.c - the housekeeper: the one thread that takes signals, grows and shrinks the window, and ends the process. It
 * never waits for a store; others look for those that are away (prober.h).
 */
#include "serve/process.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "serve/loop.h"
#include "serve/prober.h"
#include "store/session.h"

#define TICK_MS       500
#define DRAIN_TICK_MS 50
/* A request must have waited this long, with nobody free, before a worker is added: a crowd of very short requests is
 * not a reason. */
#define GROW_AFTER_MS 1

struct housekeeper {
    struct tv_pool *pool;
    struct tv_loop *loop;
    int signals;
    bool draining;
    int empty_turns; /* one after the other: a worker may have been on its way to a connection at the first */
    int64_t drain_until_ms;
};

static void take_signal(struct housekeeper *keeper)
{
    struct signalfd_siginfo info;
    if (read(keeper->signals, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGUSR1) {
        tv_log_reopen();
    } else if (info.ssi_signo == SIGUSR2 && info.ssi_code == SI_QUEUE) {
        tv_log_use_level(info.ssi_int); /* by the master, which says which */
    } else if (info.ssi_signo == SIGUSR2) {
        tv_log_toggle();
    } else if (!keeper->draining) {
        keeper->draining = true;
        keeper->drain_until_ms = tv_clock_ms() + keeper->pool->configuration->serve.drain;
        atomic_store(&keeper->pool->place->state, TV_PROCESS_DRAINING);
        tv_loop_drain(keeper->loop);
    }
}

/* Waits for a signal, a crowd or the tick, and does what is due. A crowd is waited for only while the window may still grow: at its
 * limit it would be there all the time, and waiting for it would be spinning; then it is looked for at every turn. */
static void keep_house(struct housekeeper *keeper)
{
    struct pollfd watched[3] = {
        {.fd = keeper->signals, .events = POLLIN},
        {.fd = tv_loop_wake_fd(keeper->loop), .events = POLLIN},
        {.fd = tv_loop_crowd_fd(keeper->loop), .events = POLLIN},
    };
    bool saturated = tv_loop_saturated(keeper->loop);
    int ready = poll(watched, saturated ? 3 : 2, keeper->draining ? DRAIN_TICK_MS : TICK_MS);
    if (ready > 0 && watched[0].revents)
        take_signal(keeper);
    if (saturated && ready > 0 && watched[2].revents) {
        poll(NULL, 0, GROW_AFTER_MS);
        if (tv_loop_saturated(keeper->loop) && tv_loop_crowded(keeper->loop))
            tv_loop_grow(keeper->loop);
    }
    atomic_store_explicit(&keeper->pool->place->waiting, tv_loop_crowded(keeper->loop), memory_order_relaxed);
}

static bool finished(struct housekeeper *keeper)
{
    if (!keeper->draining)
        return false;
    keeper->empty_turns = tv_loop_empty(keeper->loop) ? keeper->empty_turns + 1 : 0;
    return keeper->empty_turns > 1 || tv_clock_ms() >= keeper->drain_until_ms;
}

static int open_signals(void)
{
    sigset_t mask, ours;
    sigfillset(&mask);
    /* a fault in our own code must end the process where it happened */
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < TV_COUNT(faults); i++)
        sigdelset(&mask, faults[i]);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGQUIT);
    sigaddset(&ours, SIGUSR1);
    sigaddset(&ours, SIGUSR2);
    return signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
}

int tv_process_run(struct tv_pool *pool, int listener)
{
    struct housekeeper keeper = {.pool = pool, .signals = open_signals()};
    struct tv_error error;
    tv_stores_start();
    keeper.loop = keeper.signals < 0 ? NULL : tv_loop_start(pool, listener, &error);
    if (!keeper.loop) {
        tv_log(TV_LOG_ERROR, "process.start", "%s", keeper.signals < 0 ? strerror(errno) : error.message);
        return 1;
    }
    struct tv_prober *prober = tv_prober_start(pool);
    atomic_store(&pool->place->state, TV_PROCESS_RUNNING);
    int64_t tick = 0;
    while (!finished(&keeper)) {
        keep_house(&keeper);
        if (tv_clock_ms() - tick >= TICK_MS) {
            tick = tv_clock_ms();
            tv_loop_tick(keeper.loop);
        }
    }
    bool searched = tv_prober_stop(prober);
    if (!tv_loop_empty(keeper.loop)) { /* threads may hang in a store: they end with the process */
        tv_log(TV_LOG_WARN, "process.cut", "the time to drain is over, connections are cut");
        _exit(0);
    }
    tv_loop_stop(keeper.loop);
    if (!searched) /* nobody waits for the answer of a store that is perhaps away */
        _exit(0);
    tv_stores_stop();
    close(keeper.signals);
    return 0;
}
