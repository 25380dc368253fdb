/*
 * main.c - trivet-ops: what kubelets, Prometheus and sysadmins ask. A pool of its own, so that it answers when the others
 * are saturated or dead. Called with a command it is a tool for people instead (tool/).
 */
#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

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
static bool answer_health(struct tv_worker *worker, const struct tv_request *request,
                          struct tv_response *response, struct tv_error *error)
{
    (void)worker;
    (void)request;
    (void)error;
    tv_buffer_text(tv_response_body(response), "{\"status\":\"ok\"}\n");
    return true;
}

/* X(path, function) */
#define ROUTES(X)                        \
    X("/healthz", answer_health)         \
    X("/readyz", answer_ready)           \
    X("/status", answer_status)          \
    X("/status/workers", answer_workers) \
    X("/metrics", answer_metrics)

static const struct {
    const char *path;
    bool (*answer)(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                   struct tv_error *error);
} routes[] = {
#define ROUTE_ROW(path, answer) {path, answer},
    ROUTES(ROUTE_ROW)
#undef ROUTE_ROW
};

static const char *const route_names[] = {
#define ROUTE_NAME(path, answer) path,
    ROUTES(ROUTE_NAME)
#undef ROUTE_NAME
        NULL,
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
        return routes[i].answer(worker, request, response, error);
    }
    return tv_fail(error, 404, NULL, "there is nothing here; try /status");
}

int main(int argc, char **argv)
{
    static const struct tv_app app = {
        .name = "ops",
        .summary = "health, readiness, status and counters of all pools",
        .routes = route_names,
        .unguarded = true,
        .looks = true,
        .open = open_worker,
        .handle = handle,
        .close = close_worker,
    };
    if (tool_names_command(argc, argv))
        return tool_main(argc, argv);
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        tool_print_commands(stdout);
    return tv_main(&app, argc, argv);
}
