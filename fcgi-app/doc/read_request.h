/*
 * read_request.h - the body becomes a request: strict JSON, the members that every action has, and one by one those that
 * the action asks for. Needs no worker and no store.
 */
#ifndef TRIVET_DOC_READ_REQUEST_H
#define TRIVET_DOC_READ_REQUEST_H

#include <bson/bson.h>

#include "trivet.h"

/* Levels of a document; a few less than MongoDB's 100, which count differently from server to server. */
#define DOC_DEPTH_MAX 96

struct doc_request {
    struct tv_arena *arena;
    struct tv_slice body;
    struct tv_buffer *bson; /* documents that were read; borrowed */
    const struct tv_json_value *root;
    const char *database;
    const char *collection;
    struct tv_slice thing; /* the collection as the cache names it: "doc:DATABASE.COLLECTION" */
};

/* Where a document stands in request->bson; length 0: the request has none. */
struct doc_span {
    size_t at;
    size_t length;
};

/* Reads what every action needs. data_source is the only one that there is. The bson buffer is emptied. */
bool doc_read_request(struct doc_request *request, struct tv_arena *arena, struct tv_slice body,
                      const char *data_source, struct tv_buffer *bson, struct tv_error *error) TV_MUST_CHECK;

/* A member of the body; NULL when it is absent or null (which clients send for "none"). */
const struct tv_json_value *doc_member(const struct doc_request *request, const char *name);
/* A filter, projection or sort: checked by doc_refuse as part of a query. Absent leaves span empty. */
bool doc_read_query(struct doc_request *request, const char *name, struct doc_span *span, bool *changing,
                    struct tv_error *error) TV_MUST_CHECK;
/* An integer from minimum to maximum, also in EJSON's types; absent leaves *out as it is. */
bool doc_read_integer(struct doc_request *request, const char *name, int64_t minimum, int64_t maximum,
                      int64_t *out, struct tv_error *error) TV_MUST_CHECK;
/* The document to be stored; with new_id as its _id unless it brings one. */
bool doc_read_stored(struct doc_request *request, const char *name, const struct tv_json_value *value,
                     const uint8_t *new_id, struct doc_span *span, struct tv_error *error) TV_MUST_CHECK;

/* What a span holds, borrowed from the buffer: only after everything has been read. An empty span gives {}. */
void doc_view(const struct doc_request *request, struct doc_span span, bson_t *out);

#endif
