/*
 * spread.c - percentiles from buckets, as Prometheus' histogram_quantile computes them: within a bucket, observations are taken
 * to lie evenly.
 */
#include "tool.h"

void spread_add(struct spread *spread, const struct tv_histogram *histogram)
{
    for (size_t i = 0; i < TV_BUCKET_COUNT; i++) {
        uint64_t count = tv_word(&histogram->buckets[i]);
        spread->counts[i] += count;
        spread->total += count;
    }
}

void spread_since(struct spread *spread, const struct spread *before)
{
    spread->total = 0;
    for (size_t i = 0; i < TV_BUCKET_COUNT; i++) {
        bool grown = spread->counts[i] >= before->counts[i];
        spread->counts[i] = grown ? spread->counts[i] - before->counts[i] : 0;
        spread->total += spread->counts[i];
    }
}

double spread_percentile(const struct spread *spread, double share)
{
    double rank = share * (double)spread->total, below = 0;
    if (spread->total == 0)
        return -1;
    for (size_t i = 0; i < TV_BOUND_COUNT; i++) {
        double count = (double)spread->counts[i];
        double from = i == 0 ? 0 : (double)tv_bounds[i - 1].us, to = (double)tv_bounds[i].us;
        if (count > 0 && below + count >= rank)
            return from + (to - from) * (rank - below) / count;
        below += count;
    }
    return (double)tv_bounds[TV_BOUND_COUNT - 1].us;
}
