/*
 * build_sql.h - a plan as SQL: text with ?s, and the values for them. Names come from the schema, quoted there; nothing that
 * a client sent becomes part of the text.
 */
#ifndef TRIVET_SQL_BUILD_SQL_H
#define TRIVET_SQL_BUILD_SQL_H

#include "plan.h"

#define SQL_VALUES_MAX 65535 /* of one prepared statement */

/* Belongs to a thread and is used again; values borrow from the plan and the request's arena. */
struct sql_statement {
    struct tv_buffer text;
    struct tv_value *values;
    size_t count;
    size_t capacity;
    bool failed; /* no memory, or too many values */
    enum tv_mysql_flavour flavour;
};

void sql_statement_init(struct sql_statement *statement);
void sql_statement_free(struct sql_statement *statement);
void sql_statement_begin(struct sql_statement *statement, enum tv_mysql_flavour flavour);
/* False: 400 or 413 for a statement that is too large. */
bool sql_statement_good(const struct sql_statement *statement, struct tv_error *error) TV_MUST_CHECK;

void sql_put(struct sql_statement *statement, const char *text);
void sql_put_slice(struct sql_statement *statement, struct tv_slice text);
/* A ? and its value. */
void sql_put_value(struct sql_statement *statement, const struct tv_value *value);

/* SELECT outputs FROM table WHERE tests ORDER BY sorts LIMIT */
void sql_build_select(struct sql_statement *statement, const struct sql_plan *plan);
/* SELECT COUNT(*) FROM table WHERE tests */
void sql_build_count(struct sql_statement *statement, const struct sql_plan *plan);
/* The outputs alone, separated by commas. */
void sql_put_outputs(struct sql_statement *statement, const struct sql_plan *plan);

#endif
