/*
 * response.h - one answer on its way to nginx. Headers first, then body bytes appended to tv_response_body(); small answers
 * leave in one piece with Content-Length, large ones stream when the worker calls tv_response_flow between rows.
 */
#ifndef TRIVET_SERVE_RESPONSE_H
#define TRIVET_SERVE_RESPONSE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

struct tv_response;

/* Default 200. No effect once the headers have left. */
TV_PUBLIC void tv_response_status(struct tv_response *response, int status);
TV_PUBLIC int tv_response_get_status(const struct tv_response *response);
/* Copies both. The same name replaces. A value with CR, LF or NUL is dropped. Content-Length is the library's own. */
TV_PUBLIC void tv_response_header(struct tv_response *response, const char *name, struct tv_slice value);
TV_PUBLIC void tv_response_type(struct tv_response *response, const char *content_type);
/* The body so far; append to it. Owned by the response. A buffer that failed turns the answer into an error (nothing
 * left yet) or breaks the transfer (something left). */
TV_PUBLIC struct tv_buffer *tv_response_body(struct tv_response *response);
/* Call between rows: when more than response.buffer bytes wait, they are sent. False when the client is gone or the
 * deadline passed: stop producing and return; the library has already done what is needed. */
TV_PUBLIC bool tv_response_flow(struct tv_response *response) TV_MUST_CHECK;
/* True once headers (and perhaps rows) have left: an error can then only break the transfer. */
TV_PUBLIC bool tv_response_started(const struct tv_response *response);
/* The route as logs and metrics name it: one of the app's own templates ("/{table}"). */
TV_PUBLIC void tv_response_route(struct tv_response *response, const char *route);

#endif
