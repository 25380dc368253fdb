/*
 * window.c - the decisions, from numbers alone: no thread is touched here.
 */
#include "serve/window.h"

#include "base/clock.h"
#include "watch/log.h"

/* The longest quiet time, as a multiple of workers_quiet. */
#define FACTOR_MAX 16

/* From now on is seen how many are never needed. */
static void start_quiet(struct tv_window *window, int idle, int64_t now_ms)
{
    window->quiet_since_ms = now_ms;
    atomic_store(&window->least_idle, idle);
}

void tv_window_init(struct tv_window *window, const struct tv_scoreboard *board,
                    struct tv_process_meters *meters, int64_t quiet_ms, int64_t now_ms)
{
    *window = (struct tv_window){.board = board, .meters = meters, .quiet_ms = quiet_ms, .factor = 1};
    start_quiet(window, tv_window_least(window), now_ms);
}

int tv_window_most(const struct tv_window *window)
{
    return (int)tv_scoreboard_window(window->board);
}

int tv_window_least(const struct tv_window *window)
{
    int least = (int)tv_word(&window->board->workers_min), most = tv_window_most(window);
    return least < most ? least : most;
}

/* Adds what has passed at the limit so far, which goes on from next_us (0: it is over). */
static void count_full(struct tv_window *window, int64_t next_us)
{
    int64_t since = atomic_exchange(&window->full_since_us, next_us);
    if (since)
        atomic_fetch_add_explicit(&window->meters->at_limit_us, (uint64_t)(tv_clock_us() - since),
                                  memory_order_relaxed);
}

void tv_window_busy(struct tv_window *window, int idle, int workers)
{
    if (idle < atomic_load_explicit(&window->least_idle, memory_order_relaxed))
        atomic_store_explicit(&window->least_idle, idle,
                              memory_order_relaxed); /* a lost race is made up for soon */
    if (idle <= 0 && workers >= tv_window_most(window))
        atomic_store(&window->full_since_us, tv_clock_us());
}

void tv_window_idle(struct tv_window *window)
{
    if (atomic_load_explicit(&window->full_since_us, memory_order_relaxed))
        count_full(window, 0);
}

void tv_window_grew(struct tv_window *window, int workers, int idle, int64_t now_ms)
{
    tv_word_add(&window->meters->grown, 1);
    if (window->shrunk_ms && now_ms - window->shrunk_ms < window->quiet_ms && window->factor < FACTOR_MAX)
        window->factor *= 2; /* let go too soon */
    window->shrunk_ms = 0;
    start_quiet(window, idle, now_ms);
    tv_log(TV_LOG_DEBUG, "window", "a request waited: %d workers", workers);
}

static int surplus(struct tv_window *window, int workers, int idle, int64_t now_ms)
{
    int spare = workers - tv_window_least(window), over = workers - tv_window_most(window);
    int unneeded = atomic_load(&window->least_idle);
    if (over > 0)
        return over; /* the window was made smaller */
    if (spare <= 0 || unneeded <= 0) {
        if (window->shrunk_ms && now_ms - window->shrunk_ms >= window->quiet_ms)
            window->factor = 1; /* it was right to let them go */
        start_quiet(window, idle, now_ms);
        return 0;
    }
    if (now_ms - window->quiet_since_ms <= window->quiet_ms * window->factor)
        return 0;
    window->shrunk_ms = now_ms;
    return (unneeded + 1) / 2 < spare ? (unneeded + 1) / 2 : spare;
}

int tv_window_surplus(struct tv_window *window, int workers, int idle, int64_t now_ms)
{
    int count = surplus(window, workers, idle, now_ms);
    if (atomic_load(&window->full_since_us))
        count_full(window, tv_clock_us());
    if (count == 0)
        return 0;
    tv_word_add(&window->meters->shrunk, (uint64_t)count);
    start_quiet(window, idle - count, now_ms);
    tv_log(TV_LOG_DEBUG, "window", "%d not needed: %d workers", count, workers - count);
    return count;
}
