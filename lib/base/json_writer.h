/*
 * json_writer.h - JSON on its way out: commas and nesting are kept by the writer, the bytes go to a tv_buffer.
 *
 * What it writes is valid JSON (RFC 8259) for every byte sequence that is put in: bytes that are not UTF-8 become
 * U+FFFD. Errors are sticky: a call that does not fit (a value where a key belongs, nesting too deep) marks the buffer
 * as failed. The writer owns nothing and needs no end.
 */
#ifndef TRIVET_BASE_JSON_WRITER_H
#define TRIVET_BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

#define TV_JSON_DEPTH_MAX 256

struct tv_json {
    struct tv_buffer *out; /* borrowed */
    unsigned depth;
    bool expects_value; /* a key was written, or a value at the top is due */
    uint8_t in_object[TV_JSON_DEPTH_MAX / 8];
    uint8_t has_items[TV_JSON_DEPTH_MAX / 8];
};

TV_PUBLIC void tv_json_start(struct tv_json *json, struct tv_buffer *out);
/* True when every bracket is closed, one value was written and nothing failed. */
TV_PUBLIC bool tv_json_complete(const struct tv_json *json) TV_MUST_CHECK;

TV_PUBLIC void tv_json_object(struct tv_json *json);
TV_PUBLIC void tv_json_object_end(struct tv_json *json);
TV_PUBLIC void tv_json_array(struct tv_json *json);
TV_PUBLIC void tv_json_array_end(struct tv_json *json);
TV_PUBLIC void tv_json_key(struct tv_json *json, struct tv_slice key);
TV_PUBLIC void tv_json_name(struct tv_json *json, const char *key);

TV_PUBLIC void tv_json_string(struct tv_json *json, struct tv_slice value);
TV_PUBLIC void tv_json_text(struct tv_json *json, const char *value); /* NULL writes null */
TV_PUBLIC void tv_json_printf(struct tv_json *json, const char *format, ...) TV_PRINTF(2, 3);
TV_PUBLIC void tv_json_integer(struct tv_json *json, int64_t value);
TV_PUBLIC void tv_json_unsigned(struct tv_json *json, uint64_t value);
/* Shortest text that reads back to the same double; null for NaN and infinities, which JSON does not have. */
TV_PUBLIC void tv_json_double(struct tv_json *json, double value);
TV_PUBLIC void tv_json_float(struct tv_json *json, float value);
TV_PUBLIC void tv_json_boolean(struct tv_json *json, bool value);
TV_PUBLIC void tv_json_null(struct tv_json *json);
/* Text that is known to be one JSON value (a DECIMAL, a checked JSON column): written as it is. */
TV_PUBLIC void tv_json_raw(struct tv_json *json, struct tv_slice value);

/* A text as a JSON string, apart from any writer: for whoever puts commas and names down by itself. */
TV_PUBLIC void tv_json_quote(struct tv_buffer *out, struct tv_slice text);

/* Shorthands for "name": value. */
TV_PUBLIC void tv_json_member_text(struct tv_json *json, const char *key, const char *value);
TV_PUBLIC void tv_json_member_integer(struct tv_json *json, const char *key, int64_t value);
TV_PUBLIC void tv_json_member_boolean(struct tv_json *json, const char *key, bool value);

#endif
