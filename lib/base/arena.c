/*
 * arena.c - bump allocation in a chain of blocks. The first block is kept, so a warm worker answers ordinary requests
 * without asking malloc for anything.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One block serves an ordinary request whole; PSS of an idle worker stays small. */
#define FIRST_BLOCK (16 * 1024)

struct tv_arena_block {
    struct tv_arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) char data[];
};

void tv_arena_init(struct tv_arena *arena, size_t cap)
{
    *arena = (struct tv_arena){.cap = cap};
}

static void free_blocks(struct tv_arena_block *block)
{
    while (block) {
        struct tv_arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void tv_arena_reset(struct tv_arena *arena)
{
    if (arena->first) {
        free_blocks(arena->first->next);
        arena->first->next = NULL;
        arena->first->used = 0;
        arena->taken = arena->first->size;
    }
    arena->current = arena->first;
    arena->overflowed = false;
}

void tv_arena_free(struct tv_arena *arena)
{
    free_blocks(arena->first);
    tv_arena_init(arena, arena->cap);
}

static struct tv_arena_block *add_block(struct tv_arena *arena, size_t need)
{
    size_t size = need > FIRST_BLOCK ? need : FIRST_BLOCK;
    if (arena->current && size < 2 * arena->current->size &&
        2 * arena->current->size <= arena->cap - arena->taken)
        size = 2 * arena->current->size; /* grows by doubling, so a large request costs few blocks */
    if (size > arena->cap - arena->taken)
        size = need;
    if (size > arena->cap - arena->taken || size > SIZE_MAX - sizeof(struct tv_arena_block))
        return NULL;
    struct tv_arena_block *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    *block = (struct tv_arena_block){.size = size};
    arena->taken += size;
    if (arena->current)
        arena->current->next = block;
    else
        arena->first = block;
    arena->current = block;
    return block;
}

void *tv_arena_alloc(struct tv_arena *arena, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct tv_arena_block *block = arena->current;
    if (rounded < size || arena->overflowed)
        return arena->overflowed = true, NULL;
    if (!block || block->size - block->used < rounded)
        block = add_block(arena, rounded);
    if (!block)
        return arena->overflowed = true, NULL;
    void *data = block->data + block->used;
    block->used += rounded;
    return data;
}

void *tv_arena_array(struct tv_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return arena->overflowed = true, NULL;
    void *data = tv_arena_alloc(arena, bytes);
    return data ? memset(data, 0, bytes) : NULL;
}

char *tv_arena_text(struct tv_arena *arena, struct tv_slice slice)
{
    if (slice.length == SIZE_MAX)
        return arena->overflowed = true, NULL;
    char *text = tv_arena_alloc(arena, slice.length + 1);
    if (!text)
        return NULL;
    if (slice.length > 0)
        memcpy(text, slice.data, slice.length);
    text[slice.length] = '\0';
    return text;
}

char *tv_arena_printf(struct tv_arena *arena, const char *format, ...)
{
    va_list values, again;
    va_start(values, format);
    va_copy(again, values);
    int length = vsnprintf(NULL, 0, format, values);
    va_end(values);
    char *text = length < 0 ? NULL : tv_arena_alloc(arena, (size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

bool tv_arena_fail(const struct tv_arena *arena, struct tv_error *error)
{
    tv_fail(error, 413, NULL, "the request needs more memory than one request may take");
    tv_error_details(error, "limits.memory is %zu bytes", arena->cap);
    return false;
}
