/*
 * exact.h - bytes in memory of exactly their length, so that AddressSanitizer and valgrind see every read past the end;
 * and numbers that look random but are the same in every run.
 */
#ifndef TRIVET_TESTS_EXACT_H
#define TRIVET_TESTS_EXACT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

/* A copy to be freed with exact_free. Ends the program without memory: a test has no use for less. */
static inline struct tv_slice exact_copy(const void *data, size_t length)
{
    char *copy = calloc(1, length ? length : 1);
    if (!copy)
        abort();
    if (length > 0)
        memcpy(copy, data, length);
    /* an empty one ends where the memory ends */
    return (struct tv_slice){length ? copy : copy + 1, length};
}

static inline void exact_free(struct tv_slice slice)
{
    const char *start = slice.length ? slice.data : slice.data - 1;
    free((void *)(uintptr_t)start);
}

/* xorshift64*; the seed is part of the test. */
static inline uint64_t exact_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Dull;
}

#endif
