/*
 * write.c - POST: rows of a body become rows of a table. One statement where one is enough; several, or one that has to be
 * looked at afterwards, are one transaction. What reads may hold of the table is made void around it.
 *
 * What was written is read back with RETURNING on MariaDB, and by its key, within the transaction, on MySQL, which has no
 * RETURNING (see returning.c).
 */
#include "write.h"

#include <string.h>

#include "literal.h"

/* --- how it ends --- */

/* sql.tx_end and Prefer: tx= together. */
static bool rolls_back(const struct sql_exchange *exchange, bool *honoured)
{
    const char *end = exchange->settings->tx_end;
    bool rollback = strncmp(end, "rollback", 8) == 0;
    *honoured = strstr(end, "-allow-override") && exchange->preferences.tx != SQL_TX_UNSAID;
    return *honoured ? exchange->preferences.tx == SQL_TX_ROLLBACK : rollback;
}

/* --- the statement --- */

/* GeoJSON goes in by way of the function that reads it. */
static bool put_cell(struct writing *writing, const struct tv_json_value *row,
                     const struct sql_column *column)
{
    struct sql_exchange *exchange = writing->exchange;
    struct sql_statement *statement = &exchange->thread->statement;
    const struct tv_json_value *json = sql_body_value(row, column);
    struct tv_value value = {.type = TV_VALUE_NULL};
    if (!json && writing->body.missing_is_default) {
        sql_put(statement, "DEFAULT");
        return true;
    }
    if (json && !sql_json_literal(exchange->request->arena, column, json, &value, exchange->error))
        return false;
    bool geometry = column->type == SQL_TYPE_GEOMETRY && value.type != TV_VALUE_NULL;
    sql_put(statement, geometry ? "ST_GeomFromGeoJSON(" : "");
    sql_put_value(statement, &value);
    sql_put(statement, geometry ? ")" : "");
    return true;
}

/* INSERT INTO table (columns) VALUES (...),(...) for up to most rows from *row on; *row goes on behind them. */
static bool build_insert(struct writing *writing, const struct tv_json_value **row, size_t most,
                         size_t *count)
{
    struct sql_exchange *exchange = writing->exchange;
    struct sql_statement *statement = &exchange->thread->statement;
    const struct sql_body *body = &writing->body;
    sql_statement_begin(statement, exchange->schema->flavour);
    sql_put(statement, "INSERT INTO ");
    sql_put_slice(statement, exchange->table->quoted);
    for (size_t i = 0; i < body->column_count; i++) {
        sql_put(statement, i == 0 ? " (" : ",");
        sql_put_slice(statement, body->columns[i]->quoted);
    }
    sql_put(statement, body->column_count ? ") VALUES " : " () VALUES ");
    for (*count = 0; *row && *count < most; ++*count, *row = (*row)->next) {
        sql_put(statement, *count == 0 ? "(" : ",(");
        for (size_t i = 0; i < body->column_count; i++) {
            sql_put(statement, i == 0 ? "" : ",");
            if (!put_cell(writing, *row, body->columns[i]))
                return false;
        }
        sql_put(statement, ")");
    }
    if (writing->returns == SQL_BACK_RETURNING) {
        sql_put(statement, " RETURNING ");
        sql_put_outputs(statement, &writing->plan);
    }
    return sql_statement_good(statement, exchange->error);
}

static bool run(struct sql_exchange *exchange)
{
    const struct sql_statement *statement = &exchange->thread->statement;
    return tv_mysql_run(exchange->mysql, tv_buffer_view(&statement->text), statement->values,
                        statement->count, exchange->request->deadline_ms, exchange->error);
}

bool sql_write_back(struct writing *writing)
{
    struct sql_exchange *exchange = writing->exchange;
    struct tv_buffer *body = tv_response_body(exchange->response);
    const struct tv_value *row;
    enum tv_step step;
    while ((step = tv_mysql_next(exchange->mysql, &row, exchange->error)) == TV_STEP_ROW) {
        if (exchange->format.shape == SQL_SHAPE_ARRAY)
            tv_buffer_byte(body, writing->rows_back == 0 ? '[' : ',');
        writing->rows_back++;
        sql_write_row(body, &writing->plan, row, exchange->format.strip_nulls);
    }
    tv_mysql_finish(exchange->mysql);
    return step == TV_STEP_END;
}

static bool insert_some(struct writing *writing, const struct tv_json_value **row, size_t most)
{
    struct sql_exchange *exchange = writing->exchange;
    const struct tv_json_value *first = *row;
    size_t count;
    if (!build_insert(writing, row, most, &count) || !run(exchange))
        return false;
    if (writing->returns == SQL_BACK_RETURNING && !sql_write_back(writing))
        return false;
    tv_mysql_finish(exchange->mysql);
    uint64_t id = tv_mysql_insert_id(exchange->mysql);
    if (!writing->first_id)
        writing->first_id = id;
    return writing->returns != SQL_BACK_BY_KEY || sql_read_back(writing, first, count, id);
}

static bool insert_all(struct writing *writing)
{
    const struct sql_body *body = &writing->body;
    const struct tv_json_value *row = body->first;
    size_t most = body->column_count ? SQL_VALUES_MAX / body->column_count : ROWS_MAX;
    most = writing->one_by_one ? 1 : most < ROWS_MAX ? most : ROWS_MAX;
    while (row)
        if (!insert_some(writing, &row, most))
            return false;
    return true;
}

/* --- the store --- */

/* Nothing of an unfinished change stays: neither here nor, should the connection be lost, in the store. */
static bool change(struct writing *writing)
{
    struct sql_exchange *exchange = writing->exchange;
    const struct tv_request *request = exchange->request;
    const struct sql_body *body = &writing->body;
    bool back = rolls_back(exchange, &writing->tx_honoured);
    bool several = body->row_count > ROWS_MAX || body->row_count * body->column_count > SQL_VALUES_MAX;
    bool transaction = back || several || writing->one_by_one || writing->returns == SQL_BACK_BY_KEY;
    if (!tv_mysql_role(exchange->mysql, request->role, request->deadline_ms, exchange->error))
        return false;
    if (!transaction)
        return insert_all(writing);
    if (!tv_mysql_begin(exchange->mysql, false, request->deadline_ms, exchange->error))
        return false;
    if (insert_all(writing) && !back)
        return tv_mysql_commit(exchange->mysql, request->deadline_ms, exchange->error);
    bool good = back && exchange->error->status == 0;
    tv_mysql_rollback(exchange->mysql);
    return good;
}

/* A write through a view, or one that triggers others, may change more than its table. */
static bool change_and_void(struct writing *writing)
{
    struct sql_exchange *exchange = writing->exchange;
    struct tv_cache *cache = tv_worker_cache(exchange->worker);
    struct tv_slice things[] = {exchange->table->thing, exchange->schema->all_things};
    size_t count = exchange->table->is_view || exchange->table->has_triggers ? 2 : 1;
    exchange->error->status = 0;
    tv_cache_write_begin(cache, things, count);
    bool good = change(writing);
    tv_cache_write_end(cache, things, count);
    return good;
}

/* --- the answer --- */

/* Location: the one row's key, when it is known without asking. */
static void set_location(struct writing *writing)
{
    struct sql_exchange *exchange = writing->exchange;
    struct tv_buffer *out = &exchange->thread->scratch;
    const struct sql_table *table = exchange->table;
    if (writing->body.row_count != 1 || table->key_length == 0 ||
        sql_key_of(writing, writing->body.first) >= SQL_KEY_NONE)
        return;
    tv_buffer_reset(out, 4096);
    tv_buffer_byte(out, '/');
    tv_url_encode(out, table->name);
    for (size_t i = 0; i < table->key_length; i++) {
        const struct tv_json_value *json = sql_key_value(writing, writing->body.first, table->key[i]);
        tv_buffer_byte(out, i == 0 ? '?' : '&');
        tv_url_encode(out, table->key[i]->name);
        tv_buffer_append(out, "=eq.", 4);
        if (table->key[i]->auto_increment && sql_makes_number(json))
            tv_buffer_unsigned(out, writing->first_id);
        else
            tv_url_encode(out, json->type == TV_JSON_STRING ? json->text : json->source);
    }
    if (!tv_buffer_failed(out))
        tv_response_header(exchange->response, "Location", tv_buffer_view(out));
}

static bool answer(struct writing *writing)
{
    struct sql_exchange *exchange = writing->exchange;
    const struct sql_preferences *preferences = &exchange->preferences;
    int64_t rows = (int64_t)writing->body.row_count;
    tv_response_status(exchange->response, 201);
    sql_content_range(exchange, 0, 0, preferences->count ? rows : -1);
    sql_applied_preferences(exchange->response, preferences,
                            SQL_APPLIED_RETURN | SQL_APPLIED_COUNT | SQL_APPLIED_MISSING |
                                (writing->tx_honoured ? SQL_APPLIED_TX : 0));
    if (preferences->returns == SQL_RETURN_HEADERS)
        set_location(writing);
    if (preferences->returns != SQL_RETURN_REPRESENTATION)
        return true;
    tv_response_type(exchange->response, exchange->format.content_type);
    if (exchange->format.shape == SQL_SHAPE_ARRAY)
        tv_buffer_text(tv_response_body(exchange->response), writing->rows_back == 0 ? "[]" : "]");
    return true;
}

/* --- the whole --- */

static bool check_preferences(struct writing *writing)
{
    struct sql_exchange *exchange = writing->exchange;
    const struct sql_preferences *preferences = &exchange->preferences;
    bool has_key = exchange->table->key_length > 0 || exchange->query.has_on_conflict;
    if (preferences->resolution == SQL_RESOLUTION_NONE || !has_key)
        return true;
    tv_fail(exchange->error, 400, "PGRST127", "Feature not implemented");
    tv_error_details(exchange->error, "resolution=merge-duplicates and ignore-duplicates are not built yet");
    return false;
}

/* An object that is no object any more is refused before anything is written. */
static bool check_shape(struct writing *writing)
{
    struct sql_exchange *exchange = writing->exchange;
    return exchange->format.shape == SQL_SHAPE_ARRAY || writing->body.row_count == 1 ||
           sql_not_one_row(exchange->error, (int64_t)writing->body.row_count);
}

static bool write_once(struct sql_exchange *exchange, bool *unknown)
{
    struct writing writing = {.exchange = exchange};
    const struct tv_request *request = exchange->request;
    *unknown = false;
    tv_response_body(exchange->response)->length = 0; /* of a first try */
    if (!sql_read_body(exchange, &writing.body) || !sql_find_table(exchange) ||
        !sql_resolve_select(request->arena, exchange->table, &exchange->query, &writing.plan, unknown,
                            exchange->error) ||
        !sql_resolve_body(exchange, &writing.body, unknown) ||
        !sql_read_preferences(request, &exchange->preferences, exchange->error) ||
        !sql_read_accept(request, &exchange->format, exchange->error) || !check_preferences(&writing) ||
        !check_shape(&writing))
        return false;
    writing.body.missing_is_default = exchange->preferences.missing == SQL_MISSING_DEFAULT;
    if (writing.body.row_count == 0)
        return answer(&writing);
    return sql_plan_return(&writing) && change_and_void(&writing) && answer(&writing);
}

bool sql_write(struct sql_exchange *exchange)
{
    const struct tv_request *request = exchange->request;
    bool unknown;
    /* a second try only after what provably changed nothing: the store knew no such table or column */
    return sql_read_url(request->arena, request->query, &exchange->query, exchange->error) &&
           (write_once(exchange, &unknown) ||
            (sql_try_again(exchange, unknown) && write_once(exchange, &unknown)));
}
