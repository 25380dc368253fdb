/*
 * metrics.c - the counters in Prometheus' text format 0.0.4. A row in watch/counters.h is all that a new one needs.
 */
#include "ops.h"

/* All boards are open at once: samples of one family must stand together. */
#define POOLS_MAX 32

struct boards {
    const char *directory;
    const struct tv_scoreboard *list[POOLS_MAX];
    size_t count;
};

static void open_board(void *context, const char *pool)
{
    struct boards *boards = context;
    struct tv_error error;
    if (boards->count == POOLS_MAX)
        return;
    boards->list[boards->count] = tv_scoreboard_open(boards->directory, pool, &error);
    boards->count += boards->list[boards->count] != NULL;
}

static void write_counter(struct tv_buffer *out, const struct boards *boards, enum tv_counter counter)
{
    const struct tv_counter_info *info = &tv_counter_info[counter];
    tv_buffer_printf(out, "# HELP trivet_%s_total %s.\n# TYPE trivet_%s_total counter\n", info->name,
                     info->help, info->name);
    for (size_t i = 0; i < boards->count; i++)
        tv_buffer_printf(out, "trivet_%s_total{pool=\"%s\"} %llu\n", info->name, boards->list[i]->pool,
                         (unsigned long long)tv_scoreboard_total(boards->list[i], counter));
}

static uint64_t count_slots(const struct tv_scoreboard *board, enum tv_slot_state state)
{
    uint64_t count = 0;
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        if (atomic_load_explicit(&board->processes[i].state, memory_order_relaxed) == TV_PROCESS_NONE)
            continue;
        for (size_t j = 0; j < TV_WORKERS_MAX; j++)
            count += atomic_load_explicit(&board->processes[i].slots[j].state, memory_order_relaxed) == state;
    }
    return count;
}

static void write_workers(struct tv_buffer *out, const struct boards *boards)
{
    tv_buffer_text(out,
                   "# HELP trivet_workers Worker threads by what they do.\n# TYPE trivet_workers gauge\n");
    for (size_t i = 0; i < boards->count; i++) {
        const struct tv_scoreboard *board = boards->list[i];
        tv_buffer_printf(out, "trivet_workers{pool=\"%s\",state=\"idle\"} %llu\n", board->pool,
                         (unsigned long long)count_slots(board, TV_SLOT_IDLE));
        tv_buffer_printf(out, "trivet_workers{pool=\"%s\",state=\"busy\"} %llu\n", board->pool,
                         (unsigned long long)count_slots(board, TV_SLOT_BUSY));
    }
    tv_buffer_text(out, "# HELP trivet_workers_max Worker threads that the pool may grow to.\n"
                        "# TYPE trivet_workers_max gauge\n");
    for (size_t i = 0; i < boards->count; i++) {
        const struct tv_scoreboard *board = boards->list[i];
        tv_buffer_printf(
            out, "trivet_workers_max{pool=\"%s\"} %llu\n", board->pool,
            (unsigned long long)(atomic_load(&board->workers_max) * atomic_load(&board->processes_wanted)));
    }
}

bool answer_metrics(struct tv_worker *worker, struct tv_response *response, struct tv_error *error)
{
    struct boards boards = {.directory = tv_worker_watch_directory(worker)};
    struct tv_buffer *out = tv_response_body(response);
    if (!tv_scoreboard_list(boards.directory, open_board, &boards, error))
        return false;
    tv_response_type(response, "text/plain; version=0.0.4; charset=utf-8");
    for (int counter = 0; counter < TV_COUNTER_COUNT; counter++)
        write_counter(out, &boards, (enum tv_counter)counter);
    write_workers(out, &boards);
    for (size_t i = 0; i < boards.count; i++)
        tv_scoreboard_close(boards.list[i]);
    return true;
}
