/*
 * breaker.c - tests of the circuit breaker: its transitions, one probe at a time among threads, and a probe that was lost.
 */
#include "store/breaker.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "tap.h"

#define PATIENCE_MS 1000 /* what a probe may take */

static void is_state(const tv_breaker *cell, enum tv_breaker_state want, const char *name)
{
    is_text(tv_breaker_name(tv_breaker_state(cell)), tv_breaker_name(want), name);
}

static void transitions(void)
{
    tv_breaker cell = 0;
    struct tv_error error = {0};
    is_state(&cell, TV_BREAKER_CLOSED, "memory that is zero is closed");
    ok(tv_breaker_allows(&cell, "MySQL", &error) && error.status == 0, "closed lets requests through");
    ok(!tv_breaker_claim_probe(&cell, 0, PATIENCE_MS), "and needs no probe");
    tv_breaker_failure(&cell, 3);
    tv_breaker_failure(&cell, 3);
    is_state(&cell, TV_BREAKER_CLOSED, "two failures of three do not open it");
    tv_breaker_success(&cell);
    tv_breaker_failure(&cell, 3);
    tv_breaker_failure(&cell, 3);
    is_state(&cell, TV_BREAKER_CLOSED, "a success between them starts the count anew");
    tv_breaker_failure(&cell, 3);
    is_state(&cell, TV_BREAKER_OPEN, "the third in a row opens it");
    ok(!tv_breaker_allows(&cell, "MySQL", &error), "open lets nothing through");
    is_number(error.status, 503, "but answers 503");
    is_number(error.retry_after, 1, "with Retry-After");
    ok(strstr(error.message, "MySQL"), "and names the store: %s", error.message);

    ok(!tv_breaker_claim_probe(&cell, 60000, PATIENCE_MS), "a probe is not due at once");
    ok(tv_breaker_claim_probe(&cell, 0, PATIENCE_MS), "but after its interval");
    is_state(&cell, TV_BREAKER_HALF_OPEN, "which makes it half-open");
    ok(!tv_breaker_allows(&cell, "MySQL", &error), "half-open lets nothing through either");
    ok(!tv_breaker_claim_probe(&cell, 0, PATIENCE_MS), "and wants no second probe");
    tv_breaker_failure(&cell, 3);
    is_state(&cell, TV_BREAKER_OPEN, "a probe that fails opens it again, without counting to three");
    ok(tv_breaker_claim_probe(&cell, 0, PATIENCE_MS), "the next one");
    tv_breaker_success(&cell);
    is_state(&cell, TV_BREAKER_CLOSED, "closes it when it succeeds");
    is_number(atomic_load(&cell), 0, "and everything is as in the beginning");
    tv_breaker_failure(&cell, 1);
    is_state(&cell, TV_BREAKER_OPEN, "with a bound of one the first failure opens it");
    tv_breaker_success(&cell);
    is_state(&cell, TV_BREAKER_CLOSED, "an answer that comes late after all closes it");

    ok(tv_breaker_allows(NULL, "x", &error), "no breaker lets everything through");
    tv_breaker_success(NULL);
    tv_breaker_failure(NULL, 1);
    for (int i = 0; i < 40000; i++)
        tv_breaker_failure(&cell, 1000000);
    is_state(&cell, TV_BREAKER_CLOSED, "the count of failures never runs into the state");
    tv_breaker_failure(&cell, 1);
    is_state(&cell, TV_BREAKER_OPEN, "and is not forgotten");
}

/* Milliseconds until a probe can be claimed. */
static int64_t until_due(tv_breaker *cell, int64_t interval_ms)
{
    int64_t began = tv_clock_ms();
    while (!tv_breaker_claim_probe(cell, interval_ms, PATIENCE_MS) && tv_clock_ms() - began < 10000)
        usleep(1000);
    return tv_clock_ms() - began;
}

static void intervals(void)
{
    bool spread = true;
    int64_t least = 10000, most = 0;
    for (int failures = 1; failures <= 8; failures++) {
        tv_breaker cell = 0;
        for (int i = 0; i < failures; i++)
            tv_breaker_failure(&cell, failures);
        int64_t after = until_due(&cell, 200);
        spread = spread && after >= 149 && after < 5000;
        least = after < least ? after : least;
        most = after > most ? after : most;
    }
    ok(spread, "a probe is due after its interval, less a quarter at most (%lld to %lld of 200 ms)",
       (long long)least, (long long)most);
    tv_breaker cell = 0;
    tv_breaker_failure(&cell, 1);
    ok(tv_breaker_claim_probe(&cell, 0, PATIENCE_MS), "a probe whose process dies");
    int64_t after = until_due(&cell, 0);
    ok(after >= 2990 && after < 9000, "is taken over two seconds after it must have ended (%lld ms)",
       (long long)after);
    is_state(&cell, TV_BREAKER_HALF_OPEN, "by another probe");
    ok(!tv_breaker_claim_probe(&cell, 0, PATIENCE_MS), "by one only");
}

#define THREADS 8
static tv_breaker shared;
static pthread_barrier_t line;
static _Atomic int claims;

static void *claim(void *round_count)
{
    for (int i = 0; i < *(const int *)round_count; i++) {
        if (pthread_barrier_wait(&line) == PTHREAD_BARRIER_SERIAL_THREAD) {
            atomic_store(&shared, 0);
            tv_breaker_failure(&shared, 1);
        }
        pthread_barrier_wait(&line);
        if (tv_breaker_claim_probe(&shared, 0, PATIENCE_MS))
            atomic_fetch_add(&claims, 1);
    }
    return NULL;
}

/* Failures of many threads at once: at least one counts at a time, and the word stays whole. */
static void *fail(void *unused)
{
    for (int i = 0; i < 20000; i++) {
        tv_breaker_failure(&shared, 5);
        tv_breaker_claim_probe(&shared, 0, PATIENCE_MS);
        if (i % 3 == 0)
            tv_breaker_success(&shared);
    }
    return unused;
}

static void run(void *(*body)(void *), void *context)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, body, context) != 0)
            abort();
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void many_threads(void)
{
    int round_count = 2000;
    pthread_barrier_init(&line, NULL, THREADS);
    run(claim, &round_count);
    pthread_barrier_destroy(&line);
    is_number(atomic_load(&claims), round_count, "of eight threads exactly one gets each probe");
    atomic_store(&shared, 0);
    run(fail, NULL);
    unsigned state = (unsigned)tv_breaker_state(&shared);
    ok(state <= TV_BREAKER_HALF_OPEN, "failures, probes and successes at once leave a state: %s",
       tv_breaker_name((enum tv_breaker_state)state));
    int64_t time = (int64_t)(atomic_load(&shared) >> 16), now = tv_clock_ms();
    ok(time == 0 || (time <= now && now - time < 60000), "and a time of today");
    for (int i = 0; i < 5; i++)
        tv_breaker_failure(&shared, 5);
    is_state(&shared, TV_BREAKER_OPEN, "the breaker still opens");
    tv_breaker_success(&shared);
    is_state(&shared, TV_BREAKER_CLOSED, "and closes");
}

int main(void)
{
    is_text(tv_breaker_name((enum tv_breaker_state)3), "closed",
            "a state that is none has a name all the same");
    transitions();
    intervals();
    many_threads();
    return done_testing();
}
