/*
 * serve_settings.h - private to the library: how large a pool is and what one request may cost, and all settings of a
 * process together.
 */
#ifndef TRIVET_SERVE_SERVE_SETTINGS_H
#define TRIVET_SERVE_SERVE_SETTINGS_H

#include "base/settings.h"
#include "cache/cache_setup.h"
#include "guard/guard.h"
#include "serve/app.h"
#include "store/store.h"
#include "watch/log_setup.h"
#include "watch/trace_settings.h"
#include "watch/watch_settings.h"

struct tv_serve_settings {
    int64_t processes;
    int64_t workers; /* 0: the window below; otherwise both its ends */
    int64_t workers_min;
    int64_t workers_max;
    int64_t workers_quiet; /* milliseconds in which workers were not needed before some are let go */
    int64_t connections;   /* of the whole pool to each of its stores; 0: no limit but the window */
    int64_t drain;         /* milliseconds */

    int64_t body;         /* bytes */
    int64_t parameters;   /* bytes of FastCGI parameters: URL and headers */
    int64_t memory;       /* bytes of a request's arena */
    int64_t response;     /* bytes of an answer that does not stream */
    int64_t flow;         /* bytes that wait before a streaming answer is sent on */
    int64_t queue_budget; /* milliseconds that a request may have waited */
    int64_t time;         /* milliseconds for the whole request */
    int64_t read_time;    /* milliseconds from a request's first byte to its last */
    int64_t write_time;   /* milliseconds for sending one piece of an answer */
};

extern const struct tv_option tv_serve_options[];
extern const size_t tv_serve_option_count;

/* Everything that was configured; one of these a generation, owned by the master. */
struct tv_configuration {
    struct tv_settings settings;
    struct tv_serve_settings serve;
    struct tv_watch_settings watch;
    struct tv_log_settings log;
    struct tv_trace_settings trace;
    struct tv_store_settings store;
    struct tv_cache_settings cache;
    struct tv_guard_settings guard;
    void *app; /* the dialect's own */
};

/* Puts all tables in place, so that the settings can be shown; loads nothing. */
void tv_configuration_describe(const struct tv_app *app, struct tv_configuration *configuration);
/* The file to read: the one given, else what TRIVET_CONFIG names, else the installed one where there is one; NULL: none. */
const char *tv_configuration_file(const char *given);
/* NULL with *error filled; file may be NULL. Also checks what no single row can: URLs, windows, the app's own rules. */
struct tv_configuration *tv_configuration_load(const struct tv_app *app, const char *file,
                                               struct tv_error *error);
void tv_configuration_free(struct tv_configuration *configuration);

#endif
