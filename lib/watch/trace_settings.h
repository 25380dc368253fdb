/*
 * trace_settings.h - private to the library: what is traced. Options of our own, and where they say nothing the variables that
 * every program of OpenTelemetry's knows.
 */
#ifndef TRIVET_WATCH_TRACE_SETTINGS_H
#define TRIVET_WATCH_TRACE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/option.h"
#include "watch/sampler.h"

struct tv_trace_settings {
    const char *record;       /* auto, on, off */
    const char *sampler_name; /* empty: OTEL_TRACES_SAMPLER */
    const char *ratio;        /* empty: OTEL_TRACES_SAMPLER_ARG */
    bool tail;                /* keep what failed or was slow, whatever the sampler said */
    int64_t ring;             /* bytes that a process may have waiting to be pushed */
    /* made of these by tv_trace_settings_check */
    bool recording;
    struct tv_sampler sampler;
};

extern const struct tv_option tv_trace_options[];
extern const size_t tv_trace_option_count;

/* After loading: fills the last members. An option of ours that makes no sense is refused; a variable of OpenTelemetry's that
 * does is warned of and taken for unset, as its specification asks. */
bool tv_trace_settings_check(struct tv_trace_settings *settings, struct tv_error *error) TV_MUST_CHECK;

#endif
