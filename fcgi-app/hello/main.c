/*
 * main.c - the example worker: it greets, and says how the three stores are. The smallest complete worker, and the place to
 * start reading; page.c only makes it look good in a browser.
 */
#include <stdlib.h>

#include "page.h"
#include "trivet.h"

#define LOOK_MS 2500 /* a store that takes longer is as good as away */
#define FRESH_MS \
    1000 /* stores are asked at most once a second by each worker, however often we are greeted */

struct greeter {
    int64_t looked_ms;
    struct tv_store_state stores[TV_STORE_COUNT];
};

static bool open_worker(struct tv_worker *worker, struct tv_error *error)
{
    struct greeter *greeter = calloc(1, sizeof *greeter);
    if (!greeter)
        return tv_fail(error, 500, NULL, "no memory");
    tv_worker_set_state(worker, greeter);
    return true;
}

static void close_worker(struct tv_worker *worker)
{
    free(tv_worker_state(worker));
}

static void look_at_stores(struct tv_worker *worker, struct greeter *greeter)
{
    if (greeter->looked_ms != 0 && tv_clock_ms() - greeter->looked_ms < FRESH_MS)
        return;
    tv_stores_look(tv_worker_store_settings(worker), LOOK_MS, greeter->stores);
    greeter->looked_ms = tv_clock_ms();
}

static const char *const routes[] = {"/hello", NULL};

static bool handle(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                   struct tv_error *error)
{
    struct greeter *greeter = tv_worker_state(worker);
    tv_response_route(response, routes[0]);
    if (!tv_slice_is(request->path, "/hello"))
        return tv_fail(error, 404, NULL, "there is nothing here; try /hello");
    if (!tv_request_allow(request, TV_METHOD_GET | TV_METHOD_HEAD, error))
        return false;
    look_at_stores(worker, greeter);
    tv_response_header(response, "Vary", TV_SLICE("Accept"));
    tv_response_header(response, "Cache-Control", TV_SLICE("no-store"));
    if (wants_html(tv_request_header(request, "accept")))
        write_page(response, greeter->stores);
    else
        write_greeting(response, greeter->stores);
    return true;
}

int main(int argc, char **argv)
{
    static const struct tv_app app = {
        .name = "hello",
        .summary = "greets, and says how the stores are",
        .routes = routes,
        .unguarded = true,
        .open = open_worker,
        .handle = handle,
        .close = close_worker,
    };
    return tv_main(&app, argc, argv);
}
