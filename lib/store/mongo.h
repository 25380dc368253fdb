/*
 * mongo.h - a session with MongoDB (or what speaks its wire protocol), over libmongoc. One thread, one client.
 *
 * A write is sent once (retryWrites stays off unless the URL asks for it). Every operation carries maxTimeMS from the
 * deadline. Documents are libbson's: the caller owns what it passes in; what comes out is borrowed until the next step.
 */
#ifndef TRIVET_STORE_MONGO_H
#define TRIVET_STORE_MONGO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/mysql.h" /* enum tv_step */
#include "store/store.h"

struct tv_mongo;
struct _bson_t;

/* Starts a find; options are those of the driver's find (projection, sort, limit, skip). Read with tv_mongo_next, end
 * with tv_mongo_finish. Errors: 503 when it is away or changing its primary, 504 past the deadline, 403 when the login may
 * not, otherwise status 400; native is the server's error code where it answered, for the dialect to translate. */
TV_PUBLIC bool tv_mongo_find(struct tv_mongo *session, const char *database, const char *collection,
                             const struct _bson_t *filter, const struct _bson_t *options, int64_t deadline_ms,
                             struct tv_error *error) TV_MUST_CHECK;
TV_PUBLIC enum tv_step tv_mongo_next(struct tv_mongo *session, const struct _bson_t **document,
                                     struct tv_error *error) TV_MUST_CHECK;
TV_PUBLIC void tv_mongo_finish(struct tv_mongo *session);

/* Inserts one document (it must have its _id); success means that the server acknowledged it. An error whose details say
 * that the outcome is not known (and which has no retry_after) may stand for a write that was done. */
TV_PUBLIC bool tv_mongo_insert(struct tv_mongo *session, const char *database, const char *collection,
                               const struct _bson_t *document, int64_t deadline_ms,
                               struct tv_error *error) TV_MUST_CHECK;

#endif
