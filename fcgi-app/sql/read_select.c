/*
 * read_select.c - select= and order= as trees. Whether a name exists is not asked here.
 */
#include "scan.h"

static bool read_items(struct sql_scan *scan, unsigned depth, struct sql_item **out);

/* "::cast"; *out stays as it is when there is none. */
static bool read_cast(struct sql_scan *scan, struct tv_slice *out)
{
    return !sql_scan_word(scan, "::") || sql_scan_name(scan, out);
}

/* ".sum()" */
static bool read_aggregate(struct sql_scan *scan, enum sql_aggregate *out)
{
    static const struct {
        const char *text;
        enum sql_aggregate aggregate;
    } names[] = {{".sum()", SQL_SUM},
                 {".avg()", SQL_AVG},
                 {".count()", SQL_COUNT},
                 {".max()", SQL_MAX},
                 {".min()", SQL_MIN}};
    if (sql_scan_peek(scan) != '.')
        return true;
    for (size_t i = 0; i < TV_COUNT(names); i++) {
        if (sql_scan_word(scan, names[i].text)) {
            *out = names[i].aggregate;
            return true;
        }
    }
    return sql_scan_fail(scan, "an aggregate function: sum(), avg(), count(), max() or min()");
}

/* "!inner", "!left", "!hint": at most one join and one hint, in any order */
static bool read_params(struct sql_scan *scan, struct sql_item *item)
{
    while (sql_scan_word(scan, "!")) {
        struct tv_slice word;
        if (!sql_scan_name(scan, &word))
            return false;
        if (item->join == SQL_JOIN_DEFAULT && tv_slice_is(word, "inner"))
            item->join = SQL_JOIN_INNER;
        else if (item->join == SQL_JOIN_DEFAULT && tv_slice_is(word, "left"))
            item->join = SQL_JOIN_LEFT;
        else if (item->hint.length == 0)
            item->hint = word;
        else
            return sql_scan_fail(scan, "at most one hint and one of !inner and !left");
    }
    return true;
}

static bool read_embedded(struct sql_scan *scan, unsigned depth, struct sql_item *item)
{
    if (!read_params(scan, item))
        return false;
    if (!sql_scan_word(scan, "("))
        return sql_scan_fail(scan, "\"(\"");
    if (depth == SQL_NESTING_MAX)
        return sql_scan_fail(scan, "fewer levels of embedding");
    if (!read_items(scan, depth + 1, &item->first))
        return false;
    return sql_scan_word(scan, ")") || sql_scan_fail(scan, "\",\" or \")\"");
}

static bool read_item(struct sql_scan *scan, unsigned depth, struct sql_item *item)
{
    if (sql_scan_word(scan, "*")) {
        item->kind = SQL_ITEM_ALL;
        return true;
    }
    if (sql_scan_word(scan, "...")) {
        item->kind = SQL_ITEM_SPREAD;
        return sql_scan_name(scan, &item->field.name) && read_embedded(scan, depth, item);
    }
    item->kind = SQL_ITEM_FIELD;
    if (!sql_scan_field(scan, &item->field))
        return false;
    if (!item->field.path && sql_scan_peek(scan) == ':' && !sql_scan_ahead(scan, "::")) {
        scan->at++;
        item->alias = item->field.name;
        if (!sql_scan_field(scan, &item->field))
            return false;
    }
    if (!item->field.path && tv_slice_is(item->field.name, "count") && sql_scan_word(scan, "()")) {
        item->aggregate = SQL_COUNT;
        item->field.name.length = 0;
        return read_cast(scan, &item->aggregate_cast);
    }
    if (!item->field.path && (sql_scan_peek(scan) == '(' || sql_scan_peek(scan) == '!')) {
        item->kind = SQL_ITEM_EMBED;
        return read_embedded(scan, depth, item);
    }
    if (!read_cast(scan, &item->cast) || !read_aggregate(scan, &item->aggregate))
        return false;
    return item->aggregate == SQL_NO_AGGREGATE || read_cast(scan, &item->aggregate_cast);
}

/* Up to the end or a closing parenthesis, which stays. */
static bool read_items(struct sql_scan *scan, unsigned depth, struct sql_item **out)
{
    *out = NULL;
    sql_scan_blanks(scan);
    if (sql_scan_ended(scan) || sql_scan_peek(scan) == ')')
        return true;
    do {
        struct sql_item *item = tv_arena_array(scan->arena, 1, sizeof *item);
        if (!item)
            return sql_scan_full(scan);
        sql_scan_blanks(scan);
        if (!read_item(scan, depth, item))
            return false;
        sql_scan_blanks(scan);
        *out = item;
        out = &item->next;
    } while (sql_scan_word(scan, ","));
    return true;
}

bool sql_read_select(struct sql_scan *scan, struct sql_item **out)
{
    if (!read_items(scan, 0, out))
        return false;
    return sql_scan_ended(scan) || sql_scan_fail(scan, "\",\" or end of input");
}

static bool read_order_term(struct sql_scan *scan, struct sql_order *term)
{
    if (!sql_scan_field(scan, &term->field))
        return false;
    if (!term->field.path && sql_scan_word(scan, "(")) {
        term->relation = term->field.name;
        if (!sql_scan_field(scan, &term->field))
            return false;
        if (!sql_scan_word(scan, ")"))
            return sql_scan_fail(scan, "\")\"");
    }
    if (sql_scan_word(scan, ".desc"))
        term->descending = true;
    else
        sql_scan_word(scan, ".asc");
    if (sql_scan_word(scan, ".nullsfirst"))
        term->nulls = SQL_NULLS_FIRST;
    else if (sql_scan_word(scan, ".nullslast"))
        term->nulls = SQL_NULLS_LAST;
    sql_scan_blanks(scan);
    return true;
}

bool sql_read_order(struct sql_scan *scan, struct sql_order **out)
{
    *out = NULL;
    do {
        struct sql_order *term = tv_arena_array(scan->arena, 1, sizeof *term);
        if (!term)
            return sql_scan_full(scan);
        sql_scan_blanks(scan);
        if (!read_order_term(scan, term))
            return false;
        *out = term;
        out = &term->next;
    } while (sql_scan_word(scan, ","));
    return sql_scan_ended(scan) ||
           sql_scan_fail(scan, "\",\", a direction (.asc, .desc), .nullsfirst, .nullslast or end of input");
}
