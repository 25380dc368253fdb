/*
 * read_request.c - see read_request.h. JSON is read first and whole: its mistakes are told with line and column, and
 * nothing of a body that is not one strict JSON value is looked at.
 */
#include "read_request.h"

#include <math.h>

#include "errors.h"
#include "names.h"
#include "read_bson.h"
#include "refuse.h"

/* Around a document there are the body's object and, where several are sent, their array. */
#define BODY_DEPTH_MAX (DOC_DEPTH_MAX + 2)

static struct doc_reader reader_of(struct doc_request *request, const char *field, struct tv_error *error)
{
    return (struct doc_reader){request->arena, request->body, request->bson, field, error};
}

const struct tv_json_value *doc_member(const struct doc_request *request, const char *name)
{
    const struct tv_json_value *value = tv_json_member(request->root, name);
    return value && value->type != TV_JSON_NULL ? value : NULL;
}

static bool read_text(struct doc_request *request, const char *name, struct tv_slice *out,
                      struct tv_error *error)
{
    const struct tv_json_value *value = doc_member(request, name);
    if (!value)
        return tv_fail(error, 400, DOC_MISSING_PARAMETER, "'%s' is missing", name);
    if (value->type != TV_JSON_STRING)
        return tv_fail(error, 400, DOC_INVALID_PARAMETER, "'%s' must be a string", name);
    *out = value->text;
    return true;
}

static bool read_namespace(struct doc_request *request, struct tv_error *error)
{
    struct tv_slice database, collection;
    if (!read_text(request, "database", &database, error) ||
        !read_text(request, "collection", &collection, error) ||
        !doc_check_names(database, collection, error))
        return false;
    request->database = tv_arena_text(request->arena, database);
    request->collection = tv_arena_text(request->arena, collection);
    const char *thing =
        request->database && request->collection
            ? tv_arena_printf(request->arena, "doc:%s.%s", request->database, request->collection)
            : NULL;
    if (!thing)
        return tv_arena_fail(request->arena, error);
    request->thing = tv_slice_of(thing);
    return true;
}

static bool check_data_source(struct doc_request *request, const char *data_source, struct tv_error *error)
{
    struct tv_slice named;
    if (!read_text(request, "dataSource", &named, error))
        return false;
    if (tv_slice_is(named, data_source))
        return true;
    return tv_fail(error, 400, DOC_INVALID_PARAMETER, "there is no such dataSource");
}

bool doc_read_request(struct doc_request *request, struct tv_arena *arena, struct tv_slice body,
                      const char *data_source, struct tv_buffer *bson, struct tv_error *error)
{
    struct tv_json_value *root;
    *request = (struct doc_request){.arena = arena, .body = body, .bson = bson};
    tv_buffer_reset(bson, bson->capacity);
    if (!tv_json_read(arena, body, BODY_DEPTH_MAX, &root, error))
        return false;
    request->root = root;
    if (root->type != TV_JSON_OBJECT)
        return tv_fail(error, 400, DOC_INVALID_PARAMETER, "the body must be a JSON object");
    struct doc_reader reader = reader_of(request, "the body", error);
    return doc_read_names(&reader, root) && check_data_source(request, data_source, error) &&
           read_namespace(request, error);
}

void doc_view(const struct doc_request *request, struct doc_span span, bson_t *out)
{
    static const uint8_t empty[5] = {5};
    if (span.length > 0)
        bson_init_static(out, (const uint8_t *)request->bson->data + span.at, span.length);
    else
        bson_init_static(out, empty, sizeof empty);
}

static bool read_document(struct doc_request *request, const char *name, const struct tv_json_value *value,
                          const uint8_t *new_id, struct doc_span *span, struct tv_error *error)
{
    struct doc_reader reader = reader_of(request, name, error);
    span->at = request->bson->length;
    if (!doc_read_document(&reader, value, new_id))
        return false;
    span->length = request->bson->length - span->at;
    return true;
}

bool doc_read_query(struct doc_request *request, const char *name, struct doc_span *span, bool *changing,
                    struct tv_error *error)
{
    const struct tv_json_value *value = doc_member(request, name);
    bson_t document;
    *span = (struct doc_span){0};
    if (!value)
        return true;
    if (value->type != TV_JSON_OBJECT)
        return tv_fail(error, 400, DOC_INVALID_PARAMETER, "'%s' must be an object", name);
    if (!read_document(request, name, value, NULL, span, error))
        return false;
    doc_view(request, *span, &document);
    return doc_refuse(&document, DOC_IN_QUERY, name, changing, error);
}

bool doc_read_stored(struct doc_request *request, const char *name, const struct tv_json_value *value,
                     const uint8_t *new_id, struct doc_span *span, struct tv_error *error)
{
    bson_t document;
    bool changing = false; /* of no meaning here */
    if (!read_document(request, name, value, new_id, span, error))
        return false;
    doc_view(request, *span, &document);
    return doc_refuse(&document, DOC_IN_STORED, name, &changing, error);
}

/* The value as BSON, in a document of its own at the buffer's end, which is taken back. */
static bool integer_of(const struct doc_request *request, size_t at, int64_t *out)
{
    bson_t document;
    bson_iter_t iter;
    doc_view(request, (struct doc_span){at, request->bson->length - at}, &document);
    if (!bson_iter_init(&iter, &document) || !bson_iter_next(&iter))
        return false;
    if (BSON_ITER_HOLDS_INT(&iter)) {
        *out = bson_iter_as_int64(&iter);
        return true;
    }
    double real = BSON_ITER_HOLDS_DOUBLE(&iter) ? bson_iter_double(&iter) : (double)NAN;
    if (!(fabs(real) < 1e15) || nearbyint(real) < real || nearbyint(real) > real)
        return false;
    *out = (int64_t)real;
    return true;
}

bool doc_read_integer(struct doc_request *request, const char *name, int64_t minimum, int64_t maximum,
                      int64_t *out, struct tv_error *error)
{
    const struct tv_json_value *value = doc_member(request, name);
    struct doc_reader reader = reader_of(request, name, error);
    int64_t number = 0;
    if (!value)
        return true;
    size_t at = doc_bson_open(request->bson);
    if (!doc_read_element(&reader, TV_SLICE("n"), value))
        return false;
    doc_bson_close(request->bson, at);
    bool whole = !tv_buffer_failed(request->bson) && integer_of(request, at, &number);
    if (!whole || number < minimum || number > maximum)
        return tv_fail(error, 400, DOC_INVALID_PARAMETER, "'%s' must be an integer from %lld to %lld", name,
                       (long long)minimum, (long long)maximum);
    request->bson->length = at;
    *out = number;
    return true;
}
