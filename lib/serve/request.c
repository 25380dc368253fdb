/*
 * request.c - what is checked before a worker sees a request, and how it looks things up in it.
 */
#include "serve/request.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "serve/request_build.h"

static const struct {
    const char *name;
    enum tv_method method;
} methods[] = {
    {"GET", TV_METHOD_GET},         {"HEAD", TV_METHOD_HEAD},   {"POST", TV_METHOD_POST},
    {"PUT", TV_METHOD_PUT},         {"PATCH", TV_METHOD_PATCH}, {"DELETE", TV_METHOD_DELETE},
    {"OPTIONS", TV_METHOD_OPTIONS},
};

struct tv_slice tv_request_parameter(const struct tv_request *request, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < request->parameter_count; i++) {
        struct tv_slice found = request->parameters[i].name;
        if (found.length == length && memcmp(found.data, name, length) == 0) {
            struct tv_slice value = request->parameters[i].value;
            return (struct tv_slice){value.data ? value.data : "", value.length};
        }
    }
    return (struct tv_slice){0};
}

struct tv_slice tv_request_header(const struct tv_request *request, const char *name)
{
    char parameter[128] = "HTTP_";
    size_t length = strlen(name);
    if (length > sizeof parameter - 6)
        return (struct tv_slice){0};
    for (size_t i = 0; i <= length; i++) {
        char byte = name[i];
        parameter[5 + i] = byte == '-' ? '_' : byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A') : byte;
    }
    return tv_request_parameter(request, parameter);
}

void tv_method_list(unsigned set, char out[64])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < TV_COUNT(methods); i++)
        if (set & (unsigned)methods[i].method)
            used += (size_t)snprintf(out + used, 64 - used, "%s%s", used ? ", " : "", methods[i].name);
}

bool tv_request_allow(const struct tv_request *request, unsigned set, struct tv_error *error)
{
    if ((unsigned)request->method & set)
        return true;
    tv_fail(error, 405, NULL, "the method %.*s is not allowed here",
            (int)tv_slice_cut(request->method_text, 0, 20).length, request->method_text.data);
    tv_method_list(set, error->allow);
    return false;
}

bool tv_request_no_cache(const struct tv_request *request)
{
    struct tv_slice rest = tv_request_header(request, "cache-control");
    while (rest.length > 0) {
        size_t end = tv_slice_find(rest, ',');
        struct tv_slice directive = tv_slice_trim(tv_slice_cut(rest, 0, end));
        if (tv_slice_is_nocase(directive, "no-cache") || tv_slice_is_nocase(directive, "no-store"))
            return true;
        rest = tv_slice_cut(rest, end + 1, rest.length);
    }
    return false;
}

/* --- building --------------------------------------------------------------------------------------------------------- */

/* "1763830902.123" as nginx writes $msec, in milliseconds; -1 when it is not that. */
static int64_t parse_start(struct tv_slice text)
{
    int64_t seconds, thousandths;
    size_t point = tv_slice_find(text, '.');
    if (text.length - point != 4 || text.data[point + 1] == '-' ||
        !tv_slice_integer(tv_slice_cut(text, 0, point), &seconds) ||
        !tv_slice_integer(tv_slice_cut(text, point + 1, text.length), &thousandths) || seconds < 0 ||
        seconds > INT64_MAX / 2000)
        return -1;
    return seconds * 1000 + thousandths;
}

static void read_method(struct tv_request *request)
{
    request->method = TV_METHOD_OTHER;
    for (size_t i = 0; i < TV_COUNT(methods); i++)
        if (tv_slice_is(request->method_text, methods[i].name))
            request->method = methods[i].method;
}

/* A second one that says something else: one of both lies. */
static bool said_once(const struct tv_request *request, const char *name, struct tv_slice value)
{
    for (size_t i = 0; i < request->parameter_count; i++)
        if (tv_slice_is(request->parameters[i].name, name) &&
            !tv_slice_equal(request->parameters[i].value, value))
            return false;
    return true;
}

static bool check_body(const struct tv_fastcgi *reader, const struct tv_serve_settings *limits,
                       struct tv_request *request, struct tv_error *error)
{
    struct tv_slice announced = tv_request_parameter(request, "CONTENT_LENGTH");
    int64_t length = 0;
    if (reader->body_overflow) {
        tv_fail(error, 413, NULL, "the request body is too large");
        tv_error_details(error, "limits.body is %lld bytes", (long long)limits->body);
        return false;
    }
    if (!said_once(request, "CONTENT_LENGTH", announced))
        return tv_fail(error, 400, NULL, "the body's length is said twice");
    if (announced.length > 0 && (!tv_slice_integer(announced, &length) || length < 0))
        return tv_fail(error, 400, NULL, "the body's length is not a number");
    request->body = tv_buffer_view(&reader->body);
    if ((size_t)length != request->body.length)
        return tv_fail(error, 400, NULL, "the body is not as long as was announced");
    return true;
}

bool tv_request_build(const struct tv_fastcgi *reader, const struct tv_serve_settings *limits,
                      struct tv_arena *arena, struct tv_watcher *watcher, struct tv_request *request,
                      int64_t *queue_us, struct tv_error *error)
{
    int64_t now = tv_clock_ms();
    *request =
        (struct tv_request){.method = TV_METHOD_OTHER, .arena = arena, .deadline_ms = now + limits->time};
    *queue_us = -1;
    if (reader->parameters_overflow) {
        tv_fail(error, 431, NULL, "the request's URL and headers are too large");
        tv_error_details(error, "limits.parameters is %lld bytes", (long long)limits->parameters);
        return false;
    }
    if (!tv_fastcgi_parameters(reader, arena, &request->parameters, &request->parameter_count, error))
        return false;
    request->method_text = tv_request_parameter(request, "REQUEST_METHOD");
    request->path = tv_request_parameter(request, "TRIVET_PATH");
    request->query = tv_request_parameter(request, "QUERY_STRING");
    request->content_type = tv_request_parameter(request, "CONTENT_TYPE");
    request->id = tv_request_parameter(request, "TRIVET_REQUEST_ID");
    read_method(request);
    if (request->method_text.length == 0)
        return tv_fail(error, 400, NULL, "the web server named no method");
    if (!request->path.data || request->path.length == 0 || request->path.data[0] != '/')
        return tv_fail(error, 400, NULL, "the web server named no path");
    if (!check_body(reader, limits, request, error))
        return false;
    int64_t start = parse_start(tv_request_parameter(request, "TRIVET_START"));
    if (start >= 0) {
        /* nginx cuts its clock to the millisecond: only what is surely waiting counts as such */
        int64_t waited = tv_clock_wall_us() - (start + 1) * 1000;
        *queue_us = waited > 0 ? waited : 0;
        if (waited > limits->queue_budget * 1000) {
            tv_watch_count(watcher, TV_COUNT_SHED_QUEUE, 1);
            tv_fail(error, 503, NULL, "the request waited too long for a free worker");
            error->retry_after = 1;
            return false;
        }
    }
    return true;
}
