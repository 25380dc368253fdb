/*
 * read_filter.c - what stands behind the = of a filter, and the trees of and= and or=. The same operators are read in two
 * surroundings: alone, where the value is the whole rest, and in a tree, where it ends at a comma or parenthesis.
 */
#include "scan.h"

#include <string.h>

#define OPERATORS "\"not\" or operator (eq, gt, ...)"

static const struct operator
{
    const char *name;
    enum sql_op op;
    bool quantified; /* takes (any), (all) */
}
operators[] = {
    {"eq", SQL_EQ, true},         {"gte", SQL_GTE, true},
    {"gt", SQL_GT, true},         {"lte", SQL_LTE, true},
    {"lt", SQL_LT, true},         {"neq", SQL_NEQ, false},
    {"in", SQL_IN, false},        {"isdistinct", SQL_ISDISTINCT, false},
    {"is", SQL_IS, false},        {"like", SQL_LIKE, true},
    {"ilike", SQL_ILIKE, true},   {"match", SQL_MATCH, true},
    {"imatch", SQL_IMATCH, true}, {"fts", SQL_FTS, false},
    {"plfts", SQL_PLFTS, false},  {"phfts", SQL_PHFTS, false},
    {"wfts", SQL_WFTS, false},    {"cs", SQL_CS, false},
    {"cd", SQL_CD, false},        {"ov", SQL_OV, false},
    {"sl", SQL_SL, false},        {"sr", SQL_SR, false},
    {"nxr", SQL_NXR, false},      {"nxl", SQL_NXL, false},
    {"adj", SQL_ADJ, false},
};

/* The word of letters here, without stepping. */
static struct tv_slice letters(const struct sql_scan *scan)
{
    size_t end = scan->at;
    while (end < scan->text.length && scan->text.data[end] >= 'a' && scan->text.data[end] <= 'z')
        end++;
    return tv_slice_cut(scan->text, scan->at, end);
}

static bool read_modifier(struct sql_scan *scan, const struct operator* found, struct sql_condition *out)
{
    if (sql_scan_peek(scan) != '(')
        return true;
    if (found->quantified && sql_scan_word(scan, "(any)")) {
        out->quantifier = SQL_ANY;
        return true;
    }
    if (found->quantified && sql_scan_word(scan, "(all)")) {
        out->quantifier = SQL_ALL;
        return true;
    }
    if (found->op < SQL_FTS || found->op > SQL_WFTS)
        return sql_scan_fail(scan, "\".\"");
    scan->at++;
    return sql_scan_name(scan, &out->language) && (sql_scan_word(scan, ")") || sql_scan_fail(scan, "\")\""));
}

/* [not.]op[(modifier)]. */
static bool read_operator(struct sql_scan *scan, struct sql_condition *out)
{
    if (sql_scan_word(scan, "not."))
        out->negated = true;
    struct tv_slice word = letters(scan);
    for (size_t i = 0; i < TV_COUNT(operators); i++) {
        if (!tv_slice_is(word, operators[i].name))
            continue;
        out->op = operators[i].op;
        scan->at += word.length;
        return read_modifier(scan, &operators[i], out) &&
               (sql_scan_word(scan, ".") || sql_scan_fail(scan, "\".\""));
    }
    return sql_scan_fail(scan, OPERATORS);
}

/* null, not_null, true, false, unknown, in any case; what follows is ignored. */
static bool read_is(struct sql_scan *scan, struct sql_condition *out)
{
    static const struct {
        const char *name;
        enum sql_is is;
    } values[] = {{"not_null", SQL_IS_NOT_NULL},
                  {"null", SQL_IS_NULL},
                  {"true", SQL_IS_TRUE},
                  {"false", SQL_IS_FALSE},
                  {"unknown", SQL_IS_UNKNOWN}};
    for (size_t i = 0; i < TV_COUNT(values); i++) {
        size_t length = strlen(values[i].name);
        if (tv_slice_is_nocase(tv_slice_cut(scan->text, scan->at, scan->at + length), values[i].name)) {
            out->is = values[i].is;
            scan->at += length;
            return true;
        }
    }
    return sql_scan_fail(scan, "isVal: (null, not_null, true, false, unknown)");
}

/* An element of in.(...) or a value in a tree: quoted when a comma or parenthesis follows, otherwise everything up to
 * one of these. */
static bool read_element(struct sql_scan *scan, struct tv_slice *out)
{
    size_t from = scan->at;
    if (sql_scan_peek(scan) == '"' && sql_scan_quoted(scan, out)) {
        char next = sql_scan_peek(scan);
        if (next == ',' || next == ')')
            return true;
    }
    if (scan->error->status)
        return false;
    scan->at = from;
    while (!sql_scan_ended(scan) && sql_scan_peek(scan) != ',' && sql_scan_peek(scan) != ')')
        scan->at++;
    *out = tv_slice_cut(scan->text, from, scan->at);
    return true;
}

/* (a,b,"c,d"); () is the empty list */
static bool read_list(struct sql_scan *scan, struct sql_condition *out)
{
    struct sql_word **end = &out->list;
    sql_scan_blanks(scan);
    if (!sql_scan_word(scan, "("))
        return sql_scan_fail(scan, "\"(\"");
    if (sql_scan_word(scan, ")"))
        return true;
    do {
        struct tv_slice element;
        if (!read_element(scan, &element) || !sql_scan_add(scan, element, &end))
            return false;
        out->list_length++;
    } while (sql_scan_word(scan, ","));
    return sql_scan_word(scan, ")") || sql_scan_fail(scan, "\",\" or \")\"");
}

/* One element of a PostgreSQL array: quoted with backslashes, or plain and trimmed. */
static bool read_array_element(struct sql_scan *scan, struct tv_slice *out)
{
    sql_scan_blanks(scan);
    if (sql_scan_peek(scan) == '"') {
        if (!sql_scan_quoted(scan, out))
            return scan->error->status ? false : sql_scan_fail(scan, "a closing quote");
        sql_scan_blanks(scan);
        return true;
    }
    size_t from = scan->at;
    while (!sql_scan_ended(scan) && sql_scan_peek(scan) != ',' && sql_scan_peek(scan) != '}')
        scan->at++;
    *out = tv_slice_trim(tv_slice_cut(scan->text, from, scan->at));
    return out->length > 0 || sql_scan_fail(scan, "an array element");
}

/* out->value, {a,"b c"}, as a list. A malformed one is the store's error in PostgreSQL: 22P02. */
static bool split_array(struct sql_scan *scan, struct sql_condition *out)
{
    struct sql_scan inner = *scan;
    struct sql_word **end = &out->list;
    inner.text = tv_slice_trim(out->value);
    inner.at = 0;
    bool good = sql_scan_word(&inner, "{");
    if (good && sql_scan_word(&inner, "}"))
        return true;
    while (good) {
        struct tv_slice element;
        good = read_array_element(&inner, &element);
        if (!good)
            break;
        if (!sql_scan_add(scan, element, &end))
            return false;
        out->list_length++;
        if (!sql_scan_word(&inner, ","))
            break;
    }
    if (good && sql_scan_word(&inner, "}") && sql_scan_ended(&inner))
        return true;
    tv_fail(scan->error, 400, "22P02", "malformed array literal: \"%.*s\"",
            (int)tv_slice_cut(out->value, 0, 300).length, out->value.data ? out->value.data : "");
    return false;
}

bool sql_read_filter(struct sql_scan *scan, struct sql_condition *out)
{
    if (!read_operator(scan, out))
        return false;
    if (out->op == SQL_IS)
        return read_is(scan, out);
    if (out->op == SQL_IN)
        return read_list(scan, out);
    out->value = tv_slice_cut(scan->text, scan->at, scan->text.length);
    return out->quantifier == SQL_ONE || split_array(scan, out);
}

/* --- trees --- */

/* A value within a tree: {...} whole, otherwise an element. */
static bool read_tree_value(struct sql_scan *scan, struct tv_slice *out)
{
    size_t end = scan->at + 1;
    if (sql_scan_peek(scan) == '{') {
        while (end < scan->text.length && scan->text.data[end] != '{' && scan->text.data[end] != '}')
            end++;
        if (end < scan->text.length && scan->text.data[end] == '}') {
            *out = tv_slice_cut(scan->text, scan->at, end + 1);
            scan->at = end + 1;
            return true;
        }
    }
    return read_element(scan, out);
}

/* Whether and( or or( stands here, blanks allowed before the parenthesis: a column may be called order_id. */
static bool ahead_is_tree(const struct sql_scan *scan, enum sql_node *node, size_t *length)
{
    struct sql_scan look = *scan;
    if (sql_scan_word(&look, "and"))
        *node = SQL_AND;
    else if (sql_scan_word(&look, "or"))
        *node = SQL_OR;
    else
        return false;
    sql_scan_blanks(&look);
    *length = look.at - scan->at;
    return sql_scan_peek(&look) == '(';
}

static bool read_nodes(struct sql_scan *scan, unsigned depth, struct sql_condition *out);

static bool read_node(struct sql_scan *scan, unsigned depth, struct sql_condition *out)
{
    size_t from = scan->at, length;
    bool negated = sql_scan_word(scan, "not.");
    if (ahead_is_tree(scan, &out->node, &length)) {
        out->negated = negated;
        scan->at += length;
        return read_nodes(scan, depth, out);
    }
    scan->at = from;
    out->node = SQL_FILTER;
    if (!sql_scan_field(scan, &out->field))
        return false;
    if (!sql_scan_word(scan, "."))
        return sql_scan_fail(scan, "\".\"");
    if (!read_operator(scan, out))
        return false;
    if (out->op == SQL_IS)
        return read_is(scan, out);
    if (out->op == SQL_IN)
        return read_list(scan, out);
    return read_tree_value(scan, &out->value) && (out->quantifier == SQL_ONE || split_array(scan, out));
}

/* (node,node,...) */
static bool read_nodes(struct sql_scan *scan, unsigned depth, struct sql_condition *out)
{
    struct sql_condition **end = &out->first;
    if (!sql_scan_word(scan, "("))
        return sql_scan_fail(scan, "\"(\"");
    if (depth == SQL_NESTING_MAX)
        return sql_scan_fail(scan, "fewer levels of and and or");
    do {
        struct sql_condition *node = tv_arena_array(scan->arena, 1, sizeof *node);
        if (!node)
            return sql_scan_full(scan);
        sql_scan_blanks(scan);
        if (!read_node(scan, depth + 1, node))
            return false;
        sql_scan_blanks(scan);
        *end = node;
        end = &node->next;
    } while (sql_scan_word(scan, ","));
    return sql_scan_word(scan, ")") || sql_scan_fail(scan, "\",\" or \")\"");
}

bool sql_read_tree(struct sql_scan *scan, struct sql_condition *out)
{
    sql_scan_blanks(scan);
    return read_nodes(scan, 0, out);
}
