/*
 * write.h - a write under way, shared by write.c and returning.c.
 */
#ifndef TRIVET_SQL_WRITE_H
#define TRIVET_SQL_WRITE_H

#include "body.h"

#define ROWS_MAX 10000 /* of one INSERT */

/* How the rows that were written are read back. */
enum sql_back {
    SQL_BACK_NONE,
    SQL_BACK_RETURNING, /* by the statement itself */
    SQL_BACK_BY_KEY,    /* by a SELECT in the same transaction */
};

enum sql_key {
    SQL_KEY_GIVEN,   /* the body has all of it */
    SQL_KEY_NUMBER,  /* the store makes its AUTO_INCREMENT part */
    SQL_KEY_NONE,    /* the table has none */
    SQL_KEY_UNKNOWN, /* a default makes it */
};

struct writing {
    struct sql_exchange *exchange;
    struct sql_body body;
    struct sql_plan plan; /* what comes back */
    enum sql_back returns;
    bool one_by_one;    /* each row by a statement of its own: only so all numbers are known */
    bool tx_honoured;   /* Prefer: tx= decided */
    uint64_t first_id;  /* the first AUTO_INCREMENT value that was made */
    uint64_t rows_back; /* rows written into the answer */
};

/* --- returning.c --- */
/* Decides how rows come back; 400 PGRST127 when they cannot. */
bool sql_plan_return(struct writing *writing) TV_MUST_CHECK;
/* Whether the store makes a number of this value for an AUTO_INCREMENT column: nothing, null and 0. */
bool sql_makes_number(const struct tv_json_value *json);
/* What a row brings for a column of the key; NULL: nothing, or columns= left it out. */
const struct tv_json_value *sql_key_value(const struct writing *writing, const struct tv_json_value *row,
                                          const struct sql_column *column);
enum sql_key sql_key_of(const struct writing *writing, const struct tv_json_value *row);
/* Reads count rows from first on, just inserted, into the answer; id: the first number made for them. */
bool sql_read_back(struct writing *writing, const struct tv_json_value *first, size_t count,
                   uint64_t id) TV_MUST_CHECK;

/* --- write.c --- */
/* The running statement's rows, into the answer. */
bool sql_write_back(struct writing *writing) TV_MUST_CHECK;

#endif
