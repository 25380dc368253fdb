/*
 * literal.h - texts become values of a column's type, or an error as PostgreSQL would give it. Here it is decided what
 * may be compared with a column and written to it: MySQL itself would quietly take 'abc' for 0.
 */
#ifndef TRIVET_SQL_LITERAL_H
#define TRIVET_SQL_LITERAL_H

#include "schema.h"

/* From a filter. The value borrows from text or lives in the arena. Errors: 400 22P02, 22003, 22007, 22008. */
bool sql_literal(struct tv_arena *arena, enum sql_type type, const struct sql_column *column,
                 struct tv_slice text, struct tv_value *out, struct tv_error *error) TV_MUST_CHECK;
/* From a body. JSON null becomes NULL. */
bool sql_json_literal(struct tv_arena *arena, const struct sql_column *column,
                      const struct tv_json_value *json, struct tv_value *out,
                      struct tv_error *error) TV_MUST_CHECK;
/* Whether the bytes are one JSON value and nothing else; takes no memory. */
bool sql_json_valid(struct tv_slice text);

#endif
