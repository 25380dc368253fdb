/*
 * bson_out.c - see bson_out.h and bsonspec.org. All numbers are little-endian.
 */
#include "bson_out.h"

#include <string.h>

void doc_bson_int32(struct tv_buffer *out, int32_t value)
{
    uint32_t bits = BSON_UINT32_TO_LE((uint32_t)value);
    tv_buffer_append(out, &bits, sizeof bits);
}

void doc_bson_int64(struct tv_buffer *out, int64_t value)
{
    uint64_t bits = BSON_UINT64_TO_LE((uint64_t)value);
    tv_buffer_append(out, &bits, sizeof bits);
}

void doc_bson_bytes(struct tv_buffer *out, struct tv_slice bytes)
{
    tv_buffer_slice(out, bytes);
}

void doc_bson_cstring(struct tv_buffer *out, struct tv_slice text)
{
    tv_buffer_slice(out, text);
    tv_buffer_byte(out, '\0');
}

void doc_bson_string(struct tv_buffer *out, struct tv_slice text)
{
    doc_bson_int32(out, (int32_t)(text.length + 1));
    doc_bson_cstring(out, text);
}

void doc_bson_element(struct tv_buffer *out, bson_type_t type, struct tv_slice key)
{
    tv_buffer_byte(out, (char)type);
    doc_bson_cstring(out, key);
}

size_t doc_bson_open(struct tv_buffer *out)
{
    size_t at = out->length;
    doc_bson_int32(out, 0);
    return at;
}

void doc_bson_close(struct tv_buffer *out, size_t at)
{
    tv_buffer_byte(out, '\0');
    if (tv_buffer_failed(out))
        return;
    uint32_t length = BSON_UINT32_TO_LE((uint32_t)(out->length - at));
    memcpy(out->data + at, &length, sizeof length);
}
