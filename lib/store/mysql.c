/*
 * mysql.c - the session as mysql.h promises it: one statement at a time, transactions, the role.
 */
#include "store/mysql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "store/mysql_session.h"

enum {
    DRAIN_ROWS = 64, /* rows that are read and thrown away rather than to open a new connection */
    STALE_STATEMENT = 1243,
    NEEDS_REPREPARE = 1615,
};

struct tv_mysql *tv_mysql_new(const struct tv_store_settings *settings, struct tv_session_watch watch,
                              struct tv_error *error)
{
    struct tv_mysql *session = calloc(1, sizeof *session);
    if (!session) {
        tv_fail(error, 500, NULL, "out of memory for a session with MySQL");
        return NULL;
    }
    session->settings = settings;
    session->watch = watch;
    session->retry_seed = (unsigned)(uintptr_t)session ^ (unsigned)tv_clock_us();
    if (!tv_mysql_url_read(settings->leg[TV_STORE_MYSQL].url, &session->url, error)) {
        tv_mysql_free(session);
        return NULL;
    }
    session->database_length = strlen(session->url.database);
    return session;
}

void tv_mysql_free(struct tv_mysql *session)
{
    if (!session)
        return;
    tv_mysql_drop(session);
    tv_mysql_url_free(&session->url);
    free(session->params);
    free(session->longs);
    free(session);
}

/* --- statements --- */

static bool statement_failed(struct tv_mysql *session, MYSQL_STMT *handle, struct tv_error *error)
{
    unsigned number = mysql_stmt_errno(handle);
    if (number == 0 && session->link) /* MariaDB's library says what went wrong amid rows here only */
        return tv_mysql_failed(session, mysql_errno(session->link), mysql_sqlstate(session->link),
                               mysql_error(session->link), session->deadline_ms, error);
    return tv_mysql_failed(session, number, mysql_stmt_sqlstate(handle), mysql_stmt_error(handle),
                           session->deadline_ms, error);
}

/* *stale is set when the server does not know the statement any more: then it provably did not run. */
static bool execute(struct tv_mysql *session, struct tv_slice text, const struct tv_value *values,
                    size_t count, bool *stale, struct tv_error *error)
{
    *stale = false;
    struct tv_mysql_statement *statement =
        tv_mysql_statement_of(session, text, count, session->deadline_ms, error);
    if (!statement)
        return false;
    session->running = statement;
    if (!tv_mysql_bind_values(session, statement, values, count, error))
        return false;
    if (mysql_stmt_execute(statement->handle)) {
        unsigned number = mysql_stmt_errno(statement->handle);
        *stale = number == STALE_STATEMENT || number == NEEDS_REPREPARE;
        return statement_failed(session, statement->handle, error);
    }
    /* a table may have been altered, and INSERT ... RETURNING says only now that there are columns */
    session->rows_due = mysql_stmt_field_count(statement->handle) > 0;
    if (!tv_mysql_described(statement) && !tv_mysql_describe(statement, error)) {
        tv_mysql_drop(session); /* rows are due, and there is no place for them */
        return false;
    }
    uint64_t affected = mysql_stmt_affected_rows(statement->handle);
    session->affected =
        affected == UINT64_MAX ? 0 : affected; /* that is how the libraries say: rows, not changes */
    session->insert_id = mysql_stmt_insert_id(statement->handle);
    return true;
}

bool tv_mysql_run(struct tv_mysql *session, struct tv_slice statement, const struct tv_value *values,
                  size_t count, int64_t deadline_ms, struct tv_error *error)
{
    bool stale;
    tv_mysql_finish(session);
    session->affected = session->insert_id = 0;
    session->deadline_ms =
        tv_deadline_within(deadline_ms, session->settings->leg[TV_STORE_MYSQL].query_timeout);
    if (!tv_mysql_ready(session, deadline_ms, error))
        return false;
    struct tv_call call = tv_mysql_call_of(statement);
    tv_watch_call(session->watch.watcher, &call, 1);
    bool ran = execute(session, statement, values, count, &stale, error);
    if (!ran && stale && session->running) {
        tv_mysql_statement_forget(session, session->running);
        ran = execute(session, statement, values, count, &stale, error);
    }
    tv_watch_called(session->watch.watcher, &call, ran ? NULL : error);
    if (ran)
        tv_breaker_success(session->watch.breaker);
    else
        tv_mysql_finish(session);
    tv_watch_count(session->watch.watcher, TV_COUNT_ROWS_WRITTEN, session->affected);
    return ran;
}

size_t tv_mysql_columns(const struct tv_mysql *session, const struct tv_column **columns)
{
    *columns = session->running ? session->running->columns : NULL;
    return session->running ? session->running->column_count : 0;
}

/* A row costs less than two looks at a precise clock. The coarse one ticks every few milliseconds: right on average, and
 * exact enough for the waits that matter. */
static int64_t coarse_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

enum tv_step tv_mysql_next(struct tv_mysql *session, const struct tv_value **row, struct tv_error *error)
{
    struct tv_mysql_statement *statement = session->running;
    if (!statement || !session->rows_due)
        return TV_STEP_END;
    int64_t started = coarse_us();
    int result = mysql_stmt_fetch(statement->handle);
    tv_watch_waited(session->watch.watcher, TV_STORE_MYSQL, coarse_us() - started);
    switch (result) {
    case 0:
    case MYSQL_DATA_TRUNCATED:
        if (!tv_mysql_read_row(session, statement, error))
            return TV_STEP_FAILED;
        *row = statement->row;
        tv_watch_count(session->watch.watcher, TV_COUNT_ROWS_READ, 1);
        return TV_STEP_ROW;
    case MYSQL_NO_DATA: session->rows_due = false; return TV_STEP_END;
    default:
        session->rows_due = false;
        statement_failed(session, statement->handle, error);
        return TV_STEP_FAILED;
    }
}

/* Reads what is left when that is little. False: there is more. */
static bool drain(struct tv_mysql *session)
{
    MYSQL_STMT *handle = session->running->handle;
    for (int rows = 0; session->rows_due && rows < DRAIN_ROWS; rows++) {
        int result = mysql_stmt_fetch(handle);
        session->rows_due = result == 0 || result == MYSQL_DATA_TRUNCATED;
    }
    return !session->rows_due && !mysql_more_results(session->link);
}

void tv_mysql_finish(struct tv_mysql *session)
{
    struct tv_mysql_statement *statement = session->running;
    if (!statement)
        return;
    if (!drain(session)) {
        tv_mysql_drop(session);
        return;
    }
    mysql_stmt_free_result(statement->handle);
    session->running = NULL;
    if (!statement->kept)
        tv_mysql_statement_forget(session, statement);
}

uint64_t tv_mysql_affected(const struct tv_mysql *session)
{
    return session->affected;
}

uint64_t tv_mysql_insert_id(const struct tv_mysql *session)
{
    return session->insert_id;
}

/* --- transactions --- */

bool tv_mysql_begin(struct tv_mysql *session, bool read_only, int64_t deadline_ms, struct tv_error *error)
{
    struct tv_slice text =
        read_only ? TV_SLICE("START TRANSACTION READ ONLY") : TV_SLICE("START TRANSACTION");
    tv_mysql_finish(session);
    if (session
            ->in_transaction) { /* someone forgot to end it: its changes must not become part of this one */
        session->in_transaction = false;
        tv_mysql_drop(session);
    }
    if (!tv_mysql_ready(session, deadline_ms, error) ||
        !tv_mysql_command(session, text.data, text.length, deadline_ms, error))
        return false;
    session->in_transaction = true;
    return true;
}

bool tv_mysql_commit(struct tv_mysql *session, int64_t deadline_ms, struct tv_error *error)
{
    tv_mysql_finish(session);
    bool done = session->in_transaction && session->link
                    ? tv_mysql_command(session, "COMMIT", 6, deadline_ms, error)
                    : tv_fail(error, 503, NULL, "the transaction was lost with its connection");
    session->in_transaction = false;
    if (!done)
        tv_mysql_drop(session); /* whether it is committed or not: nothing of it may stay open */
    return done;
}

void tv_mysql_rollback(struct tv_mysql *session)
{
    struct tv_error unused;
    tv_mysql_finish(session);
    bool done = session->in_transaction && session->link &&
                tv_mysql_command(session, "ROLLBACK", 8, tv_clock_ms() + 1000, &unused);
    if (session->in_transaction && !done)
        tv_mysql_drop(session); /* the server rolls back what a closed connection leaves */
    session->in_transaction = false;
}

/* --- who and what --- */

bool tv_mysql_role(struct tv_mysql *session, struct tv_slice role, int64_t deadline_ms,
                   struct tv_error *error)
{
    if (tv_slice_is_nocase(role, "none"))
        role.length = 0; /* SQL's own word: the login acts with its own rights */
    if (role.length > sizeof session->role.data || memchr(role.data ? role.data : "", '\0', role.length))
        return tv_fail(error, 500, NULL, "a role's name is longer than %zu bytes or holds a NUL byte",
                       sizeof session->role.data);
    session->role.length = role.length;
    memcpy(session->role.data, role.data ? role.data : "", role.length);
    if (session->link && session->role_known && session->role_applied.length == role.length &&
        memcmp(session->role_applied.data, session->role.data, role.length) == 0)
        return true;
    tv_mysql_finish(session);
    return tv_mysql_ready(session, deadline_ms, error);
}

enum tv_mysql_flavour tv_mysql_flavour(const struct tv_mysql *session)
{
    return session->flavour;
}

struct tv_slice tv_mysql_database(const struct tv_mysql *session)
{
    return (struct tv_slice){session->url.database, session->database_length};
}

/* --- a look from outside --- */

/* "MariaDB 10.11.19" from "10.11.19-MariaDB-0+deb12u1", behind the "5.5.5-" that old servers put before it. */
static void read_version(const struct tv_mysql *session, char version[64])
{
    const char *text = mysql_get_server_info(session->link);
    bool mariadb = session->flavour == TV_MARIADB_SERVER;
    if (mariadb && strncmp(text, "5.5.5-", 6) == 0)
        text += 6;
    snprintf(version, 64, "%s %.*s", mariadb ? "MariaDB" : "MySQL", (int)strcspn(text, "-"), text);
}

bool tv_mysql_ping(const struct tv_store_settings *settings, int64_t timeout_ms, int64_t *latency_us,
                   char version[64], struct tv_error *error)
{
    int64_t deadline = tv_clock_ms() + timeout_ms;
    struct tv_mysql *session = tv_mysql_new(settings, (struct tv_session_watch){0}, error);
    if (!session)
        return false;
    bool answered = tv_mysql_connect(session, deadline, error);
    if (answered) {
        int64_t started = tv_clock_us();
        answered = tv_mysql_command(session, "DO 1", 4, deadline, error);
        *latency_us = tv_clock_us() - started;
    }
    if (answered)
        read_version(session, version);
    tv_mysql_free(session);
    return answered;
}
