/*
 * syntax.h - what a query string says, as a tree, before anyone asked whether the names exist. Everything lives in the
 * request's arena; texts are decoded and borrowed from it.
 */
#ifndef TRIVET_SQL_SYNTAX_H
#define TRIVET_SQL_SYNTAX_H

#include "trivet.h"

/* One step of a JSON path: ->key, ->0, ->>key, ->>0. */
struct sql_step {
    struct sql_step *next;
    bool as_text; /* ->> */
    bool is_index;
    int64_t index;
    struct tv_slice key;
};

/* A column, or something within it. */
struct sql_field {
    struct tv_slice name;
    struct sql_step *path; /* NULL: the column itself */
};

struct sql_word {
    struct sql_word *next;
    struct tv_slice text;
};

enum sql_op {
    SQL_EQ,
    SQL_NEQ,
    SQL_GT,
    SQL_GTE,
    SQL_LT,
    SQL_LTE,
    SQL_LIKE,
    SQL_ILIKE,
    SQL_MATCH,
    SQL_IMATCH,
    SQL_IN,
    SQL_IS,
    SQL_ISDISTINCT,
    SQL_FTS,
    SQL_PLFTS,
    SQL_PHFTS,
    SQL_WFTS,
    SQL_CS,
    SQL_CD,
    SQL_OV,
    SQL_SL,
    SQL_SR,
    SQL_NXR,
    SQL_NXL,
    SQL_ADJ,
};

enum sql_quantifier { SQL_ONE, SQL_ANY, SQL_ALL };

enum sql_is { SQL_IS_NULL, SQL_IS_NOT_NULL, SQL_IS_TRUE, SQL_IS_FALSE, SQL_IS_UNKNOWN };

enum sql_node { SQL_FILTER, SQL_AND, SQL_OR };

/* A filter, or an and/or over others. A list of filters (next) at the top means AND. */
struct sql_condition {
    struct sql_condition *next;
    enum sql_node node;
    bool negated;
    struct sql_condition *first; /* AND, OR */
    /* FILTER */
    struct sql_field field;
    enum sql_op op;
    enum sql_quantifier quantifier;
    struct tv_slice language; /* fts(english) */
    struct tv_slice value;
    struct sql_word *list; /* IN, and quantified operators */
    size_t list_length;
    enum sql_is is;
};

enum sql_aggregate { SQL_NO_AGGREGATE, SQL_COUNT, SQL_SUM, SQL_AVG, SQL_MAX, SQL_MIN };

enum sql_item_kind {
    SQL_ITEM_ALL,    /* * */
    SQL_ITEM_FIELD,  /* a column, a path, an aggregate of one of these, count() */
    SQL_ITEM_EMBED,  /* target(...) */
    SQL_ITEM_SPREAD, /* ...target(...) */
};

enum sql_join { SQL_JOIN_DEFAULT, SQL_JOIN_LEFT, SQL_JOIN_INNER };

struct sql_item {
    struct sql_item *next;
    enum sql_item_kind kind;
    struct tv_slice alias;  /* empty: none */
    struct sql_field field; /* FIELD; EMBED, SPREAD: its name is the target */
    struct tv_slice cast;   /* empty: none */
    enum sql_aggregate aggregate;
    struct tv_slice aggregate_cast;
    struct tv_slice hint; /* target!hint */
    enum sql_join join;
    struct sql_item *first; /* EMBED, SPREAD: their own select */
};

enum sql_nulls { SQL_NULLS_DEFAULT, SQL_NULLS_FIRST, SQL_NULLS_LAST };

struct sql_order {
    struct sql_order *next;
    struct tv_slice relation; /* order=relation(field): by a to-one embed; empty: by a column */
    struct sql_field field;
    bool descending;
    enum sql_nulls nulls;
};

/* What is said of one level: the table itself, or an embedded one that path leads to. */
struct sql_level {
    struct sql_level *next;
    struct sql_word *path; /* NULL: the table itself */
    struct sql_condition *conditions, **conditions_end;
    struct sql_order *order;
    bool has_limit;
    int64_t limit;
    int64_t offset;
};

struct sql_query {
    struct sql_item *select; /* NULL: all columns */
    bool has_columns;
    struct sql_word *columns;
    bool has_on_conflict;
    struct sql_word *on_conflict;
    struct sql_level root;     /* root.next: the embedded levels that were mentioned */
    struct tv_url_pair *pairs; /* as they came, for Content-Location */
    size_t pair_count;
};

/* Reads a whole query string; see read_url.c. Errors: 400 PGRST100; 416 PGRST103 for a negative limit. */
bool sql_read_url(struct tv_arena *arena, struct tv_slice text, struct sql_query *out,
                  struct tv_error *error) TV_MUST_CHECK;

#endif
