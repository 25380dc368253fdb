/*
 * metrics_pool.c - what a pool's processes and workers do at this moment.
 */
#include <stdio.h>
#include <unistd.h>

#include "metrics.h"

/* Bytes; 0 when the process is gone or in another namespace. */
static uint64_t resident_of(uint64_t pid)
{
    char path[64];
    unsigned long long size = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%llu/statm", (unsigned long long)pid);
    FILE *statm = fopen(path, "re");
    if (!statm)
        return 0;
    if (fscanf(statm, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(statm);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void count_workers(struct metrics_pool *pool, const struct tv_process_board *place)
{
    for (size_t i = 0; i < TV_WORKERS_MAX; i++) {
        const struct tv_slot *slot = &place->slots[i];
        uint64_t state = tv_word(&slot->state);
        pool->busy += state == TV_SLOT_BUSY;
        pool->idle += state == TV_SLOT_IDLE;
        for (size_t store = 0; store < TV_LEGS && state != TV_SLOT_UNUSED; store++)
            pool->connections[store] += tv_word(&slot->connections[store]);
    }
}

void metrics_take_census(struct metrics_pool *pool)
{
    pool->alive = tv_scoreboard_alive(pool->board);
    pool->stopped = tv_word(&pool->board->master_pid) == 0;
    if (!pool->alive)
        return; /* what a dead pool's board says of now is history */
    pool->resident = resident_of(tv_word(&pool->board->master_pid));
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        const struct tv_process_board *place = &pool->board->processes[i];
        uint64_t state = tv_word(&place->state);
        if (state == TV_PROCESS_NONE)
            continue;
        pool->serving += state == TV_PROCESS_RUNNING;
        pool->waiting += tv_word(&place->waiting);
        pool->peers += tv_word(&place->peers);
        pool->resident += resident_of(tv_word(&place->pid));
        count_workers(pool, place);
    }
}
