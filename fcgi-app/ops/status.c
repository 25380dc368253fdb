/*
 * status.c - the scoreboards of all pools as one JSON document.
 */
#include <string.h>

#include "ops.h"

struct status {
    struct tv_json json;
    const char *directory;
    const char *only; /* NULL: all pools */
    bool full;
};

static uint64_t now_of(const _Atomic uint64_t *field)
{
    return atomic_load_explicit(field, memory_order_relaxed);
}

static void member(struct tv_json *json, const char *name, uint64_t value)
{
    tv_json_name(json, name);
    tv_json_unsigned(json, value);
}

struct census {
    uint64_t workers, busy, idle, connections, peers, waiting;
};

static void take_census(const struct tv_process_board *process, struct census *out)
{
    *out = (struct census){.peers = now_of(&process->peers), .waiting = now_of(&process->waiting)};
    for (size_t i = 0; i < TV_WORKERS_MAX; i++) {
        const struct tv_slot *slot = &process->slots[i];
        uint64_t state = now_of(&slot->state);
        out->workers += state != TV_SLOT_UNUSED;
        out->busy += state == TV_SLOT_BUSY;
        out->idle += state == TV_SLOT_IDLE;
        for (int store = 0; store < TV_STORE_COUNT; store++)
            out->connections += now_of(&slot->connections[store]);
    }
}

static void write_process(struct tv_json *json, const struct tv_process_board *process,
                          const struct census *census)
{
    static const char *const states[] = {"none", "starting", "running", "draining"};
    uint64_t state = now_of(&process->state);
    tv_json_object(json);
    member(json, "pid", now_of(&process->pid));
    tv_json_member_text(json, "state", states[state < TV_COUNT(states) ? state : 0]);
    member(json, "generation", now_of(&process->generation));
    member(json, "uptime_s", (uint64_t)(tv_clock_wall_ms() - (int64_t)now_of(&process->started_ms)) / 1000);
    member(json, "workers", census->workers);
    member(json, "busy", census->busy);
    member(json, "idle", census->idle);
    member(json, "peers", census->peers);
    tv_json_member_boolean(json, "request_waiting", census->waiting != 0);
    member(json, "store_connections", census->connections);
    tv_json_object_end(json);
}

static void write_processes(struct tv_json *json, const struct tv_scoreboard *board)
{
    struct census all = {0};
    tv_json_name(json, "processes");
    tv_json_array(json);
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        struct census census;
        if (now_of(&board->processes[i].state) == TV_PROCESS_NONE)
            continue;
        take_census(&board->processes[i], &census);
        write_process(json, &board->processes[i], &census);
        all.workers += census.workers;
        all.busy += census.busy;
        all.idle += census.idle;
        all.connections += census.connections;
        all.peers += census.peers;
        all.waiting += census.waiting;
    }
    tv_json_array_end(json);
    tv_json_name(json, "workers");
    tv_json_object(json);
    member(json, "now", all.workers);
    member(json, "busy", all.busy);
    member(json, "idle", all.idle);
    member(json, "max", tv_scoreboard_window(board) * now_of(&board->processes_wanted));
    tv_json_object_end(json);
    member(json, "peers", all.peers);
    member(json, "processes_with_waiting_requests", all.waiting);
    member(json, "store_connections", all.connections);
    member(json, "store_connections_max",
           tv_scoreboard_window(board) * now_of(&board->processes_wanted) *
               (uint64_t)__builtin_popcountll((unsigned long long)now_of(&board->stores_used)));
}

static void write_queue(struct tv_json *json, const struct tv_scoreboard *board)
{
    struct tv_error error;
    uint32_t waiting, limit;
    tv_json_name(json, "queue");
    if (!tv_scoreboard_backlog(board, &waiting, &limit, &error)) {
        tv_json_null(json);
        return;
    }
    tv_json_object(json);
    member(json, "waiting", waiting);
    member(json, "max", limit);
    tv_json_object_end(json);
}

static void write_stores(struct tv_json *json, const struct tv_scoreboard *board)
{
    static const char *const breakers[] = {"closed", "open", "half-open"};
    uint64_t used = now_of(&board->stores_used);
    tv_json_name(json, "stores");
    tv_json_object(json);
    for (int store = 0; store < TV_STORE_COUNT; store++) {
        uint64_t breaker = now_of(&board->breakers[store]) & 3;
        if (!(used & 1u << store))
            continue;
        tv_json_name(json, tv_store_name((enum tv_store)store));
        tv_json_object(json);
        tv_json_member_text(json, "breaker", breakers[breaker < TV_COUNT(breakers) ? breaker : 0]);
        tv_json_object_end(json);
    }
    tv_json_object_end(json);
}

static void write_counters(struct tv_json *json, const struct tv_scoreboard *board)
{
    tv_json_name(json, "counters");
    tv_json_object(json);
    struct tv_meters meters;
    struct tv_process_meters processes;
    static const char *const classes[] = {"requests_2xx", "requests_3xx", "requests_4xx", "requests_5xx"};
    uint64_t calls = 0, errors = 0, connects = 0, wait_us = 0;
    tv_scoreboard_sum(board, &meters, &processes);
    for (unsigned class = 0; class < TV_COUNT(classes); class ++)
        member(json, classes[class], tv_meters_requests(&meters, class));
    for (int store = 0; store < TV_STORE_COUNT; store++) {
        calls += now_of(&meters.stores[store].calls);
        errors += now_of(&meters.stores[store].errors);
        connects += now_of(&meters.stores[store].connects);
        wait_us += now_of(&meters.stores[store].wait_us);
    }
    member(json, "store_us", wait_us);
    member(json, "store_calls", calls);
    member(json, "store_errors", errors);
    member(json, "store_connects", connects);
    for (int counter = 0; counter < TV_COUNTER_COUNT; counter++)
        member(json, tv_counter_info[counter].name, now_of(&meters.counters[counter]));
    tv_json_object_end(json);
}

static void write_activity(void *context, const struct worker_view *worker)
{
    write_worker(context, worker, false);
}

static void write_pool(void *context, const char *pool)
{
    struct status *status = context;
    struct tv_json *json = &status->json;
    struct tv_error error;
    if (status->only && strcmp(status->only, pool) != 0)
        return;
    const struct tv_scoreboard *board = tv_scoreboard_open(status->directory, pool, &error);
    tv_json_name(json, pool);
    tv_json_object(json);
    if (!board) {
        tv_json_member_text(json, "state", "unknown");
        tv_json_member_text(json, "error", error.message);
        tv_json_object_end(json);
        return;
    }
    uint64_t master = now_of(&board->master_pid);
    bool alive = tv_scoreboard_alive(board);
    tv_json_member_text(json, "state", alive ? "running" : master == 0 ? "stopped" : "dead");
    member(json, "master", master);
    tv_json_member_text(json, "version", board->version);
    tv_json_member_text(json, "libraries", board->libraries);
    member(json, "uptime_s", (uint64_t)(tv_clock_wall_ms() - (int64_t)now_of(&board->started_ms)) / 1000);
    member(json, "generation", now_of(&board->generation));
    member(json, "processes_wanted", now_of(&board->processes_wanted));
    member(json, "restarts", now_of(&board->restarts));
    write_processes(json, board);
    write_queue(json, board);
    write_stores(json, board);
    tv_json_member_text(json, "cache", now_of(&board->cache_distrust) == 0 ? "trusted" : "not trusted");
    write_counters(json, board);
    if (status->full) {
        tv_json_name(json, "activity");
        tv_json_array(json);
        each_worker(board, write_activity, json);
        tv_json_array_end(json);
    }
    tv_json_object_end(json);
    tv_scoreboard_close(board);
}

bool write_status(struct tv_buffer *out, const char *directory, const char *only, bool full,
                  struct tv_error *error)
{
    struct status status = {.directory = directory, .only = only, .full = full};
    tv_json_start(&status.json, out);
    tv_json_object(&status.json);
    tv_json_member_text(&status.json, "version", tv_version());
    tv_json_name(&status.json, "pools");
    tv_json_object(&status.json);
    if (!tv_scoreboard_list(directory, write_pool, &status, error))
        return false;
    tv_json_object_end(&status.json);
    tv_json_object_end(&status.json);
    tv_buffer_byte(out, '\n');
    return true;
}

bool answer_status(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                   struct tv_error *error)
{
    return write_status(tv_response_body(response), tv_worker_watch_directory(worker), NULL,
                        tv_slice_is(request->query, "full"), error);
}
