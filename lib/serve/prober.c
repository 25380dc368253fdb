/*
 * prober.c - a thread a store. What it found counts only if nobody has called it off meanwhile: one atomic word decides who has
 * the say, the thread or whoever ends the process.
 */
#include "serve/prober.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/session.h"

enum doing { RESTING, PROBING, LOOKING, CALLED_OFF };

struct search {
    struct tv_prober *prober;
    enum tv_store store;
    _Atomic int doing; /* enum doing */
    pthread_t thread;
    bool running;
};

struct tv_prober {
    struct tv_pool *pool;
    struct tv_store_settings stores; /* as the pool's breakers mean them */
    int stop;
    struct search searches[TV_STORE_COUNT];
};

/* Both false once the search has been called off. */
static bool begin(struct search *search, enum doing what)
{
    int resting = RESTING;
    return atomic_compare_exchange_strong(&search->doing, &resting, (int)what);
}

static bool finish(struct search *search, enum doing what)
{
    int mine = (int)what;
    return atomic_compare_exchange_strong(&search->doing, &mine, RESTING);
}

/* Asked with the patience that requests have: a breaker that is open lets none of them through, so a store that takes long, but
 * not too long for them, would never be found by anyone else. */
static bool ping(struct search *search, int64_t *latency_us, struct tv_error *error)
{
    const struct tv_store_settings *stores = &search->prober->stores;
    return tv_store_ping(stores, search->store, tv_store_patience(stores, search->store), latency_us, NULL,
                         error);
}

/* Gives a claimed probe back, so that another process need not wait until it is taken for lost. */
static void give_back(const struct search *search)
{
    tv_breaker_failure(&search->prober->pool->board->breakers[search->store],
                       search->prober->stores.breaker_failures);
}

static void probe(struct search *search)
{
    const struct tv_store_settings *stores = &search->prober->stores;
    tv_breaker *breaker = &search->prober->pool->board->breakers[search->store];
    struct tv_error error;
    int64_t latency;
    if (!tv_breaker_claim_probe(breaker, stores->breaker_probe, tv_store_patience(stores, search->store)))
        return;
    if (!begin(search, PROBING)) {
        give_back(search);
        return;
    }
    bool answers = ping(search, &latency, &error);
    if (!finish(search, PROBING))
        return;
    if (answers) {
        tv_breaker_success(breaker);
        tv_log(TV_LOG_INFO, "store.back", "%s answers again", tv_store_name(search->store));
    } else {
        tv_breaker_failure(breaker, stores->breaker_failures);
        tv_log(TV_LOG_DEBUG, "store.away", "%s: %s", tv_store_name(search->store), error.message);
    }
}

/* One process of the pool looks, for all who watch. */
static void look(struct search *search)
{
    struct tv_pool *pool = search->prober->pool;
    struct tv_look *last = &pool->board->looks[search->store];
    uint64_t at = atomic_load(&last->at_ms), now = (uint64_t)tv_clock_ms();
    struct tv_error error;
    int64_t latency;
    if ((at != 0 && now - at < (uint64_t)pool->configuration->watch.look) ||
        !atomic_compare_exchange_strong(&last->at_ms, &at, now) || !begin(search, LOOKING))
        return;
    bool answers = ping(search, &latency, &error);
    if (finish(search, LOOKING))
        atomic_store(&last->found, answers ? TV_LOOK_ANSWERS : TV_LOOK_AWAY);
}

static void *search_main(void *context)
{
    struct search *search = context;
    struct tv_prober *prober = search->prober;
    int64_t interval = prober->stores.breaker_probe / 4;
    struct pollfd stop = {.fd = prober->stop, .events = POLLIN};
    while (poll(&stop, 1, (int)(interval < 10 ? 10 : interval)) == 0) {
        probe(search);
        if (prober->pool->app->looks)
            look(search);
    }
    tv_stores_thread_end();
    return NULL;
}

/* A pool that uses Redis as its cache alone means the cache's, which may be another. */
static struct tv_store_settings stores_of(const struct tv_pool *pool)
{
    struct tv_store_settings stores = pool->configuration->store;
    const char *cache = pool->configuration->cache.url;
    if (pool->app->cached && !(pool->app->stores & 1u << TV_STORE_REDIS) && *cache)
        stores.leg[TV_STORE_REDIS].url = cache;
    return stores;
}

static bool wanted(const struct tv_prober *prober, enum tv_store store)
{
    const struct tv_app *app = prober->pool->app;
    bool used = app->stores & 1u << store || (app->cached && store == TV_STORE_REDIS);
    return (used || app->looks) && tv_store_configured(&prober->stores, store);
}

static void start_search(struct tv_prober *prober, enum tv_store store)
{
    struct search *search = &prober->searches[store];
    *search = (struct search){.prober = prober, .store = store};
    int failure = prober->stop < 0 ? errno : pthread_create(&search->thread, NULL, search_main, search);
    search->running = failure == 0;
    if (failure != 0)
        tv_log(TV_LOG_ERROR, "prober.start", "%s will not be looked for when it is away: %s",
               tv_store_name(store), strerror(failure));
}

struct tv_prober *tv_prober_start(struct tv_pool *pool)
{
    struct tv_prober *prober = calloc(1, sizeof *prober);
    if (!prober) {
        tv_log(TV_LOG_ERROR, "prober.start", "no memory: stores that go away will not be looked for");
        return NULL;
    }
    prober->pool = pool;
    prober->stores = stores_of(pool);
    prober->stop = eventfd(0, EFD_CLOEXEC);
    for (int store = 0; store < TV_STORE_COUNT; store++)
        if (wanted(prober, (enum tv_store)store))
            start_search(prober, (enum tv_store)store);
    return prober;
}

/* False when it waits for its store. */
static bool call_off(struct search *search)
{
    int was = atomic_exchange(&search->doing, CALLED_OFF);
    if (was == PROBING)
        give_back(search);
    if (was != RESTING)
        return false;
    pthread_join(search->thread, NULL);
    return true;
}

bool tv_prober_stop(struct tv_prober *prober)
{
    bool ended = true;
    uint64_t one = 1;
    if (!prober)
        return true;
    if (prober->stop >= 0 && write(prober->stop, &one, sizeof one) != sizeof one)
        return false;
    for (size_t i = 0; i < TV_COUNT(prober->searches); i++)
        if (prober->searches[i].running && !call_off(&prober->searches[i]))
            ended = false;
    if (!ended)
        return false;
    if (prober->stop >= 0)
        close(prober->stop);
    free(prober);
    return true;
}
