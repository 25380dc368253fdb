/*
 * request.h - one request as a worker sees it: whole, checked and read-only. Everything it points to lives until the
 * request is answered.
 */
#ifndef TRIVET_SERVE_REQUEST_H
#define TRIVET_SERVE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum tv_method {
    TV_METHOD_GET = 1,
    TV_METHOD_HEAD = 2,
    TV_METHOD_POST = 4,
    TV_METHOD_PUT = 8,
    TV_METHOD_PATCH = 16,
    TV_METHOD_DELETE = 32,
    TV_METHOD_OPTIONS = 64,
    TV_METHOD_OTHER = 128,
};

/* One FastCGI parameter, as the web server sent it. */
struct tv_parameter {
    struct tv_slice name;
    struct tv_slice value;
};

struct tv_request {
    enum tv_method method;
    struct tv_slice method_text;
    struct tv_slice path;  /* below the dialect's prefix, begins with '/', still percent-encoded */
    struct tv_slice query; /* without '?', still percent-encoded */
    struct tv_slice body;  /* whole: exactly CONTENT_LENGTH bytes */
    struct tv_slice content_type;
    struct tv_slice id;   /* X-Request-Id */
    struct tv_slice role; /* who acts, as the guard decided; never empty in handle() of a guarded app */
    int64_t deadline_ms;  /* tv_clock_ms() by which the answer is due; every store call ends by then */
    struct tv_arena *arena;
    const struct tv_parameter *parameters; /* use tv_request_header and tv_request_parameter */
    size_t parameter_count;
};

/* A header by its lower-case name ("content-profile"); the empty slice with data NULL when the client sent none. */
TV_PUBLIC struct tv_slice tv_request_header(const struct tv_request *request, const char *name);
/* A FastCGI parameter by its name; the empty slice with data NULL when absent. */
TV_PUBLIC struct tv_slice tv_request_parameter(const struct tv_request *request, const char *name);
/* True when method is one of the set (or-ed); otherwise fills a 405 with Allow. */
TV_PUBLIC bool tv_request_allow(const struct tv_request *request, unsigned methods,
                                struct tv_error *error) TV_MUST_CHECK;
/* The methods of a set as Allow prints them ("GET, HEAD"); out holds 64 bytes. */
TV_PUBLIC void tv_method_list(unsigned methods, char out[64]);
/* Whether Cache-Control asks not to be served from a cache (no-cache, no-store). */
TV_PUBLIC bool tv_request_no_cache(const struct tv_request *request);

#endif
