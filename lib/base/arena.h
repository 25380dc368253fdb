/*
 * arena.h - memory of one request: taken piece by piece, given back all at once, with a hard cap.
 *
 * An arena belongs to one thread. Past the cap (or without memory) an allocation gives NULL and the arena remembers
 * that it overflowed; what was given before stays valid until the reset.
 */
#ifndef TRIVET_BASE_ARENA_H
#define TRIVET_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/slice.h"

struct tv_arena_block;

struct tv_arena {
    struct tv_arena_block *first; /* kept across resets */
    struct tv_arena_block *current;
    size_t taken; /* bytes of all blocks */
    size_t cap;
    bool overflowed;
};

/* cap in bytes. Takes no memory yet. */
TV_PUBLIC void tv_arena_init(struct tv_arena *arena, size_t cap);
/* Forgets every allocation; keeps the first block for the next request. */
TV_PUBLIC void tv_arena_reset(struct tv_arena *arena);
TV_PUBLIC void tv_arena_free(struct tv_arena *arena);

/* Aligned for any type, not cleared. NULL past the cap. */
TV_PUBLIC void *tv_arena_alloc(struct tv_arena *arena, size_t size) TV_MUST_CHECK;
/* Cleared; count * size is checked for overflow. */
TV_PUBLIC void *tv_arena_array(struct tv_arena *arena, size_t count, size_t size) TV_MUST_CHECK;
/* A terminated copy; NULL past the cap. */
TV_PUBLIC char *tv_arena_text(struct tv_arena *arena, struct tv_slice slice) TV_MUST_CHECK;
TV_PUBLIC char *tv_arena_printf(struct tv_arena *arena, const char *format, ...) TV_MUST_CHECK
    TV_PRINTF(2, 3);

/* The error for a request whose arena overflowed: 413, never the machine's end of memory. Returns false. */
TV_PUBLIC bool tv_arena_fail(const struct tv_arena *arena, struct tv_error *error);

#endif
