/*
 * url.h - percent-decoding and query strings (RFC 3986, and + as a blank in queries as HTML forms write it).
 */
#ifndef TRIVET_BASE_URL_H
#define TRIVET_BASE_URL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

enum tv_url_part {
    TV_URL_PATH,  /* + is a plus sign */
    TV_URL_QUERY, /* + is a blank */
};

/* Decodes into the arena (or borrows the input when there is nothing to decode). 400 for a malformed escape, a NUL byte
 * and anything that is not UTF-8 (overlong forms too): such text never reaches a store. */
TV_PUBLIC bool tv_url_decode(struct tv_arena *arena, struct tv_slice in, enum tv_url_part part,
                             struct tv_slice *out, struct tv_error *error) TV_MUST_CHECK;

struct tv_url_pair {
    struct tv_slice name;
    struct tv_slice value;
    bool has_value; /* there was a '=' */
};

/* Splits and decodes a query string. *out lives in the arena. 400 as above, and when there are more than max pairs. */
TV_PUBLIC bool tv_url_query(struct tv_arena *arena, struct tv_slice query, size_t max,
                            struct tv_url_pair **out, size_t *count, struct tv_error *error) TV_MUST_CHECK;

/* Appends text so that it can stand as one path segment or query value. */
struct tv_buffer;
TV_PUBLIC void tv_url_encode(struct tv_buffer *out, struct tv_slice text);

#endif
