/*
 * json_writer.c - JSON to the wire. The hot path of every answer, hence written here rather than borrowed.
 */
#include "base/json_writer.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool bit(const uint8_t *bits, unsigned at)
{
    return (bits[at / 8] >> (at % 8)) & 1;
}

static void set_bit(uint8_t *bits, unsigned at, bool on)
{
    uint8_t mask = (uint8_t)(1u << (at % 8));
    bits[at / 8] = (uint8_t)(on ? bits[at / 8] | mask : bits[at / 8] & ~mask);
}

void tv_json_start(struct tv_json *json, struct tv_buffer *out)
{
    json->out = out;
    json->depth = 0;
    json->expects_value = true;
    json->in_object[0] = json->has_items[0] = 0;
}

bool tv_json_complete(const struct tv_json *json)
{
    return json->depth == 0 && !json->expects_value && !json->out->failed;
}

/* Before any value: the comma, and whether a value may stand here at all. */
static bool before_value(struct tv_json *json)
{
    if (json->expects_value) {
        json->expects_value = false;
        return true;
    }
    if (json->depth == 0 || bit(json->in_object, json->depth - 1)) {
        json->out->failed = true;
        return false;
    }
    if (bit(json->has_items, json->depth - 1))
        tv_buffer_byte(json->out, ',');
    else
        set_bit(json->has_items, json->depth - 1, true);
    return true;
}

static void open_bracket(struct tv_json *json, bool object)
{
    if (!before_value(json))
        return;
    if (json->depth == TV_JSON_DEPTH_MAX) {
        json->out->failed = true;
        return;
    }
    set_bit(json->in_object, json->depth, object);
    set_bit(json->has_items, json->depth, false);
    json->depth++;
    tv_buffer_byte(json->out, object ? '{' : '[');
}

static void close_bracket(struct tv_json *json, bool object)
{
    if (json->depth == 0 || json->expects_value || bit(json->in_object, json->depth - 1) != object) {
        json->out->failed = true;
        return;
    }
    json->depth--;
    tv_buffer_byte(json->out, object ? '}' : ']');
}

void tv_json_object(struct tv_json *json)
{
    open_bracket(json, true);
}

void tv_json_object_end(struct tv_json *json)
{
    close_bracket(json, true);
}

void tv_json_array(struct tv_json *json)
{
    open_bracket(json, false);
}

void tv_json_array_end(struct tv_json *json)
{
    close_bracket(json, false);
}

/* 0: stands for itself; otherwise the letter after the backslash, 'u' for \u00XX; bytes from 0x80 are looked at apart. */
static const char escapes[256] = {
    ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
    [0] = 'u',   [1] = 'u',     [2] = 'u',    [3] = 'u',    [4] = 'u',    [5] = 'u',    [6] = 'u',
    [7] = 'u',   [11] = 'u',    [14] = 'u',   [15] = 'u',   [16] = 'u',   [17] = 'u',   [18] = 'u',
    [19] = 'u',  [20] = 'u',    [21] = 'u',   [22] = 'u',   [23] = 'u',   [24] = 'u',   [25] = 'u',
    [26] = 'u',  [27] = 'u',    [28] = 'u',   [29] = 'u',   [30] = 'u',   [31] = 'u',   [127] = 'u',
};

/* From here on, the bytes that stand for themselves: most texts hold nothing else, so eight are looked at at once. */
static size_t plain_prefix(const char *data, size_t length)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
    size_t i = 0;
    for (; length - i >= 8; i += 8) {
        uint64_t eight;
        memcpy(&eight, data + i, 8);
        /* A high bit for a byte from 0x80 on, for 0x7f, below a blank, and for each of the two. What is borrowed or carried comes
         * from such a byte itself, so the answer is exact. */
        uint64_t quote = eight ^ (ones * '"'), backslash = eight ^ (ones * '\\');
        if ((eight | (eight + ones) | (eight - ones * ' ') | (quote - ones) | (backslash - ones)) & high)
            break;
    }
    while (i < length && (unsigned char)data[i] < 0x80 && escapes[(unsigned char)data[i]] == 0)
        i++;
    return i;
}

void tv_json_quote(struct tv_buffer *out, struct tv_slice text)
{
    static const char hex[] = "0123456789abcdef";
    size_t from = 0, i = 0;
    size_t end = 0; /* of the run of bytes from 0x80 that i stands in: a character never spans into ASCII */
    tv_buffer_byte(out, '"');
    while (i < text.length) {
        i += plain_prefix(text.data + i, text.length - i);
        if (i == text.length)
            break;
        unsigned char byte = (unsigned char)text.data[i];
        if (byte >= 0x80) {
            for (end = end > i ? end : i; end < text.length && (unsigned char)text.data[end] >= 0x80;)
                end++;
            i += tv_utf8_valid_prefix(text.data + i, end - i);
            if (i == end)
                continue;
            tv_buffer_append(out, text.data + from, i - from);
            tv_buffer_append(out, "\xEF\xBF\xBD", 3);
            i++; /* one replacement stands for the broken byte and the continuation bytes after it */
            while (i < end && ((unsigned char)text.data[i] & 0xC0) == 0x80)
                i++;
            from = i;
            continue;
        }
        tv_buffer_append(out, text.data + from, i - from);
        if (escapes[byte] == 'u') {
            char six[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
            tv_buffer_append(out, six, 6);
        } else {
            char two[2] = {'\\', escapes[byte]};
            tv_buffer_append(out, two, 2);
        }
        from = ++i;
    }
    if (i > from)
        tv_buffer_append(out, text.data + from, i - from);
    tv_buffer_byte(out, '"');
}

void tv_json_key(struct tv_json *json, struct tv_slice key)
{
    if (json->depth == 0 || !bit(json->in_object, json->depth - 1) || json->expects_value) {
        json->out->failed = true;
        return;
    }
    if (bit(json->has_items, json->depth - 1))
        tv_buffer_byte(json->out, ',');
    else
        set_bit(json->has_items, json->depth - 1, true);
    tv_json_quote(json->out, key);
    tv_buffer_byte(json->out, ':');
    json->expects_value = true;
}

void tv_json_name(struct tv_json *json, const char *key)
{
    tv_json_key(json, tv_slice_of(key));
}

void tv_json_string(struct tv_json *json, struct tv_slice value)
{
    if (before_value(json))
        tv_json_quote(json->out, value);
}

void tv_json_text(struct tv_json *json, const char *value)
{
    if (value)
        tv_json_string(json, tv_slice_of(value));
    else
        tv_json_null(json);
}

void tv_json_printf(struct tv_json *json, const char *format, ...)
{
    va_list values;
    char *text = NULL;
    va_start(values, format);
    int length = vasprintf(&text, format, values);
    va_end(values);
    if (length < 0) {
        json->out->failed = true;
        return;
    }
    tv_json_string(json, (struct tv_slice){text, (size_t)length});
    free(text);
}

void tv_json_raw(struct tv_json *json, struct tv_slice value)
{
    if (before_value(json))
        tv_buffer_slice(json->out, value);
}

void tv_json_integer(struct tv_json *json, int64_t value)
{
    if (before_value(json))
        tv_buffer_integer(json->out, value);
}

void tv_json_unsigned(struct tv_json *json, uint64_t value)
{
    if (before_value(json))
        tv_buffer_unsigned(json->out, value);
}

/* Every text of this many digits comes back from a number unless that is denormal (then it may have as few as one), and
 * below 2^24 or 1e15 whole numbers need no exponent. */
static const struct real {
    int low, high;
    double smallest, whole;
} doubles = {DBL_DIG, DBL_DECIMAL_DIG, DBL_MIN, 1e15}, floats = {FLT_DIG, FLT_DECIMAL_DIG, FLT_MIN, 16777217};

/* The shortest of %.{low..high}g that reads back to the same number. */
static void put_real(struct tv_json *json, double value, const struct real *kind)
{
    if (!isfinite(value)) {
        tv_json_null(json);
        return;
    }
    if (!before_value(json))
        return;
    if (fabs(value) < kind->whole && nearbyint(value) == value &&
        !(signbit(value) && fpclassify(value) == FP_ZERO)) {
        tv_buffer_integer(json->out, (int64_t)value);
        return;
    }
    char text[40];
    for (int digits = fabs(value) < kind->smallest ? 1 : kind->low; digits <= kind->high; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        bool same = kind == &floats
                        ? !(strtof(text, NULL) < (float)value) && !(strtof(text, NULL) > (float)value)
                        : !(strtod(text, NULL) < value) && !(strtod(text, NULL) > value);
        if (same)
            break;
    }
    tv_buffer_text(json->out, text);
}

void tv_json_double(struct tv_json *json, double value)
{
    put_real(json, value, &doubles);
}

void tv_json_float(struct tv_json *json, float value)
{
    put_real(json, (double)value, &floats);
}

void tv_json_boolean(struct tv_json *json, bool value)
{
    tv_json_raw(json, value ? TV_SLICE("true") : TV_SLICE("false"));
}

void tv_json_null(struct tv_json *json)
{
    tv_json_raw(json, TV_SLICE("null"));
}

void tv_json_member_text(struct tv_json *json, const char *key, const char *value)
{
    tv_json_name(json, key);
    tv_json_text(json, value);
}

void tv_json_member_integer(struct tv_json *json, const char *key, int64_t value)
{
    tv_json_name(json, key);
    tv_json_integer(json, value);
}

void tv_json_member_boolean(struct tv_json *json, const char *key, bool value)
{
    tv_json_name(json, key);
    tv_json_boolean(json, value);
}
