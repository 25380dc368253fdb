/*
 * process.c - the housekeeper: the one thread that takes signals, grows and shrinks the window, and ends the process. It
 * never waits for a store; a second thread looks for stores that are away.
 */
#include "serve/process.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "serve/loop.h"
#include "store/session.h"

#define TICK_MS       500
#define DRAIN_TICK_MS 50
/* A request must have waited this long, with nobody free, before a worker is added: a crowd of very short requests is
 * not a reason. */
#define GROW_AFTER_MS 1
/* What a probe may take; it is less than a second away from being repeated. */
#define PROBE_MS 400

/* --- looking for stores that are away --------------------------------------------------------------------------------- */

struct prober {
    struct tv_pool *pool;
    int stop;
    pthread_t thread;
    bool running;
};

static void probe(struct tv_pool *pool, enum tv_store store)
{
    const struct tv_store_settings *settings = &pool->configuration->store;
    tv_breaker *breaker = &pool->board->breakers[store];
    struct tv_error error;
    int64_t latency;
    if (!tv_store_configured(settings, store) || !tv_breaker_claim_probe(breaker, settings->breaker_probe))
        return;
    if (tv_store_ping(settings, store, PROBE_MS, &latency, NULL, &error)) {
        tv_breaker_success(breaker);
        tv_log(TV_LOG_INFO, "store.back", "%s answers again", tv_store_name(store));
    } else {
        tv_breaker_failure(breaker, settings->breaker_failures);
        tv_log(TV_LOG_DEBUG, "store.away", "%s: %s", tv_store_name(store), error.message);
    }
}

static void *prober_main(void *context)
{
    struct prober *prober = context;
    struct tv_pool *pool = prober->pool;
    int64_t interval = pool->configuration->store.breaker_probe / 4;
    struct pollfd stop = {.fd = prober->stop, .events = POLLIN};
    while (poll(&stop, 1, (int)(interval < 10 ? 10 : interval)) == 0)
        for (int store = 0; store < TV_STORE_COUNT; store++)
            probe(pool, (enum tv_store)store);
    return NULL;
}

static void start_prober(struct prober *prober, struct tv_pool *pool)
{
    prober->pool = pool;
    prober->stop = eventfd(0, EFD_CLOEXEC);
    bool needed = pool->app->stores != 0 || pool->app->cached;
    prober->running =
        needed && prober->stop >= 0 && pthread_create(&prober->thread, NULL, prober_main, prober) == 0;
    if (needed && !prober->running)
        tv_log(TV_LOG_ERROR, "prober.start", "stores that go away will not be looked for: %s",
               strerror(errno));
}

static void stop_prober(struct prober *prober)
{
    uint64_t one = 1;
    if (prober->running && write(prober->stop, &one, sizeof one) == sizeof one)
        pthread_join(prober->thread, NULL);
    if (prober->stop >= 0)
        close(prober->stop);
}

/* --- the housekeeper -------------------------------------------------------------------------------------------------- */

struct housekeeper {
    struct tv_pool *pool;
    struct tv_loop *loop;
    int signals;
    bool draining;
    bool at_once;
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
    } else if (keeper->draining) {
        keeper->at_once = true;
    } else {
        keeper->draining = true;
        keeper->drain_until_ms = tv_clock_ms() + keeper->pool->configuration->serve.drain;
        atomic_store(&keeper->pool->place->state, TV_PROCESS_DRAINING);
        tv_loop_drain(keeper->loop);
    }
}

/* Waits for a signal, a crowd or the tick, and does what is due. */
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
    bool crowd = saturated && ready > 0 && watched[2].revents;
    atomic_store_explicit(&keeper->pool->place->waiting, crowd, memory_order_relaxed);
    if (crowd) {
        poll(NULL, 0, GROW_AFTER_MS);
        if (tv_loop_saturated(keeper->loop) && poll(&watched[2], 1, 0) > 0)
            tv_loop_grow(keeper->loop);
        atomic_store_explicit(&keeper->pool->place->waiting, tv_loop_saturated(keeper->loop),
                              memory_order_relaxed);
    }
}

static bool finished(struct housekeeper *keeper)
{
    if (!keeper->draining)
        return false;
    keeper->empty_turns = tv_loop_empty(keeper->loop) ? keeper->empty_turns + 1 : 0;
    return keeper->at_once || keeper->empty_turns > 1 || tv_clock_ms() >= keeper->drain_until_ms;
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
    return signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
}

int tv_process_run(struct tv_pool *pool, int listener)
{
    struct housekeeper keeper = {.pool = pool, .signals = open_signals()};
    struct prober prober = {.stop = -1};
    struct tv_error error;
    tv_stores_start();
    keeper.loop = keeper.signals < 0 ? NULL : tv_loop_start(pool, listener, &error);
    if (!keeper.loop) {
        tv_log(TV_LOG_ERROR, "process.start", "%s", keeper.signals < 0 ? strerror(errno) : error.message);
        return 1;
    }
    start_prober(&prober, pool);
    atomic_store(&pool->place->state, TV_PROCESS_RUNNING);
    int64_t tick = 0;
    while (!finished(&keeper)) {
        keep_house(&keeper);
        if (tv_clock_ms() - tick >= TICK_MS) {
            tick = tv_clock_ms();
            tv_loop_tick(keeper.loop);
        }
    }
    if (!tv_loop_empty(keeper.loop)) { /* threads may hang in a store: they end with the process */
        tv_log(TV_LOG_WARN, "process.cut", "the time to drain is over, connections are cut");
        _exit(0);
    }
    stop_prober(&prober);
    tv_loop_stop(keeper.loop);
    tv_stores_stop();
    close(keeper.signals);
    return 0;
}
