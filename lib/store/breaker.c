/*
 * breaker.c - the breaker's one word and its transitions. Every change is a compare-and-swap on what was read: whoever
 * loses the race lets the winner's change stand.
 */
#include "store/breaker.h"

#include <stddef.h>

#include "base/clock.h"

#define STATE_BITS   2
#define FAILURE_BITS 14
#define FAILURES_MAX ((1u << FAILURE_BITS) - 1)
#define TIME_SHIFT   (STATE_BITS + FAILURE_BITS)
/* Beyond what a probe may take: it is some process's that died, and taken over. */
#define PROBE_LOST_MS 2000

static uint64_t pack(enum tv_breaker_state state, uint64_t failures, int64_t at_ms)
{
    if (failures > FAILURES_MAX)
        failures = FAILURES_MAX;
    return (uint64_t)state | failures << STATE_BITS | (uint64_t)at_ms << TIME_SHIFT;
}

static enum tv_breaker_state state_of(uint64_t word)
{
    return (enum tv_breaker_state)(word & ((1u << STATE_BITS) - 1));
}

static uint64_t failures_of(uint64_t word)
{
    return word >> STATE_BITS & FAILURES_MAX;
}

static int64_t time_of(uint64_t word)
{
    return (int64_t)(word >> TIME_SHIFT);
}

static bool change(tv_breaker *cell, uint64_t from, uint64_t to)
{
    return atomic_compare_exchange_strong_explicit(cell, &from, to, memory_order_relaxed,
                                                   memory_order_relaxed);
}

enum tv_breaker_state tv_breaker_state(const tv_breaker *cell)
{
    return state_of(atomic_load_explicit(cell, memory_order_relaxed));
}

const char *tv_breaker_name(enum tv_breaker_state state)
{
    static const char *const names[] = {"closed", "open", "half-open"};
    return (size_t)state < TV_COUNT(names) ? names[state] : "closed";
}

bool tv_breaker_allows(const tv_breaker *cell, const char *what, struct tv_error *error)
{
    if (!cell || tv_breaker_state(cell) == TV_BREAKER_CLOSED)
        return true;
    tv_fail(error, 503, NULL, "%s cannot be reached", what);
    tv_error_details(error,
                     "it is looked for in the background; until it answers, requests are refused at once");
    error->retry_after = 1;
    return false;
}

void tv_breaker_success(tv_breaker *cell)
{
    if (!cell)
        return;
    uint64_t word = atomic_load_explicit(cell, memory_order_relaxed);
    if (word != 0) /* the ordinary case writes nothing: the word is shared by all workers */
        change(cell, word, 0);
}

void tv_breaker_failure(tv_breaker *cell, int64_t failures_to_open)
{
    if (!cell)
        return;
    uint64_t word = atomic_load_explicit(cell, memory_order_relaxed);
    uint64_t failures = failures_of(word) + 1;
    bool opens = state_of(word) != TV_BREAKER_CLOSED || failures >= (uint64_t)failures_to_open;
    change(cell, word, pack(opens ? TV_BREAKER_OPEN : TV_BREAKER_CLOSED, failures, tv_clock_ms()));
}

bool tv_breaker_claim_probe(tv_breaker *cell, int64_t interval_ms, int64_t patience_ms)
{
    uint64_t word = atomic_load_explicit(cell, memory_order_relaxed);
    int64_t now = tv_clock_ms();
    /* the failures counted so far serve as a cheap, ever-changing spread of up to a quarter */
    int64_t spread = interval_ms / 4 * (int64_t)(failures_of(word) * 7 % 8) / 8;
    switch (state_of(word)) {
    case TV_BREAKER_CLOSED: return false;
    case TV_BREAKER_OPEN:
        if (now - time_of(word) < interval_ms - spread)
            return false;
        break;
    case TV_BREAKER_HALF_OPEN:
        if (now - time_of(word) < patience_ms + PROBE_LOST_MS)
            return false;
        break;
    }
    return change(cell, word, pack(TV_BREAKER_HALF_OPEN, failures_of(word), now));
}
