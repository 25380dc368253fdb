/*
 * resource.h - who sends: the attributes that stand for this Trivet in everything that is pushed.
 */
#ifndef PUSH_RESOURCE_H
#define PUSH_RESOURCE_H

#include "otlp.h"

#define RESOURCE_ATTRIBUTES_MAX 32

struct resource {
    size_t count;
    struct {
        char key[128];
        char value[256];
    } attributes[RESOURCE_ATTRIBUTES_MAX];
};

/* From OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES and the host's name. A list that cannot be understood is warned of and left out
 * whole. */
void resource_read(struct resource *resource);
/* NULL when there is none of that key. */
const char *resource_get(const struct resource *resource, const char *key);

/* The beginning that traces and metrics share: the resource, and the scope "trivet". list: resourceSpans or resourceMetrics,
 * scopes: the list within it. To be ended with resource_close. */
void resource_open(struct otlp *otlp, const struct resource *resource, const struct otlp_field *list,
                   const struct otlp_field *scopes);
void resource_close(struct otlp *otlp);

#endif
