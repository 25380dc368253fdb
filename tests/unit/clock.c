/*
 * clock.c - tests of time: the clocks agree with each other, and what people read is right.
 */
#include "base/clock.h"

#include <time.h>
#include <unistd.h>

#include "tap.h"

static void reads(int64_t wall_ms, const char *want)
{
    char text[25];
    memset(text, 'x', sizeof text);
    tv_clock_text(wall_ms, text);
    is_slice(text, sizeof text - 1, want, want);
    is_number(text[24], 0, "  terminated");
}

int main(void)
{
    int64_t before_us = tv_clock_us(), before_ms = tv_clock_ms(), before_wall = tv_clock_wall_ms();
    usleep(20000);
    int64_t us = tv_clock_us() - before_us, ms = tv_clock_ms() - before_ms,
            wall = tv_clock_wall_ms() - before_wall;
    ok(us >= 20000 && us < 5000000, "20 ms are %lld microseconds", (long long)us);
    ok(ms >= 19 && ms < 5000, "or %lld milliseconds", (long long)ms);
    ok(wall >= 19 && wall < 5000, "or %lld on the wall", (long long)wall);
    bool forward = true;
    for (int64_t last = 0, i = 0; i < 100000 && forward; i++) {
        int64_t now = tv_clock_us();
        forward = now >= last;
        last = now;
    }
    ok(forward, "the clock never goes back");
    ok(tv_clock_wall_ms() / 1000 - time(NULL) <= 1, "the wall clock is the system's");

    reads(0, "1970-01-01T00:00:00.000Z");
    reads(1763830902123, "2025-11-22T17:01:42.123Z");
    reads(1709164799999, "2024-02-28T23:59:59.999Z");
    reads(1709164800000, "2024-02-29T00:00:00.000Z");
    reads(253402300799999, "9999-12-31T23:59:59.999Z");

    int64_t now = tv_clock_ms();
    is_number(tv_deadline_within(now + 5, 100000), now + 5, "an earlier deadline stays");
    int64_t within = tv_deadline_within(now + 100000, 50);
    ok(within >= now + 50 && within < now + 5000, "a later one is brought forward");
    return done_testing();
}
