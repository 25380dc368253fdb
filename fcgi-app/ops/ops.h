/*
 * ops.h - the parts of trivet-ops as a pool. It reads scoreboards and asks stores for a sign of life; it changes nothing.
 */
#ifndef OPS_OPS_H
#define OPS_OPS_H

#include "trivet.h"
#include "workers.h"

/* GET /readyz: which stores answer; 503 names the one that does not. Looks at most every so often and remembers. */
bool answer_ready(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                  struct tv_error *error) TV_MUST_CHECK;
/* GET /status: all pools as JSON; with ?full also what each worker is at. */
bool answer_status(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                   struct tv_error *error) TV_MUST_CHECK;
/* GET /status/workers: what each worker is at, as JSON. */
bool answer_workers(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                    struct tv_error *error) TV_MUST_CHECK;
/* GET /metrics: everything that counts, as Prometheus reads it; with exemplars for who asks for OpenMetrics. */
bool answer_metrics(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                    struct tv_error *error) TV_MUST_CHECK;

/* The documents of the two, for the pools of a directory: all, or one (only not NULL). */
bool write_status(struct tv_buffer *out, const char *directory, const char *only, bool full,
                  struct tv_error *error) TV_MUST_CHECK;
bool write_workers(struct tv_buffer *out, const char *directory, const char *only,
                   struct tv_error *error) TV_MUST_CHECK;

/* What /readyz keeps of a thread's last look; zeroed at first. */
struct ready_state {
    int64_t looked_ms;
    struct tv_store_state stores[TV_STORE_COUNT];
};

#endif
