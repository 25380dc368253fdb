/*
 * main.c - trivet-ops: what kubelets, Prometheus and sysadmins ask. A pool of its own, so that it answers when the others
 * are saturated or dead.
 */
#include <stdlib.h>

#include "ops.h"

static bool open_worker(struct tv_worker *worker, struct tv_error *error)
{
    struct ready_state *state = calloc(1, sizeof *state);
    if (!state)
        return tv_fail(error, 500, NULL, "no memory");
    tv_worker_set_state(worker, state);
    return true;
}

static void close_worker(struct tv_worker *worker)
{
    free(tv_worker_state(worker));
}

/* That this process answers is all there is to say. */
static bool answer_health(struct tv_worker *worker, struct tv_response *response, struct tv_error *error)
{
    (void)worker;
    (void)error;
    tv_buffer_text(tv_response_body(response), "{\"status\":\"ok\"}\n");
    return true;
}

static const struct {
    const char *path;
    bool (*answer)(struct tv_worker *worker, struct tv_response *response, struct tv_error *error);
} routes[] = {
    {"/healthz", answer_health},
    {"/readyz", answer_ready},
    {"/status", answer_status},
    {"/metrics", answer_metrics},
};

static bool handle(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                   struct tv_error *error)
{
    for (size_t i = 0; i < TV_COUNT(routes); i++) {
        if (!tv_slice_is(request->path, routes[i].path))
            continue;
        tv_response_route(response, routes[i].path);
        if (!tv_request_allow(request, TV_METHOD_GET | TV_METHOD_HEAD, error))
            return false;
        tv_response_type(response, "application/json");
        tv_response_header(response, "Cache-Control", TV_SLICE("no-store"));
        return routes[i].answer(worker, response, error);
    }
    return tv_fail(error, 404, NULL, "there is nothing here; try /status");
}

int main(int argc, char **argv)
{
    static const struct tv_app app = {
        .name = "ops",
        .summary = "health, readiness, status and counters of all pools",
        .unguarded = true,
        .open = open_worker,
        .handle = handle,
        .close = close_worker,
    };
    return tv_main(&app, argc, argv);
}
