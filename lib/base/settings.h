/*
 * settings.h - private to the library: loading what option.h's tables describe, and showing it.
 */
#ifndef TRIVET_BASE_SETTINGS_H
#define TRIVET_BASE_SETTINGS_H

#include <stdio.h>

#include "base/option.h"

#define TV_OPTION_SETS_MAX 8

struct tv_settings {
    const char *pool; /* section of the rows that name none */
    struct tv_option_set sets[TV_OPTION_SETS_MAX];
    size_t set_count;
    struct tv_setting_state *states; /* one a row, over all sets, in order */
    char foreign[256];               /* sections of the file that belong to other workers, for --check */
};

/* Rows are added first, then loaded once. The tables and the values' structs must outlive the settings. */
void tv_settings_init(struct tv_settings *settings, const char *pool);
void tv_settings_add(struct tv_settings *settings, const struct tv_option *options, size_t count,
                     void *values);
/* file may be NULL: defaults and environment only. The message names option, source and what is allowed. Texts in the
 * values' structs live until tv_settings_free. */
bool tv_settings_load(struct tv_settings *settings, const char *file, struct tv_error *error) TV_MUST_CHECK;
void tv_settings_free(struct tv_settings *settings);

/* As an INI file that could be read again, each row with its source; secrets are masked. */
void tv_settings_print(const struct tv_settings *settings, FILE *out);
/* Every option: name, environment variable, default, bounds, meaning. */
void tv_settings_help(const struct tv_settings *settings, FILE *out);

#endif
