/*
 * cache.h - a read-through cache on Redis that may be lost but is never wrong.
 *
 * An entry carries the generations of the things (tables, collections) that it was read from. One MGET fetches entry and
 * generations; they must match. A write announces itself on its things before it starts and gives them new generations
 * when it is done, before it is acknowledged; in between nothing of them is served or filled. A writer that dies leaves
 * its announcement, which ends by itself and takes all older entries with it. Redis away: everything is a bypass.
 *
 * A cache belongs to one thread.
 */
#ifndef TRIVET_CACHE_CACHE_H
#define TRIVET_CACHE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

struct tv_cache;

#define TV_CACHE_THINGS_MAX 16

enum tv_cache_result {
    TV_CACHE_HIT,    /* lookup.body and lookup.note are the answer */
    TV_CACHE_MISS,   /* read the store; tv_cache_fill may keep the answer */
    TV_CACHE_BYPASS, /* read the store; nothing will be kept */
};

/* A question: what was asked (role, store, shape and values, format: everything that the answer depends on) and the
 * things that it is read from ("sql:shop.product", "doc:shop.reviews"). */
struct tv_cache_question {
    struct tv_slice text;
    struct tv_slice things[TV_CACHE_THINGS_MAX];
    size_t thing_count;
};

struct tv_cache_lookup {
    enum tv_cache_result result;
    struct tv_slice note; /* HIT: small text kept beside the body (headers' values, as the filler wrote it) */
    struct tv_slice body;
    void *fill; /* MISS: what tv_cache_fill needs, in the arena */
};

/* Never fails: trouble is a bypass. Results live in the arena. */
TV_PUBLIC void tv_cache_find(struct tv_cache *cache, struct tv_arena *arena,
                             const struct tv_cache_question *question, int64_t deadline_ms,
                             struct tv_cache_lookup *lookup);
/* Keeps the answer to a MISS. Answers larger than cache.entry_max are not kept (see tv_cache_entry_max). */
TV_PUBLIC void tv_cache_fill(struct tv_cache *cache, const struct tv_cache_lookup *lookup,
                             struct tv_slice note, struct tv_slice body);
/* A MISS that will not be filled: lets others fill. */
TV_PUBLIC void tv_cache_give_up(struct tv_cache *cache, const struct tv_cache_lookup *lookup);
TV_PUBLIC size_t tv_cache_entry_max(const struct tv_cache *cache);

/* Around a write: begin before the store is asked, end after it did (or failed, or may have), before the client is told. */
TV_PUBLIC void tv_cache_write_begin(struct tv_cache *cache, const struct tv_slice *things, size_t count);
TV_PUBLIC void tv_cache_write_end(struct tv_cache *cache, const struct tv_slice *things, size_t count);

/* "hit", "miss", "bypass": the value of X-Trivet-Cache. */
TV_PUBLIC const char *tv_cache_result_name(enum tv_cache_result result);

#endif
