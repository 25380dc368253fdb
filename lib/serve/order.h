/*
 * order.h - private to the library: what a pool's master can be told while it runs, as one line of text, taken apart and
 * checked. Knows neither sockets nor processes.
 *
 *   processes +N | -N | =N     processes of the pool, until the next reload
 *   workers +N | -N | =N       the most workers of each process, until the next reload
 *   reload                     as SIGHUP
 *   drain                      as SIGTERM: finish and stop
 *   level LEVEL | default      the least important log lines to write; default: what is configured
 */
#ifndef TRIVET_SERVE_ORDER_H
#define TRIVET_SERVE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum tv_order_verb { TV_ORDER_PROCESSES, TV_ORDER_WORKERS, TV_ORDER_RELOAD, TV_ORDER_DRAIN, TV_ORDER_LEVEL };

struct tv_order {
    enum tv_order_verb verb;
    char sign;       /* of PROCESSES and WORKERS: '+', '-' or '=' */
    int64_t number;  /* what follows the sign; never negative */
    char level[16];  /* of LEVEL */
    uint64_t ticket; /* the master's own: which reload is waited for */
};

/* The line without its end. Errors: 400, naming what is allowed. */
bool tv_order_read(struct tv_slice line, struct tv_order *out, struct tv_error *error) TV_MUST_CHECK;
/* What a number becomes by the order; 409 when that is not within minimum and maximum. what: "processes". */
bool tv_order_apply(const struct tv_order *order, const char *what, int64_t now, int64_t minimum,
                    int64_t maximum, int64_t *out, struct tv_error *error) TV_MUST_CHECK;

#endif
