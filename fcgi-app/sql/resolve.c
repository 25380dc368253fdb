/*
 * resolve.c - holds a query against a table: names become columns, texts become values, and what the dialect has but this
 * program does not is said so.
 */
#include "plan.h"

#include <string.h>

#include "literal.h"

struct resolver {
    struct tv_arena *arena;
    const struct sql_table *table;
    bool *unknown;
    struct tv_error *error;
};

/* --- errors --- */

static bool no_memory(struct resolver *resolver)
{
    return tv_arena_fail(resolver->arena, resolver->error);
}

static bool not_built(struct resolver *resolver, const char *what)
{
    tv_fail(resolver->error, 400, "PGRST127", "Feature not implemented");
    tv_error_details(resolver->error, "%s", what);
    return false;
}

static bool no_column(struct resolver *resolver, struct tv_slice name)
{
    *resolver->unknown = true;
    return tv_fail(resolver->error, 400, "42703", "column %.*s.%.*s does not exist",
                   (int)resolver->table->name.length, resolver->table->name.data,
                   (int)tv_slice_cut(name, 0, 128).length, name.data);
}

/* status: what the reference says for this kind of it. */
static bool no_operator(struct resolver *resolver, int status, const struct sql_expression *expression,
                        const char *what)
{
    tv_fail(resolver->error, status, "42883", "operator does not exist: %.*s %s unknown",
            (int)expression->column->type_name.length, expression->column->type_name.data, what);
    tv_error_hint(resolver->error, "No operator matches the given name and argument types. You might need to "
                                   "add explicit type casts.");
    return false;
}

/* --- expressions --- */

/* $."key"[0]; an index from the end is [last], [last-1] in MySQL and [-1], [-2] in MariaDB. */
static bool make_path(struct resolver *resolver, const struct sql_step *step, bool mariadb,
                      struct tv_value *out)
{
    struct tv_buffer path;
    tv_buffer_init(&path, 65536);
    tv_buffer_byte(&path, '$');
    for (; step; step = step->next) {
        if (step->is_index && step->index < 0 && !mariadb)
            tv_buffer_printf(&path, step->index == -1 ? "[last]" : "[last-%lld]",
                             -(long long)step->index - 1);
        else if (step->is_index)
            tv_buffer_printf(&path, "[%lld]", (long long)step->index);
        else
            tv_buffer_text(&path, ".\"");
        for (size_t i = 0; !step->is_index && i < step->key.length; i++) {
            if (step->key.data[i] == '"' || step->key.data[i] == '\\')
                tv_buffer_byte(&path, '\\');
            tv_buffer_byte(&path, step->key.data[i]);
        }
        if (!step->is_index)
            tv_buffer_byte(&path, '"');
    }
    const char *text = tv_buffer_failed(&path) ? NULL : tv_arena_text(resolver->arena, tv_buffer_view(&path));
    *out = (struct tv_value){TV_VALUE_TEXT, {.text = {text, path.length}}};
    tv_buffer_free(&path);
    return text || no_memory(resolver);
}

static bool resolve_path(struct resolver *resolver, const struct sql_step *step, struct sql_expression *out)
{
    struct sql_path *path = tv_arena_array(resolver->arena, 1, sizeof *path);
    if (!path)
        return no_memory(resolver);
    if (out->type != SQL_TYPE_JSON)
        return no_operator(resolver, 404, out, "->");
    if (!make_path(resolver, step, false, &path->mysql) || !make_path(resolver, step, true, &path->mariadb))
        return false;
    while (step->next)
        step = step->next;
    path->as_text = step->as_text;
    out->path = path;
    out->type = step->as_text ? SQL_TYPE_TEXT : SQL_TYPE_JSON;
    return true;
}

static bool resolve_field(struct resolver *resolver, const struct sql_field *field,
                          struct sql_expression *out)
{
    const struct sql_column *column = sql_column_of(resolver->table, field->name);
    if (!column)
        return no_column(resolver, field->name);
    *out = (struct sql_expression){.column = column, .type = column->type};
    return !field->path || resolve_path(resolver, field->path, out);
}

static bool resolve_cast(struct resolver *resolver, struct tv_slice name, struct sql_expression *expression)
{
    static const struct {
        const char *name;
        enum sql_cast cast;
        enum sql_type type;
    } casts[] = {
        {"text", SQL_CAST_TEXT, SQL_TYPE_TEXT},
        {"varchar", SQL_CAST_TEXT, SQL_TYPE_TEXT},
        {"char", SQL_CAST_TEXT, SQL_TYPE_TEXT},
        {"int", SQL_CAST_INTEGER, SQL_TYPE_INTEGER},
        {"integer", SQL_CAST_INTEGER, SQL_TYPE_INTEGER},
        {"int2", SQL_CAST_INTEGER, SQL_TYPE_INTEGER},
        {"int4", SQL_CAST_INTEGER, SQL_TYPE_INTEGER},
        {"int8", SQL_CAST_INTEGER, SQL_TYPE_INTEGER},
        {"smallint", SQL_CAST_INTEGER, SQL_TYPE_INTEGER},
        {"bigint", SQL_CAST_INTEGER, SQL_TYPE_INTEGER},
        {"numeric", SQL_CAST_DECIMAL, SQL_TYPE_DECIMAL},
        {"decimal", SQL_CAST_DECIMAL, SQL_TYPE_DECIMAL},
        {"float4", SQL_CAST_DOUBLE, SQL_TYPE_DOUBLE},
        {"float8", SQL_CAST_DOUBLE, SQL_TYPE_DOUBLE},
        {"real", SQL_CAST_DOUBLE, SQL_TYPE_DOUBLE},
        {"double precision", SQL_CAST_DOUBLE, SQL_TYPE_DOUBLE},
        {"bool", SQL_CAST_BOOLEAN, SQL_TYPE_BOOLEAN},
        {"boolean", SQL_CAST_BOOLEAN, SQL_TYPE_BOOLEAN},
        {"date", SQL_CAST_DATE, SQL_TYPE_DATE},
        {"time", SQL_CAST_TIME, SQL_TYPE_TIME},
        {"timestamp", SQL_CAST_DATETIME, SQL_TYPE_DATETIME},
        {"timestamptz", SQL_CAST_DATETIME, SQL_TYPE_TIMESTAMP},
        {"json", SQL_CAST_JSON, SQL_TYPE_JSON},
        {"jsonb", SQL_CAST_JSON, SQL_TYPE_JSON},
    };
    if (name.length == 0)
        return true;
    for (size_t i = 0; i < TV_COUNT(casts); i++) {
        if (!tv_slice_is(name, casts[i].name))
            continue;
        expression->cast = casts[i].cast;
        expression->type = casts[i].type;
        return true;
    }
    return tv_fail(resolver->error, 400, "42704", "type \"%.*s\" does not exist",
                   (int)tv_slice_cut(name, 0, 128).length, name.data);
}

/* --- select --- */

/* The key of a member that is not called like its column. */
static bool make_key(struct resolver *resolver, struct tv_slice name, struct tv_slice *out)
{
    struct tv_buffer buffer;
    struct tv_json json;
    tv_buffer_init(&buffer, 65536);
    tv_buffer_byte(&buffer, ',');
    tv_json_start(&json, &buffer);
    tv_json_string(&json, name);
    tv_buffer_byte(&buffer, ':');
    const char *text =
        tv_buffer_failed(&buffer) ? NULL : tv_arena_text(resolver->arena, tv_buffer_view(&buffer));
    *out = (struct tv_slice){text, buffer.length};
    tv_buffer_free(&buffer);
    return text || no_memory(resolver);
}

/* Without an alias: the last key of a path, or the one before an index, or the column. */
static struct tv_slice default_name(const struct sql_field *field)
{
    struct tv_slice name = field->name;
    for (const struct sql_step *step = field->path; step; step = step->next)
        if (!step->is_index)
            name = step->key;
    return name;
}

static bool resolve_item(struct resolver *resolver, const struct sql_item *item, struct sql_output *out)
{
    if (item->kind == SQL_ITEM_EMBED)
        return not_built(resolver, "embedding related tables is not built yet");
    if (item->kind == SQL_ITEM_SPREAD)
        return not_built(resolver, "spreading related tables is not built yet");
    if (item->aggregate != SQL_NO_AGGREGATE)
        return tv_fail(resolver->error, 400, "PGRST123", "Use of aggregate functions is not allowed");
    if (!resolve_field(resolver, &item->field, &out->expression) ||
        !resolve_cast(resolver, item->cast, &out->expression))
        return false;
    if (item->alias.length == 0 && !item->field.path) {
        out->json_key = out->expression.column->json_key;
        return true;
    }
    return make_key(resolver, item->alias.length > 0 ? item->alias : default_name(&item->field),
                    &out->json_key);
}

static void put_all(const struct sql_table *table, struct sql_output *out)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct sql_column *column = &table->columns[i];
        out[i] = (struct sql_output){.json_key = column->json_key,
                                     .expression = {.column = column, .type = column->type}};
    }
}

static bool resolve_items(struct resolver *resolver, const struct sql_item *items, struct sql_plan *out)
{
    static const struct sql_item all = {.kind = SQL_ITEM_ALL};
    const struct sql_table *table = resolver->table;
    size_t count = 0, at = 0;
    items = items ? items : &all;
    for (const struct sql_item *item = items; item; item = item->next)
        count += item->kind == SQL_ITEM_ALL ? table->column_count : 1;
    out->outputs = tv_arena_alloc(resolver->arena, (count ? count : 1) * sizeof *out->outputs);
    if (!out->outputs)
        return no_memory(resolver);
    for (const struct sql_item *item = items; item; item = item->next) {
        if (item->kind == SQL_ITEM_ALL) {
            put_all(table, out->outputs + at);
            at += table->column_count;
        } else if (!resolve_item(resolver, item, &out->outputs[at++])) {
            return false;
        }
    }
    out->output_count = count;
    return true;
}

/* --- filters --- */

static const char *pattern_name(enum sql_op op)
{
    switch (op) {
    case SQL_LIKE: return "~~";
    case SQL_ILIKE: return "~~*";
    case SQL_MATCH: return "~";
    default: return "~*";
    }
}

/* * is the wildcard that needs no escape in a URL. */
static bool make_pattern(struct resolver *resolver, struct tv_slice text, struct tv_value *out)
{
    *out = (struct tv_value){TV_VALUE_TEXT, {.text = text}};
    if (text.length == 0 || !memchr(text.data, '*', text.length))
        return true;
    char *copy = tv_arena_text(resolver->arena, text);
    if (!copy)
        return no_memory(resolver);
    for (size_t i = 0; i < text.length; i++)
        if (copy[i] == '*')
            copy[i] = '%';
    out->text.data = copy;
    return true;
}

static bool make_value(struct resolver *resolver, const struct sql_condition *from,
                       const struct sql_expression *expression, struct tv_slice text, struct tv_value *out)
{
    if (from->op == SQL_LIKE || from->op == SQL_ILIKE)
        return make_pattern(resolver, text, out);
    struct tv_error not_a_number;
    if (expression->type == SQL_TYPE_JSON && expression->path &&
        sql_literal(resolver->arena, SQL_TYPE_DECIMAL, NULL, text, out, &not_a_number))
        return true;
    return sql_literal(resolver->arena, expression->type, expression->path ? NULL : expression->column, text,
                       out, resolver->error);
}

static bool make_values(struct resolver *resolver, const struct sql_condition *from, struct sql_test *out)
{
    bool many = from->op == SQL_IN || from->quantifier != SQL_ONE;
    size_t count = many ? from->list_length : 1;
    out->values = tv_arena_alloc(resolver->arena, (count ? count : 1) * sizeof *out->values);
    if (!out->values)
        return no_memory(resolver);
    out->value_count = count;
    if (!many)
        return make_value(resolver, from, &out->expression, from->value, &out->values[0]);
    size_t at = 0;
    for (const struct sql_word *word = from->list; word; word = word->next)
        if (!make_value(resolver, from, &out->expression, word->text, &out->values[at++]))
            return false;
    return true;
}

/* Whether the operator is for this type at all. */
static bool check_operator(struct resolver *resolver, const struct sql_condition *from,
                           const struct sql_expression *expression)
{
    switch (from->op) {
    case SQL_LIKE:
    case SQL_ILIKE:
    case SQL_MATCH:
    case SQL_IMATCH:
        return expression->type == SQL_TYPE_TEXT ||
               no_operator(resolver, 404, expression, pattern_name(from->op));
    case SQL_IS:
        if ((from->is != SQL_IS_TRUE && from->is != SQL_IS_FALSE && from->is != SQL_IS_UNKNOWN) ||
            expression->type == SQL_TYPE_BOOLEAN)
            return true;
        return tv_fail(resolver->error, 400, "42804", "argument of IS %s must be type boolean, not type %.*s",
                       from->is == SQL_IS_TRUE    ? "TRUE"
                       : from->is == SQL_IS_FALSE ? "FALSE"
                                                  : "UNKNOWN",
                       (int)expression->column->type_name.length, expression->column->type_name.data);
    case SQL_FTS:
    case SQL_PLFTS:
    case SQL_PHFTS:
    case SQL_WFTS: return not_built(resolver, "full-text search is not built yet");
    case SQL_CS:
    case SQL_CD:
    case SQL_OV: return not_built(resolver, "cs, cd and ov are not built yet");
    case SQL_SL: return no_operator(resolver, 400, expression, "<<");
    case SQL_SR: return no_operator(resolver, 400, expression, ">>");
    case SQL_NXR: return no_operator(resolver, 400, expression, "&<");
    case SQL_NXL: return no_operator(resolver, 400, expression, "&>");
    case SQL_ADJ: return no_operator(resolver, 400, expression, "-|-");
    default: break;
    }
    if (expression->type == SQL_TYPE_GEOMETRY)
        return no_operator(resolver, 404, expression, "=");
    bool equality =
        from->op == SQL_EQ || from->op == SQL_NEQ || from->op == SQL_IN || from->op == SQL_ISDISTINCT;
    if (expression->type == SQL_TYPE_JSON && !equality && !expression->path)
        return no_operator(resolver, 404, expression, "<");
    return true;
}

static bool resolve_conditions(struct resolver *resolver, const struct sql_condition *from,
                               struct sql_test **out);

static bool resolve_condition(struct resolver *resolver, const struct sql_condition *from,
                              struct sql_test *out)
{
    *out = (struct sql_test){.node = from->node,
                             .negated = from->negated,
                             .op = from->op,
                             .quantifier = from->quantifier,
                             .is = from->is};
    if (from->node != SQL_FILTER)
        return resolve_conditions(resolver, from->first, &out->first);
    if (!resolve_field(resolver, &from->field, &out->expression) ||
        !check_operator(resolver, from, &out->expression))
        return false;
    return from->op == SQL_IS || make_values(resolver, from, out);
}

/* Recursion is as deep as the parser let it be. */
static bool resolve_conditions(struct resolver *resolver, const struct sql_condition *from,
                               struct sql_test **out)
{
    *out = NULL;
    for (; from; from = from->next) {
        struct sql_test *test = tv_arena_alloc(resolver->arena, sizeof *test);
        if (!test)
            return no_memory(resolver);
        if (!resolve_condition(resolver, from, test))
            return false;
        *out = test;
        out = &test->next;
    }
    return true;
}

/* --- order and levels --- */

static bool not_embedded(struct resolver *resolver, struct tv_slice name)
{
    int length = (int)tv_slice_cut(name, 0, 128).length;
    tv_fail(resolver->error, 400, "PGRST108", "'%.*s' is not an embedded resource in this request", length,
            name.data);
    tv_error_hint(resolver->error, "Verify that '%.*s' is included in the 'select' query parameter.", length,
                  name.data);
    return false;
}

static bool resolve_order(struct resolver *resolver, const struct sql_order *from, struct sql_sort **out)
{
    *out = NULL;
    for (; from; from = from->next) {
        struct sql_sort *sort = tv_arena_array(resolver->arena, 1, sizeof *sort);
        if (!sort)
            return no_memory(resolver);
        if (from->relation.length > 0)
            return not_embedded(resolver, from->relation);
        if (!resolve_field(resolver, &from->field, &sort->expression))
            return false;
        sort->descending = from->descending;
        sort->nulls_first =
            from->nulls == SQL_NULLS_DEFAULT ? from->descending : from->nulls == SQL_NULLS_FIRST;
        *out = sort;
        out = &sort->next;
    }
    return true;
}

bool sql_resolve_select(struct tv_arena *arena, const struct sql_table *table, const struct sql_query *query,
                        struct sql_plan *out, bool *unknown, struct tv_error *error)
{
    struct resolver resolver = {arena, table, unknown, error};
    *out = (struct sql_plan){.table = table};
    *unknown = false;
    return resolve_items(&resolver, query->select, out);
}

bool sql_resolve_read(struct tv_arena *arena, const struct sql_table *table, const struct sql_query *query,
                      struct sql_plan *out, bool *unknown, struct tv_error *error)
{
    struct resolver resolver = {arena, table, unknown, error};
    if (!sql_resolve_select(arena, table, query, out, unknown, error))
        return false;
    if (query->root.next) /* no level but the table itself can be in select yet */
        return not_embedded(&resolver, query->root.next->path->text);
    if (!resolve_conditions(&resolver, query->root.conditions, &out->tests) ||
        !resolve_order(&resolver, query->root.order, &out->sorts))
        return false;
    out->has_limit = query->root.has_limit;
    out->limit = query->root.limit;
    out->offset = query->root.offset;
    return true;
}
