/*
 * metrics_push.c - what trivet-push says of itself, from its file of shared memory.
 */
#include "metrics.h"

void metrics_write_push_up(struct metrics *metrics)
{
    enum tv_push_life life = tv_push_state_life(metrics->directory);
    if (life == TV_PUSH_NONE)
        return;
    metrics_sample(metrics, NULL, NULL, NULL, NULL, NULL);
    metrics_unsigned(metrics, life == TV_PUSH_LIVES);
}

void metrics_write_push(struct metrics *metrics)
{
    struct tv_error error;
    const struct tv_push_state *state = tv_push_state_open(metrics->directory, &error);
    if (!state)
        return;
    for (int signal = 0; signal < TV_PUSH_SIGNALS; signal++)
        for (int outcome = 0; outcome < TV_PUSH_OUTCOMES; outcome++) {
            metrics_sample(metrics, NULL, "signal", tv_push_signal_names[signal], "outcome",
                           tv_push_outcome_names[outcome]);
            metrics_unsigned(metrics, tv_word(&state->batches[signal][outcome]));
        }
    tv_push_state_close(state);
}
