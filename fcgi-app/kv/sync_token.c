/*
 * sync_token.c - Upstash-Sync-Token. The vendor's clients keep it to read their own writes from replicas; here every command
 * goes to one primary, so any value serves, as long as it differs after each write: it changes with every answer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "kv.h"

void kv_sync_start(struct kv_sync *sync)
{
    if (getrandom(&sync->thread, sizeof sync->thread, 0) != sizeof sync->thread)
        sync->thread =
            (uint64_t)tv_clock_us() ^ (uint64_t)(uintptr_t)sync; /* need not be secret, only different */
}

void kv_sync_next(struct kv_sync *sync, struct tv_response *response)
{
    char token[48];
    snprintf(token, sizeof token, "%016" PRIx64 "-%" PRIu64, sync->thread, ++sync->turn);
    tv_response_header(response, "Upstash-Sync-Token", tv_slice_of(token));
}
