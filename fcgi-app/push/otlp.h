/*
 * otlp.h - a pen for OpenTelemetry's messages, in both of their writings: protobuf and JSON. Who writes a message names its fields
 * once; the numbers are protobuf's, the names JSON's (opentelemetry-proto 1.x).
 *
 * Errors are the buffer's: sticky, looked at once at the end.
 */
#ifndef PUSH_OTLP_H
#define PUSH_OTLP_H

#include "trivet.h"

#define OTLP_DEPTH_MAX 16

enum otlp_writing { OTLP_PROTOBUF, OTLP_JSON };

struct otlp_field {
    uint32_t number;
    const char *name;
};

struct otlp {
    enum otlp_writing writing;
    struct tv_buffer *out; /* borrowed */
    struct tv_json json;
    unsigned depth;
    size_t starts[OTLP_DEPTH_MAX]; /* protobuf: where the open messages' contents begin */
    const struct otlp_field *list; /* protobuf: what the items of the open list are */
    const struct otlp_field *lists[OTLP_DEPTH_MAX];
};

/* The whole message; a field of NULL stands for it. */
void otlp_start(struct otlp *otlp, enum otlp_writing writing, struct tv_buffer *out);
/* True when it is complete and nothing failed. */
bool otlp_end(struct otlp *otlp) TV_MUST_CHECK;

/* One message within another, and a list of such. */
void otlp_open(struct otlp *otlp, const struct otlp_field *field);
void otlp_close(struct otlp *otlp);
void otlp_list(struct otlp *otlp, const struct otlp_field *field);
void otlp_item(struct otlp *otlp);
void otlp_list_end(struct otlp *otlp);

void otlp_text(struct otlp *otlp, const struct otlp_field *field, struct tv_slice text);
/* Ids: bytes of protobuf, hexadecimal digits in JSON; the words' first bytes are their highest. */
void otlp_id(struct otlp *otlp, const struct otlp_field *field, const uint64_t *words, size_t count);
/* Small numbers and enums: a number in JSON. Zero too is written: a value of none and a value of zero differ in a choice. */
void otlp_small(struct otlp *otlp, const struct otlp_field *field, uint32_t value);
void otlp_boolean(struct otlp *otlp, const struct otlp_field *field, bool value);
/* 64 bits: a text in JSON. */
void otlp_integer(struct otlp *otlp, const struct otlp_field *field, int64_t value);
void otlp_fixed(struct otlp *otlp, const struct otlp_field *field, uint64_t value);
void otlp_flags(struct otlp *otlp, const struct otlp_field *field, uint32_t value);
void otlp_double(struct otlp *otlp, const struct otlp_field *field, double value);
void otlp_fixed_list(struct otlp *otlp, const struct otlp_field *field, const uint64_t *values, size_t count);
void otlp_double_list(struct otlp *otlp, const struct otlp_field *field, const double *values, size_t count);

/* One attribute, as an item of an open list of KeyValue. */
void otlp_attribute_text(struct otlp *otlp, const char *key, struct tv_slice value);
void otlp_attribute_integer(struct otlp *otlp, const char *key, int64_t value);
void otlp_attribute_double(struct otlp *otlp, const char *key, double value);
void otlp_attribute_boolean(struct otlp *otlp, const char *key, bool value);

#endif
