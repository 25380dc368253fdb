/*
 * main.c - trivet-sql: PostgREST's dialect over MySQL and MariaDB. The way of a request, by files:
 *
 *   route.c         what the path and the method mean; which table
 *   read_url.c      query string -> syntax tree (scan.c, read_select.c, read_filter.c)
 *   read_headers.c  Prefer, Accept, Range, profiles            read_body.c  rows of a body
 *   resolve.c       tree against schema -> plan (literal.c: texts -> values)
 *   build_sql.c     plan -> SQL and values
 *   read.c          GET: cache, run, rows                      write.c      POST (returning.c: rows back)
 *   write_rows.c    values -> JSON (json_check.c)
 *   answer.c        headers                                    errors.c     what goes wrong
 *
 * schema.c, schema_load.c and schema_share.c know what tables there are.
 */
#include <stdlib.h>

#include "sql.h"

#define BUFFER_MAX ((size_t)64 << 20)

static bool open_worker(struct tv_worker *worker, struct tv_error *error)
{
    struct sql_thread *thread = calloc(1, sizeof *thread);
    if (!thread)
        return tv_fail(error, 500, NULL, "no memory");
    sql_statement_init(&thread->statement);
    tv_buffer_init(&thread->question, BUFFER_MAX);
    tv_buffer_init(&thread->kept, BUFFER_MAX);
    tv_buffer_init(&thread->scratch, BUFFER_MAX);
    tv_worker_set_state(worker, thread);
    return true;
}

static void close_worker(struct tv_worker *worker)
{
    struct sql_thread *thread = tv_worker_state(worker);
    sql_schema_drop(&thread->hold);
    sql_statement_free(&thread->statement);
    tv_buffer_free(&thread->question);
    tv_buffer_free(&thread->kept);
    tv_buffer_free(&thread->scratch);
    free(thread);
}

static bool answer(struct sql_exchange *exchange)
{
    switch (exchange->request->method) {
    case TV_METHOD_POST: return sql_write(exchange);
    case TV_METHOD_OPTIONS: return sql_options(exchange);
    case TV_METHOD_GET:
    case TV_METHOD_HEAD: return sql_read(exchange);
    default: return sql_not_built(exchange);
    }
}

static bool handle(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                   struct tv_error *error)
{
    struct sql_exchange exchange = {.worker = worker,
                                    .request = request,
                                    .response = response,
                                    .error = error,
                                    .settings = tv_worker_settings(worker),
                                    .thread = tv_worker_state(worker),
                                    .mysql = tv_worker_mysql(worker)};
    sql_common_headers(request, response);
    if (sql_preflight(request, response))
        return true;
    if (sql_route(&exchange) && answer(&exchange))
        return true;
    if (exchange.mysql)
        tv_mysql_finish(exchange.mysql); /* wherever it failed: nothing is left running */
    sql_translate(request, error);
    return false;
}

int main(int argc, char **argv)
{
    static const char *const routes[] = {SQL_ROUTE_ROOT, SQL_ROUTE_TABLE, SQL_ROUTE_ROUTINE, NULL};
    const struct tv_app app = {
        .name = "sql",
        .summary = "PostgREST's dialect over MySQL and MariaDB",
        .routes = routes,
        .stores = 1u << TV_STORE_MYSQL,
        .cached = true,
        .options = sql_option_rows,
        .option_count = sql_option_row_count,
        .settings_size = sizeof(struct sql_settings),
        .check = sql_check_settings,
        .open = open_worker,
        .handle = handle,
        .fail = sql_write_error,
        .close = close_worker,
    };
    return tv_main(&app, argc, argv);
}
