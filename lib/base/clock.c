/*
 * clock.c - reading the clocks.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t tv_clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t tv_clock_ms(void)
{
    return tv_clock_us() / 1000;
}

int64_t tv_clock_wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t tv_clock_wall_ms(void)
{
    return tv_clock_wall_us() / 1000;
}

void tv_clock_text(int64_t wall_ms, char out[25])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t length = strftime(out, 20, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out + length, 25 - length, ".%03uZ", (unsigned)(wall_ms % 1000) % 1000u);
}

int64_t tv_deadline_within(int64_t deadline_ms, int64_t span_ms)
{
    int64_t latest = tv_clock_ms() + span_ms;
    return deadline_ms < latest ? deadline_ms : latest;
}
