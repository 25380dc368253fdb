/*
 * out.c - bytes and JSON into a thread's answer. See floor.h.
 */
#include <string.h>

#include "floor.h"

void floor_put(struct floor_out *out, const char *data, size_t length)
{
    out->failed = out->failed || length > sizeof out->data - out->length;
    if (out->failed)
        return;
    memcpy(out->data + out->length, data, length);
    out->length += length;
}

void floor_text(struct floor_out *out, const char *text)
{
    floor_put(out, text, strlen(text));
}

void floor_integer(struct floor_out *out, int64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        digits[--at] = '-';
    floor_put(out, digits + at, sizeof digits - at);
}

void floor_json(struct floor_out *out, const char *data, size_t length)
{
    size_t done = 0;
    floor_put(out, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)data[i];
        if (byte >= ' ' && byte != '"' && byte != '\\')
            continue;
        char escape[6] = {'\\', 'u', '0', '0', (char)('0' + (byte >> 4)), "0123456789abcdef"[byte & 15]};
        floor_put(out, data + done, i - done);
        if (byte < ' ')
            floor_put(out, escape, sizeof escape);
        else
            floor_put(out, (char[]){'\\', data[i]}, 2);
        done = i + 1;
    }
    floor_put(out, data + done, length - done);
    floor_put(out, "\"", 1);
}
