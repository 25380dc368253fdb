/*
 * app.h - what a worker is: a name, its options and four functions. tv_main does the rest: configuration, master and
 * processes, the FastCGI loop, guard, cache, sessions, errors, log, scoreboard.
 *
 *     static bool handle(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
 *                        struct tv_error *error) { ... }
 *     static const struct tv_app app = { .name = "hello", .summary = "...", .handle = handle };
 *     int main(int argc, char **argv) { return tv_main(&app, argc, argv); }
 */
#ifndef TRIVET_SERVE_APP_H
#define TRIVET_SERVE_APP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/option.h"
#include "serve/request.h"
#include "serve/response.h"
#include "store/store.h"

struct tv_worker; /* one thread and its sessions */
struct tv_cache;
struct tv_mysql;
struct tv_mongo;
struct tv_redis;

struct tv_app {
    const char *name;    /* the pool: "sql"; lower case, at most 31 bytes */
    const char *summary; /* one line for --help */
    unsigned stores;     /* enum tv_store, or-ed as 1u << store: sessions that a worker of this pool has */
    bool unguarded; /* answers everyone and touches no one's data: no role is asked for (health, greeting) */
    bool cached;    /* the pool reads through the cache */
    bool looks;     /* looks at all stores every few seconds, for whoever watches (board's looks) */

    /* The templates of its routes ("/{table}"), NULL after the last, at most TV_ROUTES_MAX - 1: metrics have a row for each. Other
     * requests, and all when this is NULL, count under the empty route. */
    const char *const *routes;

    const struct tv_option *options; /* the dialect's own, may be NULL */
    size_t option_count;
    size_t settings_size; /* of the struct that they fill */
    /* Runs once with the loaded settings, before anything is forked; may be NULL. False refuses to start. */
    bool (*check)(const void *settings, struct tv_error *error);

    /* A thread begins; may be NULL. Stores may be away: sessions connect by themselves, at first use. */
    bool (*open)(struct tv_worker *worker, struct tv_error *error);
    /* Answers one request. True: the response is complete. False: *error is, and fail() writes it. */
    bool (*handle)(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                   struct tv_error *error);
    /* Writes an error in the dialect's shape: type, body and headers of its own; the library has set the status,
     * Retry-After and Allow. Also called for errors that the library itself found, with an empty code. NULL: the library
     * writes {"error": message}. */
    void (*fail)(const struct tv_request *request, struct tv_response *response,
                 const struct tv_error *error);
    /* A thread ends; may be NULL. */
    void (*close)(struct tv_worker *worker);
};

/* Parses the command line and serves the listening socket on fd 0 until told to stop. The exit status of the program. */
TV_PUBLIC int tv_main(const struct tv_app *app, int argc, char **argv);

/* The struct that the app's options filled; the same for all threads, never changes. */
TV_PUBLIC const void *tv_worker_settings(const struct tv_worker *worker);
/* What open() keeps for this thread. */
TV_PUBLIC void tv_worker_set_state(struct tv_worker *worker, void *state);
TV_PUBLIC void *tv_worker_state(const struct tv_worker *worker);
/* The thread's sessions; NULL when the app did not ask for that store or it is not configured (empty URL). */
TV_PUBLIC struct tv_mysql *tv_worker_mysql(struct tv_worker *worker);
TV_PUBLIC struct tv_mongo *tv_worker_mongo(struct tv_worker *worker);
TV_PUBLIC struct tv_redis *tv_worker_redis(struct tv_worker *worker);
/* The thread's cache; never NULL: without Redis it answers TV_CACHE_BYPASS to everything. */
TV_PUBLIC struct tv_cache *tv_worker_cache(struct tv_worker *worker);
/* Scoreboards' directory (option watch.directory), for workers that look at all pools. */
TV_PUBLIC const char *tv_worker_watch_directory(const struct tv_worker *worker);
/* Pools that are meant to be there (option watch.pools), for the same. */
TV_PUBLIC const char *tv_worker_watch_pools(const struct tv_worker *worker);
/* Stores' settings, for workers that look at stores rather than use them. */
TV_PUBLIC const struct tv_store_settings *tv_worker_store_settings(const struct tv_worker *worker);

#endif
