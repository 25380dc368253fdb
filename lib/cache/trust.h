/*
 * trust.h - whether a pool may believe the cache. A write whose announcement did not reach Redis leaves distrust behind, in
 * shared memory so that it outlives the process; while it stands everything is a bypass. Once no such write is under way,
 * whoever reaches Redis gives the generation that all entries carry a new value, and with that no older entry is ever served again.
 */
#ifndef TRIVET_CACHE_TRUST_H
#define TRIVET_CACHE_TRUST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* 0: trusted. 1: not. Above: not, and being mended; the claim of whoever does, and in its upper bits since when. */
typedef _Atomic uint64_t tv_trust;

bool tv_trusted(const tv_trust *trust);
void tv_trust_lose(tv_trust *trust);
/* True for one caller at a time: it must try to mend. *claim goes to tv_trust_mended. */
bool tv_trust_claim(tv_trust *trust, uint64_t *claim);
/* Trust returns, unless it was lost again meanwhile. */
void tv_trust_mended(tv_trust *trust, uint64_t claim);

#endif
