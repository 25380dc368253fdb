/*
 * scan.h - the small pieces that all parts of a query string are made of: names, JSON paths, quoted texts. Nothing is
 * copied unless a backslash has to go.
 */
#ifndef TRIVET_SQL_SCAN_H
#define TRIVET_SQL_SCAN_H

#include "syntax.h"

#define SQL_NESTING_MAX 32 /* embeds within embeds, trees within trees */

struct sql_scan {
    struct tv_arena *arena;
    struct tv_error *error;
    const char *what; /* "filter", "select parameter": for the error */
    struct tv_slice text;
    size_t at;
};

/* 400 PGRST100 for what stands here; returns false. expected is a phrase. */
bool sql_scan_fail(struct sql_scan *scan, const char *expected);
/* The arena is full: 413; returns false. */
bool sql_scan_full(struct sql_scan *scan);

bool sql_scan_ended(const struct sql_scan *scan);
/* The byte here, or NUL at the end: a decoded query holds none. */
char sql_scan_peek(const struct sql_scan *scan);
bool sql_scan_ahead(const struct sql_scan *scan, const char *word);
/* Steps over it when it stands here. */
bool sql_scan_word(struct sql_scan *scan, const char *word);
void sql_scan_blanks(struct sql_scan *scan);

/* A name, quoted or not, without blanks around. An error when there is none. */
bool sql_scan_name(struct sql_scan *scan, struct tv_slice *out) TV_MUST_CHECK;
/* A column and, when it has one, the path behind it. */
bool sql_scan_field(struct sql_scan *scan, struct sql_field *out) TV_MUST_CHECK;
/* "..." with \x for x; the scan stands on the opening quote. False, without an error and without a step: it does not
 * close. */
bool sql_scan_quoted(struct sql_scan *scan, struct tv_slice *out) TV_MUST_CHECK;
/* A new word at the end of a list. */
bool sql_scan_add(struct sql_scan *scan, struct tv_slice text, struct sql_word ***end) TV_MUST_CHECK;

/* --- the parts, each in its own file --- */
/* read_select.c: the whole value of select= */
bool sql_read_select(struct sql_scan *scan, struct sql_item **out) TV_MUST_CHECK;
/* read_select.c: the whole value of order= */
bool sql_read_order(struct sql_scan *scan, struct sql_order **out) TV_MUST_CHECK;
/* read_filter.c: the value of a filter whose field is known */
bool sql_read_filter(struct sql_scan *scan, struct sql_condition *out) TV_MUST_CHECK;
/* read_filter.c: the value of and=, or= */
bool sql_read_tree(struct sql_scan *scan, struct sql_condition *out) TV_MUST_CHECK;

#endif
