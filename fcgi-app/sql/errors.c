/*
 * errors.c - what goes wrong, as PostgREST would say it: the store's numbers become SQLSTATEs and statuses, the body always
 * has its four members. The store's SQL never shows; its number does, in the hint, for whoever runs it.
 */
#include <stdio.h>
#include <string.h>

#include "sql.h"

/* %s in a message stands for the name that the store's own text has between its last quotes, %1 for that between its first;
 * NULL: the store's own text. */
static const struct row {
    int native;
    int status;
    const char *code;
    const char *message;
} rows[] = {
    {1062, 409, "23505", "duplicate key value violates unique constraint \"%s\""},
    {1586, 409, "23505", "duplicate key value violates unique constraint \"%s\""},
    {1216, 409, "23503", "insert or update violates a foreign key constraint"},
    {1217, 409, "23503", "update or delete violates a foreign key constraint"},
    {1451, 409, "23503", "update or delete violates a foreign key constraint"},
    {1452, 409, "23503", "insert or update violates a foreign key constraint"},
    {1048, 400, "23502", "null value in column \"%s\" violates not-null constraint"},
    {1364, 400, "23502", "null value in column \"%1\" violates not-null constraint"},
    {3819, 400, "23514", "new row violates check constraint \"%1\""},
    {4025, 400, "23514", NULL}, /* it names constraint and table: see below */
    {1406, 400, "22001", "value too long for column \"%s\""},
    {1264, 400, "22003", "value out of range for column \"%s\""},
    {1690, 400, "22003", "value out of range"},
    {1292, 400, "22007", NULL},
    {1411, 400, "22007", NULL},
    {1366, 400, "22P02", NULL},
    {1265, 400, "22P02", NULL},
    {3140, 400, "22P02", "invalid input syntax for type json"},
    {3141, 400, "22P02", "invalid input syntax for type json"},
    {4038, 400, "22P02", "invalid input syntax for type json"},
    {1365, 400, "22012", "division by zero"},
    {1139, 400, "2201B", "invalid regular expression"},
    {1054, 400, "42703", "column \"%1\" does not exist"},
    {1146, 404, "42P01", "relation does not exist"},
    {1305, 404, "42883", "function does not exist"},
    {1318, 404, "42883", "function does not exist with that number of arguments"},
    {1142, 403, "42501", "permission denied for table %s"},
    {1143, 403, "42501", "permission denied for table %s"},
    {1370, 403, "42501", "permission denied for function"},
    {1044, 403, "42501", "permission denied for schema"},
    {1227, 403, "42501", "permission denied"},
    {1906, 400, "428C9", "cannot insert a non-DEFAULT value into a generated column"},
    {3105, 400, "428C9", "cannot insert a non-DEFAULT value into a generated column"},
    {1471, 500, "55000", "cannot insert into this view"},
    {1290, 405, "25006", "cannot execute the statement in a read-only transaction"},
    {1792, 405, "25006", "cannot execute the statement in a read-only transaction"},
    {1836, 405, "25006", "cannot execute the statement in a read-only transaction"},
    {1205, 500, "55P03", "canceling statement due to lock timeout"},
    {1213, 500, "40P01", "deadlock detected"},
    {1317, 500, "57014", "canceling statement due to user request"},
    {1969, 500, "57014", "canceling statement due to statement timeout"},
    {3024, 500, "57014", "canceling statement due to statement timeout"},
    {1298, 400, "22023", "invalid value for parameter \"TimeZone\""},
    {1191, 400, "42704", "there is no full-text index for this column"},
    {1959, 401, "22023", "role does not exist"},
    {3530, 401, "22023", "role does not exist"},
    {1040, 503, "53300", "too many connections"},
    {1203, 503, "53300", "too many connections"},
    {1226, 503, "53300", "too many connections"},
    {1021, 503, "53100", "the disk is full"},
    {1114, 503, "53100", "the table is full"},
    {1153, 413, "54000", "the statement is larger than the store takes"},
    {1390, 413, "54000", "the statement has more values than the store takes"},
};

/* SIGNAL of a trigger or routine. */
#define SIGNALLED 1644

static bool is_quote(char byte)
{
    return byte == '\'' || byte == '`' || byte == '"';
}

/* What stands between the first or the last pair of quotes; empty when there is none. */
static void quoted_name(const char *text, bool first, char out[80])
{
    const char *from, *end;
    out[0] = '\0';
    if (first) {
        from = text + strcspn(text, "'`\"");
        end = *from ? strchr(from + 1, *from) : NULL;
        from++;
    } else {
        for (end = text + strlen(text); end > text && !is_quote(end[-1]);)
            end--;
        if (end-- == text)
            return;
        for (from = end; from > text && from[-1] != *end;)
            from--;
    }
    if (end)
        snprintf(out, 80, "%.*s", (int)(end - from), from);
}

/* "CONSTRAINT `name` FOREIGN KEY" in the texts about foreign keys, "CONSTRAINT `name` failed" in those about checks. */
static bool constraint_name(const char *text, char out[80])
{
    const char *at = strstr(text, "CONSTRAINT `");
    if (!at)
        return false;
    at += strlen("CONSTRAINT `");
    snprintf(out, 80, "%.*s", (int)strcspn(at, "`"), at);
    return true;
}

/* What the store says about a foreign key is a piece of SQL; this is what it means. */
static void say_key(struct tv_error *error, const char *store_said)
{
    const char *columns = strstr(store_said, "FOREIGN KEY ("), *table = strstr(store_said, "REFERENCES `");
    const char *child = strstr(store_said, "`.`");
    char names[160];
    size_t used = 0;
    if (error->native == 1451 && child) {
        child += strlen("`.`");
        tv_error_details(error, "Key is still referenced from table \"%.*s\".", (int)strcspn(child, "`"),
                         child);
    } else if (error->native == 1452 && columns && table) {
        table += strlen("REFERENCES `");
        for (columns += strlen("FOREIGN KEY ("); *columns && *columns != ')' && used < sizeof names - 1;
             columns++)
            if (*columns != '`')
                names[used++] = *columns;
        tv_error_details(error, "Key (%.*s) is not present in table \"%.*s\".", (int)used, names,
                         (int)strcspn(table, "`"), table);
    }
}

static const struct row *row_of(int native)
{
    for (size_t i = 0; i < TV_COUNT(rows); i++)
        if (rows[i].native == native)
            return &rows[i];
    return NULL;
}

/* Classes of SQLSTATE that are the request's fault. */
static bool is_clients(const char *state)
{
    static const char *const classes[] = {"21", "22", "23", "42", "44"};
    for (size_t i = 0; i < TV_COUNT(classes); i++)
        if (strncmp(state, classes[i], 2) == 0)
            return true;
    return false;
}

static void say(struct tv_error *error, const struct row *row, const char *store_said)
{
    char name[80];
    int native = error->native;
    if (!row->message && row->native == 4025 && constraint_name(store_said, name)) {
        tv_fail(error, row->status, row->code, "new row violates check constraint \"%s\"", name);
    } else if (!row->message) {
        tv_fail(error, row->status, row->code, "%s", store_said);
    } else if (strcmp(row->code, "23503") == 0 && constraint_name(store_said, name)) {
        tv_fail(error, row->status, row->code, "%s \"%s\"", row->message, name);
    } else if (strchr(row->message, '%')) {
        const char *place = strchr(row->message, '%');
        quoted_name(store_said, place[1] == '1', name);
        tv_fail(error, row->status, row->code, "%.*s%s%s", (int)(place - row->message), row->message, name,
                place + 2);
    } else {
        tv_fail(error, row->status, row->code, "%s", row->message);
    }
    error->native = native;
    if (strcmp(row->code, "23505") == 0)
        tv_error_details(error, "%s", store_said);
    else if (strcmp(row->code, "23503") == 0)
        say_key(error, store_said);
}

static void say_signalled(struct tv_error *error, const char *state, const char *store_said)
{
    int64_t status;
    int native = error->native;
    struct tv_slice number = tv_slice_cut(tv_slice_of(state), 2, 5);
    if (strncmp(state, "PT", 2) == 0 && tv_slice_integer(number, &status) && status >= 300 && status < 600)
        tv_fail(error, (int)status, state, "%s", store_said);
    else
        tv_fail(error, 400, strcmp(state, "45000") == 0 ? "P0001" : state, "%s", store_said);
    error->native = native;
    error->quotes = true;
}

static void say_unknown(struct tv_error *error, const char *state)
{
    int native = error->native;
    if (is_clients(state))
        tv_fail(error, 400, state, "the store refuses the statement");
    else
        tv_fail(error, 500, "XX000", "the store failed");
    error->native = native;
    tv_log(TV_LOG_WARN, "sql.unexpected", "MySQL error %d, SQLSTATE %s", native, state);
}

bool sql_contradicts_schema(const struct tv_error *error)
{
    return error->native == 1146 || error->native == 1054;
}

static bool has_token(const struct tv_request *request)
{
    struct tv_slice header = request ? tv_request_header(request, "authorization") : (struct tv_slice){0};
    return tv_slice_is_nocase(tv_slice_cut(header, 0, 7), "bearer ");
}

void sql_translate(const struct tv_request *request, struct tv_error *error)
{
    char said[sizeof error->message], state[sizeof error->code];
    if (error->native == 0 || error->status != 500)
        return; /* ours, or a matter of connections and time, which have their own codes by status */
    memcpy(said, error->message, sizeof said);
    memcpy(state, error->code, sizeof state);
    const struct row *row = row_of(error->native);
    if (error->native == SIGNALLED)
        say_signalled(error, state, said);
    else if (row)
        say(error, row, said);
    else if (error->native >= 3685 && error->native <= 3700) /* MySQL's regular expressions */
        tv_fail(error, 400, "2201B", "invalid regular expression");
    else
        say_unknown(error, state);
    if (error->status == 403 && !has_token(request))
        error->status = 401; /* who is nobody yet may come back as somebody */
    if (!error->hint[0] && error->native)
        tv_error_hint(error, "MySQL error %d", error->native);
}

/* Errors that the library found have no code; these are the dialect's for them. */
static const char *code_by_status(const struct tv_error *error)
{
    static const struct {
        int status;
        const char *code;
    } codes[] = {{400, "PGRST100"}, {401, "PGRST302"}, {404, "PGRST125"},
                 {405, "PGRST117"}, {413, "PGRST102"}, {416, "PGRST103"},
                 {431, "PGRST100"}, {503, "PGRST001"}, {504, "PGRST003"}};
    if (error->status == 503 && strncmp(error->message, "MySQL ", 6) == 0)
        return "PGRST000"; /* not there at all, rather than lost or overloaded */
    for (size_t i = 0; i < TV_COUNT(codes); i++)
        if (codes[i].status == error->status)
            return codes[i].code;
    return "PGRSTX00";
}

/* Why the store cannot be reached names hosts, paths and users: that is for the log. */
static struct tv_slice message_of(const struct tv_error *error)
{
    struct tv_slice message = tv_slice_of(error->message);
    if (error->status == 503 && error->native)
        message = tv_slice_cut(message, 0, tv_slice_find(message, ':'));
    return message;
}

void sql_write_error(const struct tv_request *request, struct tv_response *response,
                     const struct tv_error *error)
{
    const char *code = error->code[0] ? error->code : code_by_status(error);
    bool bad_json = strcmp(error->message, SQL_BAD_JSON) == 0;
    char proxy_status[80];
    struct tv_json json;
    if (request)
        sql_common_headers(request, response);
    tv_response_type(response, "application/json; charset=utf-8");
    snprintf(proxy_status, sizeof proxy_status, "PostgREST; error=%s", code);
    tv_response_header(response, "Proxy-Status", tv_slice_of(proxy_status));
    if (bad_json && error->details[0])
        tv_response_header(response, "X-Trivet-Details", tv_slice_of(error->details));
    if (error->status == 401)
        tv_response_header(response, "WWW-Authenticate", TV_SLICE("Bearer"));
    tv_json_start(&json, tv_response_body(response));
    tv_json_object(&json);
    tv_json_member_text(&json, "code", code);
    tv_json_name(&json, "message");
    tv_json_string(&json, message_of(error));
    tv_json_member_text(&json, "details", error->details[0] && !bad_json ? error->details : NULL);
    tv_json_member_text(&json, "hint", error->hint[0] ? error->hint : NULL);
    tv_json_object_end(&json);
}
