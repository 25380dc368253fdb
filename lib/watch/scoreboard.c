/*
 * scoreboard.c - making, reading and summing a pool's shared memory.
 */
#include "watch/scoreboard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX         ".board"
#define RETIRING_TRIES 50 /* milliseconds */

static bool board_path(char out[4096], const char *directory, const char *pool, const char *suffix,
                       struct tv_error *error)
{
    int length = snprintf(out, 4096, "%s/%s%s", directory, pool, suffix);
    return (length > 0 && length < 4096) ||
           tv_fail(error, 500, NULL, "watch.directory: the path is too long");
}

struct tv_scoreboard *tv_scoreboard_create(const char *directory, const char *pool, struct tv_error *error)
{
    char path[4096], fresh[4096];
    if (!board_path(path, directory, pool, SUFFIX, error) ||
        !board_path(fresh, directory, pool, SUFFIX ".new", error))
        return NULL;
    unlink(fresh);
    int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        tv_fail(error, 500, NULL, "watch.directory: %s: %s", fresh, strerror(errno));
        return NULL;
    }
    size_t size = sizeof(struct tv_scoreboard);
    struct tv_scoreboard *board = MAP_FAILED;
    if (ftruncate(fd, (off_t)size) == 0)
        board = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (board == MAP_FAILED) {
        tv_fail(error, 500, NULL, "watch.directory: %s: %s", fresh, strerror(errno));
        close(fd);
        unlink(fresh);
        return NULL;
    }
    close(fd);
    board->magic = TV_SCOREBOARD_MAGIC;
    board->layout = TV_SCOREBOARD_LAYOUT;
    board->size = (uint32_t)size;
    snprintf(board->pool, sizeof board->pool, "%s", pool);
    /* readers see the old board or the whole new one, never a half */
    if (rename(fresh, path) != 0) {
        tv_fail(error, 500, NULL, "watch.directory: %s: %s", path, strerror(errno));
        munmap(board, size);
        unlink(fresh);
        return NULL;
    }
    return board;
}

void tv_scoreboard_destroy(struct tv_scoreboard *board)
{
    munmap(board, sizeof *board);
}

void tv_scoreboard_retire(struct tv_scoreboard *board, size_t process)
{
    struct tv_process_board *place = &board->processes[process];
    atomic_fetch_add(&board->retiring, 1);
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t i = 0; i < TV_WORKERS_MAX; i++) {
        struct tv_slot *slot = &place->slots[i];
        if (atomic_load_explicit(&slot->since_ms, memory_order_relaxed) == 0)
            continue; /* never used: do not touch its page now */
        tv_meters_add(&board->retired, &slot->meters);
        if (atomic_exchange(&slot->unannounced, 0))
            atomic_store(&board->cache_distrust, 1);
        memset((void *)slot, 0, sizeof *slot); /* its writer is gone; readers look at retiring */
    }
    tv_process_meters_add(&board->retired_processes, &place->meters);
    memset((void *)&place->meters, 0, sizeof place->meters);
    atomic_store_explicit(&place->state, TV_PROCESS_NONE, memory_order_relaxed);
    atomic_store_explicit(&place->pid, 0, memory_order_relaxed);
    atomic_store_explicit(&place->workers, 0, memory_order_relaxed);
    atomic_store_explicit(&place->peers, 0, memory_order_relaxed);
    atomic_store_explicit(&place->waiting, 0, memory_order_relaxed);
    atomic_fetch_add(&board->retiring, 1);
}

const struct tv_scoreboard *tv_scoreboard_open(const char *directory, const char *pool,
                                               struct tv_error *error)
{
    char path[4096];
    struct stat status;
    if (!board_path(path, directory, pool, SUFFIX, error))
        return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        tv_fail(error, 500, NULL, "%s: %s", path, strerror(errno));
        return NULL;
    }
    const struct tv_scoreboard *board = MAP_FAILED;
    bool fits = fstat(fd, &status) == 0 && status.st_size == (off_t)sizeof *board;
    if (fits)
        board = mmap(NULL, sizeof *board, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (board == MAP_FAILED || board->magic != TV_SCOREBOARD_MAGIC || board->layout != TV_SCOREBOARD_LAYOUT) {
        if (board != MAP_FAILED)
            tv_scoreboard_close(board);
        tv_fail(error, 500, NULL, "%s was written by another version of Trivet", path);
        return NULL;
    }
    return board;
}

void tv_scoreboard_close(const struct tv_scoreboard *board)
{
    /* munmap takes a pointer without const but does not write */
    munmap((void *)(uintptr_t)board, sizeof *board);
}

static int is_board(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name), suffix = strlen(SUFFIX);
    return length > suffix && length - suffix < 32 && strcmp(entry->d_name + length - suffix, SUFFIX) == 0;
}

bool tv_scoreboard_list(const char *directory, void (*found)(void *context, const char *pool), void *context,
                        struct tv_error *error)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_board, alphasort);
    if (count < 0)
        return tv_fail(error, 500, NULL, "watch.directory: %s: %s", directory, strerror(errno));
    for (int i = 0; i < count; i++) {
        entries[i]->d_name[strlen(entries[i]->d_name) - strlen(SUFFIX)] = '\0';
        found(context, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return true;
}

static void add_up(const struct tv_scoreboard *board, struct tv_meters *meters,
                   struct tv_process_meters *processes)
{
    memset((void *)meters, 0, sizeof *meters);
    memset((void *)processes, 0, sizeof *processes);
    tv_meters_add(meters, &board->retired);
    tv_process_meters_add(processes, &board->retired_processes);
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        const struct tv_process_board *place = &board->processes[i];
        if (tv_word(&place->state) == TV_PROCESS_NONE)
            continue;
        tv_process_meters_add(processes, &place->meters);
        for (size_t j = 0; j < TV_WORKERS_MAX; j++)
            if (tv_word(&place->slots[j].since_ms) != 0)
                tv_meters_add(meters, &place->slots[j].meters);
    }
}

void tv_scoreboard_sum(const struct tv_scoreboard *board, struct tv_meters *meters,
                       struct tv_process_meters *processes)
{
    /* Words that are moving would be seen twice or not at all. A master that died while it moved them leaves an odd number
     * for ever, hence the end to trying. */
    for (int tries = 0;; tries++) {
        uint64_t before = atomic_load(&board->retiring);
        add_up(board, meters, processes);
        atomic_thread_fence(memory_order_seq_cst);
        if ((before % 2 == 0 && atomic_load(&board->retiring) == before) || tries == RETIRING_TRIES)
            return;
        struct timespec while_it_moves = {.tv_nsec = 1000000};
        nanosleep(&while_it_moves, NULL);
    }
}

uint64_t tv_scoreboard_total(const struct tv_scoreboard *board, enum tv_counter counter)
{
    struct tv_meters meters;
    struct tv_process_meters processes;
    tv_scoreboard_sum(board, &meters, &processes);
    return meters.counters[counter];
}

bool tv_scoreboard_alive(const struct tv_scoreboard *board)
{
    uint64_t master = tv_word(&board->master_pid);
    return master != 0 && (kill((pid_t)master, 0) == 0 || errno == EPERM);
}

uint64_t tv_scoreboard_window(const struct tv_scoreboard *board)
{
    uint64_t most = tv_word(&board->workers_max), budget = tv_word(&board->connections_max);
    uint64_t processes = tv_word(&board->processes_wanted);
    uint64_t share = budget == 0 || processes == 0 ? most : budget / processes;
    return share < 1 ? 1 : share < most ? share : most;
}

bool tv_process_gets_on(const struct tv_process_board *place, int64_t now_ms, int64_t longest_ms)
{
    size_t hanging = 0;
    for (size_t i = 0; i < TV_WORKERS_MAX; i++) {
        const struct tv_slot *slot = &place->slots[i];
        uint64_t state = tv_word(&slot->state);
        if (state == TV_SLOT_UNUSED)
            continue;
        if (state == TV_SLOT_IDLE || tv_word(&slot->activity.phase) == TV_PHASE_SEND ||
            now_ms - (int64_t)tv_word(&slot->since_ms) <= longest_ms)
            return true;
        hanging++;
    }
    return hanging == 0;
}

bool tv_scoreboard_unannounced(const struct tv_scoreboard *board)
{
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        const struct tv_process_board *place = &board->processes[i];
        if (atomic_load(&place->state) == TV_PROCESS_NONE)
            continue;
        for (size_t j = 0; j < TV_WORKERS_MAX; j++)
            if (atomic_load(&place->slots[j].unannounced))
                return true;
    }
    return false;
}
