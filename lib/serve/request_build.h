/*
 * request_build.h - private to the library: from FastCGI parameters to a request, or the reason why it is none.
 */
#ifndef TRIVET_SERVE_REQUEST_BUILD_H
#define TRIVET_SERVE_REQUEST_BUILD_H

#include "base/arena.h"
#include "serve/fastcgi.h"
#include "serve/request.h"
#include "serve/serve_settings.h"
#include "watch/watcher.h"

/* Fills everything but the role. A request that waited too long is counted and refused. *queue_us receives how long the request waited since the web server passed it on (-1: not
 * known). Even when it fails, method, id and path are filled as far as they are known, so that the answer can carry them. */
bool tv_request_build(const struct tv_fastcgi *reader, const struct tv_serve_settings *limits,
                      struct tv_arena *arena, struct tv_watcher *watcher, struct tv_request *request,
                      int64_t *queue_us, struct tv_error *error) TV_MUST_CHECK;

#endif
