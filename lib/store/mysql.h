/*
 * mysql.h - a session with MySQL or MariaDB (either client library): prepared statements over the binary protocol, rows
 * streamed one by one, reconnect by itself.
 *
 * A session belongs to one thread. One statement at a time: run, next..., finish. A statement is sent once: when the
 * connection breaks after it may have started, the caller gets an error and nothing is repeated. A connection that died
 * while idle is noticed before anything is sent and replaced.
 */
#ifndef TRIVET_STORE_MYSQL_H
#define TRIVET_STORE_MYSQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "store/store.h"

struct tv_mysql;

enum tv_value_type {
    TV_VALUE_NULL,
    TV_VALUE_INTEGER,
    TV_VALUE_UNSIGNED,
    TV_VALUE_DOUBLE,
    TV_VALUE_FLOAT, /* in real, with float's precision */
    TV_VALUE_TEXT,  /* bytes; what they mean says the column's kind */
    TV_VALUE_DECIMAL, /* in text, parameters only: compared and stored digit by digit, never by way of a double */
};

struct tv_value {
    enum tv_value_type type;
    union {
        int64_t integer;
        uint64_t unsigned_integer;
        double real;
        struct tv_slice text;
    };
};

enum tv_column_kind {
    TV_COLUMN_NUMBER,  /* INTEGER, UNSIGNED, DOUBLE, FLOAT by the value's type */
    TV_COLUMN_DECIMAL, /* TEXT: all digits as the store keeps them */
    TV_COLUMN_TEXT,
    TV_COLUMN_BINARY,
    TV_COLUMN_BIT,       /* TEXT: big-endian bytes; column.length bits */
    TV_COLUMN_DATE,      /* TEXT "2026-11-22" */
    TV_COLUMN_TIME,      /* TEXT "-838:59:59.5" */
    TV_COLUMN_DATETIME,  /* TEXT "2026-11-22T17:01:42.123456" (fraction only when not zero) */
    TV_COLUMN_TIMESTAMP, /* the same, in UTC: sessions run with time_zone +00:00 */
    TV_COLUMN_JSON,      /* only where the server has the type; MariaDB's JSON is TEXT */
    TV_COLUMN_GEOMETRY,
};

struct tv_column {
    struct tv_slice name;
    enum tv_column_kind kind;
    uint32_t length; /* BIT: bits */
};

enum tv_step { TV_STEP_ROW, TV_STEP_END, TV_STEP_FAILED };

enum tv_mysql_flavour { TV_MYSQL_SERVER, TV_MARIADB_SERVER };

/* Sends one statement with its values bound to the ?s. The statement stays prepared in this session under its text (the
 * least recently used of 128 goes first), so equal shapes cost one round trip. Values never become part of the text.
 * Errors: 503 when the store is away (breaker, connect, lost connection), 504 past the deadline, otherwise status 500
 * with native = the server's error number and code = its SQLSTATE, for the dialect to translate. */
TV_PUBLIC bool tv_mysql_run(struct tv_mysql *session, struct tv_slice statement,
                            const struct tv_value *values, size_t count, int64_t deadline_ms,
                            struct tv_error *error) TV_MUST_CHECK;
/* Columns of the running statement; 0 for one that has no rows. Valid until finish. */
TV_PUBLIC size_t tv_mysql_columns(const struct tv_mysql *session, const struct tv_column **columns);
/* The next row: as many values as columns, valid until the next call. */
TV_PUBLIC enum tv_step tv_mysql_next(struct tv_mysql *session, const struct tv_value **row,
                                     struct tv_error *error) TV_MUST_CHECK;
/* Ends the running statement, if any; rows not taken are thrown away. */
TV_PUBLIC void tv_mysql_finish(struct tv_mysql *session);
/* Of the last statement that ran: rows matched or changed, first AUTO_INCREMENT value (0 = none). */
TV_PUBLIC uint64_t tv_mysql_affected(const struct tv_mysql *session);
TV_PUBLIC uint64_t tv_mysql_insert_id(const struct tv_mysql *session);

/* START TRANSACTION (READ ONLY), COMMIT, ROLLBACK. Connects when needed. */
TV_PUBLIC bool tv_mysql_begin(struct tv_mysql *session, bool read_only, int64_t deadline_ms,
                              struct tv_error *error) TV_MUST_CHECK;
TV_PUBLIC bool tv_mysql_commit(struct tv_mysql *session, int64_t deadline_ms,
                               struct tv_error *error) TV_MUST_CHECK;
TV_PUBLIC void tv_mysql_rollback(struct tv_mysql *session);

/* The role that following statements act as (SET ROLE); kept, so asking for the same again costs nothing. Empty
 * or "none", SQL's word for it: the login's own rights. */
TV_PUBLIC bool tv_mysql_role(struct tv_mysql *session, struct tv_slice role, int64_t deadline_ms,
                             struct tv_error *error) TV_MUST_CHECK;
/* Known once connected. */
TV_PUBLIC enum tv_mysql_flavour tv_mysql_flavour(const struct tv_mysql *session);
/* The database of the URL; empty when it names none. */
TV_PUBLIC struct tv_slice tv_mysql_database(const struct tv_mysql *session);

#endif
