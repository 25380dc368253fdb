/*
 * mongo.c - the operations of a session with MongoDB. Each is sent once.
 */
#include "store/mongo.h"

#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "store/mongo_session.h"

/* Documents that the server puts in one batch (its own default is 101, then 16 MB). */
#define BATCH_SIZE 1000
/* How long closing a cursor that was not read to its end may take. */
#define FINISH_MS 500

static mongoc_collection_t *use_collection(struct tv_mongo *session, const char *database,
                                           const char *collection)
{
    if (session->collection && strcmp(session->database_name, database) == 0 &&
        strcmp(session->collection_name, collection) == 0)
        return session->collection;
    if (session->collection)
        mongoc_collection_destroy(session->collection);
    bson_free(session->database_name);
    bson_free(session->collection_name);
    session->database_name = bson_strdup(database);
    session->collection_name = bson_strdup(collection);
    session->collection = mongoc_client_get_collection(session->client, database, collection);
    return session->collection;
}

static bool begin(struct tv_mongo *session, int64_t deadline_ms, struct tv_error *error)
{
    tv_mongo_finish(session);
    return tv_mongo_ready(session, deadline_ms, error);
}

/* The names of a document's fields stand for it: "find reviews {stars, author}". Values never do. */
static struct tv_slice write_shape(const char *verb, const char *collection, const bson_t *document,
                                   struct tv_buffer *out)
{
    bson_iter_t field;
    const char *before = " {";
    tv_buffer_text(out, verb);
    tv_buffer_byte(out, ' ');
    tv_buffer_text(out, collection);
    if (document && bson_iter_init(&field, document)) {
        for (; bson_iter_next(&field); before = ", ") {
            tv_buffer_text(out, before);
            tv_buffer_text(out, bson_iter_key(&field));
        }
        tv_buffer_text(out, before[0] == ' ' ? " {}" : "}");
    }
    return tv_buffer_view(out);
}

/* An operation begins. What does not fit into the shape is cut off, whole. */
static void begin_call(struct tv_mongo *session, struct tv_call *call, const char *verb,
                       const char *collection, const bson_t *document)
{
    if (session->watch.watcher) {
        struct tv_buffer shape = {.data = session->shape,
                                  .capacity = sizeof session->shape - 1,
                                  .limit = sizeof session->shape - 1};
        call->shape = write_shape(verb, collection, document, &shape);
    }
    call->store = TV_STORE_MONGO;
    call->verb = verb;
    call->on = tv_slice_of(collection);
    tv_watch_call(session->watch.watcher, call, 1);
}

bool tv_mongo_find(struct tv_mongo *session, const char *database, const char *collection,
                   const bson_t *filter, const bson_t *options, int64_t deadline_ms, struct tv_error *error)
{
    bson_t all, none = BSON_INITIALIZER;
    if (!begin(session, deadline_ms, error))
        return false;
    bson_copy_to(options ? options : &none, &all);
    BSON_APPEND_INT64(&all, "maxTimeMS", tv_mongo_time_left(session));
    if (!bson_has_field(&all, "batchSize"))
        BSON_APPEND_INT32(&all, "batchSize", BATCH_SIZE);
    session->cursor = mongoc_collection_find_with_opts(use_collection(session, database, collection),
                                                       filter ? filter : &none, &all, NULL);
    bson_destroy(&all);
    struct tv_call call = {0};
    begin_call(session, &call, "find", collection, filter);
    /* the driver sends nothing before the first document is asked for, and errors are wanted here */
    bson_error_t why;
    session->ended = !mongoc_cursor_next(session->cursor, &session->first);
    bool failed = session->ended && mongoc_cursor_error(session->cursor, &why);
    if (session->ended)
        session->first = NULL;
    if (failed)
        tv_mongo_fail(session, &why, false, error);
    tv_watch_called(session->watch.watcher, &call, failed ? error : NULL);
    if (failed) {
        tv_mongo_finish(session);
        return false;
    }
    tv_breaker_success(session->watch.breaker);
    return true;
}

enum tv_step tv_mongo_next(struct tv_mongo *session, const bson_t **document, struct tv_error *error)
{
    bson_error_t why;
    if (!session->cursor || session->ended)
        return TV_STEP_END;
    if (session->first) {
        *document = session->first;
        session->first = NULL;
        tv_watch_count(session->watch.watcher, TV_COUNT_ROWS_READ, 1);
        return TV_STEP_ROW;
    }
    if (mongoc_cursor_next(session->cursor, document)) {
        tv_watch_count(session->watch.watcher, TV_COUNT_ROWS_READ, 1);
        return TV_STEP_ROW;
    }
    session->ended = true;
    if (!mongoc_cursor_error(session->cursor, &why))
        return TV_STEP_END;
    tv_mongo_fail(session, &why, false, error);
    return TV_STEP_FAILED;
}

void tv_mongo_finish(struct tv_mongo *session)
{
    if (!session->cursor)
        return;
    /* an open cursor of the server's is closed, even when the request itself has no time left */
    int64_t end_ms = tv_clock_ms() + FINISH_MS;
    if (session->wire.deadline_ms < end_ms)
        session->wire.deadline_ms = end_ms;
    mongoc_cursor_destroy(session->cursor);
    session->cursor = NULL;
    session->first = NULL;
}

bool tv_mongo_insert(struct tv_mongo *session, const char *database, const char *collection,
                     const bson_t *document, int64_t deadline_ms, struct tv_error *error)
{
    bson_error_t why;
    bson_t options = BSON_INITIALIZER;
    if (!begin(session, deadline_ms, error))
        return false;
    BSON_APPEND_INT64(&options, "maxTimeMS", tv_mongo_time_left(session));
    BSON_APPEND_BOOL(&options, "validate", false); /* what may be inserted is the server's to say */
    struct tv_call call = {0};
    begin_call(session, &call, "insert", collection, document);
    bool done = mongoc_collection_insert_one(use_collection(session, database, collection), document,
                                             &options, NULL, &why);
    bson_destroy(&options);
    if (!done)
        tv_mongo_fail(session, &why, true, error);
    tv_watch_called(session->watch.watcher, &call, done ? NULL : error);
    if (!done)
        return false;
    tv_watch_count(session->watch.watcher, TV_COUNT_ROWS_WRITTEN, 1);
    tv_breaker_success(session->watch.breaker);
    return true;
}
