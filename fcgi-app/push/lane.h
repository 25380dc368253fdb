/*
 * lane.h - one batch after the other on its way to one target: sent, sent again when that may help, or given up. Never blocks: all
 * lanes share one curl multi handle, which their owner turns.
 *
 * Sent again is what the protocol's specification names (429, 502, 503, 504, no connection), later and later, for RETRY_FOR_MS at
 * most; everything else would fail again.
 */
#ifndef PUSH_LANE_H
#define PUSH_LANE_H

#include <curl/curl.h>

#include "target.h"

enum lane_state { LANE_FREE, LANE_SENDING, LANE_WAITING };
enum lane_event { LANE_NOTHING, LANE_DELIVERED, LANE_GIVEN_UP };

struct lane {
    const struct target *target;
    struct tv_push_state *state_file; /* borrowed: outcomes are counted there */
    CURLM *multi;                     /* borrowed */
    CURL *easy;
    struct curl_slist *headers;
    struct tv_buffer body;   /* the batch; filled by the owner while the lane is free */
    struct tv_buffer packed; /* compressed */
    struct tv_buffer answer;
    enum lane_state state;
    int64_t first_ms; /* the batch's first attempt */
    int64_t again_ms; /* the next one, while waiting */
    int64_t delay_ms; /* before it */
    int64_t complained_ms;
};

/* False with *error when curl has no memory or the headers make no sense. */
bool lane_init(struct lane *lane, const struct target *target, CURLM *multi, struct tv_push_state *state_file,
               struct tv_error *error) TV_MUST_CHECK;
void lane_free(struct lane *lane);

/* Sends what is in the body. The lane must be free. */
void lane_send(struct lane *lane);
/* curl is done with an attempt. What that means for the batch; LANE_NOTHING: it is tried again. Afterwards the lane is free or
 * waiting. */
enum lane_event lane_finish(struct lane *lane, CURLcode result);
/* Makes the next attempt when it is due. */
void lane_turn(struct lane *lane);
/* Forgets the batch without a word. */
void lane_abort(struct lane *lane);

#endif
