/*
 * trust.c - the one word of trust. Lock-free: a mender that dies is replaced.
 */
#include "cache/trust.h"

#include "base/clock.h"

/* A mender that has not come back after this long is taken for dead. */
#define MENDER_LOST_US 1000000

bool tv_trusted(const tv_trust *trust)
{
    return atomic_load(trust) == 0;
}

void tv_trust_lose(tv_trust *trust)
{
    atomic_store(trust, 1);
}

bool tv_trust_claim(tv_trust *trust, uint64_t *claim)
{
    uint64_t seen = atomic_load(trust);
    /* Never 0 or 1, and after what was seen. Microseconds tell claims apart: a question to Redis lies between two. */
    uint64_t now = (uint64_t)tv_clock_us() + 2;
    if (seen == 0 || (seen > 1 && now - seen < MENDER_LOST_US))
        return false;
    *claim = now;
    return atomic_compare_exchange_strong(trust, &seen, now);
}

void tv_trust_mended(tv_trust *trust, uint64_t claim)
{
    atomic_compare_exchange_strong(trust, &claim, 0);
}
