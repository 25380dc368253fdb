/*
 * sql.h - one request on its way through this worker: read the path and headers, find the table, resolve, build, run, write
 * the rows. Each step is a file; this is what they hand on.
 */
#ifndef TRIVET_SQL_SQL_H
#define TRIVET_SQL_SQL_H

#include "build_sql.h"
#include "headers.h"
#include "plan.h"
#include "schema.h"
#include "settings.h"
#include "syntax.h"

/* What a thread keeps between requests. */
struct sql_thread {
    struct sql_schema_hold hold;
    struct sql_statement statement;
    struct tv_buffer question; /* for the cache */
    struct tv_buffer kept;     /* an answer that left while it was written, for the cache */
    struct tv_buffer scratch;  /* a header being written */
};

/* What metrics and traces call them. */
#define SQL_ROUTE_ROOT    "/sql/"
#define SQL_ROUTE_TABLE   "/sql/{table}"
#define SQL_ROUTE_ROUTINE "/sql/rpc/{routine}"

enum sql_target { SQL_TARGET_ROOT, SQL_TARGET_TABLE, SQL_TARGET_ROUTINE };

struct sql_exchange {
    struct tv_worker *worker;
    const struct tv_request *request;
    struct tv_response *response;
    struct tv_error *error;
    const struct sql_settings *settings;
    struct sql_thread *thread;
    struct tv_mysql *mysql;
    /* What metrics and traces call them. */
#define SQL_ROUTE_ROOT    "/sql/"
#define SQL_ROUTE_TABLE   "/sql/{table}"
#define SQL_ROUTE_ROUTINE "/sql/rpc/{routine}"

    enum sql_target target;
    struct tv_slice name; /* of the table or routine */
    const struct sql_schema *schema;
    const struct sql_table *table;
    struct sql_query query;
    struct sql_preferences preferences;
    struct sql_format format;
};

/* --- route.c --- */
/* Path, profile and method. False: *error says what is wrong with them. */
bool sql_route(struct sql_exchange *exchange) TV_MUST_CHECK;
/* The schema and the table of it that the path names: 404 PGRST205 when there is none. */
bool sql_find_table(struct sql_exchange *exchange) TV_MUST_CHECK;
/* After a failure that an outdated schema may have caused: true when there is a newer one and it is worth another try. */
bool sql_try_again(struct sql_exchange *exchange, bool unknown);

/* --- what is answered --- */
bool sql_read(struct sql_exchange *exchange) TV_MUST_CHECK;    /* read.c: GET, HEAD */
bool sql_write(struct sql_exchange *exchange) TV_MUST_CHECK;   /* write.c: POST */
bool sql_options(struct sql_exchange *exchange) TV_MUST_CHECK; /* route.c: OPTIONS */
/* route.c: PATCH, PUT and DELETE, for a table that there is: the dialect has them, this program not yet. */
bool sql_not_built(struct sql_exchange *exchange) TV_MUST_CHECK;

/* --- answer.c --- */
/* "lo-hi/total", with * for what is not known (total < 0) or not there (rows == 0). */
void sql_content_range(struct sql_exchange *exchange, int64_t offset, int64_t rows, int64_t total);
void sql_content_location(struct sql_exchange *exchange);
/* 406 PGRST116: an object was asked for and there are rows of them. */
bool sql_not_one_row(struct tv_error *error, int64_t rows);
/* Answers 416 at once: its Content-Range must survive. Returns true. */
bool sql_refuse_range(struct sql_exchange *exchange, int64_t offset, int64_t total);

/* --- write_rows.c --- */
void sql_write_row(struct tv_buffer *out, const struct sql_plan *plan, const struct tv_value *row,
                   bool strip_nulls);

/* --- errors.c --- */
/* The dialect has no details for this one: where the mistake is goes into the header X-Trivet-Details instead. */
#define SQL_BAD_JSON_CODE "PGRST102"
#define SQL_BAD_JSON      "Empty or invalid json"
/* A store's error becomes the dialect's. */
void sql_translate(const struct tv_request *request, struct tv_error *error);
/* The store says that a table or column is not there. */
bool sql_contradicts_schema(const struct tv_error *error);
/* tv_app.fail, and anything else that writes an error. */
void sql_write_error(const struct tv_request *request, struct tv_response *response,
                     const struct tv_error *error);

#endif
