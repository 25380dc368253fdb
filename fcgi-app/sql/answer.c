/*
 * answer.c - the headers that say what part of what an answer is, and the two refusals that depend on rows.
 */
#include <inttypes.h>
#include <string.h>

#include "sql.h"

/* Content-Location is a courtesy: it is left out where it would crowd the headers. */
#define LOCATION_MAX 2048
#define PAIRS_MAX    64

void sql_content_range(struct sql_exchange *exchange, int64_t offset, int64_t rows, int64_t total)
{
    struct tv_buffer *out = &exchange->thread->scratch;
    tv_buffer_reset(out, 3 * LOCATION_MAX);
    if (rows > 0) {
        tv_buffer_integer(out, offset);
        tv_buffer_byte(out, '-');
        tv_buffer_integer(out, offset + rows - 1);
    } else {
        tv_buffer_byte(out, '*');
    }
    tv_buffer_byte(out, '/');
    if (total >= 0)
        tv_buffer_integer(out, total);
    else
        tv_buffer_byte(out, '*');
    tv_response_header(exchange->response, "Content-Range", tv_buffer_view(out));
}

static int compare(struct tv_slice a, struct tv_slice b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

/* "/table?a=eq.1&b=eq.2": parameters sorted by name, those of the same name as they came. */
void sql_content_location(struct sql_exchange *exchange)
{
    const struct sql_query *query = &exchange->query;
    size_t order[PAIRS_MAX];
    if (query->pair_count > PAIRS_MAX || exchange->request->query.length > LOCATION_MAX)
        return;
    for (size_t i = 0; i < query->pair_count; i++) {
        size_t at = i;
        for (; at > 0 && compare(query->pairs[order[at - 1]].name, query->pairs[i].name) > 0; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    struct tv_buffer *out = &exchange->thread->scratch;
    tv_buffer_reset(out, 3 * LOCATION_MAX);
    tv_buffer_byte(out, '/');
    tv_url_encode(out, exchange->table->name);
    for (size_t i = 0; i < query->pair_count; i++) {
        const struct tv_url_pair *pair = &query->pairs[order[i]];
        tv_buffer_byte(out, i == 0 ? '?' : '&');
        tv_url_encode(out, pair->name);
        if (pair->has_value) {
            tv_buffer_byte(out, '=');
            tv_url_encode(out, pair->value);
        }
    }
    if (!tv_buffer_failed(out) && out->length <= 3 * LOCATION_MAX)
        tv_response_header(exchange->response, "Content-Location", tv_buffer_view(out));
}

bool sql_not_one_row(struct tv_error *error, int64_t rows)
{
    tv_fail(error, 406, "PGRST116", "Cannot coerce the result to a single JSON object");
    tv_error_details(error, "The result contains %" PRId64 " rows", rows);
    return false;
}

bool sql_refuse_range(struct sql_exchange *exchange, int64_t offset, int64_t total)
{
    struct tv_error error;
    tv_fail(&error, 416, "PGRST103", "Requested range not satisfiable");
    tv_error_details(&error, "An offset of %" PRId64 " was requested, but there are only %" PRId64 " rows.",
                     offset, total);
    tv_response_status(exchange->response, 416);
    sql_content_range(exchange, 0, 0, total);
    sql_write_error(exchange->request, exchange->response, &error);
    return true;
}
