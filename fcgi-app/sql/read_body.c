/*
 * read_body.c - a body of JSON as rows for a table. The values stay JSON until they are bound: only then their column is
 * known.
 */
#include <string.h>

#include "body.h"

#define DEPTH_MAX 128

static bool check_type(struct sql_exchange *exchange)
{
    struct tv_slice given = exchange->request->content_type;
    struct tv_slice type = tv_slice_trim(tv_slice_cut(given, 0, tv_slice_find(given, ';')));
    if (type.length == 0 || tv_slice_is_nocase(type, "application/json") ||
        tv_slice_is_nocase(type, "application/vnd.pgrst.object+json") ||
        tv_slice_is_nocase(type, "application/vnd.pgrst.object") ||
        tv_slice_is_nocase(type, "application/vnd.pgrst.array+json"))
        return true;
    return tv_fail(exchange->error, 400, "PGRST102", "Content-Type not acceptable: %.*s",
                   (int)tv_slice_cut(type, 0, 100).length, type.data);
}

bool sql_read_body(struct sql_exchange *exchange, struct sql_body *out)
{
    struct tv_json_value *whole;
    *out = (struct sql_body){0};
    if (!check_type(exchange))
        return false;
    if (!tv_json_read(exchange->request->arena, exchange->request->body, DEPTH_MAX, &whole,
                      exchange->error)) {
        char where[sizeof exchange->error->details];
        if (exchange->error->status != 400)
            return false;
        memcpy(where, exchange->error->details, sizeof where);
        tv_fail(exchange->error, 400, SQL_BAD_JSON_CODE, SQL_BAD_JSON);
        tv_error_details(exchange->error, "%s", where);
        return false;
    }
    bool array = whole->type == TV_JSON_ARRAY;
    for (const struct tv_json_value *item = array ? whole->first : NULL; item; item = item->next)
        if (item->type != TV_JSON_OBJECT)
            return true; /* no rows, as PostgreSQL sees it */
    if (!array && whole->type != TV_JSON_OBJECT)
        return true;
    out->first = array ? whole->first : whole;
    out->row_count = array ? whole->count : 1;
    return true;
}

const struct tv_json_value *sql_body_value(const struct tv_json_value *row, const struct sql_column *column)
{
    const struct tv_json_value *found = NULL;
    for (const struct tv_json_value *member = row->first; member; member = member->next)
        if (tv_slice_equal(member->key, column->name))
            found = member;
    return found;
}

/* --- columns --- */

static bool no_column(struct sql_exchange *exchange, struct tv_slice name, bool *unknown)
{
    *unknown = true;
    return tv_fail(exchange->error, 400, "PGRST204",
                   "Could not find the '%.*s' column of '%.*s' in the schema cache",
                   (int)tv_slice_cut(name, 0, 128).length, name.data, (int)exchange->table->name.length,
                   exchange->table->name.data);
}

static bool add_column(struct sql_exchange *exchange, struct sql_body *body, struct tv_slice name,
                       bool *unknown)
{
    const struct sql_column *column = sql_column_of(exchange->table, name);
    if (!column)
        return no_column(exchange, name, unknown);
    for (size_t i = 0; i < body->column_count; i++)
        if (body->columns[i] == column)
            return true;
    body->columns[body->column_count++] = column;
    return true;
}

static bool resolve_named(struct sql_exchange *exchange, struct sql_body *body, bool *unknown)
{
    for (const struct sql_word *word = exchange->query.columns; word; word = word->next)
        if (!add_column(exchange, body, word->text, unknown))
            return false;
    return true;
}

static bool keys_differ(struct sql_exchange *exchange)
{
    return tv_fail(exchange->error, 400, "PGRST102", "All object keys must match");
}

/* Rows almost always have their keys in the same order; only when not, each is looked for. */
static bool same_keys(const struct sql_body *body, const struct tv_json_value *row)
{
    const struct tv_json_value *a = body->first->first, *b = row->first;
    while (a && b && tv_slice_equal(a->key, b->key)) {
        a = a->next;
        b = b->next;
    }
    if (!a && !b)
        return true;
    for (size_t i = 0; i < body->column_count; i++)
        if (!sql_body_value(row, body->columns[i]))
            return false;
    for (const struct tv_json_value *member = row->first; member; member = member->next) {
        size_t i = 0;
        while (i < body->column_count && !tv_slice_equal(body->columns[i]->name, member->key))
            i++;
        if (i == body->column_count)
            return false;
    }
    return true;
}

static bool resolve_keys(struct sql_exchange *exchange, struct sql_body *body, bool *unknown)
{
    for (const struct tv_json_value *member = body->first->first; member; member = member->next)
        if (!add_column(exchange, body, member->key, unknown))
            return false;
    for (const struct tv_json_value *row = body->first->next; row; row = row->next)
        if (!same_keys(body, row))
            return keys_differ(exchange);
    return true;
}

bool sql_resolve_body(struct sql_exchange *exchange, struct sql_body *body, bool *unknown)
{
    size_t most = exchange->table->column_count;
    *unknown = false;
    body->column_count = 0;
    body->columns = tv_arena_array(exchange->request->arena, most ? most : 1, sizeof *body->columns);
    if (!body->columns)
        return tv_arena_fail(exchange->request->arena, exchange->error);
    if (exchange->query.has_columns)
        return resolve_named(exchange, body, unknown);
    return !body->first || resolve_keys(exchange, body, unknown);
}
