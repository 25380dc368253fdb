/*
 * reading.c - a pool's scoreboard as numbers of one moment, and two such moments as rates.
 */
#include "tool.h"

const char *pool_state_name(enum pool_state state)
{
    static const char *const names[] = {"running", "stopped", "dead"};
    return names[state];
}

static void count_processes(struct reading *reading, const struct tv_scoreboard *board)
{
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        const struct tv_process_board *process = &board->processes[i];
        uint64_t state = tv_word(&process->state);
        if (state == TV_PROCESS_NONE)
            continue;
        reading->processes += state == TV_PROCESS_RUNNING;
        for (size_t j = 0; j < TV_WORKERS_MAX; j++) {
            const struct tv_slot *slot = &process->slots[j];
            uint64_t slot_state = tv_word(&slot->state);
            reading->workers += slot_state != TV_SLOT_UNUSED;
            reading->busy += slot_state == TV_SLOT_BUSY;
            for (size_t store = 0; store < TV_STORE_COUNT; store++)
                reading->connections += tv_word(&slot->connections[store]);
        }
    }
}

static void add_up_meters(struct reading *reading, const struct tv_scoreboard *board)
{
    static const enum tv_counter sheds[] = {TV_COUNT_SHED_QUEUE, TV_COUNT_SHED_GONE, TV_COUNT_SHED_BREAKER,
                                            TV_COUNT_BROKEN};
    struct tv_meters meters;
    struct tv_process_meters processes;
    tv_scoreboard_sum(board, &meters, &processes);
    for (unsigned class = 0; class < TV_STATUS_CLASSES; class ++)
        reading->requests += tv_meters_requests(&meters, class);
    reading->failed = tv_meters_requests(&meters, TV_STATUS_CLASSES - 1);
    for (size_t i = 0; i < TV_COUNT(sheds); i++)
        reading->shed += tv_word(&meters.counters[sheds[i]]);
    reading->hits = tv_word(&meters.counters[TV_COUNT_CACHE_HITS]);
    reading->lookups = reading->hits + tv_word(&meters.counters[TV_COUNT_CACHE_MISSES]) +
                       tv_word(&meters.counters[TV_COUNT_CACHE_BYPASSES]);
    for (size_t route = 0; route < TV_ROUTES_MAX; route++)
        spread_add(&reading->durations, &meters.routes[route].duration);
    spread_add(&reading->queue_waits, &meters.queue);
}

void reading_take(struct reading *reading, const struct tv_scoreboard *board)
{
    struct tv_error unknown;
    *reading = (struct reading){.at_us = tv_clock_us()};
    snprintf(reading->pool, sizeof reading->pool, "%s", board->pool);
    reading->master = tv_word(&board->master_pid);
    reading->state = tv_scoreboard_alive(board) ? POOL_RUNNING
                     : reading->master == 0     ? POOL_STOPPED
                                                : POOL_DEAD;
    reading->started_ms = tv_word(&board->started_ms);
    reading->generation = tv_word(&board->generation);
    reading->restarts = tv_word(&board->restarts);
    reading->processes_wanted = tv_word(&board->processes_wanted);
    reading->workers_max = tv_scoreboard_window(board) * reading->processes_wanted;
    reading->stores_used = tv_word(&board->stores_used);
    reading->connections_max =
        reading->workers_max * (uint64_t)__builtin_popcountll((unsigned long long)reading->stores_used);
    reading->cache_trusted = tv_word(&board->cache_distrust) == 0;
    for (size_t store = 0; store < TV_STORE_COUNT; store++)
        reading->breakers[store] = tv_word(&board->breakers[store]) & 3;
    reading->queue_known = tv_scoreboard_backlog(board, &reading->queue, &reading->queue_max, &unknown);
    if (reading->state == POOL_RUNNING)
        count_processes(reading, board);
    add_up_meters(reading, board);
}

static double share(uint64_t part, uint64_t whole)
{
    return whole == 0 ? -1 : (double)part / (double)whole;
}

void change_between(struct change *change, const struct reading *before, const struct reading *after)
{
    static const struct reading nothing;
    int64_t from_us = after->at_us - (tv_clock_wall_ms() - (int64_t)after->started_ms) * 1000;
    if (before && before->started_ms == after->started_ms && before->requests <= after->requests)
        from_us = before->at_us;
    else
        before = &nothing;
    struct spread durations = after->durations, queue_waits = after->queue_waits;
    spread_since(&durations, &before->durations);
    spread_since(&queue_waits, &before->queue_waits);
    double seconds = (double)(after->at_us - from_us) / 1e6;
    uint64_t requests = after->requests - before->requests;
    *change = (struct change){
        .seconds = seconds > 0.001 ? seconds : 0.001,
        .failed_share = share(after->failed - before->failed, requests),
        .hit_share = share(after->hits - before->hits, after->lookups - before->lookups),
        .p50_us = spread_percentile(&durations, 0.50),
        .p95_us = spread_percentile(&durations, 0.95),
        .p99_us = spread_percentile(&durations, 0.99),
        .queue_p95_us = spread_percentile(&queue_waits, 0.95),
    };
    change->requests = (double)requests / change->seconds;
    change->shed = (double)(after->shed - before->shed) / change->seconds;
}
