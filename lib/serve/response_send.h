/*
 * response_send.h - private to the library: an answer's life around the worker's part of it.
 */
#ifndef TRIVET_SERVE_RESPONSE_SEND_H
#define TRIVET_SERVE_RESPONSE_SEND_H

#include <stdatomic.h>

#include "serve/response.h"
#include "serve/serve_settings.h"
#include "watch/watcher.h"

struct tv_response {
    const struct tv_serve_settings *limits;
    const _Atomic bool *draining; /* an answer that ends while this holds is the connection's last */
    const char *const *routes;    /* the app's; may be NULL */
    struct tv_watcher *watcher;   /* sending is a time of its own; may be NULL */
    /* set for each request */
    int fd;
    uint16_t id;
    bool head; /* HEAD: headers only */
    int64_t deadline_ms;
    /* as the worker fills it */
    int status;
    unsigned route; /* 1 + the place among the app's; 0: none of these */
    struct tv_buffer headers;
    struct tv_buffer body;
    /* how far it got */
    bool started;
    bool final;  /* the end was marked as the connection's last answer */
    bool broken; /* the connection must be closed: the answer was cut, or the peer takes no more of it */
    bool unread; /* the latter: it left, or read nothing for write_time, before anything of ours failed */
    uint64_t sent;
};

void tv_response_init(struct tv_response *response, const struct tv_serve_settings *limits,
                      const _Atomic bool *draining, const char *const *routes, struct tv_watcher *watcher);
void tv_response_free(struct tv_response *response);
void tv_response_begin(struct tv_response *response, int fd, uint16_t id, bool head, int64_t deadline_ms);
/* Throws headers and body away, for an error in their place; only before anything was sent. */
void tv_response_clear(struct tv_response *response);
/* Sends what is left and the end. False when the connection is of no use any more. */
bool tv_response_end(struct tv_response *response) TV_MUST_CHECK;
/* The answer cannot be completed: the peer sees a broken transfer, never a well-formed short one. */
void tv_response_break(struct tv_response *response);

#endif
