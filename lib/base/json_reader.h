/*
 * json_reader.h - JSON on its way in, as a tree in the request's arena.
 *
 * Strict RFC 8259: one value, UTF-8 only, nothing after it, bounded nesting; an error names line and column. Numbers keep
 * their text, so that 123456789012345678901234567890 and 1.50 reach a store as they were written: json-c clamps the
 * first silently, which is why this reader exists.
 */
#ifndef TRIVET_BASE_JSON_READER_H
#define TRIVET_BASE_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

enum tv_json_type {
    TV_JSON_NULL,
    TV_JSON_FALSE,
    TV_JSON_TRUE,
    TV_JSON_NUMBER, /* text: the number as it was written */
    TV_JSON_STRING, /* text: unescaped; may hold NUL bytes */
    TV_JSON_ARRAY,
    TV_JSON_OBJECT,
};

struct tv_json_value {
    enum tv_json_type type;
    struct tv_slice text;   /* NUMBER, STRING: see above */
    struct tv_slice source; /* the value as it stands in the input */
    struct tv_slice key;    /* unescaped name, when it is a member of an object */
    size_t count;           /* ARRAY, OBJECT: items */
    struct tv_json_value *first;
    struct tv_json_value *next;
};

/* Reads the whole input. The tree lives in the arena and points into the input. Duplicate names are all kept, in order.
 * Errors: 400 with "... (line L, column C)" in details for bad input, 413 past the arena's cap. */
TV_PUBLIC bool tv_json_read(struct tv_arena *arena, struct tv_slice input, unsigned depth_max,
                            struct tv_json_value **out, struct tv_error *error) TV_MUST_CHECK;
/* The last member of that name (as JavaScript's parser takes it); NULL when absent or not an object. */
TV_PUBLIC const struct tv_json_value *tv_json_member(const struct tv_json_value *object, const char *name);

#endif
