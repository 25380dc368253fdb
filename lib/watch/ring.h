/*
 * ring.h - traces on their way from the workers of a pool to the program that pushes them: a file of shared memory, one a pool, in
 * watch.directory, with a ring for each process of the pool.
 *
 * One process writes a ring (its threads one after the other), one reader empties it. Nobody waits: a full ring drops the new
 * trace, and the writer counts that. Head and tail only grow, and each is moved by one side after its bytes are done, so a writer
 * or a reader that is killed leaves whole records and nothing else.
 */
#ifndef TRIVET_WATCH_RING_H
#define TRIVET_WATCH_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "watch/span_record.h"

#define TV_RINGS_MAGIC  0x54524956535031ull
#define TV_RINGS_LAYOUT 1 /* raised with every change of the structs below and of span_record.h */

/* One ring: its page of marks; the bytes are in the second part of the file. */
struct tv_ring {
    _Atomic uint64_t head; /* the writer's: bytes written so far */
    char apart[56];
    _Atomic uint64_t tail; /* the reader's: bytes done with */
} __attribute__((aligned(128)));

struct tv_rings {
    uint64_t magic;
    uint32_t layout;
    uint32_t places;    /* rings */
    uint64_t ring_size; /* bytes of each, a multiple of 4096 */
    uint64_t size;      /* of the whole file */
    char pool[32];
    uint64_t made_us;    /* wall clock: tells this file from the one before it */
    uint64_t master_pid; /* whose processes write */
    struct tv_ring rings[];
};

/* Reading: maps DIRECTORY/POOL.spans. NULL with *error when there is none or it is not what it should be. */
TV_PUBLIC struct tv_rings *tv_rings_open(const char *directory, const char *pool, struct tv_error *error);
TV_PUBLIC void tv_rings_close(struct tv_rings *rings);
/* The record at *at (begin with the tail) is copied to out, and *at moved behind it; false: there is no more. What is not a record
 * is skipped together with all that stands behind it; *broken then says so. */
TV_PUBLIC bool tv_ring_read(const struct tv_rings *rings, size_t place, uint64_t *at,
                            uint64_t out[TV_RECORD_MAX / 8], struct tv_record_view *view,
                            bool *broken) TV_MUST_CHECK;
/* All before at is done with: its room is the writer's again. */
TV_PUBLIC void tv_ring_release(struct tv_rings *rings, size_t place, uint64_t at);

/* Writing, private to the library. The master makes the file anew, before it forks; an older one goes on in memory as long as
 * someone maps it. */
struct tv_rings *tv_rings_create(const char *directory, const char *pool, size_t places, size_t ring_size,
                                 struct tv_error *error);
/* False: there was no room. One thread of the process at a time. */
bool tv_ring_write(struct tv_rings *rings, size_t place, const void *record, size_t length) TV_MUST_CHECK;

#endif
