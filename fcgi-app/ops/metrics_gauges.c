/*
 * metrics_gauges.c - where the samples of each family come from that is neither a histogram nor a row of the counters' table.
 */
#include <string.h>

#include "metrics.h"

static void one(struct metrics *metrics, const struct metrics_pool *pool, uint64_t value)
{
    metrics_sample(metrics, pool, NULL, NULL, NULL, NULL);
    metrics_unsigned(metrics, value);
}

static void labelled(struct metrics *metrics, const struct metrics_pool *pool, const char *label,
                     const char *value, uint64_t number)
{
    metrics_sample(metrics, pool, label, value, NULL, NULL);
    metrics_unsigned(metrics, number);
}

/* --- the pool --------------------------------------------------------------------------------------------------------- */

static void write_build(struct metrics *metrics, const struct metrics_pool *pool)
{
    if (!pool->alive)
        return; /* nothing of it runs */
    metrics_sample(metrics, pool, "version", pool->board->version, "libraries", pool->board->libraries);
    metrics_unsigned(metrics, 1);
}

static bool has_board(const struct metrics *metrics, const char *name)
{
    for (size_t i = 0; i < metrics->count; i++)
        if (strcmp(metrics->pools[i].board->pool, name) == 0)
            return true;
    return tv_expected_has(&metrics->unread, name);
}

/* Nothing of a pool that somebody stopped and that nobody expects: it does not run because it is not to. */
void metrics_write_up(struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->count; i++) {
        const struct metrics_pool *pool = &metrics->pools[i];
        if (!pool->stopped || tv_expected_has(&metrics->expected, pool->board->pool))
            one(metrics, pool, pool->alive);
    }
    for (size_t i = 0; i < metrics->expected.count; i++) {
        const char *name = metrics->expected.names[i];
        if (has_board(metrics, name))
            continue;
        metrics_sample(metrics, NULL, "pool", name, NULL, NULL);
        metrics_unsigned(metrics, 0);
    }
}

static void write_start(struct metrics *metrics, const struct metrics_pool *pool)
{
    metrics_sample(metrics, pool, NULL, NULL, NULL, NULL);
    metrics_seconds(metrics, tv_word(&pool->board->started_ms) * 1000);
}

static void write_generation(struct metrics *metrics, const struct metrics_pool *pool)
{
    one(metrics, pool, tv_word(&pool->board->generation));
}

static void write_memory(struct metrics *metrics, const struct metrics_pool *pool)
{
    one(metrics, pool, pool->resident);
}

static void write_processes(struct metrics *metrics, const struct metrics_pool *pool)
{
    one(metrics, pool, pool->serving);
}

static void write_wanted(struct metrics *metrics, const struct metrics_pool *pool)
{
    one(metrics, pool, pool->alive ? tv_word(&pool->board->processes_wanted) : 0);
}

static void write_restarts(struct metrics *metrics, const struct metrics_pool *pool)
{
    one(metrics, pool, tv_word(&pool->board->restarts));
}

static void write_peers(struct metrics *metrics, const struct metrics_pool *pool)
{
    one(metrics, pool, pool->peers);
}

/* --- requests --------------------------------------------------------------------------------------------------------- */

static const char *const methods[TV_METHODS] = {"GET",   "HEAD",   "POST",    "PUT",
                                                "PATCH", "DELETE", "OPTIONS", "other"};
static const char *const classes[TV_STATUS_CLASSES] = {"2xx", "3xx", "4xx", "5xx"};

/* Every class of a method that was ever used on the route: a failure's first one must be seen to rise from zero. */
static void write_method(struct metrics *metrics, const struct metrics_pool *pool, const char *route,
                         const _Atomic uint64_t requests[TV_STATUS_CLASSES], const char *method)
{
    uint64_t any = 0;
    for (size_t class = 0; class < TV_STATUS_CLASSES; class ++)
        any |= tv_word(&requests[class]);
    for (size_t class = 0; any && class < TV_STATUS_CLASSES; class ++) {
        tv_buffer_printf(metrics->out,
                         "trivet_http_requests_total{pool=\"%s\",route=\"%s\",method=\"%s\",code=\"%s\"} ",
                         pool->board->pool, route, method, classes[class]);
        metrics_unsigned(metrics, tv_word(&requests[class]));
    }
}

static void write_requests(struct metrics *metrics, const struct metrics_pool *pool)
{
    for (size_t route = 0; route < pool->board->route_count && route < TV_ROUTES_MAX; route++)
        for (size_t method = 0; method < TV_METHODS; method++)
            write_method(metrics, pool, pool->board->routes[route],
                         pool->meters.routes[route].requests[method], methods[method]);
}

/* --- workers ---------------------------------------------------------------------------------------------------------- */

static void write_workers(struct metrics *metrics, const struct metrics_pool *pool)
{
    labelled(metrics, pool, "state", "busy", pool->busy);
    labelled(metrics, pool, "state", "idle", pool->idle);
}

static uint64_t limit_of(const struct metrics_pool *pool)
{
    return pool->alive ? tv_scoreboard_window(pool->board) * tv_word(&pool->board->processes_wanted) : 0;
}

static void write_limit(struct metrics *metrics, const struct metrics_pool *pool)
{
    one(metrics, pool, limit_of(pool));
}

static void write_at_limit(struct metrics *metrics, const struct metrics_pool *pool)
{
    metrics_sample(metrics, pool, NULL, NULL, NULL, NULL);
    metrics_seconds(metrics, tv_word(&pool->processes.at_limit_us));
}

static void write_window(struct metrics *metrics, const struct metrics_pool *pool)
{
    labelled(metrics, pool, "direction", "grow", tv_word(&pool->processes.grown));
    labelled(metrics, pool, "direction", "shrink", tv_word(&pool->processes.shrunk));
}

static void write_waiting(struct metrics *metrics, const struct metrics_pool *pool)
{
    one(metrics, pool, pool->waiting);
}

/* Nothing where the kernel does not say, as for a pool in another network namespace. */
static void write_backlog(struct metrics *metrics, const struct metrics_pool *pool)
{
    uint32_t waiting, limit;
    struct tv_error error;
    if (pool->alive && tv_scoreboard_backlog(pool->board, &waiting, &limit, &error))
        one(metrics, pool, metrics->family == TV_FAMILY_BACKLOG ? waiting : limit);
}

/* --- stores and cache ------------------------------------------------------------------------------------------------- */

static uint64_t store_value(const struct metrics *metrics, const struct metrics_pool *pool, int store)
{
    const struct tv_store_meter *meter = &pool->meters.stores[store];
    switch (metrics->family) {
    case TV_FAMILY_STORE_CONNECTIONS: return pool->connections[store];
    case TV_FAMILY_STORE_CONNECTIONS_LIMIT: return limit_of(pool);
    case TV_FAMILY_STORE_CONNECTS: return tv_word(&meter->connects);
    case TV_FAMILY_STORE_CALLS: return tv_word(&meter->calls);
    case TV_FAMILY_STORE_ERRORS: return tv_word(&meter->errors);
    case TV_FAMILY_STORE_SECONDS: return tv_word(&meter->wait_us);
    case TV_FAMILY_BREAKER: return (tv_word(&pool->board->breakers[store]) & 3) != 0;
    default: return 0;
    }
}

static void write_stores(struct metrics *metrics, const struct metrics_pool *pool)
{
    for (int store = 0; store < TV_STORE_COUNT; store++) {
        if (!(tv_word(&pool->board->stores_used) & 1u << store))
            continue;
        if (metrics->family == TV_FAMILY_BREAKER && !pool->alive)
            continue; /* nobody is left who could close it */
        metrics_sample(metrics, pool, "store", tv_store_name((enum tv_store)store), NULL, NULL);
        if (metrics->family == TV_FAMILY_STORE_SECONDS)
            metrics_seconds(metrics, store_value(metrics, pool, store));
        else
            metrics_unsigned(metrics, store_value(metrics, pool, store));
    }
}

void metrics_write_looks(struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->count; i++)
        for (int store = 0; metrics->pools[i].alive && store < TV_STORE_COUNT; store++) {
            uint64_t found = tv_word(&metrics->pools[i].board->looks[store].found);
            if (found == TV_LOOK_NOTHING_YET)
                continue;
            metrics_sample(metrics, NULL, "store", tv_store_name((enum tv_store)store), NULL, NULL);
            metrics_unsigned(metrics, found == TV_LOOK_ANSWERS);
        }
}

static void write_trust(struct metrics *metrics, const struct metrics_pool *pool)
{
    if (pool->alive)
        one(metrics, pool, tv_word(&pool->board->cache_distrust) == 0);
}

metrics_writer *metrics_writer_of(enum tv_family family)
{
    static metrics_writer *const writers[TV_FAMILY_COUNT] = {
        [TV_FAMILY_BUILD_INFO] = write_build,
        [TV_FAMILY_POOL_START] = write_start,
        [TV_FAMILY_GENERATION] = write_generation,
        [TV_FAMILY_REQUESTS] = write_requests,
        [TV_FAMILY_DURATION] = metrics_write_durations,
        [TV_FAMILY_QUEUE_WAIT] = metrics_write_queue,
        [TV_FAMILY_STORE_DURATION] = metrics_write_store_durations,
        [TV_FAMILY_WORKERS] = write_workers,
        [TV_FAMILY_WORKERS_LIMIT] = write_limit,
        [TV_FAMILY_AT_LIMIT] = write_at_limit,
        [TV_FAMILY_WINDOW] = write_window,
        [TV_FAMILY_PROCESSES] = write_processes,
        [TV_FAMILY_PROCESSES_WANTED] = write_wanted,
        [TV_FAMILY_RESTARTS] = write_restarts,
        [TV_FAMILY_BACKLOG] = write_backlog,
        [TV_FAMILY_BACKLOG_LIMIT] = write_backlog,
        [TV_FAMILY_WAITING] = write_waiting,
        [TV_FAMILY_PEERS] = write_peers,
        [TV_FAMILY_STORE_CONNECTIONS] = write_stores,
        [TV_FAMILY_STORE_CONNECTIONS_LIMIT] = write_stores,
        [TV_FAMILY_STORE_CONNECTS] = write_stores,
        [TV_FAMILY_STORE_CALLS] = write_stores,
        [TV_FAMILY_STORE_ERRORS] = write_stores,
        [TV_FAMILY_STORE_SECONDS] = write_stores,
        [TV_FAMILY_BREAKER] = write_stores,
        [TV_FAMILY_CACHE_TRUSTED] = write_trust,
        [TV_FAMILY_MEMORY] = write_memory,
    };
    return writers[family];
}
