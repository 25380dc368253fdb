/*
 * mysql_statement.c - a session's prepared statements, found by their text. What is used least goes first when there are
 * too many; what is very long is not kept at all.
 */
#include <stdlib.h>
#include <string.h>

#include "store/mysql_session.h"

enum { TOO_MANY_PREPARED = 1461 };

static uint64_t hash_of(struct tv_slice text)
{
    uint64_t hash = 0x9E3779B97F4A7C15ull ^ text.length;
    size_t i = 0;
    for (; i + 8 <= text.length; i += 8) {
        uint64_t eight;
        memcpy(&eight, text.data + i, 8);
        hash = (hash ^ eight) * 0xFF51AFD7ED558CCDull;
        hash ^= hash >> 32;
    }
    for (; i < text.length; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 0xFF51AFD7ED558CCDull;
    return hash ^ hash >> 29;
}

static struct tv_mysql_statement **bucket_of(struct tv_mysql *session, uint64_t hash)
{
    return &session->buckets[hash & (TV_MYSQL_BUCKETS - 1)];
}

static void unlink_order(struct tv_mysql *session, struct tv_mysql_statement *statement)
{
    *(statement->newer ? &statement->newer->older : &session->newest) = statement->older;
    *(statement->older ? &statement->older->newer : &session->oldest) = statement->newer;
}

static void link_newest(struct tv_mysql *session, struct tv_mysql_statement *statement)
{
    statement->newer = NULL;
    statement->older = session->newest;
    *(session->newest ? &session->newest->newer : &session->oldest) = statement;
    session->newest = statement;
}

static void keep(struct tv_mysql *session, struct tv_mysql_statement *statement)
{
    struct tv_mysql_statement **bucket = bucket_of(session, statement->hash);
    statement->chain = *bucket;
    *bucket = statement;
    link_newest(session, statement);
    session->statement_count++;
    statement->kept = true;
}

void tv_mysql_statement_forget(struct tv_mysql *session, struct tv_mysql_statement *statement)
{
    if (statement->kept) {
        struct tv_mysql_statement **at = bucket_of(session, statement->hash);
        while (*at != statement)
            at = &(*at)->chain;
        *at = statement->chain;
        unlink_order(session, statement);
        session->statement_count--;
    }
    if (session->running == statement)
        session->running = NULL;
    if (statement->handle)
        mysql_stmt_close(statement->handle);
    tv_mysql_undescribe(statement);
    free(statement->text);
    free(statement);
}

void tv_mysql_statements_forget(struct tv_mysql *session)
{
    if (session->running && !session->running->kept)
        tv_mysql_statement_forget(session, session->running);
    while (session->newest)
        tv_mysql_statement_forget(session, session->newest);
}

static struct tv_mysql_statement *find(struct tv_mysql *session, uint64_t hash, struct tv_slice text)
{
    struct tv_mysql_statement *statement = *bucket_of(session, hash);
    while (statement && (statement->hash != hash || statement->length != text.length ||
                         memcmp(statement->text, text.data, text.length) != 0))
        statement = statement->chain;
    return statement;
}

static bool prepare(struct tv_mysql *session, struct tv_mysql_statement *statement, int64_t deadline_ms,
                    struct tv_error *error)
{
    statement->handle = mysql_stmt_init(session->link);
    if (!statement->handle)
        return tv_fail(error, 500, NULL, "out of memory for a statement");
    int failed = mysql_stmt_prepare(statement->handle, statement->text, statement->length);
    if (failed && mysql_stmt_errno(statement->handle) == TOO_MANY_PREPARED && session->statement_count > 0) {
        while (
            session->newest) /* the server's limit is for all clients: what we hold may be what is missing */
            tv_mysql_statement_forget(session, session->newest);
        failed = mysql_stmt_prepare(statement->handle, statement->text, statement->length);
    }
    if (!failed)
        return tv_mysql_describe(statement, error);
    return tv_mysql_failed(session, mysql_stmt_errno(statement->handle),
                           mysql_stmt_sqlstate(statement->handle), mysql_stmt_error(statement->handle),
                           deadline_ms, error);
}

struct tv_mysql_statement *tv_mysql_statement_of(struct tv_mysql *session, struct tv_slice text,
                                                 size_t values, int64_t deadline_ms, struct tv_error *error)
{
    uint64_t hash = hash_of(text);
    struct tv_mysql_statement *statement = find(session, hash, text);
    if (statement) {
        if (session->newest != statement) {
            unlink_order(session, statement);
            link_newest(session, statement);
        }
        return statement;
    }
    statement = calloc(1, sizeof *statement);
    if (!statement || !(statement->text = malloc(text.length + 1))) {
        free(statement);
        tv_fail(error, 500, NULL, "out of memory for a statement");
        return NULL;
    }
    memcpy(statement->text, text.data, text.length);
    statement->text[text.length] = '\0';
    statement->length = text.length;
    statement->hash = hash;
    if (!prepare(session, statement, deadline_ms, error)) {
        tv_mysql_statement_forget(session, statement);
        return NULL;
    }
    if (text.length <= TV_MYSQL_KEEP_TEXT && values <= TV_MYSQL_KEEP_VALUES) {
        while (session->statement_count >= TV_MYSQL_STATEMENTS)
            tv_mysql_statement_forget(session, session->oldest);
        keep(session, statement);
    }
    return statement;
}
