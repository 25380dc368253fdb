/*
 * loop.h - private to the library: one epoll set over the listening socket and every FastCGI connection of a process, and
 * the window of worker threads that take what is ready. An idle connection pins nobody.
 *
 * One thread, the housekeeper, owns the loop: it calls the functions below. Worker threads run inside.
 */
#ifndef TRIVET_SERVE_LOOP_H
#define TRIVET_SERVE_LOOP_H

#include "serve/worker.h"

struct tv_loop;

/* listener: the listening socket, borrowed; it is set non-blocking. Starts workers_min threads. */
struct tv_loop *tv_loop_start(struct tv_pool *pool, int listener, struct tv_error *error);
/* Descriptors for the housekeeper's poll: wake becomes readable when all workers are busy; crowd is to be watched only while
 * tv_loop_saturated() and is readable when a request waits. */
int tv_loop_wake_fd(const struct tv_loop *loop);
int tv_loop_crowd_fd(const struct tv_loop *loop);
/* Every worker is busy and the window may still grow. */
bool tv_loop_saturated(struct tv_loop *loop);
/* A request waits now and no worker is free, whether the window may grow or not. */
bool tv_loop_crowded(const struct tv_loop *loop);
/* One more worker: a request waits and none is free. */
void tv_loop_grow(struct tv_loop *loop);
/* Once a second or so: closes connections that take too long to send a request, lets one worker go after a quiet time,
 * brings the scoreboard up to date, and counts there that the process gets on, if it does. */
void tv_loop_tick(struct tv_loop *loop);
/* Takes no new connections; answers what comes on open ones and tells the peers to leave. */
void tv_loop_drain(struct tv_loop *loop);
/* No connection is left and no worker is on its way to one. */
bool tv_loop_empty(struct tv_loop *loop);
/* After a drain: ends the threads, frees everything. */
void tv_loop_stop(struct tv_loop *loop);

#endif
