/*
 * ops.h - the parts of trivet-ops. It reads scoreboards and asks stores for a sign of life; it changes nothing.
 */
#ifndef OPS_OPS_H
#define OPS_OPS_H

#include "trivet.h"

/* GET /readyz: which stores answer; 503 names the one that does not. Looks at most every so often and remembers. */
bool answer_ready(struct tv_worker *worker, struct tv_response *response,
                  struct tv_error *error) TV_MUST_CHECK;
/* GET /status: all pools as JSON. */
bool answer_status(struct tv_worker *worker, struct tv_response *response,
                   struct tv_error *error) TV_MUST_CHECK;
/* GET /metrics: the same counters as Prometheus reads them. */
bool answer_metrics(struct tv_worker *worker, struct tv_response *response,
                    struct tv_error *error) TV_MUST_CHECK;

/* What /readyz keeps of a thread's last look; zeroed at first. */
struct ready_state {
    int64_t looked_ms;
    bool answers[TV_STORE_COUNT];
    int64_t latency_us[TV_STORE_COUNT];
    char messages[TV_STORE_COUNT][200];
};

#endif
