/*
 * watch_settings.h - the section [watch]: where those who serve and those who look meet. One table for pools and tools, which read
 * the same file: a key that one of them did not know would be a mistake to it.
 */
#ifndef TRIVET_WATCH_WATCH_SETTINGS_H
#define TRIVET_WATCH_WATCH_SETTINGS_H

#include "base/option.h"

struct tv_watch_settings {
    const char *directory;
    const char *pools; /* see expected.h */
    int64_t look;      /* milliseconds between two looks at the stores */
};

extern const struct tv_option tv_watch_options[];
extern const size_t tv_watch_option_count;

/* What no single row can say. */
bool tv_watch_settings_check(const struct tv_watch_settings *settings, struct tv_error *error) TV_MUST_CHECK;

#endif
