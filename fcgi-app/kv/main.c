/*
 * main.c - trivet-kv: Redis over HTTP, in the dialect of Upstash's REST interface.
 */
#include <stddef.h>
#include <stdlib.h>

#include "kv.h"

static const struct tv_option options[] = {
    {NULL, "pipeline_max", TV_OPTION_INTEGER, "5000", 1, 1000000, offsetof(struct kv_settings, pipeline_max),
     0, "Commands that one pipeline or transaction may hold."},
};

static bool open_worker(struct tv_worker *worker, struct tv_error *error)
{
    struct kv_sync *sync = calloc(1, sizeof *sync);
    if (!sync)
        return tv_fail(error, 500, NULL, "out of memory");
    kv_sync_start(sync);
    tv_worker_set_state(worker, sync);
    return true;
}

static void close_worker(struct tv_worker *worker)
{
    free(tv_worker_state(worker));
}

static bool handle(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                   struct tv_error *error)
{
    struct kv_asked asked;
    struct tv_redis *redis = tv_worker_redis(worker);
    if (!kv_read_request(request, tv_worker_settings(worker), response, &asked, error))
        return false;
    if (!redis)
        return kv_error(error, 503, "ERR no Redis is configured");
    kv_sync_next(tv_worker_state(worker), response);
    return kv_run(redis, request, &asked, response, error);
}

static const struct tv_app app = {
    .name = "kv",
    .summary = "Redis over HTTP, as Upstash's REST interface speaks it",
    .routes = kv_routes,
    .stores = 1u << TV_STORE_REDIS,
    .options = options,
    .option_count = TV_COUNT(options),
    .settings_size = sizeof(struct kv_settings),
    .open = open_worker,
    .handle = handle,
    .fail = kv_fail,
    .close = close_worker,
};

int main(int argc, char **argv)
{
    return tv_main(&app, argc, argv);
}
