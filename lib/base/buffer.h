/*
 * buffer.h - a growing run of bytes with a sticky error: append freely, check once at the end.
 *
 * After a failure (limit reached or no memory) every append does nothing and tv_buffer_failed() says so; what the
 * buffer holds is then incomplete and must not be used as an answer.
 */
#ifndef TRIVET_BASE_BUFFER_H
#define TRIVET_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

struct tv_buffer {
    char *data;
    size_t length;
    size_t capacity;
    size_t limit; /* most bytes it may hold */
    bool failed;
};

TV_PUBLIC void tv_buffer_init(struct tv_buffer *buffer, size_t limit);
TV_PUBLIC void tv_buffer_free(struct tv_buffer *buffer);
/* Empties it and forgives the failure; keeps at most keep bytes of memory for the next use. */
TV_PUBLIC void tv_buffer_reset(struct tv_buffer *buffer, size_t keep);

/* The way of the two below when there is no room. */
TV_PUBLIC void tv_buffer_grow_append(struct tv_buffer *buffer, const void *data, size_t length);

/* In the header because every answer is made of these two. */
static inline void tv_buffer_append(struct tv_buffer *buffer, const void *data, size_t length)
{
    if (length == 0)
        return;
    if (buffer->failed || length > buffer->capacity - buffer->length) {
        tv_buffer_grow_append(buffer, data, length);
        return;
    }
    memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
}

static inline void tv_buffer_byte(struct tv_buffer *buffer, char byte)
{
    if (buffer->failed || buffer->length == buffer->capacity)
        tv_buffer_grow_append(buffer, &byte, 1);
    else
        buffer->data[buffer->length++] = byte;
}

TV_PUBLIC void tv_buffer_slice(struct tv_buffer *buffer, struct tv_slice slice);
TV_PUBLIC void tv_buffer_text(struct tv_buffer *buffer, const char *text);
TV_PUBLIC void tv_buffer_integer(struct tv_buffer *buffer, int64_t value);
TV_PUBLIC void tv_buffer_unsigned(struct tv_buffer *buffer, uint64_t value);
TV_PUBLIC void tv_buffer_printf(struct tv_buffer *buffer, const char *format, ...) TV_PRINTF(2, 3);
/* Room for length bytes to write into directly, then tv_buffer_commit; NULL when it failed. */
TV_PUBLIC char *tv_buffer_reserve(struct tv_buffer *buffer, size_t length) TV_MUST_CHECK;
TV_PUBLIC void tv_buffer_commit(struct tv_buffer *buffer, size_t length);

TV_PUBLIC bool tv_buffer_failed(const struct tv_buffer *buffer) TV_MUST_CHECK;
TV_PUBLIC struct tv_slice tv_buffer_view(const struct tv_buffer *buffer);

#endif
