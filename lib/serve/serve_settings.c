/*
 * serve_settings.c - the pool's and the limits' rows, and loading a whole configuration.
 */
#include "serve/serve_settings.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/session.h"
#include "watch/scoreboard.h"

#define FIELD(name) offsetof(struct tv_serve_settings, name)

const struct tv_option tv_serve_options[] = {
    {NULL, "processes", TV_OPTION_INTEGER, "2", 1, TV_PROCESSES_MAX / 2, FIELD(processes), 0,
     "Processes of the pool; TTIN and TTOU change it while it runs."},
    {NULL, "workers", TV_OPTION_INTEGER, "0", 0, TV_WORKERS_MAX, FIELD(workers), 0,
     "Workers (threads, each with its own session) in every process; 0: between workers_min and "
     "workers_max."},
    {NULL, "workers_min", TV_OPTION_INTEGER, "1", 1, TV_WORKERS_MAX, FIELD(workers_min), 0,
     "Workers that a process keeps when it is idle."},
    {NULL, "workers_max", TV_OPTION_INTEGER, "4", 1, TV_WORKERS_MAX, FIELD(workers_max), 0,
     "Workers that a process may grow to while requests wait: pods x processes x this is what a store must "
     "take."},
    {NULL, "workers_quiet", TV_OPTION_DURATION, "10s", 100, 3600000, FIELD(workers_quiet), 0,
     "How long workers must have been free all the time before some are let go."},
    {NULL, "connections", TV_OPTION_INTEGER, "0", 0, TV_PROCESSES_MAX *TV_WORKERS_MAX, FIELD(connections), 0,
     "Most connections that the pool may hold to one store, whatever the window says: processes share it out "
     "among them; 0: processes x workers_max."},
    {NULL, "drain", TV_OPTION_DURATION, "30s", 0, 3600000, FIELD(drain), 0,
     "How long a process that stops may take to finish what it has."},
    {"limits", "body", TV_OPTION_SIZE, "8m", 0, 1073741824, FIELD(body), 0, "Largest request body."},
    {"limits", "parameters", TV_OPTION_SIZE, "384k", 4096, 16777216, FIELD(parameters), 0,
     "Most bytes of URL and headers together (as FastCGI parameters)."},
    {"limits", "memory", TV_OPTION_SIZE, "64m", 65536, 4294967296, FIELD(memory), 0,
     "Most memory that one request may take for its own (body and answer apart)."},
    {"limits", "response", TV_OPTION_SIZE, "64m", 65536, 4294967296, FIELD(response), 0,
     "Largest answer that cannot be sent row by row."},
    {"limits", "flow", TV_OPTION_SIZE, "128k", 4096, 16777216, FIELD(flow), 0,
     "Bytes of an answer that are gathered before they are sent on."},
    {"limits", "queue_budget", TV_OPTION_DURATION, "10s", 10, 3600000, FIELD(queue_budget), 0,
     "A request that waited longer than this for a worker is refused: its client has given up or will."},
    {"limits", "time", TV_OPTION_DURATION, "30s", 10, 3600000, FIELD(time), 0,
     "How long one request may take in all."},
    {"limits", "read_time", TV_OPTION_DURATION, "10s", 10, 3600000, FIELD(read_time), 0,
     "How long a request may take to arrive from the web server."},
    {"limits", "write_time", TV_OPTION_DURATION, "15s", 10, 3600000, FIELD(write_time), 0,
     "How long the web server may take to accept a piece of an answer."},
};
const size_t tv_serve_option_count = TV_COUNT(tv_serve_options);

/* URLs are understood or refused now, not at the first request. */
static bool check_urls(const struct tv_app *app, const struct tv_configuration *configuration,
                       struct tv_error *error)
{
    struct tv_session_watch none = {0};
    struct tv_store_settings cache = configuration->store;
    if (app->stores & 1u << TV_STORE_MYSQL && tv_store_configured(&configuration->store, TV_STORE_MYSQL)) {
        struct tv_mysql *session = tv_mysql_new(&configuration->store, none, error);
        tv_mysql_free(session);
        if (!session)
            return false;
    }
    if (app->stores & 1u << TV_STORE_MONGO && tv_store_configured(&configuration->store, TV_STORE_MONGO)) {
        struct tv_mongo *session = tv_mongo_new(&configuration->store, none, error);
        tv_mongo_free(session);
        if (!session)
            return false;
    }
    if (*configuration->cache.url)
        cache.leg[TV_STORE_REDIS].url = configuration->cache.url;
    const struct tv_store_settings *redis[] = {&configuration->store, &cache};
    for (size_t i = 0; i < TV_COUNT(redis); i++) {
        bool used = i == 0 ? app->stores & 1u << TV_STORE_REDIS : app->cached && configuration->cache.enabled;
        if (!used || !tv_store_configured(redis[i], TV_STORE_REDIS))
            continue;
        struct tv_redis *session = tv_redis_new(redis[i], none, error);
        tv_redis_free(session);
        if (!session)
            return false;
    }
    return true;
}

static bool check(const struct tv_app *app, struct tv_configuration *configuration, struct tv_error *error)
{
    struct tv_serve_settings *serve = &configuration->serve;
    if (serve->workers > 0)
        serve->workers_min = serve->workers_max = serve->workers;
    if (serve->workers_min > serve->workers_max)
        return tv_fail(error, 500, NULL, "%s.workers_min (%lld) is above %s.workers_max (%lld)", app->name,
                       (long long)serve->workers_min, app->name, (long long)serve->workers_max);
    /* whatever a request does ends with it; what it had sent to a store gets a little longer */
    configuration->cache.announcement = serve->time + 10000;
    return tv_watch_settings_check(&configuration->watch, error) && check_urls(app, configuration, error) &&
           tv_trace_settings_check(&configuration->trace, error) &&
           (!app->check || app->check(configuration->app, error));
}

void tv_configuration_describe(const struct tv_app *app, struct tv_configuration *configuration)
{
    tv_settings_init(&configuration->settings, app->name);
    tv_settings_add(&configuration->settings, tv_serve_options, tv_serve_option_count, &configuration->serve);
    tv_settings_add(&configuration->settings, tv_watch_options, tv_watch_option_count, &configuration->watch);
    tv_settings_add(&configuration->settings, app->options, app->option_count, configuration->app);
    tv_settings_add(&configuration->settings, tv_store_options, tv_store_option_count, &configuration->store);
    tv_settings_add(&configuration->settings, tv_cache_options, tv_cache_option_count, &configuration->cache);
    tv_settings_add(&configuration->settings, tv_guard_options, tv_guard_option_count, &configuration->guard);
    tv_settings_add(&configuration->settings, tv_log_options, tv_log_option_count, &configuration->log);
    tv_settings_add(&configuration->settings, tv_trace_options, tv_trace_option_count, &configuration->trace);
}

const char *tv_configuration_file(const char *given)
{
    const char *named = given ? given : getenv("TRIVET_CONFIG");
    if (named && *named)
        return named;
    return access(TRIVET_CONFIG_FILE, R_OK) == 0 ? TRIVET_CONFIG_FILE : NULL;
}

struct tv_configuration *tv_configuration_load(const struct tv_app *app, const char *file,
                                               struct tv_error *error)
{
    struct tv_configuration *loaded = calloc(1, sizeof *loaded);
    if (loaded)
        loaded->app = calloc(1, app->settings_size ? app->settings_size : 1);
    if (!loaded || !loaded->app) {
        tv_fail(error, 500, NULL, "no memory for the configuration");
        free(loaded);
        return NULL;
    }
    tv_configuration_describe(app, loaded);
    if (tv_settings_load(&loaded->settings, file, error) && check(app, loaded, error))
        return loaded;
    tv_configuration_free(loaded);
    return NULL;
}

void tv_configuration_free(struct tv_configuration *configuration)
{
    if (!configuration)
        return;
    tv_settings_free(&configuration->settings);
    free(configuration->app);
    free(configuration);
}
