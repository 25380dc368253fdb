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
#include "watch/meters.h"

#define TV_SCOREBOARD_MAGIC  0x5452495645543031ull
#define TV_SCOREBOARD_LAYOUT 3 /* raised with every change of the structs below */
#define TV_PROCESSES_MAX     64
#define TV_WORKERS_MAX       64

enum tv_slot_state { TV_SLOT_UNUSED, TV_SLOT_IDLE, TV_SLOT_BUSY };

/* What a worker is at. The time between two marks belongs to the phase of the first. */
enum tv_phase {
    TV_PHASE_NONE,
    TV_PHASE_READ,  /* the request is taken apart */
    TV_PHASE_GUARD, /* who is it, what may it */
    TV_PHASE_WORK,  /* the dialect's own */
    TV_PHASE_CACHE,
    TV_PHASE_STORE,
    TV_PHASE_SEND,
    TV_PHASE_COUNT
};
TV_PUBLIC extern const char *const tv_phase_names[TV_PHASE_COUNT];

#define TV_ACTIVITY_ID    40 /* bytes of a request's id, cut off */
#define TV_ACTIVITY_SHAPE 96 /* bytes of a statement's shape, cut off */

/* The request that a worker is at, for people who look. Single words stand for themselves; text is read between two equal, even
 * values of change (tv_activity_read). Never a value: shapes and ids only. */
struct tv_activity {
    _Atomic uint64_t change;
    _Atomic uint64_t began_us; /* monotonic; 0: none */
    _Atomic uint64_t phase;    /* enum tv_phase */
    _Atomic uint64_t route;
    _Atomic uint64_t method;
    _Atomic uint64_t id[TV_ACTIVITY_ID / 8];
    _Atomic uint64_t shape[TV_ACTIVITY_SHAPE / 8]; /* of the last statement that was sent */
};

/* A trace for a bucket of the request durations: the last one that was kept. Read as an activity is. */
struct tv_exemplar {
    _Atomic uint64_t change;
    _Atomic uint64_t trace[2]; /* 0: none */
    _Atomic uint64_t us;
    _Atomic uint64_t at_ms; /* wall clock */
    _Atomic uint64_t route;
};

/* One worker thread. */
struct tv_slot {
    _Atomic uint64_t state;    /* enum tv_slot_state */
    _Atomic uint64_t since_ms; /* monotonic: when it entered the state */
    _Atomic uint64_t requests;
    _Atomic uint64_t connections[TV_LEGS]; /* open now */
    _Atomic uint64_t
        unannounced; /* 1 while a write runs that the cache could not be told of (cache/trust.h) */
    struct tv_activity activity;
    struct tv_meters meters;
    struct tv_exemplar exemplars[TV_BUCKET_COUNT];
} __attribute__((aligned(64)));

enum tv_process_state { TV_PROCESS_NONE, TV_PROCESS_STARTING, TV_PROCESS_RUNNING, TV_PROCESS_DRAINING };

/* One process of the pool: pages of its own, so that processes do not touch each other's. */
struct tv_process_board {
    _Atomic uint64_t pid;
    _Atomic uint64_t state; /* enum tv_process_state */
    _Atomic uint64_t generation;
    _Atomic uint64_t started_ms; /* wall clock */
    _Atomic uint64_t workers;    /* threads now */
    _Atomic uint64_t peers;      /* FastCGI connections open now */
    _Atomic uint64_t waiting;    /* 1: a request waited and no worker was free, at the last look */
    _Atomic uint64_t beats; /* looks of the housekeeper that found the process getting on; never goes back */
    struct tv_process_meters meters;
    struct tv_slot slots[TV_WORKERS_MAX];
} __attribute__((aligned(4096)));

enum tv_look_found { TV_LOOK_NOTHING_YET, TV_LOOK_AWAY, TV_LOOK_ANSWERS };

/* What trivet-ops saw of a store when it last looked. */
struct tv_look {
    _Atomic uint64_t at_ms; /* monotonic, when it began to; 0: never */
    _Atomic uint64_t found; /* enum tv_look_found, of the last look that has ended */
};

struct tv_scoreboard {
    uint64_t magic;
    uint32_t layout;
    uint32_t size; /* of the whole file */
    char pool[32];
    char version[32];
    char libraries[128];   /* client libraries and their versions */
    uint64_t socket_inode; /* of the listening socket, for the backlog */
    uint64_t route_count;  /* of the names that follow */
    char routes[TV_ROUTES_MAX][TV_ROUTE_NAME_MAX];
    _Atomic uint64_t master_pid; /* 0: the pool has stopped */
    _Atomic uint64_t started_ms; /* wall clock */
    _Atomic uint64_t generation; /* reloads so far */
    _Atomic uint64_t processes_wanted;
    _Atomic uint64_t workers_min; /* of a process; the window that its loop keeps to */
    _Atomic uint64_t workers_max;
    _Atomic uint64_t
        connections_max;       /* of the pool, to each of its stores; 0: as many as it may have workers */
    _Atomic uint64_t restarts; /* processes that died and were replaced */
    _Atomic uint64_t breakers[TV_LEGS];
    _Atomic uint64_t stores_used; /* bit set of enum tv_store */
    struct tv_look looks[TV_LEGS];
    _Atomic uint64_t cache_distrust; /* see cache/trust.h */
    _Atomic uint64_t cache_server;   /* see cache/server.h */
    _Atomic uint64_t retiring;       /* odd while a dead process's meters move to the next fields */
    struct tv_meters retired;
    struct tv_process_meters retired_processes;
    struct tv_process_board processes[TV_PROCESSES_MAX];
};

static inline void tv_slot_add(struct tv_slot *slot, enum tv_counter counter, uint64_t amount)
{
    if (slot)
        tv_word_add(&slot->meters.counters[counter], amount);
}

/* Reading: maps DIRECTORY/POOL.board read-only. NULL with *error when there is none or its layout is another. */
TV_PUBLIC const struct tv_scoreboard *tv_scoreboard_open(const char *directory, const char *pool,
                                                         struct tv_error *error);
TV_PUBLIC void tv_scoreboard_close(const struct tv_scoreboard *board);
/* Names of the pools that have a board in the directory, sorted; calls back for each. */
TV_PUBLIC bool tv_scoreboard_list(const char *directory, void (*found)(void *context, const char *pool),
                                  void *context, struct tv_error *error) TV_MUST_CHECK;
/* Sums over all workers, the dead ones too: one whole look, in which nothing is missing and nothing twice. */
TV_PUBLIC void tv_scoreboard_sum(const struct tv_scoreboard *board, struct tv_meters *meters,
                                 struct tv_process_meters *processes);
TV_PUBLIC uint64_t tv_scoreboard_total(const struct tv_scoreboard *board, enum tv_counter counter);
/* Whether the pool's master lives: one that was killed could not write its end. */
TV_PUBLIC bool tv_scoreboard_alive(const struct tv_scoreboard *board);
/* Threads that a process may have: its window's upper end, or less when the pool's budget of connections is smaller. */
TV_PUBLIC uint64_t tv_scoreboard_window(const struct tv_scoreboard *board);
/* Connections that wait to be accepted and the most that may wait, asked from the kernel (sock_diag). */
TV_PUBLIC bool tv_scoreboard_backlog(const struct tv_scoreboard *board, uint32_t *waiting, uint32_t *limit,
                                     struct tv_error *error) TV_MUST_CHECK;

/* Whether a process gets on: some worker is free, or at its request for no longer than longest_ms, or sends, which takes as long as the
 * peer makes it. When none is, they hang: a store that is slow lets go of them in time. */
bool tv_process_gets_on(const struct tv_process_board *place, int64_t now_ms, int64_t longest_ms);

/* Whether some worker of the pool is in the middle of a write that the cache was not told of. */
bool tv_scoreboard_unannounced(const struct tv_scoreboard *board);

/* Writing, private to the library. The master makes the board anew (an old file of the pool is replaced). */
struct tv_scoreboard *tv_scoreboard_create(const char *directory, const char *pool, struct tv_error *error);
void tv_scoreboard_destroy(struct tv_scoreboard *board);
/* Adds a dead process's counters to the retired slot and clears its place. A write that it left unannounced becomes the
 * pool's distrust of the cache. */
void tv_scoreboard_retire(struct tv_scoreboard *board, size_t process);

#endif
