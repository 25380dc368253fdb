/*
 * find.c - find and findOne: from the cache, or from the server, document by document.
 *
 * An answer that may be kept is gathered until it is larger than the cache takes; from then on, and for all others, it is
 * sent as it is read. An error after that breaks the transfer: it is never a well-formed short answer.
 */
#include <bson/bson.h>

#include "doc.h"
#include "errors.h"
#include "write_bson.h"

#define LIMIT_DEFAULT 1000
#define LIMIT_MAX     50000

struct search {
    bool one; /* findOne */
    struct doc_span filter, projection, sort;
    int64_t limit, skip;
    bool changing; /* the answer depends on more than the data */
};

static bool read_search(struct doc_call *call, bool one, struct search *search, struct tv_error *error)
{
    struct doc_request *request = &call->request;
    *search = (struct search){.one = one, .limit = one ? 1 : LIMIT_DEFAULT};
    if (!doc_read_query(request, "filter", &search->filter, &search->changing, error) ||
        !doc_read_query(request, "projection", &search->projection, &search->changing, error) ||
        !doc_read_query(request, "sort", &search->sort, &search->changing, error))
        return false;
    if (one)
        return true;
    if (!doc_read_integer(request, "limit", 0, LIMIT_MAX, &search->limit, error) ||
        !doc_read_integer(request, "skip", 0, INT64_MAX, &search->skip, error))
        return false;
    if (search->limit == 0) /* MongoDB's "no limit": as many as there may be */
        search->limit = LIMIT_MAX;
    return true;
}

/* --- the cache -------------------------------------------------------------------------------------------------------- */

static void add_span(struct tv_buffer *out, const struct doc_request *request, struct doc_span span)
{
    uint64_t length = span.length;
    tv_buffer_append(out, &length, sizeof length);
    if (span.length > 0)
        tv_buffer_append(out, request->bson->data + span.at, span.length);
}

static void add_text(struct tv_buffer *out, struct tv_slice text)
{
    uint64_t length = text.length;
    tv_buffer_append(out, &length, sizeof length);
    tv_buffer_slice(out, text);
}

/* All that the answer depends on, each part with its length before it, appended to the request's BSON. */
static bool write_question(const struct doc_call *call, const struct search *search,
                           struct tv_cache_question *question)
{
    const struct doc_request *request = &call->request;
    struct tv_buffer *out = request->bson;
    int64_t numbers[4] = {search->one, search->limit, search->skip, call->format};
    /* room for all at once: what is copied lies in the same buffer */
    size_t need = search->filter.length + search->projection.length + search->sort.length +
                  call->http->role.length + request->thing.length + 128,
           at = out->length;
    if (!tv_buffer_reserve(out, need))
        return false;
    tv_buffer_append(out, numbers, sizeof numbers);
    add_text(out, call->http->role);
    add_text(out, request->thing);
    add_span(out, request, search->filter);
    add_span(out, request, search->projection);
    add_span(out, request, search->sort);
    question->text = (struct tv_slice){out->data + at, out->length - at};
    question->things[0] = request->thing;
    question->thing_count = 1;
    return !tv_buffer_failed(out);
}

static void ask_cache(const struct doc_call *call, const struct search *search,
                      struct tv_cache_lookup *lookup)
{
    struct tv_cache_question question = {0};
    *lookup = (struct tv_cache_lookup){.result = TV_CACHE_BYPASS};
    if (!search->changing && !tv_request_no_cache(call->http) && write_question(call, search, &question))
        tv_cache_find(tv_worker_cache(call->worker), call->http->arena, &question, call->http->deadline_ms,
                      lookup);
    tv_response_header(call->response, "X-Trivet-Cache", tv_slice_of(tv_cache_result_name(lookup->result)));
}

/* --- the store -------------------------------------------------------------------------------------------------------- */

static void append_document(bson_t *options, const struct doc_request *request, const char *name,
                            struct doc_span span)
{
    bson_t document;
    doc_view(request, span, &document);
    if (span.length > 0)
        BSON_APPEND_DOCUMENT(options, name, &document);
}

static bool start(struct doc_call *call, const struct search *search, struct tv_mongo *mongo,
                  struct tv_error *error)
{
    const struct doc_request *request = &call->request;
    bson_t filter, options = BSON_INITIALIZER;
    doc_view(request, search->filter, &filter);
    BSON_APPEND_INT64(&options, "limit", search->limit);
    if (search->one)
        BSON_APPEND_BOOL(&options, "singleBatch", true);
    if (search->skip > 0)
        BSON_APPEND_INT64(&options, "skip", search->skip);
    append_document(&options, request, "projection", search->projection);
    append_document(&options, request, "sort", search->sort);
    bool started = tv_mongo_find(mongo, request->database, request->collection, &filter, &options,
                                 call->http->deadline_ms, error);
    bson_destroy(&options);
    return started;
}

/* An answer that is still gathered for the cache; keeping ends when it becomes too large. */
static bool still_keeping(struct doc_call *call, struct tv_cache_lookup *lookup)
{
    struct tv_cache *cache = tv_worker_cache(call->worker);
    if (lookup->result != TV_CACHE_MISS)
        return false;
    if (tv_response_body(call->response)->length <= tv_cache_entry_max(cache))
        return true;
    tv_cache_give_up(cache, lookup);
    lookup->result = TV_CACHE_BYPASS;
    return false;
}

/* Writes documents until there are none. *gone: nobody reads any more, which is no error of the request's. */
static bool write_documents(struct doc_call *call, struct tv_mongo *mongo, const struct search *search,
                            struct tv_json *json, struct tv_cache_lookup *lookup, bool *gone,
                            struct tv_error *error)
{
    const bson_t *document = NULL;
    enum tv_step step;
    size_t count = 0;
    while ((step = tv_mongo_next(mongo, &document, error)) == TV_STEP_ROW) {
        if (!doc_write_document(json, call->format, document))
            return tv_fail(error, 500, NULL, "MongoDB sent a document that cannot be read");
        count++;
        if (!still_keeping(call, lookup) && !tv_response_flow(call->response)) {
            *gone = true;
            return true;
        }
    }
    if (step == TV_STEP_END && search->one && count == 0)
        tv_json_null(json);
    return step == TV_STEP_END;
}

static bool write_answer(struct doc_call *call, struct tv_mongo *mongo, const struct search *search,
                         struct tv_cache_lookup *lookup, struct tv_error *error)
{
    struct tv_json json;
    bool gone = false;
    tv_response_type(call->response, doc_format_type(call->format));
    tv_json_start(&json, tv_response_body(call->response));
    tv_json_object(&json);
    tv_json_name(&json, search->one ? "document" : "documents");
    if (!search->one)
        tv_json_array(&json);
    bool done = write_documents(call, mongo, search, &json, lookup, &gone, error);
    tv_mongo_finish(mongo);
    if (!done || gone)
        return done;
    if (!search->one)
        tv_json_array_end(&json);
    tv_json_object_end(&json);
    if (still_keeping(call, lookup) && tv_json_complete(&json)) {
        tv_cache_fill(tv_worker_cache(call->worker), lookup, (struct tv_slice){0},
                      tv_buffer_view(tv_response_body(call->response)));
        lookup->result = TV_CACHE_BYPASS;
    }
    return true;
}

static bool run(struct doc_call *call, bool one, struct tv_error *error)
{
    struct tv_mongo *mongo = tv_worker_mongo(call->worker);
    struct search search;
    struct tv_cache_lookup lookup;
    if (!read_search(call, one, &search, error))
        return false;
    if (!mongo)
        return tv_fail(error, 503, NULL, "MongoDB is not configured (mongo.url)");
    ask_cache(call, &search, &lookup);
    if (lookup.result == TV_CACHE_HIT) {
        tv_response_type(call->response, doc_format_type(call->format));
        tv_buffer_slice(tv_response_body(call->response), lookup.body);
        return true;
    }
    bool done = start(call, &search, mongo, error) && write_answer(call, mongo, &search, &lookup, error);
    if (lookup.result == TV_CACHE_MISS)
        tv_cache_give_up(tv_worker_cache(call->worker), &lookup);
    return done || doc_store_error(one ? "find document" : "find documents", error);
}

bool doc_run_find(struct doc_call *call, struct tv_error *error)
{
    return run(call, false, error);
}

bool doc_run_find_one(struct doc_call *call, struct tv_error *error)
{
    return run(call, true, error);
}
