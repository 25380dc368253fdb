/*
 * route.c - what a path and a method mean, and OPTIONS, which asks just that.
 */
#include <stdio.h>
#include <string.h>

#include "sql.h"

#define READS (TV_METHOD_GET | TV_METHOD_HEAD | TV_METHOD_OPTIONS)

static bool bad_path(struct sql_exchange *exchange)
{
    return tv_fail(exchange->error, 404, "PGRST125", "Invalid path specified in request URL");
}

static bool read_path(struct sql_exchange *exchange)
{
    struct tv_slice path = exchange->request->path;
    path = tv_slice_cut(path, 1, path.length);
    exchange->target = SQL_TARGET_TABLE;
    if (path.length == 0) {
        exchange->target = SQL_TARGET_ROOT;
        tv_response_route(exchange->response, SQL_ROUTE_ROOT);
        return true;
    }
    if (tv_slice_starts(path, "rpc/")) {
        exchange->target = SQL_TARGET_ROUTINE;
        path = tv_slice_cut(path, 4, path.length);
    }
    tv_response_route(exchange->response,
                      exchange->target == SQL_TARGET_ROUTINE ? SQL_ROUTE_ROUTINE : SQL_ROUTE_TABLE);
    if (path.length == 0 || memchr(path.data, '/', path.length))
        return bad_path(exchange);
    return tv_url_decode(exchange->request->arena, path, TV_URL_PATH, &exchange->name, exchange->error);
}

static bool bad_method(struct sql_exchange *exchange, const char *allow)
{
    struct tv_slice method = tv_slice_cut(exchange->request->method_text, 0, 40);
    if (exchange->target == SQL_TARGET_ROUTINE)
        tv_fail(exchange->error, 405, "PGRST101", "Cannot use the %.*s method on RPC", (int)method.length,
                method.data);
    else
        tv_fail(exchange->error, 405, "PGRST117", "Unsupported HTTP method: %.*s", (int)method.length,
                method.data);
    snprintf(exchange->error->allow, sizeof exchange->error->allow, "%s",
             allow); /* as the dialect spells it */
    return false;
}

static bool check_method(struct sql_exchange *exchange)
{
    enum tv_method method = exchange->request->method;
    switch (exchange->target) {
    case SQL_TARGET_ROOT:
        if (method == TV_METHOD_OPTIONS)
            return true;
        if (method == TV_METHOD_GET || method == TV_METHOD_HEAD)
            return tv_fail(exchange->error, 404, "PGRST126", "Root endpoint metadata is disabled");
        return bad_method(exchange, "OPTIONS,GET,HEAD");
    case SQL_TARGET_ROUTINE:
        if (!((unsigned)method & (READS | TV_METHOD_POST)))
            return bad_method(exchange, "OPTIONS,GET,HEAD,POST");
        tv_fail(exchange->error, 404, "PGRST202", "Could not find the function %s.%.*s in the schema cache",
                exchange->settings->schema, (int)tv_slice_cut(exchange->name, 0, 128).length,
                exchange->name.data);
        tv_error_details(exchange->error, "Routines are not exposed yet.");
        return false;
    case SQL_TARGET_TABLE: break;
    }
    return method != TV_METHOD_OTHER || bad_method(exchange, "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE");
}

bool sql_route(struct sql_exchange *exchange)
{
    return read_path(exchange) && sql_check_profile(exchange->request, exchange->settings, exchange->error) &&
           check_method(exchange);
}

/* --- the table --- */

static bool look_up(struct sql_exchange *exchange)
{
    const struct tv_request *request = exchange->request;
    exchange->schema = sql_schema_get(&exchange->thread->hold, exchange->mysql, exchange->settings,
                                      request->role, request->deadline_ms, exchange->error);
    exchange->table = exchange->schema ? sql_table_of(exchange->schema, exchange->name) : NULL;
    return exchange->schema != NULL;
}

bool sql_find_table(struct sql_exchange *exchange)
{
    const struct tv_request *request = exchange->request;
    if (!exchange->mysql)
        return tv_fail(exchange->error, 503, "PGRST000", "mysql.url is not set");
    if (!look_up(exchange))
        return false;
    if (!exchange->table &&
        sql_schema_renew(&exchange->thread->hold, exchange->mysql, exchange->settings, request->role,
                         request->deadline_ms) &&
        !look_up(exchange))
        return false;
    if (exchange->table)
        return true;
    tv_fail(exchange->error, 404, "PGRST205", "Could not find the table '%s.%.*s' in the schema cache",
            exchange->settings->schema, (int)tv_slice_cut(exchange->name, 0, 128).length,
            exchange->name.data);
    const struct sql_table *like = sql_table_like(exchange->schema, exchange->name);
    if (like)
        tv_error_hint(exchange->error, "Perhaps you meant the table '%s.%.*s'", exchange->settings->schema,
                      (int)like->name.length, like->name.data);
    return false;
}

bool sql_try_again(struct sql_exchange *exchange, bool unknown)
{
    const struct tv_request *request = exchange->request;
    if ((!unknown && !sql_contradicts_schema(exchange->error)) || tv_response_started(exchange->response))
        return false;
    return sql_schema_renew(&exchange->thread->hold, exchange->mysql, exchange->settings, request->role,
                            request->deadline_ms);
}

bool sql_not_built(struct sql_exchange *exchange)
{
    struct tv_slice method = exchange->request->method_text;
    if (!sql_find_table(exchange))
        return false;
    tv_fail(exchange->error, 400, "PGRST127", "Feature not implemented");
    tv_error_details(exchange->error, "%.*s is not built yet", (int)method.length, method.data);
    return false;
}

/* --- OPTIONS --- */

bool sql_options(struct sql_exchange *exchange)
{
    if (exchange->target == SQL_TARGET_ROOT) {
        tv_response_header(exchange->response, "Allow", TV_SLICE("OPTIONS,GET,HEAD"));
        return true;
    }
    if (!sql_find_table(exchange))
        return false;
    tv_response_header(exchange->response, "Allow", TV_SLICE("OPTIONS,GET,HEAD,POST"));
    return true;
}
