/*
 * trust.c - the one word of trust. Lock-free: a mender that dies is replaced.
 */
#include "cache/trust.h"

#include <unistd.h>

#include "base/clock.h"

/* A mender that has not come back after this long is taken for dead. */
#define MENDER_LOST_US 1000000
/* Below the microseconds: what tells claims of the same one apart. */
#define SERIAL_BITS 16

/* Never 0 or 1, and never the same twice: an old mender's end must not pass for a new one's. */
static uint64_t new_claim(void)
{
    static _Atomic uint64_t count;
    uint64_t serial = atomic_fetch_add(&count, 1) + (uint64_t)getpid() * 257;
    return ((uint64_t)tv_clock_us() + 1) << SERIAL_BITS | (serial & ((1u << SERIAL_BITS) - 1));
}

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
    uint64_t now = new_claim();
    if (seen == 0 || (seen > 1 && (now >> SERIAL_BITS) - (seen >> SERIAL_BITS) < MENDER_LOST_US))
        return false;
    *claim = now;
    return atomic_compare_exchange_strong(trust, &seen, now);
}

void tv_trust_mended(tv_trust *trust, uint64_t claim)
{
    atomic_compare_exchange_strong(trust, &claim, 0);
}
