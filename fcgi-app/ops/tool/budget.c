/*
 * budget.c - the sum that a sysadmin would do before scaling up: connections to a store = pods x processes x workers, over all
 * pools that use it, against what the store takes.
 */
#include <string.h>

#include "tool.h"

#define ASK_MS 3000
/* Kept free: an administrator, trivet-ops' own looks, processes that overlap in a reload. */
#define RESERVE_LEAST 2
#define RESERVE_SHARE 10 /* a tenth */

/* A server as the pools see it: the cache may have a Redis of its own. */
struct server {
    const char *name;
    enum tv_store store;
    bool cache;
    const struct tv_store_settings *settings;
};

/* Most workers of a process when the pool's own budget of connections is shared out. */
static uint64_t share(uint64_t connections_max, uint64_t processes, uint64_t workers)
{
    uint64_t most = connections_max == 0 || processes == 0 ? workers : connections_max / processes;
    return most < 1 ? 1 : most < workers ? most : workers;
}

/* A worker of the pool has one session with this server. Redis beside another store is the cache's. */
static bool uses(const struct tv_scoreboard *board, const struct server *server, bool cache_apart)
{
    uint64_t used = tv_word(&board->stores_used), redis = 1u << TV_STORE_REDIS;
    if (!(used & 1u << server->store))
        return false;
    return server->store != TV_STORE_REDIS || !cache_apart || server->cache == (used != redis);
}

static uint64_t pool_sum(const struct tv_scoreboard *board, const struct wish *wish)
{
    bool wished = strcmp(board->pool, wish->pool) == 0;
    uint64_t processes = wished ? wish->processes : tv_word(&board->processes_wanted);
    uint64_t workers = wished ? wish->workers : tv_word(&board->workers_max);
    return processes * share(tv_word(&board->connections_max), processes, workers);
}

static uint64_t sum(const struct boards *boards, const struct server *server, const struct wish *wish,
                    bool cache_apart)
{
    uint64_t total = 0;
    for (size_t i = 0; i < boards->count; i++)
        if (tv_scoreboard_alive(boards->list[i]) && uses(boards->list[i], server, cache_apart))
            total += pool_sum(boards->list[i], wish);
    return total;
}

static bool refuse(const struct tool *tool, const struct server *server, const struct wish *wish,
                   uint64_t total, const struct tv_store_limits *limits, int64_t reserve,
                   struct tv_error *error)
{
    char in_use[48] = "", pods[48] = "";
    if (limits->in_use != TV_LIMIT_UNKNOWN)
        snprintf(in_use, sizeof in_use, "; %lld are in use now", (long long)limits->in_use);
    if (tool->pods > 1)
        snprintf(pods, sizeof pods, ", in %lld pods %llu", (long long)tool->pods,
                 (unsigned long long)total * (unsigned long long)tool->pods);
    tv_fail(error, 409, NULL,
            "%s with %llu processes x %llu workers is more than %s bears: all pools together might open %llu "
            "connections%s",
            wish->pool, (unsigned long long)wish->processes, (unsigned long long)wish->workers, server->name,
            (unsigned long long)total, pods);
    tv_error_details(error, "it takes %lld (%s), of which %lld are kept in reserve%s",
                     (long long)limits->limit, limits->source, (long long)reserve, in_use);
    tv_error_hint(error, "fewer, a higher limit of the store, or --force");
    return false;
}

/* Unknown is no reason to refuse, but to be said. */
static bool unknown(const struct server *server, uint64_t total, const char *why)
{
    fprintf(stderr, "trivet-ops: how many connections %s takes is not known (%s); pools might open %llu\n",
            server->name, why, (unsigned long long)total);
    return true;
}

static bool bears(const struct tool *tool, const struct boards *boards, const struct server *server,
                  const struct wish *wish, bool cache_apart, struct tv_error *error)
{
    struct tv_store_limits limits;
    uint64_t total = sum(boards, server, wish, cache_apart);
    if (!tv_store_configured(server->settings, server->store))
        return unknown(server, total, "it is not in this configuration");
    if (!tv_store_limits(server->settings, server->store, ASK_MS, &limits, error))
        return unknown(server, total, error->message);
    if (limits.full)
        return tv_fail(error, 409, NULL, "%s takes no more connections now: %s", server->name, limits.source);
    if (limits.limit == TV_LIMIT_UNKNOWN)
        return unknown(server, total, limits.source);
    int64_t reserve = limits.limit / RESERVE_SHARE;
    if (reserve < RESERVE_LEAST)
        reserve = RESERVE_LEAST;
    return (int64_t)total * tool->pods <= limits.limit - reserve ||
           refuse(tool, server, wish, total, &limits, reserve, error);
}

static const struct tv_scoreboard *board_of(const struct boards *boards, const char *pool)
{
    for (size_t i = 0; i < boards->count; i++)
        if (strcmp(boards->list[i]->pool, pool) == 0)
            return boards->list[i];
    return NULL;
}

bool budget_allows(struct tool *tool, const struct boards *boards, const struct wish *wish,
                   struct tv_error *error)
{
    const struct tv_scoreboard *board = board_of(boards, wish->pool);
    if (!tool_setup(tool, error))
        return false;
    const struct tv_store_settings *stores = tv_setup_stores(tool->setup);
    const struct tv_store_settings *cache = tv_setup_cache(tool->setup);
    const struct server servers[] = {
        {"MySQL", TV_STORE_MYSQL, false, stores},
        {"MongoDB", TV_STORE_MONGO, false, stores},
        {"Redis", TV_STORE_REDIS, false, stores},
        {"the cache's Redis", TV_STORE_REDIS, true, cache},
    };
    for (size_t i = 0; board && i < TV_COUNT(servers); i++)
        if (servers[i].settings && uses(board, &servers[i], cache != NULL) &&
            !bears(tool, boards, &servers[i], wish, cache != NULL, error))
            return false;
    return true;
}
