/*
 * scoreboard.h - what a pool shows to the outside while it runs: a file of shared memory, one a pool, in watch.directory.
 *
 * Written by the pool (the master its head, each worker thread its own slot: one writer a field, relaxed 64-bit atomics,
 * no locks), read by anyone, also when the pool is saturated or dead. Slots go by place, not by process id.
 */
#ifndef TRIVET_WATCH_SCOREBOARD_H
#define TRIVET_WATCH_SCOREBOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "watch/counters.h"

#define TV_SCOREBOARD_MAGIC  0x5452495645543031ull
#define TV_SCOREBOARD_LAYOUT 1 /* raised with every change of the structs below */
#define TV_PROCESSES_MAX     64
#define TV_WORKERS_MAX       64
#define TV_BREAKERS          3 /* one for each enum tv_store */

enum tv_counter {
#define TV_COUNTER_ROW(member, name, help) TV_COUNT_##member,
    TV_COUNTERS(TV_COUNTER_ROW)
#undef TV_COUNTER_ROW
        TV_COUNTER_COUNT
};

struct tv_counter_info {
    const char *name;
    const char *help;
};
TV_PUBLIC extern const struct tv_counter_info tv_counter_info[TV_COUNTER_COUNT];

enum tv_slot_state { TV_SLOT_UNUSED, TV_SLOT_IDLE, TV_SLOT_READING, TV_SLOT_BUSY };

/* One worker thread. */
struct tv_slot {
    _Atomic uint64_t state;    /* enum tv_slot_state */
    _Atomic uint64_t since_ms; /* monotonic: when it entered the state */
    _Atomic uint64_t requests;
    _Atomic uint64_t connections; /* to stores, open now */
    _Atomic uint64_t
        unannounced; /* 1 while a write runs that the cache could not be told of (cache/trust.h) */
    _Atomic uint64_t counters[TV_COUNTER_COUNT];
} __attribute__((aligned(64)));

enum tv_process_state { TV_PROCESS_NONE, TV_PROCESS_STARTING, TV_PROCESS_RUNNING, TV_PROCESS_DRAINING };

/* One process of the pool: a page of its own, so that processes do not touch each other's. */
struct tv_process_board {
    _Atomic uint64_t pid;
    _Atomic uint64_t state; /* enum tv_process_state */
    _Atomic uint64_t generation;
    _Atomic uint64_t started_ms; /* wall clock */
    _Atomic uint64_t workers;    /* threads now */
    _Atomic uint64_t peers;      /* FastCGI connections open now */
    _Atomic uint64_t waiting;    /* 1 while a request waits in this process and no worker is free */
    struct tv_slot slots[TV_WORKERS_MAX];
} __attribute__((aligned(4096)));

struct tv_scoreboard {
    uint64_t magic;
    uint32_t layout;
    uint32_t size; /* of the whole file */
    char pool[32];
    char version[32];
    char libraries[128];         /* client libraries and their versions */
    uint64_t socket_inode;       /* of the listening socket, for the backlog */
    _Atomic uint64_t master_pid; /* 0: the pool has stopped */
    _Atomic uint64_t started_ms; /* wall clock */
    _Atomic uint64_t generation; /* reloads so far */
    _Atomic uint64_t processes_wanted;
    _Atomic uint64_t workers_min;
    _Atomic uint64_t workers_max;
    _Atomic uint64_t restarts; /* processes that died and were replaced */
    _Atomic uint64_t breakers[TV_BREAKERS];
    _Atomic uint64_t stores_used;    /* bit set of enum tv_store */
    _Atomic uint64_t cache_distrust; /* see cache/trust.h */
    _Atomic uint64_t cache_server;   /* see cache/server.h */
    _Atomic uint64_t retiring;       /* odd while a dead process's counters move to the next field */
    _Atomic uint64_t retired[TV_COUNTER_COUNT];
    struct tv_process_board processes[TV_PROCESSES_MAX];
};

static inline void tv_slot_add(struct tv_slot *slot, enum tv_counter counter, uint64_t amount)
{
    if (slot) {
        /* one writer: a load and a store are enough, and cheaper than a locked add */
        uint64_t now = atomic_load_explicit(&slot->counters[counter], memory_order_relaxed);
        atomic_store_explicit(&slot->counters[counter], now + amount, memory_order_relaxed);
    }
}

/* Reading: maps DIRECTORY/POOL.board read-only. NULL with *error when there is none or its layout is another. */
TV_PUBLIC const struct tv_scoreboard *tv_scoreboard_open(const char *directory, const char *pool,
                                                         struct tv_error *error);
TV_PUBLIC void tv_scoreboard_close(const struct tv_scoreboard *board);
/* Names of the pools that have a board in the directory, sorted; calls back for each. */
TV_PUBLIC bool tv_scoreboard_list(const char *directory, void (*found)(void *context, const char *pool),
                                  void *context, struct tv_error *error) TV_MUST_CHECK;
/* The sum over all slots, the retired one too. */
TV_PUBLIC uint64_t tv_scoreboard_total(const struct tv_scoreboard *board, enum tv_counter counter);
/* Connections that wait to be accepted and the most that may wait, asked from the kernel (sock_diag). */
TV_PUBLIC bool tv_scoreboard_backlog(const struct tv_scoreboard *board, uint32_t *waiting, uint32_t *limit,
                                     struct tv_error *error) TV_MUST_CHECK;

/* Whether some worker of the pool is in the middle of a write that the cache was not told of. */
bool tv_scoreboard_unannounced(const struct tv_scoreboard *board);

/* Writing, private to the library. The master makes the board anew (an old file of the pool is replaced). */
struct tv_scoreboard *tv_scoreboard_create(const char *directory, const char *pool, struct tv_error *error);
void tv_scoreboard_destroy(struct tv_scoreboard *board);
/* Adds a dead process's counters to the retired slot and clears its place. A write that it left unannounced becomes the
 * pool's distrust of the cache. */
void tv_scoreboard_retire(struct tv_scoreboard *board, size_t process);

#endif
