/*
 * sql_show.h - a parsed query as one line of text, so that a test can say what it expects of it. For tests only.
 */
#ifndef TRIVET_TESTS_SQL_SHOW_H
#define TRIVET_TESTS_SQL_SHOW_H

#include "../../fcgi-app/sql/syntax.h"

static const char *const op_names[] = {"eq",    "neq",   "gt",     "gte", "lt", "lte",        "like",
                                       "ilike", "match", "imatch", "in",  "is", "isdistinct", "fts",
                                       "plfts", "phfts", "wfts",   "cs",  "cd", "ov",         "sl",
                                       "sr",    "nxr",   "nxl",    "adj"};

static void show_text(struct tv_buffer *out, struct tv_slice text)
{
    tv_buffer_byte(out, '<');
    tv_buffer_slice(out, text);
    tv_buffer_byte(out, '>');
}

static void show_field(struct tv_buffer *out, const struct sql_field *field)
{
    show_text(out, field->name);
    for (const struct sql_step *step = field->path; step; step = step->next) {
        tv_buffer_text(out, step->as_text ? "->>" : "->");
        if (step->is_index)
            tv_buffer_integer(out, step->index);
        else
            show_text(out, step->key);
    }
}

static void show_words(struct tv_buffer *out, const struct sql_word *word)
{
    tv_buffer_byte(out, '(');
    for (; word; word = word->next)
        show_text(out, word->text);
    tv_buffer_byte(out, ')');
}

static void show_items(struct tv_buffer *out, const struct sql_item *item)
{
    static const char *const aggregates[] = {"", ".count", ".sum", ".avg", ".max", ".min"};
    static const char *const joins[] = {"", "!left", "!inner"};
    for (; item; item = item->next) {
        tv_buffer_byte(out, ' ');
        if (item->alias.length) {
            show_text(out, item->alias);
            tv_buffer_byte(out, ':');
        }
        if (item->kind == SQL_ITEM_ALL) {
            tv_buffer_byte(out, '*');
            continue;
        }
        if (item->kind == SQL_ITEM_SPREAD)
            tv_buffer_text(out, "...");
        show_field(out, &item->field);
        if (item->cast.length) {
            tv_buffer_text(out, "::");
            show_text(out, item->cast);
        }
        tv_buffer_text(out, aggregates[item->aggregate]);
        if (item->aggregate_cast.length) {
            tv_buffer_text(out, "::");
            show_text(out, item->aggregate_cast);
        }
        tv_buffer_text(out, joins[item->join]);
        if (item->hint.length) {
            tv_buffer_byte(out, '!');
            show_text(out, item->hint);
        }
        if (item->kind >= SQL_ITEM_EMBED) {
            tv_buffer_byte(out, '{');
            show_items(out, item->first);
            tv_buffer_text(out, " }");
        }
    }
}

static void show_conditions(struct tv_buffer *out, const struct sql_condition *condition)
{
    static const char *const quantifiers[] = {"", "(any)", "(all)"};
    static const char *const is[] = {"null", "not_null", "true", "false", "unknown"};
    for (; condition; condition = condition->next) {
        tv_buffer_text(out, condition->negated ? " not " : " ");
        if (condition->node != SQL_FILTER) {
            tv_buffer_text(out, condition->node == SQL_AND ? "and(" : "or(");
            show_conditions(out, condition->first);
            tv_buffer_text(out, " )");
            continue;
        }
        show_field(out, &condition->field);
        tv_buffer_printf(out, " %s%s ", op_names[condition->op], quantifiers[condition->quantifier]);
        if (condition->language.length)
            show_text(out, condition->language);
        if (condition->op == SQL_IS)
            tv_buffer_text(out, is[condition->is]);
        else if (condition->op == SQL_IN || condition->quantifier != SQL_ONE)
            show_words(out, condition->list);
        else
            show_text(out, condition->value);
    }
}

static void show_level(struct tv_buffer *out, const struct sql_level *level)
{
    if (level->conditions) {
        tv_buffer_text(out, " where");
        show_conditions(out, level->conditions);
    }
    if (level->order)
        tv_buffer_text(out, " order");
    for (const struct sql_order *order = level->order; order; order = order->next) {
        tv_buffer_byte(out, ' ');
        if (order->relation.length)
            show_text(out, order->relation);
        show_field(out, &order->field);
        tv_buffer_text(out, order->descending ? "-" : "+");
        tv_buffer_text(out, order->nulls == SQL_NULLS_FIRST  ? "f"
                            : order->nulls == SQL_NULLS_LAST ? "l"
                                                             : "");
    }
    if (level->has_limit)
        tv_buffer_printf(out, " limit %lld", (long long)level->limit);
    if (level->offset)
        tv_buffer_printf(out, " offset %lld", (long long)level->offset);
}

/* "select ... where ... order ... limit ... | at (path) where ..." */
static void show_query(struct tv_buffer *out, const struct sql_query *query)
{
    if (query->select) {
        tv_buffer_text(out, " select");
        show_items(out, query->select);
    }
    if (query->has_columns) {
        tv_buffer_text(out, " columns ");
        show_words(out, query->columns);
    }
    if (query->has_on_conflict) {
        tv_buffer_text(out, " on_conflict ");
        show_words(out, query->on_conflict);
    }
    show_level(out, &query->root);
    for (const struct sql_level *level = query->root.next; level; level = level->next) {
        tv_buffer_text(out, " | at ");
        show_words(out, level->path);
        show_level(out, level);
    }
}

#endif
