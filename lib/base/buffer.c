/*
 * buffer.c - the growing, sticky buffer.
 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tv_buffer_init(struct tv_buffer *buffer, size_t limit)
{
    *buffer = (struct tv_buffer){.limit = limit};
}

void tv_buffer_free(struct tv_buffer *buffer)
{
    free(buffer->data);
    tv_buffer_init(buffer, buffer->limit);
}

void tv_buffer_reset(struct tv_buffer *buffer, size_t keep)
{
    if (buffer->capacity > keep) {
        size_t limit = buffer->limit;
        free(buffer->data);
        tv_buffer_init(buffer, limit);
    }
    buffer->length = 0;
    buffer->failed = false;
}

static bool grow(struct tv_buffer *buffer, size_t more)
{
    if (buffer->failed)
        return false;
    if (more > buffer->limit - buffer->length) {
        buffer->failed = true;
        return false;
    }
    size_t need = buffer->length + more;
    if (need <= buffer->capacity && buffer->data)
        return true;
    size_t capacity = buffer->capacity < 512 ? 512 : buffer->capacity;
    while (capacity < need && capacity < buffer->limit - capacity / 2)
        capacity += capacity / 2;
    if (capacity < need || capacity > buffer->limit)
        capacity = buffer->limit;
    /* one byte more than may be used: room for the NUL that vsnprintf ends with */
    char *data = capacity < SIZE_MAX ? realloc(buffer->data, capacity + 1) : NULL;
    if (!data) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

char *tv_buffer_reserve(struct tv_buffer *buffer, size_t length)
{
    return grow(buffer, length) ? buffer->data + buffer->length : NULL;
}

void tv_buffer_commit(struct tv_buffer *buffer, size_t length)
{
    buffer->length += length;
}

void tv_buffer_grow_append(struct tv_buffer *buffer, const void *data, size_t length)
{
    if (!grow(buffer, length))
        return;
    memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
}

void tv_buffer_slice(struct tv_buffer *buffer, struct tv_slice slice)
{
    tv_buffer_append(buffer, slice.data, slice.length);
}

void tv_buffer_text(struct tv_buffer *buffer, const char *text)
{
    tv_buffer_append(buffer, text, strlen(text));
}

void tv_buffer_unsigned(struct tv_buffer *buffer, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    tv_buffer_append(buffer, digits + at, sizeof digits - at);
}

void tv_buffer_integer(struct tv_buffer *buffer, int64_t value)
{
    if (value < 0)
        tv_buffer_byte(buffer, '-');
    tv_buffer_unsigned(buffer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void tv_buffer_printf(struct tv_buffer *buffer, const char *format, ...)
{
    va_list values, again;
    va_start(values, format);
    va_copy(again, values);
    int length = vsnprintf(NULL, 0, format, values);
    va_end(values);
    if (length < 0)
        buffer->failed = true;
    else if (length > 0 && grow(buffer, (size_t)length)) {
        vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

bool tv_buffer_failed(const struct tv_buffer *buffer)
{
    return buffer->failed;
}

struct tv_slice tv_buffer_view(const struct tv_buffer *buffer)
{
    return (struct tv_slice){buffer->data, buffer->length};
}
