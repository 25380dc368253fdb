/*
 * body.h - what a write brings with it: rows, and the columns that they fill.
 */
#ifndef TRIVET_SQL_BODY_H
#define TRIVET_SQL_BODY_H

#include "sql.h"

struct sql_body {
    const struct tv_json_value *first; /* the first row, an object; NULL: none */
    size_t row_count;
    const struct sql_column **columns;
    size_t column_count;
    bool missing_is_default; /* a key that a row does not have: DEFAULT rather than NULL */
};

/* JSON, an object or an array of objects; anything else in it counts as no rows. Errors: 400 PGRST102. */
bool sql_read_body(struct sql_exchange *exchange, struct sql_body *out) TV_MUST_CHECK;
/* Which columns the rows fill: those of columns=, or the keys that all rows share. Errors: 400 PGRST102, PGRST204; *unknown
 * tells that the schema may not be new enough. */
bool sql_resolve_body(struct sql_exchange *exchange, struct sql_body *body, bool *unknown) TV_MUST_CHECK;
/* The value that a row has for a column; NULL when it has none. The last of several with the same key, as everywhere in
 * JSON. */
const struct tv_json_value *sql_body_value(const struct tv_json_value *row, const struct sql_column *column);

#endif
