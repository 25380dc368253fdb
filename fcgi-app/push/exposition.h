/*
 * exposition.h - reading Prometheus' text format as fcgi-app/ops/metrics.c writes it, sample by sample. What is pushed is thus what
 * would have been scraped, under the same names, and a new family needs no line here.
 */
#ifndef PUSH_EXPOSITION_H
#define PUSH_EXPOSITION_H

#include "trivet.h"

#define EXPOSITION_LABELS_MAX 6

enum exposition_type { EXPOSITION_GAUGE, EXPOSITION_COUNTER, EXPOSITION_HISTOGRAM };

struct exposition {
    struct tv_slice rest; /* not read yet; everything else points into it */
    /* of the family */
    struct tv_slice help, name;
    enum exposition_type type;
    /* of the sample */
    struct tv_slice sample; /* the family's name, for histograms with _bucket, _sum or _count */
    struct tv_slice value;
    size_t label_count;
    struct {
        struct tv_slice name, value;
    } labels[EXPOSITION_LABELS_MAX];
};

void exposition_start(struct exposition *reader, struct tv_slice text);
/* The next sample; false at the end, or at a line that is none of ours. */
bool exposition_next(struct exposition *reader) TV_MUST_CHECK;
/* The empty slice when the sample has no such label. */
struct tv_slice exposition_label(const struct exposition *reader, const char *name);

#endif
