/*
 * mysql_session.h - private to lib/store/mysql*.c: what a session is made of, and the parts' duties towards each other.
 *
 *   mysql.c            the calls of mysql.h: one statement at a time, transactions, the role
 *   mysql_link.c       the connection: options, settings made once, is it alive, what its errors mean
 *   mysql_statement.c  prepared statements by their text, least recently used goes first
 *   mysql_row.c        values bound to parameters; result columns bound to cells, and cells read as values
 *   mysql_url.c        the URL
 */
#ifndef TRIVET_STORE_MYSQL_SESSION_H
#define TRIVET_STORE_MYSQL_SESSION_H

#include <mysql.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/mysql.h"
#include "store/mysql_url.h"
#include "store/session.h"

/* The two client libraries disagree about one type name only. */
#ifdef MARIADB_PACKAGE_VERSION_ID
typedef my_bool tv_mysql_bool;
#else
typedef bool tv_mysql_bool;
#endif

enum {
    TV_MYSQL_STATEMENTS = 128, /* kept prepared per session */
    TV_MYSQL_BUCKETS = 256,    /* a power of two */
    TV_MYSQL_KEEP_TEXT =
        32 * 1024,               /* longer statements are not kept: bulk writes differ in length every time */
    TV_MYSQL_KEEP_VALUES = 1024, /* nor are those with more values: the library keeps 112 bytes for each */
    TV_MYSQL_KEEP_ROW = 64 * 1024, /* memory for long values that is kept between statements */
    TV_MYSQL_ROLE_MAX = 256,       /* bytes of a role's name: MariaDB takes 128, MySQL 32 characters */
    TV_MYSQL_INLINE = 256,         /* text up to this length lies in the cell; longer is fetched apart */
};

struct tv_mysql_cell;

struct tv_mysql_statement {
    struct tv_mysql_statement *chain;         /* next in the bucket */
    struct tv_mysql_statement *newer, *older; /* in order of use */
    uint64_t hash;
    char *text;
    size_t length;
    bool kept;
    MYSQL_STMT *handle;
    unsigned column_count;
    /* one block of memory holds all of these; NULL for a statement without rows */
    void *block;
    MYSQL_BIND *binds;
    struct tv_mysql_cell *cells;
    struct tv_column *columns;
    struct tv_value *row;
};

struct tv_mysql_text {
    char data[TV_MYSQL_ROLE_MAX];
    size_t length;
};

struct tv_mysql {
    const struct tv_store_settings *settings;
    struct tv_session_watch watch;
    struct tv_mysql_url url;
    size_t database_length;

    MYSQL *link; /* NULL: not connected */
    enum tv_mysql_flavour flavour;
    int64_t limit_ms;    /* what the server was told about the time of a statement */
    bool in_transaction; /* such a connection is never replaced quietly */
    bool role_known;     /* the connection acts as role_applied */
    struct tv_mysql_text role, role_applied;
    int64_t retry_at_ms; /* no new connection before */
    int64_t retry_delay_ms;
    unsigned retry_seed;

    struct tv_mysql_statement *buckets[TV_MYSQL_BUCKETS];
    struct tv_mysql_statement *newest, *oldest;
    size_t statement_count;

    struct tv_mysql_statement *running;
    bool rows_due;       /* the running statement has rows that were not read */
    int64_t deadline_ms; /* of the running statement */
    uint64_t affected, insert_id;

    MYSQL_BIND *params; /* grown to the widest statement */
    size_t param_capacity;
    char *longs; /* this row's values that do not fit into their cells */
    size_t longs_capacity;
};

/* --- mysql_link.c --- */
/* Makes sure that a statement can be sent: breaker, a connection that is alive, the role, the time limit. */
bool tv_mysql_ready(struct tv_mysql *session, int64_t deadline_ms, struct tv_error *error) TV_MUST_CHECK;
bool tv_mysql_connect(struct tv_mysql *session, int64_t deadline_ms, struct tv_error *error) TV_MUST_CHECK;
/* Ends the connection and everything prepared on it. */
void tv_mysql_drop(struct tv_mysql *session);
/* What is told to the watcher of a statement. */
struct tv_call tv_mysql_call_of(struct tv_slice statement);
/* A statement of ours without values and without rows. */
bool tv_mysql_command(struct tv_mysql *session, const char *text, size_t length, int64_t deadline_ms,
                      struct tv_error *error) TV_MUST_CHECK;
/* Fills *error from what the library says, drops the connection when it cannot be used any more. Returns false. */
bool tv_mysql_failed(struct tv_mysql *session, unsigned number, const char *state, const char *message,
                     int64_t deadline_ms, struct tv_error *error);
/* From here on no wait of this thread in the client library goes beyond the deadline (MariaDB's library only; with
 * MySQL's the timeouts given when connecting must do, whole seconds). */
void tv_mysql_wait_until(struct tv_mysql *session, int64_t deadline_ms);

/* --- mysql_statement.c --- */
/* The prepared statement of that text. NULL: failed; then *error is filled. */
struct tv_mysql_statement *tv_mysql_statement_of(struct tv_mysql *session, struct tv_slice text,
                                                 size_t values, int64_t deadline_ms, struct tv_error *error);
void tv_mysql_statement_forget(struct tv_mysql *session, struct tv_mysql_statement *statement);
void tv_mysql_statements_forget(struct tv_mysql *session);

/* --- mysql_row.c --- */
/* Lays out columns, cells and binds from the metadata; also again, when the metadata changed. */
bool tv_mysql_describe(struct tv_mysql_statement *statement, struct tv_error *error) TV_MUST_CHECK;
/* Whether the columns are still what they were when described: a table may be altered between two runs. */
bool tv_mysql_described(const struct tv_mysql_statement *statement);
void tv_mysql_undescribe(struct tv_mysql_statement *statement);
bool tv_mysql_bind_values(struct tv_mysql *session, struct tv_mysql_statement *statement,
                          const struct tv_value *values, size_t count, struct tv_error *error) TV_MUST_CHECK;
/* After a successful fetch: the cells as values. */
bool tv_mysql_read_row(struct tv_mysql *session, struct tv_mysql_statement *statement,
                       struct tv_error *error) TV_MUST_CHECK;

#endif
