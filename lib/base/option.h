/*
 * option.h - configuration from const tables: one row gives an option's name, type, default, bounds, meaning and place.
 *
 * The rows make --help, --print-config, --check and the environment's names; there is no second list to keep in step.
 * Sources, later ones win: the row's default, the file (INI), TRIVET_SECTION_KEY_FILE (a file that holds the value),
 * TRIVET_SECTION_KEY. Values are read only after loading and never change while a process runs: a reload makes new
 * processes with a new set.
 */
#ifndef TRIVET_BASE_OPTION_H
#define TRIVET_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum tv_option_type {
    TV_OPTION_TEXT,     /* const char *, never NULL */
    TV_OPTION_INTEGER,  /* int64_t */
    TV_OPTION_BOOLEAN,  /* bool: true/false, yes/no, on/off, 1/0 */
    TV_OPTION_DURATION, /* int64_t milliseconds: "500ms", "10s", "5m", "1h"; a bare number is seconds */
    TV_OPTION_SIZE,     /* int64_t bytes: "4096", "64k", "8m", "1g" */
};

enum tv_option_flags {
    TV_OPTION_SECRET = 1, /* masked in --print-config, never logged */
    TV_OPTION_FIXED = 2,  /* a reload does not change it: it needs a restart */
};

struct tv_option {
    const char *section; /* NULL: the pool's own section, named like the worker ("sql") */
    const char *key;
    enum tv_option_type type;
    const char *fallback; /* the default, as it would be written in the file */
    int64_t minimum;      /* numbers: bounds, both included; equal bounds mean none */
    int64_t maximum;
    size_t offset; /* of the field in the struct that the values go to */
    unsigned flags;
    const char *help; /* one sentence for --help and the manual */
};

/* A table and the struct that it fills. */
struct tv_option_set {
    const struct tv_option *options;
    size_t count;
    void *values;
};

#endif
