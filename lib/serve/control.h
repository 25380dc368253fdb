/*
 * control.h - private to the library: the socket by which a pool's master takes orders while it runs, DIRECTORY/POOL.control,
 * for its own user and root.
 *
 * A client sends one line (order.h) and gets one line of JSON when the order is carried out, not before; then the connection
 * is closed: {"done":true,"pool":"sql","text":"...",...} or {"done":false,"pool":"sql","error":"..."}. A client that leaves
 * takes nothing back. Never waits for anybody: a slow, silent or crowding client costs the pool nothing. One thread.
 */
#ifndef TRIVET_SERVE_CONTROL_H
#define TRIVET_SERVE_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "serve/order.h"

#define TV_CONTROL_CLIENTS 8 /* at once; one that has not said anything yet makes room for the next */
#define TV_CONTROL_FDS     (1 + TV_CONTROL_CLIENTS)

/* Who carries orders out. Called from tv_control_turn and tv_control_review only. */
struct tv_control_handler {
    void *context;
    /* Begins to carry out the order; may note in it what is waited for. False refuses, with *error filled. */
    bool (*begin)(void *context, struct tv_order *order, struct tv_error *error);
    /* Whether it is over. Then either text says for people how it went, or *error (which comes with status 0) why it did not. */
    bool (*settled)(void *context, const struct tv_order *order, char text[256], struct tv_error *error);
    /* Members for every answer: what is in force now. */
    void (*describe)(void *context, struct tv_json *json);
};

struct tv_control;

/* Replaces a socket that another master left there. NULL with *error filled. */
struct tv_control *tv_control_open(const char *directory, const char *pool,
                                   const struct tv_control_handler *handler, struct tv_error *error);
/* Removes the socket, unless another master has taken its place, and ends every client. NULL: does nothing. */
void tv_control_close(struct tv_control *control);
/* The same in a child that was forked: the socket stays the master's. */
void tv_control_forget(struct tv_control *control);

/* What to poll for, at most TV_CONTROL_FDS; how many. NULL: none. */
size_t tv_control_watch(const struct tv_control *control, struct pollfd *out);
/* Takes what is there, without waiting. To be called when one of them is ready, and every half second or so. */
void tv_control_turn(struct tv_control *control);
/* Answers those whose orders are settled; for when something was settled that will not stay visible. */
void tv_control_review(struct tv_control *control);
/* Whether a client waits for its order to be carried out. */
bool tv_control_waiting(const struct tv_control *control);

#endif
