/*
 * settings.h - what the operator can set for this dialect; filled once, the same for all threads.
 */
#ifndef TRIVET_SQL_SETTINGS_H
#define TRIVET_SQL_SETTINGS_H

#include "trivet.h"

struct sql_settings {
    const char *schema;      /* the name that clients know mysql.url's database by */
    const char *schema_role; /* whom tables and columns are looked up as; empty: the role of the request */
    int64_t schema_max_age;  /* milliseconds */
    int64_t max_rows;        /* of one read; 0: no bound */
    const char *tx_end;      /* how writes end: see write.c */
    bool booleans;           /* TINYINT(1) is true and false */
};

extern const struct tv_option sql_option_rows[];
extern const size_t sql_option_row_count;

/* Whether what was set makes sense together. */
bool sql_check_settings(const void *settings, struct tv_error *error);

#endif
