/*
 * insert.c - insertOne: one document into a collection. It is sent once, and acknowledged only when the server has it.
 */
#include <bson/bson.h>

#include "doc.h"
#include "errors.h"
#include "write_bson.h"

#define FAILED_TO "insert document"

static bool read_input(struct doc_call *call, bson_t *document, struct tv_error *error)
{
    const struct tv_json_value *value = tv_json_member(call->request.root, "document");
    struct doc_span span;
    bson_oid_t new_id;
    if (!value)
        return tv_fail(error, 400, DOC_MISSING_PARAMETER,
                       "Failed to " FAILED_TO ": must provide a 'document' field");
    if (value->type != TV_JSON_OBJECT)
        return tv_fail(error, 400, DOC_INVALID_PARAMETER,
                       "Failed to " FAILED_TO ": FunctionError: mongodb insert: argument must be an object");
    bson_oid_init(&new_id, NULL);
    if (!doc_read_stored(&call->request, "document", value, new_id.bytes, &span, error))
        return false;
    doc_view(&call->request, span, document);
    return true;
}

static bool answer(struct doc_call *call, const bson_t *document, struct tv_error *error)
{
    struct tv_json json;
    bson_iter_t id;
    tv_response_status(call->response, 201);
    tv_response_type(call->response, doc_format_type(call->format));
    tv_json_start(&json, tv_response_body(call->response));
    tv_json_object(&json);
    tv_json_name(&json, "insertedId");
    if (!bson_iter_init_find(&id, document, "_id") || !doc_write_value(&json, call->format, &id))
        return tv_fail(error, 500, NULL, "the document was inserted, but its _id cannot be shown");
    tv_json_object_end(&json);
    return true;
}

bool doc_run_insert_one(struct doc_call *call, struct tv_error *error)
{
    struct tv_mongo *mongo = tv_worker_mongo(call->worker);
    struct tv_cache *cache = tv_worker_cache(call->worker);
    const struct doc_request *request = &call->request;
    bson_t document;
    if (!read_input(call, &document, error))
        return false;
    if (!mongo)
        return tv_fail(error, 503, NULL, "MongoDB is not configured (mongo.url)");
    tv_cache_write_begin(cache, &request->thing, 1);
    bool done = tv_mongo_insert(mongo, request->database, request->collection, &document,
                                call->http->deadline_ms, error);
    tv_cache_write_end(cache, &request->thing, 1);
    return done ? answer(call, &document, error) : doc_store_error(FAILED_TO, error);
}
