/*
 * read.c - GET and HEAD: look into the cache, otherwise ask the store and hand its rows on as they come. An answer that stays
 * small is sent in one piece with an exact Content-Range. One that grows leaves while it is read: its headers then are gone
 * before the last row is known, so without a count its Content-Range says no more than a star in place of the rows.
 */
#include <string.h>

#include "sql.h"

/* Rows are offered to the response in steps of this many bytes; below it, an answer is in one piece. */
#define FLOW_STEP ((size_t)16 << 10)
#define KEPT      ((size_t)64 << 10) /* memory of the thread's buffers between requests */

struct reading {
    struct sql_exchange *exchange;
    struct sql_plan plan;
    int64_t total; /* -1: not asked for */
    int64_t rows;
    struct tv_cache_lookup lookup;
    bool keeps;  /* the answer may go into the cache */
    size_t mark; /* bytes of the body that were copied to kept */
};

/* --- the cache --- */

static void put_value(struct tv_buffer *out, const struct tv_value *value)
{
    tv_buffer_byte(out, (char)('0' + value->type));
    if (value->type == TV_VALUE_TEXT || value->type == TV_VALUE_DECIMAL) {
        tv_buffer_append(out, &value->text.length, sizeof value->text.length);
        tv_buffer_slice(out, value->text);
    } else if (value->type != TV_VALUE_NULL) {
        tv_buffer_append(out, &value->integer, sizeof value->integer);
    }
}

/* Everything that the answer depends on: who asks, what, in which form. Lengths keep the parts apart. */
static struct tv_slice make_question(struct reading *reading)
{
    struct sql_exchange *exchange = reading->exchange;
    const struct sql_statement *statement = &exchange->thread->statement;
    struct tv_buffer *out = &exchange->thread->question;
    char form[3] = {(char)('0' + exchange->format.shape), exchange->format.strip_nulls ? 's' : 'n',
                    exchange->preferences.count ? 'c' : '-'};
    size_t lengths[] = {exchange->request->role.length, statement->text.length, statement->count};
    tv_buffer_reset(out, KEPT);
    tv_buffer_append(out, "sql", 3);
    tv_buffer_append(out, form, sizeof form);
    tv_buffer_append(out, lengths, sizeof lengths);
    tv_buffer_slice(out, exchange->request->role);
    tv_buffer_slice(out, tv_buffer_view(&statement->text));
    for (size_t i = 0; i < statement->count; i++)
        put_value(out, &statement->values[i]);
    for (size_t i = 0; i < reading->plan.output_count; i++) {
        tv_buffer_byte(out, (char)('A' + reading->plan.outputs[i].expression.type));
        tv_buffer_slice(out, reading->plan.outputs[i].json_key);
    }
    if (tv_buffer_failed(out))
        return (struct tv_slice){0};
    return tv_buffer_view(out);
}

/* What a view is read from is not known, so no write would make its answers void: it is not cached. */
static void look_into_cache(struct reading *reading)
{
    struct sql_exchange *exchange = reading->exchange;
    struct tv_cache_question question = {.thing_count = 2};
    reading->lookup = (struct tv_cache_lookup){.result = TV_CACHE_BYPASS};
    if (exchange->table->is_view || tv_request_no_cache(exchange->request))
        return;
    question.text = make_question(reading);
    question.things[0] = exchange->table->thing;
    question.things[1] = exchange->schema->all_things;
    if (question.text.length > 0)
        tv_cache_find(tv_worker_cache(exchange->worker), exchange->request->arena, &question,
                      exchange->request->deadline_ms, &reading->lookup);
    reading->keeps = reading->lookup.result == TV_CACHE_MISS;
}

static void give_up(struct reading *reading)
{
    if (reading->keeps)
        tv_cache_give_up(tv_worker_cache(reading->exchange->worker), &reading->lookup);
    reading->keeps = false;
}

/* The note beside a kept answer: rows and total, from which its headers follow. */
struct note {
    int64_t rows;
    int64_t total;
};

/* --- headers --- */

static void set_range(struct reading *reading, int64_t rows)
{
    struct sql_exchange *exchange = reading->exchange;
    bool whole = reading->total < 0 || rows >= reading->total;
    tv_response_status(exchange->response, whole ? 200 : 206);
    sql_content_range(exchange, reading->plan.offset, rows, reading->total);
}

static void set_headers(struct reading *reading)
{
    struct sql_exchange *exchange = reading->exchange;
    tv_response_type(exchange->response, exchange->format.content_type);
    tv_response_header(exchange->response, "X-Trivet-Cache",
                       tv_slice_of(tv_cache_result_name(reading->lookup.result)));
    sql_content_location(exchange);
    sql_applied_preferences(exchange->response, &exchange->preferences, SQL_APPLIED_COUNT);
}

/* --- rows --- */

/* With a total, how many rows will come is known before they do; -1 without one. */
static int64_t expected_rows(const struct reading *reading)
{
    int64_t rows = reading->total > reading->plan.offset ? reading->total - reading->plan.offset : 0;
    if (reading->total < 0)
        return -1;
    return reading->plan.has_limit && rows > reading->plan.limit ? reading->plan.limit : rows;
}

static bool too_late(struct reading *reading)
{
    return tv_fail(reading->exchange->error, 504, NULL, "the answer could not be sent in time");
}

/* Between rows: what has gathered goes on its way, and a copy of it is kept for the cache. */
static bool flow(struct reading *reading)
{
    struct sql_exchange *exchange = reading->exchange;
    struct tv_buffer *body = tv_response_body(exchange->response), *kept = &exchange->thread->kept;
    if (body->length - reading->mark < FLOW_STEP)
        return true;
    if (reading->keeps) {
        tv_buffer_append(kept, body->data + reading->mark, body->length - reading->mark);
        if (tv_buffer_failed(kept))
            give_up(reading); /* too large for the cache */
    }
    if (!tv_response_started(exchange->response)) /* the headers may leave now */
        set_range(reading, expected_rows(reading));
    bool flowing = tv_response_flow(exchange->response);
    reading->mark = body->length;
    return flowing || too_late(reading);
}

/* Counts on what is not written any more: the error names the number. */
static bool not_one(struct reading *reading)
{
    struct sql_exchange *exchange = reading->exchange;
    const struct tv_value *row;
    enum tv_step step;
    while ((step = tv_mysql_next(exchange->mysql, &row, exchange->error)) == TV_STEP_ROW)
        reading->rows++;
    return step == TV_STEP_END && sql_not_one_row(exchange->error, reading->rows);
}

static bool write_rows(struct reading *reading)
{
    struct sql_exchange *exchange = reading->exchange;
    struct tv_buffer *body = tv_response_body(exchange->response);
    bool array = exchange->format.shape == SQL_SHAPE_ARRAY;
    bool writes = exchange->request->method != TV_METHOD_HEAD;
    const struct tv_value *row;
    enum tv_step step;
    if (array)
        tv_buffer_byte(body, '[');
    while ((step = tv_mysql_next(exchange->mysql, &row, exchange->error)) == TV_STEP_ROW) {
        reading->rows++;
        if (!array && reading->rows > 1)
            return not_one(reading);
        if (array && reading->rows > 1 && writes)
            tv_buffer_byte(body, ',');
        if (writes)
            sql_write_row(body, &reading->plan, row, exchange->format.strip_nulls);
        if (array && !flow(reading))
            return false;
    }
    if (step == TV_STEP_FAILED)
        return false;
    if (!array && reading->rows == 0)
        return sql_not_one_row(exchange->error, 0);
    if (array)
        tv_buffer_byte(body, ']');
    return true;
}

/* The whole answer is known: exact headers when they have not left yet, and the cache. */
static void conclude(struct reading *reading)
{
    struct sql_exchange *exchange = reading->exchange;
    struct tv_buffer *body = tv_response_body(exchange->response), *kept = &exchange->thread->kept;
    struct note note = {reading->rows, reading->total};
    set_range(reading, reading->rows);
    if (!reading->keeps || exchange->request->method == TV_METHOD_HEAD) {
        give_up(reading);
        return;
    }
    struct tv_slice answer = tv_buffer_view(body);
    if (kept->length > 0) { /* some of it has left */
        tv_buffer_append(kept, body->data + reading->mark, body->length - reading->mark);
        answer = tv_buffer_view(kept);
    }
    if (tv_buffer_failed(body) || tv_buffer_failed(kept))
        give_up(reading);
    else
        tv_cache_fill(tv_worker_cache(exchange->worker), &reading->lookup,
                      (struct tv_slice){(const char *)&note, sizeof note}, answer);
    reading->keeps = false;
}

/* --- the store --- */

static bool run(struct sql_exchange *exchange)
{
    const struct sql_statement *statement = &exchange->thread->statement;
    return tv_mysql_run(exchange->mysql, tv_buffer_view(&statement->text), statement->values,
                        statement->count, exchange->request->deadline_ms, exchange->error);
}

/* Counts all rows that the filters let through, in the same transaction as the rows are read in. */
static bool count_rows(struct reading *reading)
{
    struct sql_exchange *exchange = reading->exchange;
    struct sql_statement *statement = &exchange->thread->statement;
    const struct tv_value *row;
    sql_statement_begin(statement, exchange->schema->flavour);
    sql_build_count(statement, &reading->plan);
    if (!sql_statement_good(statement, exchange->error) || !run(exchange))
        return false;
    bool good = tv_mysql_next(exchange->mysql, &row, exchange->error) == TV_STEP_ROW;
    if (good)
        reading->total = row[0].integer;
    tv_mysql_finish(exchange->mysql);
    return good ||
           (exchange->error->status ? false : tv_fail(exchange->error, 500, NULL, "no count came back"));
}

static void build(struct reading *reading)
{
    struct sql_statement *statement = &reading->exchange->thread->statement;
    sql_statement_begin(statement, reading->exchange->schema->flavour);
    sql_build_select(statement, &reading->plan);
}

static bool read_rows(struct reading *reading)
{
    struct sql_exchange *exchange = reading->exchange;
    if (!run(exchange))
        return false;
    set_headers(reading);
    bool good = write_rows(reading);
    tv_mysql_finish(exchange->mysql);
    return good;
}

/* *done: the answer is complete, as a refusal. */
static bool ask_store(struct reading *reading, bool *done)
{
    struct sql_exchange *exchange = reading->exchange;
    const struct tv_request *request = exchange->request;
    if (!tv_mysql_role(exchange->mysql, request->role, request->deadline_ms, exchange->error))
        return false;
    if (exchange->preferences.count == SQL_COUNT_NONE)
        return read_rows(reading);
    if (!tv_mysql_begin(exchange->mysql, true, request->deadline_ms, exchange->error))
        return false;
    bool good = count_rows(reading);
    *done = good && reading->plan.offset > reading->total;
    if (*done) {
        good = sql_refuse_range(exchange, reading->plan.offset, reading->total);
    } else if (good && request->method == TV_METHOD_HEAD && exchange->format.shape == SQL_SHAPE_ARRAY) {
        reading->rows = expected_rows(reading); /* all that a HEAD wants to know */
        set_headers(reading);
    } else if (good) {
        build(reading); /* the count took its place */
        good = read_rows(reading);
    }
    tv_mysql_rollback(exchange->mysql); /* nothing was changed: it only ends */
    return good;
}

/* --- the whole --- */

static bool answer_hit(struct reading *reading)
{
    struct sql_exchange *exchange = reading->exchange;
    struct note note;
    memcpy(&note, reading->lookup.note.data, sizeof note);
    reading->total = note.total;
    set_headers(reading);
    set_range(reading, note.rows);
    if (exchange->request->method != TV_METHOD_HEAD)
        tv_buffer_slice(tv_response_body(exchange->response), reading->lookup.body);
    return true;
}

static void limit_rows(struct reading *reading)
{
    int64_t most = reading->exchange->settings->max_rows;
    if (most > 0 && (!reading->plan.has_limit || reading->plan.limit > most)) {
        reading->plan.has_limit = true;
        reading->plan.limit = most;
    }
}

/* Once, against the schema as it is now. */
static bool read_once(struct sql_exchange *exchange, bool *unknown)
{
    struct reading reading = {.exchange = exchange, .total = -1};
    const struct tv_request *request = exchange->request;
    bool done = false;
    *unknown = false;
    tv_response_body(exchange->response)->length = 0; /* of a first try */
    if (!sql_find_table(exchange) || !sql_resolve_read(request->arena, exchange->table, &exchange->query,
                                                       &reading.plan, unknown, exchange->error))
        return false;
    if (!sql_read_preferences(request, &exchange->preferences, exchange->error) ||
        !sql_read_accept(request, &exchange->format, exchange->error))
        return false;
    limit_rows(&reading);
    build(&reading);
    if (!sql_statement_good(&exchange->thread->statement, exchange->error))
        return false;
    look_into_cache(&reading);
    if (reading.lookup.result == TV_CACHE_HIT && reading.lookup.note.length == sizeof(struct note))
        return answer_hit(&reading);
    tv_buffer_reset(&exchange->thread->kept, KEPT);
    exchange->thread->kept.limit = tv_cache_entry_max(tv_worker_cache(exchange->worker));
    bool good = ask_store(&reading, &done);
    if (good && !done)
        conclude(&reading);
    give_up(&reading);
    return good;
}

bool sql_read(struct sql_exchange *exchange)
{
    const struct tv_request *request = exchange->request;
    bool unknown;
    if (!sql_read_url(request->arena, request->query, &exchange->query, exchange->error) ||
        !sql_read_range(request, &exchange->query.root.has_limit, &exchange->query.root.limit,
                        &exchange->query.root.offset, exchange->error))
        return false;
    return read_once(exchange, &unknown) ||
           (sql_try_again(exchange, unknown) && read_once(exchange, &unknown));
}
