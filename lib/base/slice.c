/*
 * slice.c - comparing and cutting borrowed bytes, and what valid UTF-8 is.
 */
#include "base/slice.h"

#include <string.h>

struct tv_slice tv_slice_of(const char *text)
{
    return (struct tv_slice){text, text ? strlen(text) : 0};
}

bool tv_slice_equal(struct tv_slice a, struct tv_slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

bool tv_slice_is(struct tv_slice slice, const char *text)
{
    return tv_slice_equal(slice, tv_slice_of(text));
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

bool tv_slice_is_nocase(struct tv_slice slice, const char *text)
{
    size_t i = 0;
    for (; i < slice.length && text[i] != '\0'; i++)
        if (lower(slice.data[i]) != lower(text[i]))
            return false;
    return i == slice.length && text[i] == '\0';
}

bool tv_slice_starts(struct tv_slice slice, const char *prefix)
{
    size_t length = strlen(prefix);
    return slice.length >= length && (length == 0 || memcmp(slice.data, prefix, length) == 0);
}

size_t tv_slice_find(struct tv_slice slice, char byte)
{
    const char *at = slice.length > 0 ? memchr(slice.data, byte, slice.length) : NULL;
    return at ? (size_t)(at - slice.data) : slice.length;
}

struct tv_slice tv_slice_cut(struct tv_slice slice, size_t from, size_t to)
{
    if (to > slice.length)
        to = slice.length;
    if (from > to)
        from = to;
    return (struct tv_slice){slice.data ? slice.data + from : NULL, to - from};
}

struct tv_slice tv_slice_trim(struct tv_slice slice)
{
    while (slice.length > 0 && (slice.data[0] == ' ' || slice.data[0] == '\t')) {
        slice.data++;
        slice.length--;
    }
    while (slice.length > 0 && (slice.data[slice.length - 1] == ' ' || slice.data[slice.length - 1] == '\t'))
        slice.length--;
    return slice;
}

bool tv_slice_integer(struct tv_slice slice, int64_t *out)
{
    size_t i = 0;
    bool negative = slice.length > 0 && slice.data[0] == '-';
    uint64_t value = 0;
    if (negative)
        i++;
    if (i == slice.length)
        return false;
    for (; i < slice.length; i++) {
        if (slice.data[i] < '0' || slice.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(slice.data[i] - '0'), &value))
            return false;
    }
    if (value > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* Length of the well-formed sequence at data (RFC 3629, table of the Unicode standard); 0 when it is not one. */
static size_t utf8_sequence(const unsigned char *data, size_t length)
{
    unsigned char first = data[0];
    size_t need;
    unsigned char low = 0x80, high = 0xBF; /* bounds of the second byte */
    if (first < 0x80)
        return 1;
    if (first < 0xC2)
        return 0;
    if (first < 0xE0) {
        need = 2;
    } else if (first < 0xF0) {
        need = 3;
        if (first == 0xE0)
            low = 0xA0;
        else if (first == 0xED)
            high = 0x9F;
    } else if (first < 0xF5) {
        need = 4;
        if (first == 0xF0)
            low = 0x90;
        else if (first == 0xF4)
            high = 0x8F;
    } else {
        return 0;
    }
    if (length < need || data[1] < low || data[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((data[i] & 0xC0) != 0x80)
            return 0;
    return need;
}

size_t tv_utf8_valid_prefix(const char *data, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)data;
    size_t i = 0;
    while (i < length) {
        uint64_t eight;
        if (length - i >= 8) { /* plain ASCII, eight at a time */
            memcpy(&eight, bytes + i, 8);
            if ((eight & 0x8080808080808080ull) == 0) {
                i += 8;
                continue;
            }
        }
        size_t step = utf8_sequence(bytes + i, length - i);
        if (step == 0)
            return i;
        i += step;
    }
    return i;
}
