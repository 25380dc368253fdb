/*
 * cache_trust.c - tests of trust in the cache: one mender at a time, a lost one is replaced, and a loss during mending is
 * never forgotten.
 */
#include "cache/trust.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "tap.h"

static void one_thread(void)
{
    tv_trust trust = 0;
    uint64_t claim = 0, other = 0;
    ok(tv_trusted(&trust), "memory that is zero is trust");
    ok(!tv_trust_claim(&trust, &claim), "with trust there is nothing to mend");
    tv_trust_lose(&trust);
    ok(!tv_trusted(&trust), "lost");
    ok(tv_trust_claim(&trust, &claim), "the first who asks is the mender");
    ok(!tv_trusted(&trust), "which is no trust yet");
    ok(!tv_trust_claim(&trust, &other), "the next one is not");
    tv_trust_mended(&trust, claim);
    ok(tv_trusted(&trust), "mended");
    ok(!tv_trust_claim(&trust, &claim), "and nothing is left to mend");

    tv_trust_lose(&trust);
    ok(tv_trust_claim(&trust, &claim), "a mender begins");
    tv_trust_lose(&trust);
    tv_trust_mended(&trust, claim);
    ok(!tv_trusted(&trust), "trust that was lost again meanwhile does not return");
    ok(tv_trust_claim(&trust, &other), "another may mend at once");
    tv_trust_mended(&trust, claim);
    ok(!tv_trusted(&trust), "the first one's end counts for nothing, however soon the second began");
    tv_trust_lose(&trust);
    ok(tv_trust_claim(&trust, &claim), "a mender that failed gives the place free");
    tv_trust_mended(&trust, claim);
    tv_trust_mended(&trust, claim);
    ok(tv_trusted(&trust), "mended twice is mended");
    tv_trust_lose(&trust);
    tv_trust_mended(&trust, 0);
    ok(!tv_trusted(&trust), "a claim that never was mends nothing");
}

/* Claims that follow each other as fast as they can are told apart: an old mender must not end a new one's work. */
static void quick_claims(void)
{
    tv_trust trust = 0;
    int confused = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t first = 0, second = 0;
        tv_trust_lose(&trust);
        if (!tv_trust_claim(&trust, &first))
            confused++;
        tv_trust_lose(&trust);
        if (!tv_trust_claim(&trust, &second) || first == second)
            confused++;
        tv_trust_mended(&trust, first);
        if (tv_trusted(&trust))
            confused++;
        tv_trust_mended(&trust, second);
    }
    is_number(confused, 0, "an old claim never passes for a new one");
}

static void lost_mender(void)
{
    tv_trust trust = 0;
    uint64_t claim, other = 0;
    int64_t began = tv_clock_ms();
    tv_trust_lose(&trust);
    ok(tv_trust_claim(&trust, &claim), "a mender that will not come back");
    bool taken = false;
    while (!taken && tv_clock_ms() - began < 10000) {
        taken = tv_trust_claim(&trust, &other);
        usleep(1000);
    }
    int64_t after = tv_clock_ms() - began;
    ok(taken && after >= 950 && after < 5000, "is replaced after a second (%lld ms)", (long long)after);
    tv_trust_mended(&trust, claim);
    ok(!tv_trusted(&trust), "when it comes back after all, it mends nothing");
    tv_trust_mended(&trust, other);
    ok(tv_trusted(&trust), "its successor does");
}

static tv_trust shared;
static _Atomic int menders, crowds, rounds, losses;

static void *mend(void *unused)
{
    for (int i = 0; i < 20000; i++) {
        uint64_t claim;
        if (i % 100 == 0 && tv_trusted(&shared)) {
            atomic_fetch_add(&losses, 1);
            tv_trust_lose(&shared);
        }
        if (!tv_trust_claim(&shared, &claim))
            continue;
        if (atomic_fetch_add(&menders, 1) > 0)
            atomic_fetch_add(&crowds, 1);
        atomic_fetch_add(&rounds, 1);
        atomic_fetch_sub(&menders, 1);
        tv_trust_mended(&shared, claim);
    }
    return unused;
}

static void many_threads(void)
{
    pthread_t threads[8];
    for (size_t i = 0; i < 8; i++)
        if (pthread_create(&threads[i], NULL, mend, NULL) != 0)
            abort();
    for (size_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    ok(atomic_load(&rounds) > 0, "%d losses, %d times mended", atomic_load(&losses), atomic_load(&rounds));
    /* a loss during mending lets a second mender begin beside the first: no more than there were such losses */
    ok(atomic_load(&crowds) <= atomic_load(&losses), "one mender at a time: %d were two",
       atomic_load(&crowds));
    uint64_t claim;
    if (tv_trust_claim(&shared, &claim))
        tv_trust_mended(&shared, claim);
    ok(tv_trusted(&shared), "in the end trust can return");
}

int main(void)
{
    one_thread();
    quick_claims();
    lost_mender();
    many_threads();
    return done_testing();
}
