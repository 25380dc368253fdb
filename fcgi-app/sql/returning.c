/*
 * returning.c - reading back what was written where the store has no RETURNING: by the primary key, whose values are in the
 * body or were made by AUTO_INCREMENT. An INSERT of a known number of rows makes consecutive ones, as far apart as
 * auto_increment_increment says.
 *
 * A table without a key may hold rows that nothing tells apart. One that has all the values of the body, and the defaults
 * elsewhere, then is what was written, whichever of them it is.
 */
#include "literal.h"
#include "write.h"

bool sql_makes_number(const struct tv_json_value *json)
{
    return !json || json->type == TV_JSON_NULL ||
           ((json->type == TV_JSON_NUMBER || json->type == TV_JSON_STRING) && tv_slice_is(json->text, "0"));
}

const struct tv_json_value *sql_key_value(const struct writing *writing, const struct tv_json_value *row,
                                          const struct sql_column *column)
{
    for (size_t i = 0; i < writing->body.column_count; i++)
        if (writing->body.columns[i] == column)
            return sql_body_value(row, column);
    return NULL;
}

enum sql_key sql_key_of(const struct writing *writing, const struct tv_json_value *row)
{
    const struct sql_table *table = writing->exchange->table;
    enum sql_key kind = SQL_KEY_GIVEN;
    for (size_t i = 0; i < table->key_length; i++) {
        const struct tv_json_value *json = sql_key_value(writing, row, table->key[i]);
        if (table->key[i]->auto_increment && sql_makes_number(json))
            kind = SQL_KEY_NUMBER;
        else if (!json || json->type == TV_JSON_NULL)
            return SQL_KEY_UNKNOWN;
    }
    return table->key_length ? kind : SQL_KEY_NONE;
}

/* Whether a row can be found again by all its values: none of them is made by something that is not known here. */
static bool has_known_values(const struct writing *writing)
{
    const struct sql_table *table = writing->exchange->table;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct sql_column *column = &table->columns[i];
        bool given = false;
        for (size_t c = 0; c < writing->body.column_count; c++)
            given = given || writing->body.columns[c] == column;
        if (column->type == SQL_TYPE_GEOMETRY || column->auto_increment || (!given && column->has_expression))
            return false;
    }
    return true;
}

bool sql_plan_return(struct writing *writing)
{
    struct sql_exchange *exchange = writing->exchange;
    const struct sql_body *body = &writing->body;
    if (exchange->preferences.returns != SQL_RETURN_REPRESENTATION)
        return true;
    if (exchange->schema->flavour == TV_MARIADB_SERVER) {
        writing->returns = SQL_BACK_RETURNING;
        return true;
    }
    writing->returns = SQL_BACK_BY_KEY;
    enum sql_key first = sql_key_of(writing, body->first);
    bool numbers_alone = exchange->table->key_length == 1;
    for (const struct tv_json_value *row = body->first; row; row = row->next) {
        enum sql_key kind = sql_key_of(writing, row);
        if (kind == SQL_KEY_UNKNOWN || (kind == SQL_KEY_NONE && !has_known_values(writing))) {
            tv_fail(exchange->error, 400, "PGRST127", "Feature not implemented");
            tv_error_details(
                exchange->error,
                "MySQL has no RETURNING: return=representation needs a row to be found again, and "
                "here a default makes its primary key, or a part of a row without a key");
            return false;
        }
        if (kind != first || (kind == SQL_KEY_NUMBER && !numbers_alone))
            writing->one_by_one = body->row_count > 1;
    }
    return true;
}

static void put_select(struct writing *writing)
{
    struct sql_statement *statement = &writing->exchange->thread->statement;
    sql_statement_begin(statement, writing->exchange->schema->flavour);
    sql_put(statement, "SELECT ");
    sql_put_outputs(statement, &writing->plan);
    sql_put(statement, " FROM ");
    sql_put_slice(statement, writing->exchange->table->quoted);
    sql_put(statement, " WHERE ");
}

static bool run(struct writing *writing)
{
    struct sql_exchange *exchange = writing->exchange;
    const struct sql_statement *statement = &exchange->thread->statement;
    return sql_statement_good(statement, exchange->error) &&
           tv_mysql_run(exchange->mysql, tv_buffer_view(&statement->text), statement->values,
                        statement->count, exchange->request->deadline_ms, exchange->error) &&
           sql_write_back(writing);
}

/* All of a run of numbers, in their order, which is that of the rows. */
static bool read_numbers(struct writing *writing, size_t count, uint64_t id)
{
    struct sql_statement *statement = &writing->exchange->thread->statement;
    struct tv_slice name = writing->exchange->table->key[0]->quoted;
    struct tv_value from = {TV_VALUE_UNSIGNED, {.unsigned_integer = id}};
    struct tv_value steps = {TV_VALUE_INTEGER, {.integer = (int64_t)count - 1}};
    put_select(writing);
    sql_put_slice(statement, name);
    sql_put(statement, " BETWEEN ");
    sql_put_value(statement, &from);
    sql_put(statement, " AND ");
    sql_put_value(statement, &from);
    sql_put(statement, "+");
    sql_put_value(statement, &steps);
    sql_put(statement, "*@@auto_increment_increment AND (");
    sql_put_slice(statement, name);
    sql_put(statement, "-");
    sql_put_value(statement, &from);
    sql_put(statement, ")%@@auto_increment_increment=0 ORDER BY ");
    sql_put_slice(statement, name);
    return run(writing);
}

static bool read_by_key(struct writing *writing, const struct tv_json_value *row, uint64_t id)
{
    struct sql_exchange *exchange = writing->exchange;
    struct sql_statement *statement = &exchange->thread->statement;
    put_select(writing);
    for (size_t i = 0; i < exchange->table->key_length; i++) {
        const struct sql_column *column = exchange->table->key[i];
        const struct tv_json_value *json = sql_key_value(writing, row, column);
        struct tv_value value = {TV_VALUE_UNSIGNED, {.unsigned_integer = id}};
        bool made = column->auto_increment && sql_makes_number(json);
        if (!made && !sql_json_literal(exchange->request->arena, column, json, &value, exchange->error))
            return false;
        sql_put(statement, i == 0 ? "" : " AND ");
        sql_put_slice(statement, column->quoted);
        sql_put(statement, "=");
        sql_put_value(statement, &value);
    }
    return run(writing);
}

static void put_equals(struct writing *writing, const struct sql_column *column, const struct tv_value *value)
{
    struct sql_statement *statement = &writing->exchange->thread->statement;
    sql_put_slice(statement, column->quoted);
    sql_put(statement, column->type == SQL_TYPE_JSON ? "<=>CAST(" : "<=>");
    sql_put_value(statement, value);
    sql_put(statement, column->type == SQL_TYPE_JSON ? " AS JSON)" : "");
}

static bool read_by_values(struct writing *writing, const struct tv_json_value *row)
{
    struct sql_exchange *exchange = writing->exchange;
    struct sql_statement *statement = &exchange->thread->statement;
    uint64_t before = writing->rows_back;
    put_select(writing);
    for (size_t i = 0, put = 0; i < exchange->table->column_count; i++) {
        const struct sql_column *column = &exchange->table->columns[i];
        const struct tv_json_value *json = sql_key_value(writing, row, column);
        struct tv_value value = {.type = TV_VALUE_NULL};
        bool given = false;
        for (size_t c = 0; c < writing->body.column_count; c++)
            given = given || writing->body.columns[c] == column;
        if (column->is_generated)
            continue;
        sql_put(statement, put++ == 0 ? "" : " AND ");
        if (!given || (!json && writing->body.missing_is_default)) {
            sql_put_slice(statement, column->quoted);
            sql_put(statement, "<=>DEFAULT(");
            sql_put_slice(statement, column->quoted);
            sql_put(statement, ")");
        } else if (json &&
                   !sql_json_literal(exchange->request->arena, column, json, &value, exchange->error)) {
            return false;
        } else {
            put_equals(writing, column, &value);
        }
    }
    sql_put(statement, " LIMIT 1");
    if (!run(writing))
        return false;
    if (writing->rows_back == before + 1)
        return true;
    tv_fail(exchange->error, 400, "PGRST127", "Feature not implemented");
    tv_error_details(exchange->error,
                     "MySQL has no RETURNING, and the row was not found again by its values");
    return false;
}

bool sql_read_back(struct writing *writing, const struct tv_json_value *first, size_t count, uint64_t id)
{
    enum sql_key kind = sql_key_of(writing, first);
    if (kind == SQL_KEY_NUMBER && writing->exchange->table->key_length == 1)
        return read_numbers(writing, count, id);
    const struct tv_json_value *row = first;
    for (size_t i = 0; i < count; i++, row = row->next)
        if (!(kind == SQL_KEY_NONE ? read_by_values(writing, row) : read_by_key(writing, row, id)))
            return false;
    return true;
}
