/*
 * fuzz.h - what every target shares. A target is a file with one function that takes any bytes and calls abort() when a
 * promise is broken; libFuzzer drives it (tests/fuzz/run) or replay.c does (make check).
 */
#ifndef TRIVET_TESTS_FUZZ_H
#define TRIVET_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's entry; always returns 0. data is exactly size bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(condition)                                                                    \
    do {                                                                                      \
        if (!(condition)) {                                                                   \
            fprintf(stderr, "broken promise at %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                          \
        }                                                                                     \
    } while (0)

#endif
