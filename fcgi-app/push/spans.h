/*
 * spans.h - a trace as OpenTelemetry's spans, by its semantic conventions for HTTP servers and databases (the stable ones).
 */
#ifndef PUSH_SPANS_H
#define PUSH_SPANS_H

#include "otlp.h"

/* The request's span and those within it, as items of the open list of Span. */
void spans_write(struct otlp *otlp, const struct tv_record_view *trace, const char *pool);

#endif
