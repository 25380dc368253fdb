/*
 * log_setup.h - private to the library: where log lines go, and the line that ends every request.
 */
#ifndef TRIVET_WATCH_LOG_SETUP_H
#define TRIVET_WATCH_LOG_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/option.h"
#include "base/slice.h"
#include "watch/log.h"
#include "watch/scoreboard.h"

struct tv_log_settings {
    const char *level;    /* error, warn, info, debug */
    const char *file;     /* empty: stderr */
    const char *requests; /* all, slow, none */
    int64_t slow;         /* milliseconds from which a request is slow */
};

extern const struct tv_option tv_log_options[];
extern const size_t tv_log_option_count;

/* Opens the file and takes the level over. *settings must live as long as lines are written. */
bool tv_log_start(const struct tv_log_settings *settings, const char *pool,
                  struct tv_error *error) TV_MUST_CHECK;
/* Opens the file anew (it was moved away); keeps the old one when that fails. */
void tv_log_reopen(void);

/* Writes lines of every level (debug) from now on, or again of the configured one. */
void tv_log_toggle(void);
/* Another level while the process runs, until the next start: its name, or "default" for the configured one. False: there is no
 * such level. */
bool tv_log_set_level(const char *name) TV_MUST_CHECK;
/* The same by its number, from another process of the pool; any other number is ignored. */
void tv_log_use_level(int level);
enum tv_log_level tv_log_level(void);
const char *tv_log_level_name(void);

/* What one request was, for its line. */
struct tv_request_line {
    struct tv_slice id;
    struct tv_slice role;
    struct tv_slice method;
    const char *route;
    int status;
    int64_t total_us;          /* since nginx passed it on */
    int64_t queue_us;          /* of it, waiting for a worker; -1 = not known */
    const int64_t *phase_us;   /* TV_PHASE_COUNT of them; with the wait they add up to the total */
    struct tv_slice statement; /* the shape of the one that took longest; empty: none was sent */
    struct tv_slice trace;     /* its id in hexadecimal digits; empty: none */
    uint64_t bytes;
    const char *cache;              /* hit, miss, bypass or NULL */
    const struct tv_error *failure; /* NULL when it went well */
    bool broken;                    /* the transfer was cut, by us */
    bool unread;                    /* the peer took no more of it: it left, or did not read */
};

/* The line may wait for others of the same thread (log_batch.h): see tv_log_pending. */
void tv_log_request(const struct tv_request_line *request);

/* A worker thread begins (true) or ends. */
void tv_log_worker(bool begins);
/* Lines of this thread wait; whoever has nothing else to do flushes them. */
bool tv_log_pending(void);
void tv_log_flush(void);
/* By the housekeeper: writes the lines of workers that have been busy for a while. */
void tv_log_flush_older(void);

#endif
