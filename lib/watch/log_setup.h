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

/* What one request was, for its line. */
struct tv_request_line {
    struct tv_slice id;
    struct tv_slice role;
    struct tv_slice method;
    const char *route;
    int status;
    int64_t total_us; /* from whole to answered */
    int64_t queue_us; /* before that, since nginx passed it on; -1 = not known */
    int64_t store_us; /* waiting for stores */
    uint64_t bytes;
    const char *cache;              /* hit, miss, bypass or NULL */
    const struct tv_error *failure; /* NULL when it went well */
    bool broken;                    /* the transfer was cut */
};

void tv_log_request(const struct tv_request_line *request);

#endif
