/*
 * main.c - the example worker: it greets, and says how the three stores are. The smallest complete worker, and the place to
 * start reading; page.c only makes it look good in a browser.
 */
#include <stdlib.h>

#include "page.h"
#include "trivet.h"

#define PING_MS 800 /* a store that takes longer is as good as away */
#define FRESH_MS \
    1000 /* stores are asked at most once a second by each worker, however often we are greeted */

static bool open_worker(struct tv_worker *worker, struct tv_error *error)
{
    struct store_state *states = calloc(TV_STORE_COUNT, sizeof *states);
    if (!states)
        return tv_fail(error, 500, NULL, "no memory");
    tv_worker_set_state(worker, states);
    return true;
}

static void close_worker(struct tv_worker *worker)
{
    free(tv_worker_state(worker));
}

static void look_at_stores(struct tv_worker *worker, struct store_state *states)
{
    const struct tv_store_settings *settings = tv_worker_store_settings(worker);
    for (int store = 0; store < TV_STORE_COUNT; store++) {
        struct store_state *state = &states[store];
        if (state->looked_ms != 0 && tv_clock_ms() - state->looked_ms < FRESH_MS)
            continue;
        state->name = tv_store_name((enum tv_store)store);
        state->configured = tv_store_configured(settings, (enum tv_store)store);
        state->answers =
            state->configured && tv_store_ping(settings, (enum tv_store)store, PING_MS, &state->latency_us,
                                               state->version, &state->error);
        state->looked_ms = tv_clock_ms();
    }
}

static bool handle(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                   struct tv_error *error)
{
    struct store_state *states = tv_worker_state(worker);
    tv_response_route(response, "/hello");
    if (!tv_slice_is(request->path, "/hello"))
        return tv_fail(error, 404, NULL, "there is nothing here; try /hello");
    if (!tv_request_allow(request, TV_METHOD_GET | TV_METHOD_HEAD, error))
        return false;
    look_at_stores(worker, states);
    tv_response_header(response, "Vary", TV_SLICE("Accept"));
    tv_response_header(response, "Cache-Control", TV_SLICE("no-store"));
    if (wants_html(tv_request_header(request, "accept")))
        write_page(response, states);
    else
        write_greeting(response, states);
    return true;
}

int main(int argc, char **argv)
{
    static const struct tv_app app = {
        .name = "hello",
        .summary = "greets, and says how the stores are",
        .unguarded = true,
        .open = open_worker,
        .handle = handle,
        .close = close_worker,
    };
    return tv_main(&app, argc, argv);
}
