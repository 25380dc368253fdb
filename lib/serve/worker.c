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
        watch[store] = (struct tv_session_watch){&worker->pool->board->breakers[store], worker->slot};
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
    worker->slot = slot;
    tv_arena_init(&worker->arena, (size_t)pool->configuration->serve.memory);
    tv_response_init(&worker->response, &pool->configuration->serve, &pool->draining);
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
    return worker->pool->configuration->serve.watch_directory;
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

/* Build, admit, handle. False: *error says why not. */
static bool produce(struct tv_worker *worker, const struct tv_fastcgi *reader, struct tv_request *request,
                    int64_t *queue_us, struct tv_error *error)
{
    const struct tv_configuration *configuration = worker->pool->configuration;
    struct tv_response *response = &worker->response;
    bool whole = tv_request_build(reader, &configuration->serve, &worker->arena, worker->slot, request,
                                  queue_us, error);
    response->head = request->method == TV_METHOD_HEAD;
    response->deadline_ms = request->deadline_ms;
    if (!whole)
        return false;
    if (!worker->pool->app->unguarded && !tv_guard_admit(&configuration->guard, &request->role, error))
        return false;
    if (!worker->pool->app->handle(worker, request, response, error))
        return false;
    if (!tv_response_started(response) && tv_buffer_failed(tv_response_body(response))) {
        tv_fail(error, 500, NULL, "the answer is too large to be sent in one piece");
        tv_error_details(error, "limits.response is %lld bytes", (long long)configuration->serve.response);
        return false;
    }
    return true;
}

static void count_request(struct tv_slot *slot, const struct tv_response *response, int64_t us)
{
    static const enum tv_counter classes[] = {TV_COUNT_REQUESTS_2XX, TV_COUNT_REQUESTS_3XX,
                                              TV_COUNT_REQUESTS_4XX, TV_COUNT_REQUESTS_5XX};
    int class = response->broken && response->status < 500 ? 5 : response->status / 100;
    tv_slot_add(slot, classes[class < 2 ? 0 : class > 5 ? 3 : class - 2], 1);
    tv_slot_add(slot, TV_COUNT_BYTES_OUT, response->sent);
    tv_slot_add(slot, TV_COUNT_BUSY_US, (uint64_t)us);
    atomic_store_explicit(&slot->requests, atomic_load_explicit(&slot->requests, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

bool tv_worker_answer(struct tv_worker *worker, const struct tv_fastcgi *reader, int fd)
{
    struct tv_response *response = &worker->response;
    struct tv_request request;
    struct tv_error error = {.status = 0};
    int64_t queue_us = -1, began = tv_clock_us();
    uint64_t store_before =
        atomic_load_explicit(&worker->slot->counters[TV_COUNT_STORE_US], memory_order_relaxed);
    tv_arena_reset(&worker->arena);
    tv_cache_forget(worker->cache);
    tv_response_begin(response, fd, reader->id, false, 0);
    bool good = produce(worker, reader, &request, &queue_us, &error);
    if (!good && tv_response_started(response))
        tv_response_break(response); /* rows have left: a broken transfer is the only honest end */
    else if (!good)
        write_failure(worker, &request, &error);
    bool ended = tv_response_end(response);
    int64_t took = tv_clock_us() - began;
    count_request(worker->slot, response, took);
    uint64_t store_after =
        atomic_load_explicit(&worker->slot->counters[TV_COUNT_STORE_US], memory_order_relaxed);
    tv_log_request(&(struct tv_request_line){
        .id = request.id,
        .role = request.role,
        .method = request.method_text,
        .route = response->route,
        .status = response->status,
        .total_us = took,
        .queue_us = queue_us,
        .store_us = (int64_t)(store_after - store_before),
        .bytes = response->sent,
        .cache = tv_cache_last(worker->cache),
        .failure = good ? NULL : &error,
        .broken = response->broken,
    });
    return ended && reader->keep && !response->final;
}
