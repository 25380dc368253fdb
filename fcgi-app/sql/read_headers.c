/*
 * read_headers.c - Prefer, Accept, Range and the profiles. Nothing is kept that was not said in a form we know.
 */
#include <stdio.h>
#include <string.h>

#include "headers.h"

/* The next piece up to the separator, trimmed; *rest goes on behind it. */
static struct tv_slice next_piece(struct tv_slice *rest, char separator)
{
    size_t end = tv_slice_find(*rest, separator);
    struct tv_slice piece = tv_slice_trim(tv_slice_cut(*rest, 0, end));
    *rest = tv_slice_cut(*rest, end + 1, rest->length);
    return piece;
}

/* --- Prefer --- */

#define PLACE(field) offsetof(struct sql_preferences, field)

/* Every field that a row fills is an enum. */
static const struct {
    const char *text;
    size_t place;
    int value;
} preferences[] = {
    {"return=representation", PLACE(returns), SQL_RETURN_REPRESENTATION},
    {"return=minimal", PLACE(returns), SQL_RETURN_MINIMAL},
    {"return=headers-only", PLACE(returns), SQL_RETURN_HEADERS},
    {"count=exact", PLACE(count), SQL_COUNT_EXACT},
    {"count=planned", PLACE(count), SQL_COUNT_PLANNED},
    {"count=estimated", PLACE(count), SQL_COUNT_ESTIMATED},
    {"resolution=merge-duplicates", PLACE(resolution), SQL_RESOLUTION_MERGE},
    {"resolution=ignore-duplicates", PLACE(resolution), SQL_RESOLUTION_IGNORE},
    {"missing=default", PLACE(missing), SQL_MISSING_DEFAULT},
    {"missing=null", PLACE(missing), SQL_MISSING_NULL},
    {"handling=strict", PLACE(handling), SQL_HANDLING_STRICT},
    {"handling=lenient", PLACE(handling), SQL_HANDLING_LENIENT},
    {"tx=commit", PLACE(tx), SQL_TX_COMMIT},
    {"tx=rollback", PLACE(tx), SQL_TX_ROLLBACK},
};

static void add_unknown(struct sql_preferences *out, struct tv_slice text)
{
    size_t used = strlen(out->unknown);
    snprintf(out->unknown + used, sizeof out->unknown - used, "%s%.*s", used ? ", " : "", (int)text.length,
             text.data);
}

static void read_preference(struct tv_slice text, struct sql_preferences *out)
{
    for (size_t i = 0; i < TV_COUNT(preferences); i++) {
        if (!tv_slice_is(text, preferences[i].text))
            continue;
        int *field = (int *)(void *)((char *)out + preferences[i].place);
        if (*field == 0)
            *field = preferences[i].value;
        return;
    }
    if (tv_slice_starts(text, "timezone=")) {
        out->has_timezone = true;
    } else if (tv_slice_starts(text, "max-affected=")) {
        if (!out->has_max_affected)
            out->max_affected = tv_slice_cut(text, strlen("max-affected="), text.length);
        out->has_max_affected = true;
    } else if (text.length > 0) {
        add_unknown(out, text);
    }
}

bool sql_read_preferences(const struct tv_request *request, struct sql_preferences *out,
                          struct tv_error *error)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < request->parameter_count; i++) { /* the header may stand several times */
        struct tv_slice name = request->parameters[i].name, rest = request->parameters[i].value;
        if (name.length == 11 && tv_slice_is(name, "HTTP_PREFER"))
            while (rest.length > 0)
                read_preference(next_piece(&rest, ','), out);
    }
    if (out->handling != SQL_HANDLING_STRICT || !out->unknown[0])
        return true;
    tv_fail(error, 400, "PGRST122", "Invalid preferences given with handling=strict");
    tv_error_details(error, "Invalid preferences: %s", out->unknown);
    return false;
}

void sql_applied_preferences(struct tv_response *response, const struct sql_preferences *given,
                             unsigned applied)
{
    static const struct {
        size_t place;
        unsigned bit; /* 0: whenever it is given */
    } order[] = {
        {PLACE(resolution), SQL_APPLIED_RESOLUTION},
        {PLACE(missing), SQL_APPLIED_MISSING},
        {PLACE(returns), SQL_APPLIED_RETURN},
        {PLACE(count), SQL_APPLIED_COUNT},
        {PLACE(tx), SQL_APPLIED_TX},
        {PLACE(handling), 0},
    };
    char text[256];
    size_t used = 0;
    for (size_t i = 0; i < TV_COUNT(order); i++) {
        int value = *(const int *)(const void *)((const char *)given + order[i].place);
        if (value == 0 || (order[i].bit && !(applied & order[i].bit)))
            continue;
        for (size_t k = 0; k < TV_COUNT(preferences); k++)
            if (preferences[k].place == order[i].place && preferences[k].value == value)
                used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "",
                                         preferences[k].text);
    }
    if (used > 0)
        tv_response_header(response, "Preference-Applied", (struct tv_slice){text, used});
}

/* --- Accept --- */

static const struct offer {
    const char *type;
    enum sql_shape shape;
    const char *content_type;
    const char *stripped; /* with ;nulls=stripped; NULL: no such thing */
} offers[] = {
    {"application/json", SQL_SHAPE_ARRAY, "application/json; charset=utf-8", NULL},
    {"*/*", SQL_SHAPE_ARRAY, "application/json; charset=utf-8", NULL},
    {"application/*", SQL_SHAPE_ARRAY, "application/json; charset=utf-8", NULL},
    {"application/vnd.pgrst.array+json", SQL_SHAPE_ARRAY, "application/json; charset=utf-8",
     "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"},
    {"application/vnd.pgrst.array", SQL_SHAPE_ARRAY, "application/json; charset=utf-8",
     "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"},
    {"application/vnd.pgrst.object+json", SQL_SHAPE_OBJECT,
     "application/vnd.pgrst.object+json; charset=utf-8",
     "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"},
    {"application/vnd.pgrst.object", SQL_SHAPE_OBJECT, "application/vnd.pgrst.object+json; charset=utf-8",
     "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"},
};

/* Thousandths: "0.5" is 500. Anything unreadable counts as 1. */
static int read_quality(struct tv_slice text)
{
    int value = 0, unit = 1000;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '.' && i == 1)
            continue;
        if (text.data[i] < '0' || text.data[i] > '9' || i > 4)
            return 1000;
        value += unit * (text.data[i] - '0');
        unit /= 10;
    }
    return value > 1000 ? 1000 : value;
}

/* One wish: "type;parameter=value;q=0.5". False when we cannot meet it. */
static bool meet(struct tv_slice wish, struct sql_format *out, int *quality)
{
    struct tv_slice type = next_piece(&wish, ';');
    bool stripped = false;
    *quality = 1000;
    while (wish.length > 0) {
        struct tv_slice parameter = next_piece(&wish, ';');
        if (tv_slice_starts(parameter, "q="))
            *quality = read_quality(tv_slice_cut(parameter, 2, parameter.length));
        else if (tv_slice_is(parameter, "nulls=stripped"))
            stripped = true;
    }
    for (size_t i = 0; i < TV_COUNT(offers); i++) {
        if (!tv_slice_is_nocase(type, offers[i].type))
            continue;
        bool strips = stripped && offers[i].stripped;
        *out = (struct sql_format){offers[i].shape, strips,
                                   strips ? offers[i].stripped : offers[i].content_type};
        return *quality > 0;
    }
    return false;
}

bool sql_read_accept(const struct tv_request *request, struct sql_format *out, struct tv_error *error)
{
    struct tv_slice accept = tv_request_header(request, "accept"), rest = accept;
    int best = 0;
    *out = (struct sql_format){offers[0].shape, false, offers[0].content_type};
    if (accept.length == 0)
        return true;
    while (rest.length > 0 && best < 1000) {
        struct sql_format format;
        int quality;
        if (meet(next_piece(&rest, ','), &format, &quality) && quality > best) {
            best = quality;
            *out = format;
        }
    }
    if (best > 0)
        return true;
    return tv_fail(error, 406, "PGRST107", "None of these media types are available: %.*s",
                   (int)tv_slice_cut(accept, 0, 300).length, accept.data);
}

/* --- Range --- */

bool sql_read_range(const struct tv_request *request, bool *has_limit, int64_t *limit, int64_t *offset,
                    struct tv_error *error)
{
    struct tv_slice text = tv_request_header(request, "range");
    size_t dash = tv_slice_find(text, '-');
    int64_t from, to;
    if (text.length == 0 || request->method != TV_METHOD_GET || dash == 0 || dash == text.length ||
        !tv_slice_integer(tv_slice_cut(text, 0, dash), &from))
        return true;
    bool open = dash + 1 == text.length;
    if (!open &&
        (text.data[dash + 1] == '-' || !tv_slice_integer(tv_slice_cut(text, dash + 1, text.length), &to)))
        return true;
    if (!open && to < from) {
        tv_fail(error, 416, "PGRST103", "Requested range not satisfiable");
        tv_error_details(error, "The lower boundary must be lower than or equal to the upper boundary in the "
                                "Range header.");
        return false;
    }
    /* both ranges hold: rows from offset on, at most limit of them */
    int64_t begin = *offset > from ? *offset : from, end = INT64_MAX;
    if (*has_limit && *limit < end - *offset)
        end = *offset + *limit;
    if (!open && to < INT64_MAX && to + 1 < end)
        end = to + 1;
    *offset = begin;
    *has_limit = end < INT64_MAX;
    *limit = end > begin ? end - begin : 0;
    return true;
}

/* --- profiles --- */

bool sql_check_profile(const struct tv_request *request, const struct sql_settings *settings,
                       struct tv_error *error)
{
    bool reads = request->method == TV_METHOD_GET || request->method == TV_METHOD_HEAD;
    if (request->method == TV_METHOD_OPTIONS)
        return true;
    struct tv_slice profile = tv_request_header(request, reads ? "accept-profile" : "content-profile");
    if (profile.length == 0 || tv_slice_is(profile, settings->schema))
        return true;
    tv_fail(error, 406, "PGRST106", "Invalid schema: %.*s", (int)tv_slice_cut(profile, 0, 200).length,
            profile.data);
    tv_error_hint(error, "Only the following schemas are exposed: %s", settings->schema);
    return false;
}

/* --- other origins --- */

void sql_common_headers(const struct tv_request *request, struct tv_response *response)
{
    tv_response_header(response, "Vary", TV_SLICE("Accept, Prefer, Range"));
    if (!tv_request_header(request, "origin").data)
        return;
    tv_response_header(response, "Access-Control-Allow-Origin", TV_SLICE("*"));
    tv_response_header(response, "Access-Control-Expose-Headers",
                       TV_SLICE("Content-Encoding, Content-Location, Content-Range, Content-Type, Date, "
                                "Location, Server, Transfer-Encoding, Range-Unit"));
}

bool sql_preflight(const struct tv_request *request, struct tv_response *response)
{
    if (request->method != TV_METHOD_OPTIONS || !tv_request_header(request, "origin").data ||
        !tv_request_header(request, "access-control-request-method").data)
        return false;
    struct tv_slice wanted = tv_request_header(request, "access-control-request-headers");
    struct tv_buffer list;
    tv_buffer_init(&list, 4096);
    tv_buffer_text(&list, "Authorization, ");
    while (wanted.length > 0) {
        tv_buffer_slice(&list, next_piece(&wanted, ','));
        tv_buffer_text(&list, ", ");
    }
    tv_buffer_text(&list, "Accept, Accept-Language, Content-Language");
    tv_response_header(response, "Access-Control-Allow-Methods",
                       TV_SLICE("GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"));
    if (!tv_buffer_failed(&list))
        tv_response_header(response, "Access-Control-Allow-Headers", tv_buffer_view(&list));
    tv_response_header(response, "Access-Control-Max-Age", TV_SLICE("86400"));
    tv_buffer_free(&list);
    return true;
}
