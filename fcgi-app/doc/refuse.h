/*
 * refuse.h - what never reaches the server, whoever asks: code in any form, and names in stored documents that only
 * operators may have. It walks the finished BSON, so that nothing can hide in how it was spelt.
 */
#ifndef TRIVET_DOC_REFUSE_H
#define TRIVET_DOC_REFUSE_H

#include <bson/bson.h>

#include "trivet.h"

enum doc_place {
    DOC_IN_QUERY,  /* filter, projection, sort: operators are welcome */
    DOC_IN_STORED, /* a document to be stored: names that begin with $ are not */
};

/* 400 for what is refused. *changing becomes true (never false) when the answer depends on more than the data: the time,
 * chance; such an answer must not be kept. */
bool doc_refuse(const bson_t *document, enum doc_place place, const char *field, bool *changing,
                struct tv_error *error) TV_MUST_CHECK;

#endif
