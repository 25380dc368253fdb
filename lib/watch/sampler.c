/*
 * sampler.c - a share of all traces, chosen by their ids, so that everyone with the same share chooses the same ones.
 */
#include "watch/sampler.h"

#include <stdlib.h>
#include <string.h>

/* The last seven bytes of an id are the random ones (W3C Trace Context Level 2). */
#define RANDOM_BITS 56
#define RANDOM_MASK ((UINT64_C(1) << RANDOM_BITS) - 1)

static bool read_ratio(const char *text, double *out)
{
    char *end;
    if (*text == '\0') {
        *out = 1;
        return true;
    }
    *out = strtod(text, &end);
    return *end == '\0' && *out >= 0 && *out <= 1;
}

bool tv_sampler_read(const char *name, const char *ratio, struct tv_sampler *out, struct tv_error *error)
{
    static const char prefix[] = "parentbased_";
    double share;
    const char *root = name;
    out->follows_parent = strncmp(name, prefix, sizeof prefix - 1) == 0;
    if (out->follows_parent)
        root += sizeof prefix - 1;
    if (strcmp(root, "always_on") == 0)
        share = 1;
    else if (strcmp(root, "always_off") == 0)
        share = 0;
    else if (strcmp(root, "traceidratio") != 0)
        return tv_fail(error, 500, NULL,
                       "trace.sampler: expected always_on, always_off or traceidratio, or one of them "
                       "after parentbased_, not %s",
                       name);
    else if (!read_ratio(ratio, &share))
        return tv_fail(error, 500, NULL, "trace.ratio: expected a number from 0 to 1, not %s", ratio);
    out->threshold = (uint64_t)((1 - share) * (double)(RANDOM_MASK + 1));
    return true;
}

bool tv_sampler_takes(const struct tv_sampler *sampler, const uint64_t trace[2], bool parent, bool sampled)
{
    if (parent && sampler->follows_parent)
        return sampled;
    return (trace[1] & RANDOM_MASK) >= sampler->threshold;
}
