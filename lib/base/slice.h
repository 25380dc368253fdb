/*
 * slice.h - a borrowed run of bytes. It may hold any byte, NUL too, is not terminated, and lives as long as what it
 * points into (for what belongs to a request: until the request is answered).
 */
#ifndef TRIVET_BASE_SLICE_H
#define TRIVET_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct tv_slice {
    const char *data; /* NULL only when length is 0 */
    size_t length;
};

#define TV_SLICE(literal) ((struct tv_slice){(literal), sizeof(literal) - 1})

TV_PUBLIC struct tv_slice tv_slice_of(const char *text); /* NULL gives the empty slice */
TV_PUBLIC bool tv_slice_equal(struct tv_slice a, struct tv_slice b);
TV_PUBLIC bool tv_slice_is(struct tv_slice slice, const char *text);
TV_PUBLIC bool tv_slice_is_nocase(struct tv_slice slice, const char *text); /* ASCII letters only */
TV_PUBLIC bool tv_slice_starts(struct tv_slice slice, const char *prefix);
/* Where the byte stands first; slice.length when it does not. */
TV_PUBLIC size_t tv_slice_find(struct tv_slice slice, char byte);
/* From..to without the byte at to; bounds beyond the end are cut. */
TV_PUBLIC struct tv_slice tv_slice_cut(struct tv_slice slice, size_t from, size_t to);
/* Without blanks and tabs at both ends. */
TV_PUBLIC struct tv_slice tv_slice_trim(struct tv_slice slice);
/* A whole decimal number, optional minus, nothing else, within int64_t; false when it is not one. */
TV_PUBLIC bool tv_slice_integer(struct tv_slice slice, int64_t *out) TV_MUST_CHECK;
/* Bytes from the start that are valid UTF-8 (RFC 3629: no overlong forms, no surrogates); length when all are. */
TV_PUBLIC size_t tv_utf8_valid_prefix(const char *data, size_t length);

#endif
