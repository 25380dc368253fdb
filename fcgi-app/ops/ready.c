/*
 * ready.c - whether this Trivet can do its work: every configured store answers.
 */
#include <stdio.h>

#include "ops.h"

#define PING_MS  700
#define FRESH_MS 500 /* many probes at once still make one connection a store and half-second */

static void look(const struct tv_store_settings *settings, struct ready_state *state)
{
    struct tv_error error;
    for (int store = 0; store < TV_STORE_COUNT; store++) {
        if (!tv_store_configured(settings, (enum tv_store)store))
            continue;
        state->answers[store] =
            tv_store_ping(settings, (enum tv_store)store, PING_MS, &state->latency_us[store], NULL, &error);
        if (!state->answers[store])
            snprintf(state->messages[store], sizeof state->messages[store], "%.190s", error.message);
    }
    state->looked_ms = tv_clock_ms();
}

bool answer_ready(struct tv_worker *worker, struct tv_response *response, struct tv_error *error)
{
    const struct tv_store_settings *settings = tv_worker_store_settings(worker);
    struct ready_state *state = tv_worker_state(worker);
    struct tv_json json;
    bool ready = true;
    (void)error;
    if (state->looked_ms == 0 || tv_clock_ms() - state->looked_ms > FRESH_MS)
        look(settings, state);
    for (int store = 0; store < TV_STORE_COUNT; store++)
        ready = ready && (state->answers[store] || !tv_store_configured(settings, (enum tv_store)store));
    tv_response_status(response, ready ? 200 : 503);
    tv_json_start(&json, tv_response_body(response));
    tv_json_object(&json);
    tv_json_member_boolean(&json, "ready", ready);
    tv_json_name(&json, "stores");
    tv_json_object(&json);
    for (int store = 0; store < TV_STORE_COUNT; store++) {
        if (!tv_store_configured(settings, (enum tv_store)store))
            continue;
        tv_json_name(&json, tv_store_name((enum tv_store)store));
        tv_json_object(&json);
        tv_json_member_text(&json, "state", state->answers[store] ? "up" : "down");
        if (state->answers[store]) {
            tv_json_name(&json, "latency_ms");
            tv_json_double(&json, (double)state->latency_us[store] / 1000.0);
        } else {
            tv_json_member_text(&json, "error", state->messages[store]);
        }
        tv_json_object_end(&json);
    }
    tv_json_object_end(&json);
    tv_json_object_end(&json);
    tv_buffer_byte(tv_response_body(response), '\n');
    return true;
}
