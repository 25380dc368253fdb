/*
 * mongo_session.h - private to the store: what a session with MongoDB holds, for the few files that share it.
 */
#ifndef TRIVET_STORE_MONGO_SESSION_H
#define TRIVET_STORE_MONGO_SESSION_H

#include <mongoc/mongoc.h>

#include "store/mongo.h"
#include "store/mongo_wire.h"
#include "store/session.h"

struct tv_mongo {
    const struct tv_store_settings *settings;
    struct tv_session_watch watch;
    char shape[256]; /* of the operation under way, for the watcher */
    struct tv_mongo_wire wire;
    mongoc_uri_t *uri;
    mongoc_client_t *client;         /* NULL until first used, and after it failed */
    mongoc_collection_t *collection; /* the last one used: most requests ask for the same */
    char *database_name, *collection_name;
    mongoc_cursor_t *cursor; /* of the find that runs */
    const bson_t *first;     /* its first document, read by tv_mongo_find and not yet handed out */
    bool ended;              /* it has no more: the driver must not be asked again */
};

/* Makes the session usable for one operation that ends by deadline_ms: breaker asked, a client whose connections live.
 * The client may still have to connect. */
bool tv_mongo_ready(struct tv_mongo *session, int64_t deadline_ms, struct tv_error *error) TV_MUST_CHECK;
/* Throws the client away without a word to the server; the next use makes a new one, which looks for the server at once
 * (the driver itself would wait five seconds). */
void tv_mongo_drop(struct tv_mongo *session);
/* Milliseconds that the server may take (maxTimeMS), a little less than what is left, so that its own error comes in time
 * and the connection stays good. */
int64_t tv_mongo_time_left(const struct tv_mongo *session);

/* Fills *error from the driver's, tells breaker and counters, drops the client when it is of no more use. writes: the
 * operation may have changed something if it was sent. Returns false. */
bool tv_mongo_fail(struct tv_mongo *session, const bson_error_t *cause, bool writes, struct tv_error *error);

#endif
