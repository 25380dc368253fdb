/*
 * sampler.h - private to the library: whether a request is traced, decided when it begins. The samplers are those of OpenTelemetry,
 * by their names there.
 */
#ifndef TRIVET_WATCH_SAMPLER_H
#define TRIVET_WATCH_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct tv_sampler {
    bool follows_parent; /* a caller that has decided decides for us */
    uint64_t threshold;  /* of 2^56: ids below it are not sampled; 2^56: none is */
};

/* "parentbased_traceidratio" and its siblings; ratio "0.01" (empty: 1). 500 when it is none of them. */
bool tv_sampler_read(const char *name, const char *ratio, struct tv_sampler *out,
                     struct tv_error *error) TV_MUST_CHECK;
/* parent: whether a caller has decided, and sampled: how. */
bool tv_sampler_takes(const struct tv_sampler *sampler, const uint64_t trace[2], bool parent, bool sampled);

#endif
