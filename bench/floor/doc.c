/*
 * doc.c - the floor of /doc: one review by its _id, which is cut out of the body by sight. See floor.h.
 */
#include <fcgiapp.h>
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "floor.h"

struct session {
    mongoc_client_t *client;
    mongoc_collection_t *reviews;
    bson_t options;
};

static void *open_thread(void)
{
    mongoc_client_t *client = mongoc_client_new(floor_setting("FLOOR_MONGO_URL"));
    struct session *session = client ? calloc(1, sizeof *session) : NULL;
    if (!session)
        return NULL;
    session->client = client;
    session->reviews = mongoc_client_get_collection(session->client, "shop", "reviews");
    bson_init(&session->options);
    BSON_APPEND_INT64(&session->options, "limit", 1);
    BSON_APPEND_BOOL(&session->options, "singleBatch", true);
    return session;
}

/* {... "_id":"VALUE" ...} */
static bool read_id(const FCGX_Request *request, char *id, size_t size)
{
    char body[4096];
    int length = FCGX_GetStr(body, sizeof body - 1, request->in);
    body[length > 0 ? length : 0] = '\0';
    const char *from = strstr(body, "\"_id\":\""), *to = from ? strchr(from + 7, '"') : NULL;
    if (!to || (size_t)(to - from) - 7 >= size)
        return false;
    memcpy(id, from + 7, (size_t)(to - from) - 7);
    id[to - from - 7] = '\0';
    return true;
}

static void put_date(struct floor_out *out, int64_t milliseconds)
{
    char text[32];
    time_t seconds = (time_t)(milliseconds / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &parts);
    for (int64_t i = 0, left = milliseconds % 1000; i < 3; i++, left /= 10)
        text[22 - i] = (char)('0' + left % 10);
    floor_json(out, text, length);
}

static void put_fields(struct floor_out *out, bson_iter_t *fields, bool named);

/* The types that reviews have; any other is null. */
static void put_value(struct floor_out *out, bson_iter_t *field)
{
    bson_iter_t inside;
    uint32_t length;
    const char *text;
    switch (bson_iter_type(field)) {
    case BSON_TYPE_UTF8:
        text = bson_iter_utf8(field, &length);
        floor_json(out, text, length);
        break;
    case BSON_TYPE_INT32: floor_integer(out, bson_iter_int32(field)); break;
    case BSON_TYPE_INT64: floor_integer(out, bson_iter_int64(field)); break;
    case BSON_TYPE_BOOL: floor_text(out, bson_iter_bool(field) ? "true" : "false"); break;
    case BSON_TYPE_DATE_TIME: put_date(out, bson_iter_date_time(field)); break;
    case BSON_TYPE_DOCUMENT:
    case BSON_TYPE_ARRAY:
        bson_iter_recurse(field, &inside);
        put_fields(out, &inside, bson_iter_type(field) == BSON_TYPE_DOCUMENT);
        break;
    default: floor_text(out, "null"); break;
    }
}

static void put_fields(struct floor_out *out, bson_iter_t *fields, bool named)
{
    floor_put(out, named ? "{" : "[", 1);
    for (bool any = false; bson_iter_next(fields); any = true) {
        if (any)
            floor_put(out, ",", 1);
        if (named) {
            floor_json(out, bson_iter_key(fields), bson_iter_key_len(fields));
            floor_put(out, ":", 1);
        }
        put_value(out, fields);
    }
    floor_put(out, named ? "}" : "]", 1);
}

static bool answer(void *state, const FCGX_Request *request, struct floor_out *out)
{
    struct session *session = state;
    const bson_t *document;
    bson_error_t error;
    char id[256];
    if (!read_id(request, id, sizeof id))
        return false;
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(id));
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(session->reviews, filter, &session->options, NULL);
    bool found = mongoc_cursor_next(cursor, &document);
    if (found) {
        bson_iter_t fields;
        bson_iter_init(&fields, document);
        floor_text(out, "Content-Type: application/json\r\n\r\n{\"document\":");
        put_fields(out, &fields, true);
        floor_put(out, "}", 1);
    } else if (mongoc_cursor_error(cursor, &error)) {
        fprintf(stderr, "floor: %s\n", error.message);
    }
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    return found;
}

int main(void)
{
    static const struct floor_program program = {open_thread, answer};
    mongoc_init();
    return floor_run(&program);
}
