/*
 * plan.h - a query after it was held against the schema: only known columns, only values of the right type. What is in a
 * plan can be built into SQL and run; it borrows from the schema and the request's arena.
 */
#ifndef TRIVET_SQL_PLAN_H
#define TRIVET_SQL_PLAN_H

#include "schema.h"
#include "syntax.h"

enum sql_cast {
    SQL_CAST_NONE,
    SQL_CAST_TEXT,
    SQL_CAST_INTEGER,
    SQL_CAST_DECIMAL,
    SQL_CAST_DOUBLE,
    SQL_CAST_BOOLEAN,
    SQL_CAST_DATE,
    SQL_CAST_TIME,
    SQL_CAST_DATETIME,
    SQL_CAST_JSON,
};

/* Something within a JSON column, as both servers write it: they differ about counting from the end. */
struct sql_path {
    bool as_text; /* ends with ->> */
    struct tv_value mysql;
    struct tv_value mariadb;
};

/* A column, perhaps something within it, perhaps cast. */
struct sql_expression {
    const struct sql_column *column;
    const struct sql_path *path; /* NULL: the column itself */
    enum sql_cast cast;
    enum sql_type type; /* of the whole */
};

/* One member of a row's object. */
struct sql_output {
    struct tv_slice json_key; /* ,"name": */
    struct sql_expression expression;
};

struct sql_test {
    struct sql_test *next;
    enum sql_node node;
    bool negated;
    struct sql_test *first; /* AND, OR */
    struct sql_expression expression;
    enum sql_op op;
    enum sql_quantifier quantifier;
    enum sql_is is;
    struct tv_value *values; /* one; IN and quantified operators: any number */
    size_t value_count;
};

struct sql_sort {
    struct sql_sort *next;
    struct sql_expression expression;
    bool descending;
    bool nulls_first;
};

struct sql_plan {
    const struct sql_table *table;
    struct sql_output *outputs;
    size_t output_count;
    struct sql_test *tests; /* a list: all must hold */
    struct sql_sort *sorts;
    bool has_limit;
    int64_t limit;
    int64_t offset;
};

/* The whole of a read. Errors: 400 42703, 22P02 and its like, 42704, PGRST108, PGRST127, ... *unknown tells that the cause
 * may be a schema that is not new enough. */
bool sql_resolve_read(struct tv_arena *arena, const struct sql_table *table, const struct sql_query *query,
                      struct sql_plan *out, bool *unknown, struct tv_error *error) TV_MUST_CHECK;
/* Only what comes back: select. */
bool sql_resolve_select(struct tv_arena *arena, const struct sql_table *table, const struct sql_query *query,
                        struct sql_plan *out, bool *unknown, struct tv_error *error) TV_MUST_CHECK;

#endif
