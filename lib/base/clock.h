/*
 * clock.h - time. Durations and deadlines are taken from the monotonic clock, only what people read from the wall clock.
 */
#ifndef TRIVET_BASE_CLOCK_H
#define TRIVET_BASE_CLOCK_H

#include <stdint.h>

#include "base/macros.h"

TV_PUBLIC int64_t tv_clock_us(void);      /* monotonic, microseconds */
TV_PUBLIC int64_t tv_clock_ms(void);      /* monotonic, milliseconds: the unit of every deadline */
TV_PUBLIC int64_t tv_clock_wall_us(void); /* since 1970-01-01 UTC */
TV_PUBLIC int64_t tv_clock_wall_ms(void);
/* "2026-11-22T17:01:42.123Z"; out must hold 25 bytes. */
TV_PUBLIC void tv_clock_text(int64_t wall_ms, char out[25]);
/* The smaller of both: a deadline that ends no later than span_ms from now. */
TV_PUBLIC int64_t tv_deadline_within(int64_t deadline_ms, int64_t span_ms);

#endif
