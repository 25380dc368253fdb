/*
 * fcgi_bytes.h - FastCGI records as a web server writes them, right or wrong, for tests of what reads them.
 */
#ifndef TRIVET_TESTS_FCGI_BYTES_H
#define TRIVET_TESTS_FCGI_BYTES_H

#include <string.h>

#include "base/buffer.h"

enum {
    FCGI_BEGIN = 1,
    FCGI_ABORT,
    FCGI_END,
    FCGI_PARAMS,
    FCGI_STDIN,
    FCGI_STDOUT,
    FCGI_STDERR,
    FCGI_DATA,
    FCGI_GET_VALUES
};

static inline void fcgi_record(struct tv_buffer *out, int type, int id, const void *content, size_t length,
                               size_t padding)
{
    const char head[8] = {
        1, (char)type, (char)(id >> 8), (char)id, (char)(length >> 8), (char)length, (char)padding, 0};
    static const char zeros[256];
    tv_buffer_append(out, head, 8);
    tv_buffer_append(out, content, length);
    tv_buffer_append(out, zeros, padding);
}

static inline void fcgi_begin(struct tv_buffer *out, int id, int role, bool keep)
{
    const char body[8] = {(char)(role >> 8), (char)role, keep ? 1 : 0, 0, 0, 0, 0, 0};
    fcgi_record(out, FCGI_BEGIN, id, body, 8, 0);
}

static inline void fcgi_length(struct tv_buffer *out, size_t length, bool wide)
{
    if (length > 127 || wide) {
        tv_buffer_byte(out, (char)(0x80 | length >> 24));
        tv_buffer_byte(out, (char)(length >> 16));
        tv_buffer_byte(out, (char)(length >> 8));
    }
    tv_buffer_byte(out, (char)length);
}

/* One name-value pair, as it stands inside PARAMS. */
static inline void fcgi_pair(struct tv_buffer *out, const char *name, const char *value)
{
    fcgi_length(out, strlen(name), false);
    fcgi_length(out, strlen(value), false);
    tv_buffer_text(out, name);
    tv_buffer_text(out, value);
}

/* A stream in records of at most piece bytes, with the empty one that ends it. */
static inline void fcgi_stream(struct tv_buffer *out, int type, int id, struct tv_slice data, size_t piece,
                               size_t padding)
{
    while (data.length > 0) {
        size_t length = data.length < piece ? data.length : piece;
        fcgi_record(out, type, id, data.data, length, padding);
        data = tv_slice_cut(data, length, data.length);
    }
    fcgi_record(out, type, id, NULL, 0, 0);
}

#endif
