/*
 * workers.c - php-fpm's full list, and what it lacks: route, phase, request id and the statement that is being waited for.
 */
#include <stdio.h>
#include <string.h>

#include "workers.h"

static void view_request(struct worker_view *view, const struct tv_scoreboard *board,
                         const struct tv_activity *activity)
{
    struct tv_activity_view request;
    view->elapsed_us = -1;
    view->phase = "";
    if (!view->busy || !tv_activity_read(activity, &request) || request.began_us == 0)
        return;
    view->elapsed_us = tv_clock_us() - request.began_us;
    view->phase = tv_phase_names[request.phase];
    snprintf(view->route, sizeof view->route, "%s",
             request.route < board->route_count ? board->routes[request.route] : "");
    tv_method_list(request.method, view->method);
    snprintf(view->id, sizeof view->id, "%s", request.id);
    snprintf(view->shape, sizeof view->shape, "%s", request.shape);
}

static bool view_worker(struct worker_view *view, const struct tv_scoreboard *board,
                        const struct tv_process_board *process, size_t place)
{
    const struct tv_slot *slot = &process->slots[place];
    uint64_t state = tv_word(&slot->state);
    if (state == TV_SLOT_UNUSED)
        return false;
    *view = (struct worker_view){
        .pid = tv_word(&process->pid),
        .place = (unsigned)place + 1,
        .busy = state == TV_SLOT_BUSY,
        .since_ms = tv_clock_ms() - (int64_t)tv_word(&slot->since_ms),
        .requests = tv_word(&slot->requests),
    };
    if (view->since_ms < 0)
        view->since_ms = 0; /* it changed between the two looks */
    snprintf(view->pool, sizeof view->pool, "%s", board->pool);
    view_request(view, board, &slot->activity);
    return true;
}

void each_worker(const struct tv_scoreboard *board,
                 void (*found)(void *context, const struct worker_view *worker), void *context)
{
    struct worker_view view;
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        const struct tv_process_board *process = &board->processes[i];
        if (tv_word(&process->state) == TV_PROCESS_NONE)
            continue;
        for (size_t j = 0; j < TV_WORKERS_MAX; j++)
            if (view_worker(&view, board, process, j))
                found(context, &view);
    }
}

void write_worker(struct tv_json *json, const struct worker_view *worker, bool with_pool)
{
    tv_json_object(json);
    if (with_pool)
        tv_json_member_text(json, "pool", worker->pool);
    tv_json_member_integer(json, "pid", (int64_t)worker->pid);
    tv_json_member_integer(json, "worker", worker->place);
    tv_json_member_text(json, "state", worker->busy ? "busy" : "idle");
    tv_json_member_integer(json, "since_ms", worker->since_ms);
    tv_json_member_integer(json, "requests", (int64_t)worker->requests);
    if (worker->elapsed_us >= 0) {
        tv_json_member_text(json, "route", worker->route);
        tv_json_member_text(json, "method", worker->method);
        tv_json_member_text(json, "phase", worker->phase);
        tv_json_name(json, "elapsed_ms");
        tv_json_double(json, (double)worker->elapsed_us / 1000.0);
        tv_json_member_text(json, "request_id", worker->id);
        tv_json_member_text(json, "statement", worker->shape);
    }
    tv_json_object_end(json);
}
