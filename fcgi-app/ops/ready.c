/*
 * ready.c - whether this Trivet can do its work: every configured store answers.
 */
#include "ops.h"

/* For all stores together: as long as connecting may take by default, and less than the three seconds that a kubelet waits for
 * the answer. */
#define LOOK_MS  2500
#define FRESH_MS 500 /* many probes at once still make one connection a store and half-second */

bool answer_ready(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                  struct tv_error *error)
{
    struct ready_state *state = tv_worker_state(worker);
    struct tv_json json;
    bool ready = true;
    (void)request;
    (void)error;
    if (state->looked_ms == 0 || tv_clock_ms() - state->looked_ms > FRESH_MS) {
        tv_stores_look(tv_worker_store_settings(worker), LOOK_MS, state->stores);
        state->looked_ms = tv_clock_ms();
    }
    for (int store = 0; store < TV_STORE_COUNT; store++)
        ready = ready && (state->stores[store].answers || !state->stores[store].configured);
    tv_response_status(response, ready ? 200 : 503);
    tv_json_start(&json, tv_response_body(response));
    tv_json_object(&json);
    tv_json_member_boolean(&json, "ready", ready);
    tv_json_name(&json, "stores");
    tv_json_object(&json);
    for (int store = 0; store < TV_STORE_COUNT; store++) {
        const struct tv_store_state *seen = &state->stores[store];
        if (!seen->configured)
            continue;
        tv_json_name(&json, seen->name);
        tv_json_object(&json);
        tv_json_member_text(&json, "state", seen->answers ? "up" : "down");
        if (seen->answers) {
            tv_json_name(&json, "latency_ms");
            tv_json_double(&json, (double)seen->latency_us / 1000.0);
        } else {
            tv_json_member_text(&json, "error", seen->error.message);
        }
        tv_json_object_end(&json);
    }
    tv_json_object_end(&json);
    tv_json_object_end(&json);
    tv_buffer_byte(tv_response_body(response), '\n');
    return true;
}
