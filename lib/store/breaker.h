/*
 * breaker.h - a circuit breaker per store and pool, in shared memory: when a store is away, requests learn it at once
 * instead of each waiting for a connect to fail.
 *
 *   closed --(failures in a row)--> open --(probe sent)--> half-open --(it answered)--> closed
 *                                     ^-----------------------(it did not)----'
 *
 * The cell is one 64-bit word changed by compare-and-swap: no lock that a killed process could keep. Requests never
 * probe; the process's housekeeper does (tv_breaker_claim_probe), one process at a time, so no request pays for it.
 */
#ifndef TRIVET_STORE_BREAKER_H
#define TRIVET_STORE_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum tv_breaker_state { TV_BREAKER_CLOSED, TV_BREAKER_OPEN, TV_BREAKER_HALF_OPEN };

/* state in bits 0..1, failures in a row in 2..15, time of the last change or probe (milliseconds, monotonic) above. */
typedef _Atomic uint64_t tv_breaker;

enum tv_breaker_state tv_breaker_state(const tv_breaker *cell);
const char *tv_breaker_name(enum tv_breaker_state state); /* "closed", "open", "half-open" */

/* May a request use the store now? Otherwise 503 with Retry-After. what names the store in the message. */
bool tv_breaker_allows(const tv_breaker *cell, const char *what, struct tv_error *error) TV_MUST_CHECK;
/* The store was reached / was not. Errors that the store itself answered are a success here. */
void tv_breaker_success(tv_breaker *cell);
void tv_breaker_failure(tv_breaker *cell, int64_t failures_to_open);

/* True for one caller when a probe is due (open since interval_ms, or a half-open probe whose process died): it must
 * then look at the store, which may take patience_ms, and call success or failure. Intervals are spread by up to a quarter,
 * so that many pods do not knock at the same moment. */
bool tv_breaker_claim_probe(tv_breaker *cell, int64_t interval_ms, int64_t patience_ms);

#endif
