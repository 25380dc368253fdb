/*
 * write_bson.h - BSON becomes JSON, in the two forms that the Data API has. Any document gives valid JSON, whatever bytes
 * its strings hold.
 */
#ifndef TRIVET_DOC_WRITE_BSON_H
#define TRIVET_DOC_WRITE_BSON_H

#include <bson/bson.h>

#include "formats.h"
#include "trivet.h"

/* Writes the document as the next value. False when the document is broken or nested deeper than a server allows; what was
 * written is then not complete. */
bool doc_write_document(struct tv_json *json, enum doc_format format, const bson_t *document) TV_MUST_CHECK;
/* The value under the iterator, likewise. */
bool doc_write_value(struct tv_json *json, enum doc_format format, const bson_iter_t *at) TV_MUST_CHECK;

#endif
