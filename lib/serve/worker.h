/*
 * worker.h - private to the library: one thread's things, and how it answers one request.
 */
#ifndef TRIVET_SERVE_WORKER_H
#define TRIVET_SERVE_WORKER_H

#include "base/arena.h"
#include "serve/app.h"
#include "serve/fastcgi.h"
#include "serve/response_send.h"
#include "serve/serve_settings.h"
#include "watch/watcher.h"

/* What all threads of a process share; read-only once the threads run, but for what is atomic. */
struct tv_pool {
    const struct tv_app *app;
    const struct tv_configuration *configuration;
    struct tv_scoreboard *board;
    struct tv_process_board *place; /* this process's part of the board */
    struct tv_tracer tracer;        /* where its traces go */
    _Atomic bool draining;
};

struct tv_worker {
    struct tv_pool *pool;
    struct tv_watcher watcher; /* what the thread's parts report to */
    struct tv_arena arena;
    struct tv_response response;
    struct tv_mysql *mysql;
    struct tv_mongo *mongo;
    struct tv_redis *redis;
    struct tv_cache *cache;
    void *state; /* the app's */
    bool opened; /* the app's open() succeeded, so its close() is due */
};

/* NULL with *error filled. slot must not be used by another thread. */
struct tv_worker *tv_worker_new(struct tv_pool *pool, struct tv_slot *slot, struct tv_error *error);
void tv_worker_free(struct tv_worker *worker);

/* Answers the whole request in the reader on fd. True when the connection may be used again. */
bool tv_worker_answer(struct tv_worker *worker, const struct tv_fastcgi *reader, int fd);

#endif
