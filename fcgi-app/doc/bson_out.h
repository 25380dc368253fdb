/*
 * bson_out.h - BSON on its way out, into a tv_buffer: bounded and with its sticky error, where libbson would end the
 * process when memory ends. Sizes are the caller's to check (tv_buffer_failed).
 *
 *     size_t at = doc_bson_open(out);
 *     doc_bson_integer(out, TV_SLICE("n"), 1);
 *     doc_bson_close(out, at);
 */
#ifndef TRIVET_DOC_BSON_OUT_H
#define TRIVET_DOC_BSON_OUT_H

#include <bson/bson.h>

#include "trivet.h"

/* Begins a document or the inside of an element that is one; returns what doc_bson_close needs. */
size_t doc_bson_open(struct tv_buffer *out);
void doc_bson_close(struct tv_buffer *out, size_t at);

/* The head of an element: its type and its name, which must not hold a NUL. The value follows. */
void doc_bson_element(struct tv_buffer *out, bson_type_t type, struct tv_slice key);
void doc_bson_int32(struct tv_buffer *out, int32_t value);
void doc_bson_int64(struct tv_buffer *out, int64_t value);
void doc_bson_bytes(struct tv_buffer *out, struct tv_slice bytes);
/* Length, bytes, NUL: the value of a string. */
void doc_bson_string(struct tv_buffer *out, struct tv_slice text);
/* Bytes, NUL: what names and patterns are. */
void doc_bson_cstring(struct tv_buffer *out, struct tv_slice text);

#endif
