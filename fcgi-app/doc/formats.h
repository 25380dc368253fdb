/*
 * formats.h - media types: what a request's body is, and which form the answer takes.
 */
#ifndef TRIVET_DOC_FORMATS_H
#define TRIVET_DOC_FORMATS_H

#include "trivet.h"

enum doc_format {
    DOC_JSON,  /* plain and lossy: an ObjectId is its hexadecimal digits */
    DOC_EJSON, /* canonical Extended JSON: every type is told */
};

/* By Accept: application/ejson alone asks for EJSON; anything else, nothing and several types give JSON. */
enum doc_format doc_format_wanted(const struct tv_request *request);
const char *doc_format_type(enum doc_format format);
/* A write must say that its body is JSON or EJSON (400, in the vendor's words); a read need not say anything. */
bool doc_check_content_type(const struct tv_request *request, bool writes,
                            struct tv_error *error) TV_MUST_CHECK;

#endif
