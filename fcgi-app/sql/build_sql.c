/*
 * build_sql.c - what MySQL and MariaDB are asked. Where they differ the statement's flavour decides.
 */
#include "build_sql.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX  ((size_t)16 << 20)
#define TEXT_KEEP ((size_t)64 << 10)

void sql_statement_init(struct sql_statement *statement)
{
    *statement = (struct sql_statement){.count = 0};
    tv_buffer_init(&statement->text, TEXT_MAX);
}

void sql_statement_free(struct sql_statement *statement)
{
    tv_buffer_free(&statement->text);
    free(statement->values);
    sql_statement_init(statement);
}

void sql_statement_begin(struct sql_statement *statement, enum tv_mysql_flavour flavour)
{
    tv_buffer_reset(&statement->text, TEXT_KEEP);
    statement->count = 0;
    statement->failed = false;
    statement->flavour = flavour;
}

bool sql_statement_good(const struct sql_statement *statement, struct tv_error *error)
{
    if (!statement->failed && !tv_buffer_failed(&statement->text))
        return true;
    tv_fail(error, 413, "54000", "statement too complex");
    tv_error_details(error, "A statement may hold %d values and %zu bytes of text.", SQL_VALUES_MAX,
                     TEXT_MAX);
    return false;
}

void sql_put(struct sql_statement *statement, const char *text)
{
    tv_buffer_text(&statement->text, text);
}

void sql_put_slice(struct sql_statement *statement, struct tv_slice text)
{
    tv_buffer_slice(&statement->text, text);
}

void sql_put_value(struct sql_statement *statement, const struct tv_value *value)
{
    if (statement->count == statement->capacity) {
        size_t capacity = statement->capacity ? 2 * statement->capacity : 16;
        struct tv_value *values = statement->count < SQL_VALUES_MAX
                                      ? reallocarray(statement->values, capacity, sizeof *values)
                                      : NULL;
        if (!values) {
            statement->failed = true;
            return;
        }
        statement->values = values;
        statement->capacity = capacity;
    }
    statement->values[statement->count++] = *value;
    tv_buffer_byte(&statement->text, '?');
}

static void put_integer(struct sql_statement *statement, int64_t number)
{
    struct tv_value value = {TV_VALUE_INTEGER, {.integer = number}};
    sql_put_value(statement, &value);
}

static bool is_mariadb(const struct sql_statement *statement)
{
    return statement->flavour == TV_MARIADB_SERVER;
}

/* --- expressions --- */

/* The value of a path is made by the resolver; it is bound, so a key may hold anything. */
static void put_extract(struct sql_statement *statement, const struct sql_expression *expression)
{
    sql_put(statement, "JSON_EXTRACT(");
    sql_put_slice(statement, expression->column->quoted);
    sql_put(statement, ",");
    sql_put_value(statement, is_mariadb(statement) ? &expression->path->mariadb : &expression->path->mysql);
    sql_put(statement, ")");
}

static void put_field(struct sql_statement *statement, const struct sql_expression *expression)
{
    if (!expression->path) {
        sql_put_slice(statement, expression->column->quoted);
    } else if (!expression->path->as_text) {
        put_extract(statement, expression);
    } else { /* JSON's null is no text: the servers alone would make it 'null' */
        sql_put(statement, "IF(JSON_TYPE(");
        put_extract(statement, expression);
        sql_put(statement, ")='NULL',NULL,JSON_UNQUOTE(");
        put_extract(statement, expression);
        sql_put(statement, "))");
    }
}

static void put_around(struct sql_statement *statement, const char *before,
                       const struct sql_expression *expression, const char *after)
{
    sql_put(statement, before);
    put_field(statement, expression);
    sql_put(statement, after);
}

static void put_as_text(struct sql_statement *statement, const struct sql_expression *expression)
{
    enum sql_type type = expression->path ? SQL_TYPE_TEXT : expression->column->type;
    if (type == SQL_TYPE_BOOLEAN) {
        put_around(statement, "CASE WHEN ", expression, " THEN 'true' WHEN NOT ");
        put_field(statement, expression);
        sql_put(statement, " THEN 'false' END");
    } else if (type == SQL_TYPE_BINARY) {
        put_around(statement, "CONCAT('\\\\x',LOWER(HEX(", expression, ")))");
    } else {
        put_around(statement, "CAST(", expression, " AS CHAR)");
    }
}

static void put_expression(struct sql_statement *statement, const struct sql_expression *expression)
{
    switch (expression->cast) {
    case SQL_CAST_NONE: put_field(statement, expression); break;
    case SQL_CAST_TEXT: put_as_text(statement, expression); break;
    case SQL_CAST_INTEGER: put_around(statement, "CAST(", expression, " AS SIGNED)"); break;
    case SQL_CAST_DECIMAL: put_around(statement, "CAST(", expression, " AS DECIMAL(65,30))"); break;
    case SQL_CAST_DOUBLE: put_around(statement, "CAST(", expression, " AS DOUBLE)"); break;
    case SQL_CAST_BOOLEAN: put_around(statement, "(", expression, "<>0)"); break;
    case SQL_CAST_DATE: put_around(statement, "CAST(", expression, " AS DATE)"); break;
    case SQL_CAST_TIME: put_around(statement, "CAST(", expression, " AS TIME(6))"); break;
    case SQL_CAST_DATETIME: put_around(statement, "CAST(", expression, " AS DATETIME(6))"); break;
    case SQL_CAST_JSON:
        if (is_mariadb(statement))
            put_field(statement, expression);
        else
            put_around(statement, "CAST(", expression, " AS JSON)");
        break;
    }
}

void sql_put_outputs(struct sql_statement *statement, const struct sql_plan *plan)
{
    for (size_t i = 0; i < plan->output_count; i++) {
        const struct sql_expression *expression = &plan->outputs[i].expression;
        if (i > 0)
            tv_buffer_byte(&statement->text, ',');
        if (expression->type == SQL_TYPE_GEOMETRY)
            put_around(statement, "ST_AsGeoJSON(", expression, ")");
        else
            put_expression(statement, expression);
    }
    if (plan->output_count == 0) /* a table without columns that may be seen */
        sql_put(statement, "1");
}

/* --- tests --- */

/* LIKE compares letters exactly and ILIKE does not, whatever the column's own collation does. */
static void put_like(struct sql_statement *statement, const struct sql_test *test,
                     const struct tv_value *value)
{
    const struct sql_expression *expression = &test->expression;
    bool own = !expression->path && expression->column->type == SQL_TYPE_TEXT;
    enum sql_collation wanted = test->op == SQL_LIKE ? SQL_COLLATION_BINARY : SQL_COLLATION_CASELESS;
    if (own && expression->column->collation == wanted) {
        put_field(statement, expression);
    } else {
        if (own && expression->column->utf8mb4)
            put_field(statement, expression);
        else
            put_around(statement, "CONVERT(", expression, " USING utf8mb4)");
        sql_put(statement, test->op == SQL_LIKE    ? " COLLATE utf8mb4_bin"
                           : is_mariadb(statement) ? " COLLATE utf8mb4_general_ci"
                                                   : " COLLATE utf8mb4_0900_as_ci");
    }
    sql_put(statement, " LIKE ");
    sql_put_value(statement, value);
}

static void put_match(struct sql_statement *statement, const struct sql_test *test,
                      const struct tv_value *value)
{
    bool caseless = test->op == SQL_IMATCH;
    if (is_mariadb(statement)) { /* PCRE: the flag within the pattern overrides the collation */
        put_around(statement, "(", &test->expression,
                   caseless ? " REGEXP CONCAT('(?i)'," : " REGEXP CONCAT('(?-i)',");
        sql_put_value(statement, value);
        sql_put(statement, "))");
    } else {
        put_around(statement, "REGEXP_LIKE(", &test->expression, ",");
        sql_put_value(statement, value);
        sql_put(statement, caseless ? ",'i')" : ",'c')");
    }
}

/* A number compares with JSON as it is; anything else is JSON itself, which MariaDB only has as text. */
static void put_json_test(struct sql_statement *statement, const struct sql_test *test, const char *operator,
                          const struct tv_value * value)
{
    bool is_number = value->type == TV_VALUE_DECIMAL;
    if (is_mariadb(statement) && !is_number &&
        (test->op == SQL_EQ || test->op == SQL_NEQ || test->op == SQL_IN)) {
        put_around(statement, test->op == SQL_NEQ ? "NOT JSON_EQUALS(" : "JSON_EQUALS(", &test->expression,
                   ",");
        sql_put_value(statement, value);
        sql_put(statement, ")");
        return;
    }
    put_field(statement, &test->expression);
    sql_put(statement, operator);
    sql_put(statement, is_number || is_mariadb(statement) ? "" : "CAST(");
    sql_put_value(statement, value);
    sql_put(statement, is_number || is_mariadb(statement) ? "" : " AS JSON)");
}

static void put_comparison(struct sql_statement *statement, const struct sql_test *test,
                           const struct tv_value *value)
{
    static const char *const operators[] = {
        [SQL_EQ] = "=", [SQL_NEQ] = "<>", [SQL_GT] = ">", [SQL_GTE] = ">=",
        [SQL_LT] = "<", [SQL_LTE] = "<=", [SQL_IN] = "=", [SQL_ISDISTINCT] = "<=>",
    };
    if (test->op == SQL_LIKE || test->op == SQL_ILIKE) {
        put_like(statement, test, value);
    } else if (test->op == SQL_MATCH || test->op == SQL_IMATCH) {
        put_match(statement, test, value);
    } else if (test->expression.type == SQL_TYPE_JSON) {
        put_json_test(statement, test, operators[test->op], value);
    } else {
        put_field(statement, &test->expression);
        sql_put(statement, operators[test->op]);
        sql_put_value(statement, value);
    }
}

/* Lists are filled up with their last value to lengths of which there are few, so that statements stay few as well. */
static size_t rounded(size_t count)
{
    size_t length = 4;
    if (count <= length)
        return count;
    while (length < count)
        length *= 2;
    return length > SQL_VALUES_MAX / 2 ? count : length;
}

static void put_in(struct sql_statement *statement, const struct sql_test *test)
{
    if (test->value_count == 0) {
        sql_put(statement, "FALSE");
        return;
    }
    put_field(statement, &test->expression);
    sql_put(statement, " IN (");
    for (size_t i = 0, count = rounded(test->value_count); i < count; i++) {
        if (i > 0)
            tv_buffer_byte(&statement->text, ',');
        sql_put_value(statement, &test->values[i < test->value_count ? i : test->value_count - 1]);
    }
    sql_put(statement, ")");
}

/* Comparisons joined: any of nothing is false, all of nothing is true. */
static void put_quantified(struct sql_statement *statement, const struct sql_test *test, bool all)
{
    if (test->value_count == 0) {
        sql_put(statement, all ? "TRUE" : "FALSE");
        return;
    }
    sql_put(statement, "(");
    for (size_t i = 0; i < test->value_count; i++) {
        sql_put(statement, i == 0 ? "" : all ? " AND " : " OR ");
        put_comparison(statement, test, &test->values[i]);
    }
    sql_put(statement, ")");
}

static void put_filter(struct sql_statement *statement, const struct sql_test *test)
{
    static const char *const is[] = {
        [SQL_IS_NULL] = " IS NULL",   [SQL_IS_NOT_NULL] = " IS NOT NULL", [SQL_IS_TRUE] = " IS TRUE",
        [SQL_IS_FALSE] = " IS FALSE", [SQL_IS_UNKNOWN] = " IS UNKNOWN",
    };
    if (test->op == SQL_IS) {
        put_field(statement, &test->expression);
        sql_put(statement, is[test->is]);
    } else if (test->op == SQL_IN && test->expression.type != SQL_TYPE_JSON) {
        put_in(statement, test);
    } else if (test->op == SQL_IN || test->quantifier != SQL_ONE) {
        put_quantified(statement, test, test->quantifier == SQL_ALL);
    } else {
        sql_put(statement, test->op == SQL_ISDISTINCT ? "NOT " : "");
        put_comparison(statement, test, &test->values[0]);
    }
}

static void put_tests(struct sql_statement *statement, const struct sql_test *test, const char *between);

static void put_test(struct sql_statement *statement, const struct sql_test *test)
{
    sql_put(statement, test->negated ? "NOT (" : "(");
    if (test->node == SQL_FILTER)
        put_filter(statement, test);
    else
        put_tests(statement, test->first, test->node == SQL_AND ? " AND " : " OR ");
    sql_put(statement, ")");
}

static void put_tests(struct sql_statement *statement, const struct sql_test *test, const char *between)
{
    for (bool first = true; test; test = test->next, first = false) {
        if (!first)
            sql_put(statement, between);
        put_test(statement, test);
    }
}

/* --- statements --- */

static void put_where(struct sql_statement *statement, const struct sql_plan *plan)
{
    sql_put(statement, " FROM ");
    sql_put_slice(statement, plan->table->quoted);
    if (plan->tests) {
        sql_put(statement, " WHERE ");
        put_tests(statement, plan->tests, " AND ");
    }
}

/* Nulls come first in ascending order and last in descending order by nature; only what differs from that is said, since
 * saying it keeps an index from being used. */
static void put_sorts(struct sql_statement *statement, const struct sql_sort *sort)
{
    for (bool first = true; sort; sort = sort->next, first = false) {
        bool natural = sort->nulls_first != sort->descending;
        bool nullable = sort->expression.column->nullable || sort->expression.path;
        sql_put(statement, first ? " ORDER BY " : ",");
        if (nullable && !natural)
            put_around(statement, "", &sort->expression, sort->nulls_first ? " IS NULL DESC," : " IS NULL,");
        put_field(statement, &sort->expression);
        sql_put(statement, sort->descending ? " DESC" : "");
    }
}

void sql_build_select(struct sql_statement *statement, const struct sql_plan *plan)
{
    sql_put(statement, "SELECT ");
    sql_put_outputs(statement, plan);
    put_where(statement, plan);
    put_sorts(statement, plan->sorts);
    if (!plan->has_limit && plan->offset == 0)
        return;
    sql_put(statement, " LIMIT ");
    put_integer(statement, plan->has_limit ? plan->limit : INT64_MAX);
    if (plan->offset > 0) {
        sql_put(statement, " OFFSET ");
        put_integer(statement, plan->offset);
    }
}

void sql_build_count(struct sql_statement *statement, const struct sql_plan *plan)
{
    sql_put(statement, "SELECT COUNT(*)");
    put_where(statement, plan);
}
