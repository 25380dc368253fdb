/*
 * expected.h - which pools are meant to be there (option watch.pools). What a scoreboard says is not enough: a pool that never came
 * up has none, and one that was stopped on purpose looks like one that should run.
 */
#ifndef TRIVET_WATCH_EXPECTED_H
#define TRIVET_WATCH_EXPECTED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define TV_EXPECTED_MAX 32

struct tv_expected {
    size_t count;
    char names[TV_EXPECTED_MAX][32];
};

/* pools: names between blanks or commas ("sql doc"), or the absolute path of the directory in which systemd keeps what is enabled:
 * its links trivet@NAME.service name the pools; one that is not there names none. False with *error for anything else. */
TV_PUBLIC bool tv_expected_read(struct tv_expected *expected, const char *pools,
                                struct tv_error *error) TV_MUST_CHECK;
TV_PUBLIC bool tv_expected_has(const struct tv_expected *expected, const char *pool);

#endif
