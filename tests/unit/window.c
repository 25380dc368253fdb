/*
 * window.c - tests of how many workers there should be: bounds, letting go, regret. Time and load are numbers here.
 */
#include "serve/window.h"

#include "tap.h"

static struct tv_scoreboard board;
static struct tv_process_meters meters;
static struct tv_window window;

static void begin(uint64_t least, uint64_t most, uint64_t budget, uint64_t processes)
{
    atomic_store(&board.workers_min, least);
    atomic_store(&board.workers_max, most);
    atomic_store(&board.connections_max, budget);
    atomic_store(&board.processes_wanted, processes);
    meters = (struct tv_process_meters){0};
    tv_window_init(&window, &board, &meters, 1000, 0);
}

static void bounds(void)
{
    begin(2, 8, 0, 2);
    ok(tv_window_least(&window) == 2 && tv_window_most(&window) == 8, "without a budget: as configured");
    begin(2, 8, 10, 2);
    is_number(tv_window_most(&window), 5, "processes share a budget out");
    begin(6, 8, 10, 3);
    ok(tv_window_most(&window) == 3 && tv_window_least(&window) == 3, "it bounds what is kept, too");
    begin(1, 8, 2, 3);
    is_number(tv_window_most(&window), 1, "no process is left without a worker");
    begin(1, 8, 0, 1);
    is_number(tv_window_surplus(&window, 8, 0, 10), 0, "busy ones stay");
    atomic_store(&board.workers_max, 5);
    is_number(tv_window_surplus(&window, 8, 0, 20), 3, "until the window is made smaller: then at once");
    is_number(meters.shrunk, 3, "which is counted");
}

/* Ticks every 100 ms with so many free at the least; what was let go in all. */
static int quiet(int workers, int idle, int64_t from, int64_t to)
{
    int before = workers;
    for (int64_t now = from; now < to; now += 100) {
        int surplus = tv_window_surplus(&window, workers, idle, now);
        workers -= surplus;
        idle -= surplus;
        tv_window_busy(&window, idle, workers);
    }
    return before - workers;
}

static void shrinking(void)
{
    begin(1, 16, 0, 1);
    tv_window_grew(&window, 16, 0, 0);
    is_number(quiet(16, 0, 0, 5000), 0, "none goes while all are needed");
    begin(1, 16, 0, 1);
    tv_window_grew(&window, 16, 8, 0);
    is_number(quiet(16, 8, 0, 1000), 0, "nor before they were free for the quiet time");
    is_number(tv_window_surplus(&window, 16, 8, 1001), 4, "then half of those that were never needed");
    tv_window_busy(&window, 0, 12);
    is_number(tv_window_surplus(&window, 12, 4, 5000), 0, "one moment in which all were busy begins it anew");
    begin(4, 16, 0, 1);
    tv_window_grew(&window, 6, 6, 0);
    is_number(quiet(6, 6, 0, 20000), 2, "never fewer than are to be kept");
}

static void regret(void)
{
    begin(1, 16, 0, 1);
    tv_window_grew(&window, 4, 2, 0);
    is_number(tv_window_surplus(&window, 4, 2, 1001), 1, "one is let go");
    tv_window_grew(&window, 4, 0, 1200);
    is_number(window.factor, 2, "and missed at once: next time it takes twice as long");
    window.least_idle = 2;
    is_number(tv_window_surplus(&window, 4, 2, 3200), 0, "not after the quiet time");
    is_number(tv_window_surplus(&window, 4, 2, 3201), 1, "but after two");
    for (int64_t now = 10000, round = 0; round < 12; round++, now += 100000) {
        window.least_idle = 2;
        window.quiet_since_ms = 0;
        if (tv_window_surplus(&window, 4, 2, now) > 0)
            tv_window_grew(&window, 4, 0, now + 1);
    }
    is_number(window.factor, 16, "up to a bound");
    window.shrunk_ms = 2000000;
    window.least_idle = 0;
    is_number(tv_window_surplus(&window, 3, 0, 2001001), 0, "when what was let go is not missed");
    is_number(window.factor, 1, "the quiet time is the configured one again");
}

static void at_the_limit(void)
{
    begin(1, 2, 0, 1);
    tv_window_busy(&window, 1, 2);
    is_number(window.full_since_us, 0, "one is free");
    tv_window_busy(&window, 0, 1);
    is_number(window.full_since_us, 0, "all are busy, but there may be more");
    tv_window_busy(&window, 0, 2);
    ok(window.full_since_us > 0, "all are busy and no more may come");
    window.full_since_us -= 5000000;
    is_number(tv_window_surplus(&window, 2, 0, 1), 0, "while it lasts");
    ok(meters.at_limit_us >= 5000000 && window.full_since_us > 0, "it is counted already");
    window.full_since_us -= 1000000;
    tv_window_idle(&window);
    ok(meters.at_limit_us >= 6000000 && window.full_since_us == 0, "and ends with the first that is free");
    uint64_t before = meters.at_limit_us;
    tv_window_idle(&window);
    is_number(meters.at_limit_us, before, "once");
}

int main(void)
{
    bounds();
    shrinking();
    regret();
    at_the_limit();
    return done_testing();
}
