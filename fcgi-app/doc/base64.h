/*
 * base64.h - base64 as EJSON has it (RFC 4648, with padding).
 */
#ifndef TRIVET_DOC_BASE64_H
#define TRIVET_DOC_BASE64_H

#include "trivet.h"

void doc_base64_write(struct tv_buffer *out, const uint8_t *data, size_t length);
/* Appends the bytes that text stands for. False when it is not base64 (nothing is said about a full buffer). */
bool doc_base64_read(struct tv_slice text, struct tv_buffer *out) TV_MUST_CHECK;

#endif
