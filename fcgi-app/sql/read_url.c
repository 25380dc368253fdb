/*
 * read_url.c - a query string becomes a tree: which parameter is what, and to which level of embedding it belongs.
 */
#include "scan.h"

#include <string.h>

#define PARAMETERS_MAX 1000

struct reader {
    struct tv_arena *arena;
    struct tv_error *error;
    struct sql_query *query;
    bool has_select;
};

static struct sql_scan scan_of(struct reader *reader, struct tv_slice text, const char *what)
{
    return (struct sql_scan){.arena = reader->arena, .error = reader->error, .what = what, .text = text};
}

static bool same_path(const struct sql_word *a, const struct sql_word *b)
{
    while (a && b && tv_slice_equal(a->text, b->text)) {
        a = a->next;
        b = b->next;
    }
    return !a && !b;
}

/* The level that the path leads to; made when it is not known yet. NULL: the arena is full. */
static struct sql_level *level_of(struct reader *reader, struct sql_word *path)
{
    struct sql_level *level = &reader->query->root;
    while (!same_path(level->path, path) && level->next)
        level = level->next;
    if (same_path(level->path, path))
        return level;
    level->next = tv_arena_array(reader->arena, 1, sizeof *level);
    if (!level->next) {
        tv_arena_fail(reader->arena, reader->error);
        return NULL;
    }
    level->next->path = path;
    level->next->conditions_end = &level->next->conditions;
    return level->next;
}

static struct sql_condition *add_condition(struct reader *reader, struct sql_level *level)
{
    struct sql_condition *condition = tv_arena_array(reader->arena, 1, sizeof *condition);
    if (!condition) {
        tv_arena_fail(reader->arena, reader->error);
        return NULL;
    }
    *level->conditions_end = condition;
    level->conditions_end = &condition->next;
    return condition;
}

/* a,b,"c d"; a blank list is an error, what follows a name that is no comma is ignored. */
static bool read_names(struct reader *reader, struct tv_slice text, const char *what, struct sql_word **out)
{
    struct sql_scan scan = scan_of(reader, text, what);
    *out = NULL;
    do {
        struct tv_slice name;
        if (!sql_scan_name(&scan, &name) || !sql_scan_add(&scan, name, &out))
            return false;
    } while (sql_scan_word(&scan, ","));
    return true;
}

/* The last dotted part of a parameter's name, dots within quotes apart; the rest before it is *prefix. */
static struct tv_slice last_part(struct tv_slice name, struct tv_slice *prefix)
{
    size_t at = 0;
    bool dotted = false, quoted = false;
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '"') {
            quoted = !quoted;
        } else if (name.data[i] == '.' && !quoted) {
            at = i;
            dotted = true;
        }
    }
    *prefix = tv_slice_cut(name, 0, at);
    return dotted ? tv_slice_cut(name, at + 1, name.length) : name;
}

/* "a.b" as a path. */
static bool read_path(struct reader *reader, struct tv_slice text, struct sql_word **out)
{
    struct sql_scan scan = scan_of(reader, text, "tree path");
    *out = NULL;
    if (text.length == 0)
        return true;
    do {
        struct tv_slice name;
        if (!sql_scan_name(&scan, &name) || !sql_scan_add(&scan, name, &out))
            return false;
    } while (sql_scan_word(&scan, "."));
    return true;
}

static bool read_tree(struct reader *reader, struct tv_slice prefix, enum sql_node node,
                      struct tv_slice value)
{
    struct tv_slice rest;
    bool negated = tv_slice_is(last_part(prefix, &rest), "not");
    struct sql_word *path;
    if (!read_path(reader, negated ? rest : prefix, &path))
        return false;
    struct sql_level *level = level_of(reader, path);
    struct sql_condition *condition = level ? add_condition(reader, level) : NULL;
    if (!condition)
        return false;
    condition->node = node;
    condition->negated = negated;
    struct sql_scan scan = scan_of(reader, value, "logic tree");
    return sql_read_tree(&scan, condition);
}

static bool read_limit(struct reader *reader, struct sql_level *level, struct tv_slice value)
{
    int64_t limit;
    if (!tv_slice_integer(value, &limit))
        return true; /* not a number: as if it were not there */
    if (limit < 0) {
        tv_fail(reader->error, 416, "PGRST103", "Requested range not satisfiable");
        tv_error_details(reader->error, "Limit should be greater than or equal to zero.");
        return false;
    }
    level->has_limit = true;
    level->limit = limit;
    return true;
}

static bool read_order(struct reader *reader, struct sql_level *level, struct tv_slice value)
{
    struct sql_scan scan = scan_of(reader, value, "order");
    return sql_read_order(&scan, &level->order);
}

/* order, limit, offset, and, or: they take a path before them. *known says whether it was one. */
static bool read_reserved(struct reader *reader, const struct tv_url_pair *pair, bool *known)
{
    struct tv_slice prefix, word = last_part(pair->name, &prefix);
    struct sql_word *path;
    *known = true;
    if (tv_slice_is(word, "and"))
        return read_tree(reader, prefix, SQL_AND, pair->value);
    if (tv_slice_is(word, "or"))
        return read_tree(reader, prefix, SQL_OR, pair->value);
    bool order = tv_slice_is(word, "order"), limit = tv_slice_is(word, "limit");
    *known = order || limit || tv_slice_is(word, "offset");
    if (!*known)
        return true;
    if (!read_path(reader, prefix, &path))
        return false;
    struct sql_level *level = level_of(reader, path);
    if (!level)
        return false;
    if (order)
        return read_order(reader, level, pair->value);
    if (limit)
        return read_limit(reader, level, pair->value);
    if (!tv_slice_integer(pair->value, &level->offset) || level->offset < 0)
        level->offset = 0; /* ignored, like a limit that is not a number */
    return true;
}

/* [embed.]*field=value; what stands behind the field is ignored, so that q[0]= and q[1]= both filter q. */
static bool read_filter(struct reader *reader, const struct tv_url_pair *pair)
{
    struct sql_scan key = scan_of(reader, pair->name, "filter");
    struct sql_word *path = NULL, **end = &path;
    struct sql_field field;
    for (;;) {
        if (!sql_scan_field(&key, &field))
            return false;
        if (field.path || sql_scan_peek(&key) != '.')
            break;
        key.at++;
        if (!sql_scan_add(&key, field.name, &end))
            return false;
    }
    struct sql_level *level = level_of(reader, path);
    struct sql_condition *condition = level ? add_condition(reader, level) : NULL;
    if (!condition)
        return false;
    condition->field = field;
    struct sql_scan scan = scan_of(reader, pair->value, "filter");
    return sql_read_filter(&scan, condition);
}

static bool read_pair(struct reader *reader, const struct tv_url_pair *pair)
{
    struct sql_query *query = reader->query;
    bool known;
    if (tv_slice_is(pair->name, "select")) {
        if (reader->has_select)
            return true; /* the first wins */
        reader->has_select = true;
        struct sql_scan scan = scan_of(reader, pair->value, "select parameter");
        return sql_read_select(&scan, &query->select);
    }
    if (tv_slice_is(pair->name, "columns")) {
        bool first = !query->has_columns;
        query->has_columns = true;
        return !first || read_names(reader, pair->value, "columns parameter", &query->columns);
    }
    if (tv_slice_is(pair->name, "on_conflict")) {
        bool first = !query->has_on_conflict;
        query->has_on_conflict = true;
        return !first || read_names(reader, pair->value, "on_conflict parameter", &query->on_conflict);
    }
    return read_reserved(reader, pair, &known) && (known || read_filter(reader, pair));
}

bool sql_read_url(struct tv_arena *arena, struct tv_slice text, struct sql_query *out, struct tv_error *error)
{
    struct reader reader = {.arena = arena, .error = error, .query = out};
    *out = (struct sql_query){0};
    out->root.conditions_end = &out->root.conditions;
    error->status = 0;
    if (!tv_url_query(arena, text, PARAMETERS_MAX, &out->pairs, &out->pair_count, error))
        return false;
    for (size_t i = 0; i < out->pair_count; i++)
        if (out->pairs[i].has_value && !read_pair(&reader, &out->pairs[i]))
            return false;
    return true;
}
