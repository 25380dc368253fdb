/*
 * worker.c - the way of a request through one thread: build, admit, handle, end; then counter and log line, once.
 */
#include "serve/worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "serve/request_build.h"
#include "store/session.h"

/* --- the thread's things ---------------------------------------------------------------------------------------------- */

static bool make_sessions(struct tv_worker *worker, struct tv_error *error)
{
    const struct tv_app *app = worker->pool->app;
    const struct tv_store_settings *stores = &worker->pool->configuration->store;
    bool used[TV_STORE_COUNT];
    struct tv_session_watch watch[TV_STORE_COUNT];
    for (int store = 0; store < TV_STORE_COUNT; store++) {
        used[store] = (app->stores & 1u << store) && tv_store_configured(stores, (enum tv_store)store);
        watch[store] = (struct tv_session_watch){&worker->pool->board->breakers[store], &worker->watcher};
    }
    if (used[TV_STORE_MYSQL] && !(worker->mysql = tv_mysql_new(stores, watch[TV_STORE_MYSQL], error)))
        return false;
    if (used[TV_STORE_MONGO] && !(worker->mongo = tv_mongo_new(stores, watch[TV_STORE_MONGO], error)))
        return false;
    if (used[TV_STORE_REDIS] && !(worker->redis = tv_redis_new(stores, watch[TV_STORE_REDIS], error)))
        return false;
    worker->cache = tv_cache_new(&worker->pool->configuration->cache, stores, app->cached,
                                 watch[TV_STORE_REDIS], worker->pool->board);
    return worker->cache || tv_fail(error, 500, NULL, "no memory for a worker");
}

struct tv_worker *tv_worker_new(struct tv_pool *pool, struct tv_slot *slot, struct tv_error *error)
{
    struct tv_worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        tv_fail(error, 500, NULL, "no memory for a worker");
        return NULL;
    }
    worker->pool = pool;
    tv_watcher_init(&worker->watcher, slot);
    tv_trace_init(&worker->watcher.trace, &pool->configuration->trace, &pool->tracer,
                  pool->configuration->log.slow);
    tv_arena_init(&worker->arena, (size_t)pool->configuration->serve.memory);
    tv_response_init(&worker->response, &pool->configuration->serve, &pool->draining, pool->app->routes,
                     &worker->watcher);
    worker->opened = make_sessions(worker, error) && (!pool->app->open || pool->app->open(worker, error));
    if (worker->opened)
        return worker;
    tv_worker_free(worker);
    return NULL;
}

void tv_worker_free(struct tv_worker *worker)
{
    if (!worker)
        return;
    if (worker->opened && worker->pool->app->close)
        worker->pool->app->close(worker);
    tv_cache_free(worker->cache);
    tv_mysql_free(worker->mysql);
    tv_mongo_free(worker->mongo);
    tv_redis_free(worker->redis);
    tv_response_free(&worker->response);
    tv_arena_free(&worker->arena);
    tv_trace_free(&worker->watcher.trace);
    free(worker);
}

const void *tv_worker_settings(const struct tv_worker *worker)
{
    return worker->pool->configuration->app;
}

void tv_worker_set_state(struct tv_worker *worker, void *state)
{
    worker->state = state;
}

void *tv_worker_state(const struct tv_worker *worker)
{
    return worker->state;
}

struct tv_mysql *tv_worker_mysql(struct tv_worker *worker)
{
    return worker->mysql;
}

struct tv_mongo *tv_worker_mongo(struct tv_worker *worker)
{
    return worker->mongo;
}

struct tv_redis *tv_worker_redis(struct tv_worker *worker)
{
    return worker->redis;
}

struct tv_cache *tv_worker_cache(struct tv_worker *worker)
{
    return worker->cache;
}

const char *tv_worker_watch_directory(const struct tv_worker *worker)
{
    return worker->pool->configuration->watch.directory;
}

const char *tv_worker_watch_pools(const struct tv_worker *worker)
{
    return worker->pool->configuration->watch.pools;
}

const struct tv_store_settings *tv_worker_store_settings(const struct tv_worker *worker)
{
    return &worker->pool->configuration->store;
}

/* --- one request ------------------------------------------------------------------------------------------------------ */

static void write_plain_failure(struct tv_response *response, const struct tv_error *error)
{
    struct tv_json json;
    tv_json_start(&json, tv_response_body(response));
    tv_json_object(&json);
    tv_json_member_text(&json, "error", error->message);
    tv_json_object_end(&json);
}

static void write_failure(struct tv_worker *worker, const struct tv_request *request,
                          const struct tv_error *error)
{
    struct tv_response *response = &worker->response;
    char seconds[16];
    tv_response_clear(response);
    tv_response_status(response, error->status ? error->status : 500);
    tv_response_type(response, "application/json");
    if (error->retry_after > 0) {
        snprintf(seconds, sizeof seconds, "%d", error->retry_after);
        tv_response_header(response, "Retry-After", tv_slice_of(seconds));
    }
    if (error->allow[0])
        tv_response_header(response, "Allow", tv_slice_of(error->allow));
    if (worker->pool->app->fail)
        worker->pool->app->fail(request, response, error);
    else
        write_plain_failure(response, error);
}

/* What looks after the others is asked by probes all the time: traced only for a caller that traces. */
static void begin_trace(struct tv_worker *worker, const struct tv_request *request)
{
    struct tv_slice parent = tv_request_parameter(request, "HTTP_TRACEPARENT"), state = {0};
    if (parent.length > 0)
        state = tv_request_parameter(request, "HTTP_TRACESTATE");
    tv_watch_trace(&worker->watcher, parent, state, request->id, worker->pool->app->looks);
}

/* Build, admit, handle. False: *error says why not. */
static bool produce(struct tv_worker *worker, const struct tv_fastcgi *reader, struct tv_request *request,
                    int64_t *queue_us, struct tv_error *error)
{
    const struct tv_configuration *configuration = worker->pool->configuration;
    struct tv_watcher *watcher = &worker->watcher;
    struct tv_response *response = &worker->response;
    bool whole =
        tv_request_build(reader, &configuration->serve, &worker->arena, watcher, request, queue_us, error);
    tv_watch_identify(watcher, request->method, request->id);
    begin_trace(worker, request);
    response->head = request->method == TV_METHOD_HEAD;
    response->deadline_ms = request->deadline_ms;
    if (!whole)
        return false;
    tv_watch_enter(watcher, TV_PHASE_GUARD);
    if (!worker->pool->app->unguarded && !tv_guard_admit(&configuration->guard, &request->role, error)) {
        tv_watch_count(watcher, TV_COUNT_GUARD_NO_ROLE, 1);
        return false;
    }
    tv_watch_enter(watcher, TV_PHASE_WORK);
    if (!worker->pool->app->handle(worker, request, response, error))
        return false;
    if (!tv_response_started(response) && tv_buffer_failed(tv_response_body(response))) {
        tv_fail(error, 500, NULL, "the answer is too large to be sent in one piece");
        tv_error_details(error, "limits.response is %lld bytes", (long long)configuration->serve.response);
        return false;
    }
    return true;
}

/* Counted, and its line written, once and at the end. */
static void record(struct tv_worker *worker, const struct tv_request *request, int64_t queue_us,
                   const struct tv_error *failure)
{
    const struct tv_response *response = &worker->response;
    struct tv_watcher *watcher = &worker->watcher;
    const char *route = worker->pool->board->routes[response->route];
    char trace[TV_TRACE_ID_TEXT];
    /* A client that leaves is no failure of ours, else whoever types ahead would be an outage. */
    bool broken = response->broken && !response->unread;
    if (response->unread)
        tv_watch_count(watcher, TV_COUNT_SHED_GONE, 1);
    int64_t took = tv_watch_end(watcher, &(struct tv_outcome){
                                             .route = response->route,
                                             .route_name = route,
                                             .status = response->status,
                                             .broken = broken,
                                             .queue_us = queue_us,
                                             .bytes_in = request->body.length,
                                             .bytes_out = response->sent,
                                         });
    tv_log_request(&(struct tv_request_line){
        .id = request->id,
        .role = request->role,
        .method = request->method_text,
        .route = route,
        .status = response->status,
        .total_us = took,
        .queue_us = queue_us,
        .phase_us = watcher->phase_us,
        .statement = {watcher->shape, watcher->shape_length},
        .trace = tv_watch_trace_id(watcher, trace),
        .bytes = response->sent,
        .cache = tv_cache_last(worker->cache),
        .failure = failure,
        .broken = broken,
        .unread = response->unread,
    });
}

bool tv_worker_answer(struct tv_worker *worker, const struct tv_fastcgi *reader, int fd)
{
    struct tv_response *response = &worker->response;
    struct tv_request request;
    struct tv_error error = {.status = 0};
    int64_t queue_us = -1;
    tv_watch_begin(&worker->watcher);
    tv_arena_reset(&worker->arena);
    tv_cache_forget(worker->cache);
    tv_response_begin(response, fd, reader->id, false, 0);
    bool good = produce(worker, reader, &request, &queue_us, &error);
    if (!good && tv_response_started(response))
        tv_response_break(response); /* rows have left: a broken transfer is the only honest end */
    else if (!good)
        write_failure(worker, &request, &error);
    bool ended = tv_response_end(response);
    record(worker, &request, queue_us, good ? NULL : &error);
    return ended && reader->keep && !response->final;
}
