/*
 * metrics_out.h - all families of metrics as one message of OpenTelemetry's: sums and histograms since the pool began (cumulative),
 * gauges as they are now.
 */
#ifndef PUSH_METRICS_OUT_H
#define PUSH_METRICS_OUT_H

#include "resource.h"

/* pools: those that are meant to be there (watch.pools). last: a goodbye. Sums stay; gauges are said to have no value any more,
 * since what a pool that just ended was at is not true of anything, and a receiver would otherwise go on with it for minutes:
 * Prometheus takes it as a target that is gone, not one in trouble. False with *error when the boards cannot be read, or nothing
 * is there to be told. */
bool metrics_out(const char *directory, const char *pools, const struct resource *resource,
                 enum otlp_writing writing, bool last, struct tv_buffer *out,
                 struct tv_error *error) TV_MUST_CHECK;

#endif
