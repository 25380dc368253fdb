/*
 * request.c - tests of what is checked before a worker sees a request, and of how a worker looks things up in it.
 */
#include "serve/request_build.h"

#include <stdlib.h>

#include "base/clock.h"
#include "fcgi_bytes.h"
#include "tap.h"

static const struct tv_serve_settings limits = {
    .body = 1000, .parameters = 2000, .queue_budget = 10000, .time = 30000};

static struct tv_fastcgi reader;
static struct tv_arena arena;
static struct tv_slot slot;
static struct tv_watcher watcher = {.slot = &slot};
static struct tv_request request;
static struct tv_error error;
static int64_t queue_us;

static void anew(void)
{
    tv_fastcgi_next(&reader);
    tv_arena_reset(&arena);
    error = (struct tv_error){0};
}

static void parameter(const char *name, const char *value)
{
    fcgi_pair(&reader.parameters, name, value);
}

static bool build(void)
{
    return tv_request_build(&reader, &limits, &arena, &watcher, &request, &queue_us, &error);
}

/* A GET with what makes a request, and one parameter more. */
static void with(const char *name, const char *value)
{
    anew();
    parameter("REQUEST_METHOD", "GET");
    parameter("TRIVET_PATH", "/x");
    if (name)
        parameter(name, value);
}

static bool refused(int status, const char *name)
{
    bool built = build();
    ok(!built, "%s: is refused", name);
    return is_number(error.status, status, "  with its status");
}

static void whole(void)
{
    anew();
    parameter("QUERY_STRING", "a=%20b");
    parameter("REQUEST_METHOD", "POST");
    parameter("CONTENT_TYPE", "application/json");
    parameter("CONTENT_LENGTH", "5");
    parameter("REQUEST_URI", "/sql/product?a=%20b");
    parameter("TRIVET_PATH", "/product%2F");
    parameter("TRIVET_REQUEST_ID", "0123456789abcdef");
    parameter("HTTP_X_TEST", "yes");
    tv_buffer_text(&reader.body, "{\"a\"}");
    int64_t before = tv_clock_ms();
    if (!ok(build(), "a whole request is built")) {
        note("%s", error.message);
        return;
    }
    is_number(request.method, TV_METHOD_POST, "its method");
    is_slice(request.method_text.data, request.method_text.length, "POST", "as text");
    is_slice(request.path.data, request.path.length, "/product%2F", "its path, as it was written");
    is_slice(request.query.data, request.query.length, "a=%20b", "its query, as it was written");
    is_slice(request.content_type.data, request.content_type.length, "application/json", "its type");
    is_slice(request.body.data, request.body.length, "{\"a\"}", "its body");
    is_slice(request.id.data, request.id.length, "0123456789abcdef", "its number");
    is_number(request.role.length, 0, "no role yet");
    ok(request.deadline_ms >= before + 30000 && request.deadline_ms <= tv_clock_ms() + 30000, "its deadline");
    is_number(queue_us, -1, "without a start nobody knows how long it waited");
    ok(request.arena == &arena, "its memory");
}

static void methods(void)
{
    static const struct {
        const char *text;
        enum tv_method method;
    } all[] = {{"GET", TV_METHOD_GET},         {"HEAD", TV_METHOD_HEAD},      {"POST", TV_METHOD_POST},
               {"PUT", TV_METHOD_PUT},         {"PATCH", TV_METHOD_PATCH},    {"DELETE", TV_METHOD_DELETE},
               {"OPTIONS", TV_METHOD_OPTIONS}, {"get", TV_METHOD_OTHER},      {"GETS", TV_METHOD_OTHER},
               {"GE", TV_METHOD_OTHER},        {"PROPFIND", TV_METHOD_OTHER}, {"TRACE", TV_METHOD_OTHER}};
    for (size_t i = 0; i < TV_COUNT(all); i++) {
        anew();
        parameter("REQUEST_METHOD", all[i].text);
        parameter("TRIVET_PATH", "/");
        ok(build() && request.method == all[i].method, "%s is method %d", all[i].text, request.method);
        ok(tv_request_allow(&request, all[i].method, &error), "  it is allowed where it is");
        ok(!tv_request_allow(&request, 255u & ~(unsigned)all[i].method, &error), "  and nowhere else");
        is_number(error.status, 405, "  where it is a 405");
        ok(strstr(error.message, all[i].text), "  that names it: %s", error.message);
    }
    ok(!tv_request_allow(&request, TV_METHOD_GET | TV_METHOD_HEAD, &error), "a method that is not allowed");
    is_text(error.allow, "GET, HEAD", "learns which are");
    char list[64];
    tv_method_list(255, list);
    is_text(list, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", "the longest list");
    tv_method_list(0, list);
    is_text(list, "", "the shortest");
    char long_method[5000];
    memset(long_method, 'M', sizeof long_method);
    long_method[sizeof long_method - 1] = '\0';
    anew();
    parameter("REQUEST_METHOD", long_method);
    parameter("TRIVET_PATH", "/");
    ok(build() && !tv_request_allow(&request, TV_METHOD_GET, &error) && strlen(error.message) < 100,
       "a method without end is told in short: %s", error.message);
}

static void missing(void)
{
    anew();
    refused(400, "no parameters at all");
    anew();
    parameter("TRIVET_PATH", "/");
    refused(400, "no method");
    anew();
    parameter("REQUEST_METHOD", "");
    parameter("TRIVET_PATH", "/");
    refused(400, "an empty method");
    anew();
    parameter("REQUEST_METHOD", "GET");
    refused(400, "no path");
    is_number(request.method, TV_METHOD_GET, "  but what is known is filled");
    anew();
    parameter("REQUEST_METHOD", "HEAD");
    parameter("TRIVET_REQUEST_ID", "id");
    parameter("TRIVET_PATH", "");
    refused(400, "an empty path");
    is_slice(request.id.data, request.id.length, "id", "  the number too");
    is_number(request.method, TV_METHOD_HEAD, "  and the method");
    anew();
    parameter("REQUEST_METHOD", "GET");
    parameter("TRIVET_PATH", "x/");
    refused(400, "a path that does not begin with a slash");
    with(NULL, NULL);
    tv_buffer_append(&reader.parameters, "\5", 1);
    refused(400, "torn parameters");
    ok(request.arena == &arena && request.deadline_ms > 0, "  leave a request that can be answered");
    with(NULL, NULL);
    reader.parameters_overflow = true;
    refused(431, "parameters beyond their bound");
    ok(strstr(error.details, "limits.parameters is 2000 bytes"), "  it is told: %s", error.details);
    with(NULL, NULL);
    reader.body_overflow = true;
    refused(413, "a body beyond its bound");
    ok(strstr(error.details, "limits.body is 1000 bytes"), "  it is told: %s", error.details);
}

static void length(const char *announced, const char *body, int status)
{
    with(announced ? "CONTENT_LENGTH" : NULL, announced);
    tv_buffer_text(&reader.body, body);
    bool built = build();
    ok(status ? !built && error.status == status : built && request.body.length == strlen(body),
       "a length of \"%s\" for \"%s\" ends with %d", announced ? announced : "(none)", body, error.status);
}

static void lengths(void)
{
    length(NULL, "", 0);
    length("", "", 0);
    length("0", "", 0);
    length("5", "12345", 0);
    length("005", "12345", 0);
    length(NULL, "12345", 400);
    length("", "12345", 400);
    length("4", "12345", 400);
    length("6", "12345", 400);
    length("0", "12345", 400);
    length("5", "", 400);
    length("-5", "12345", 400);
    length("-1", "", 400);
    length("+5", "12345", 400);
    length(" 5", "12345", 400);
    length("5 ", "12345", 400);
    length("5,5", "12345", 400);
    length("0x5", "12345", 400);
    length("five", "12345", 400);
    length("4294967301", "12345", 400);
    length("18446744073709551621", "12345", 400);
    length("99999999999999999999999999", "12345", 400);
}

static void started(const char *text, bool known)
{
    with("TRIVET_START", text);
    bool built = build();
    ok(known == (queue_us >= 0) && (known || built), "a start of \"%s\" is %s", text, known ? "one" : "none");
}

/* A start so many milliseconds ago. */
static bool built_after(int64_t ms)
{
    char text[64];
    int64_t at = tv_clock_wall_ms() - ms;
    snprintf(text, sizeof text, "%lld.%03lld", (long long)(at / 1000), (long long)(at % 1000));
    with("TRIVET_START", text);
    return build();
}

static void waiting(void)
{
    atomic_store(&slot.meters.counters[TV_COUNT_SHED_QUEUE], 0);
    ok(built_after(0) && queue_us >= 0 && queue_us < 5000000, "a request from now waited %lld us",
       (long long)queue_us);
    ok(built_after(2000) && queue_us >= 1999000 && queue_us < 7000000, "one from before waited %lld us",
       (long long)queue_us);
    int64_t shortest = INT64_MAX;
    for (int i = 0; i < 50 && built_after(0); i++)
        shortest = queue_us < shortest ? queue_us : shortest;
    is_number(shortest, 0, "nginx's clock of milliseconds is not taken for a wait");
    ok(built_after(-5000) && queue_us == 0, "a clock that is ahead of ours makes no wait");
    ok(built_after(5000), "within its budget it is taken");
    is_number(atomic_load(&slot.meters.counters[TV_COUNT_SHED_QUEUE]), 0, "and nothing is counted");
    ok(!built_after(10001 + 50), "one that waited longer than its budget is not");
    is_number(error.status, 503, "it is a 503");
    is_number(error.retry_after, 1, "with Retry-After");
    is_number(atomic_load(&slot.meters.counters[TV_COUNT_SHED_QUEUE]), 1, "and counted");
    ok(queue_us > 10000000, "and told how long: %lld us", (long long)queue_us);
    started("1.000", true);
    started("0.000", true);
    started("4000000000.999", true);
    static const char *const none[] = {"",
                                       "-",
                                       ".",
                                       "1",
                                       "1.",
                                       "1.0",
                                       "1.00",
                                       "1.0000",
                                       ".123",
                                       "1,000",
                                       "a.000",
                                       "1.a00",
                                       "1.-00",
                                       "1.-12",
                                       "-1.000",
                                       "1.000 ",
                                       " 1.000",
                                       "1e3.000",
                                       "9223372036854775807.999",
                                       "9223372036854775.999",
                                       "99999999999999999999.000"};
    for (size_t i = 0; i < TV_COUNT(none); i++)
        started(none[i], false);
}

static void header_is(const char *name, const char *want)
{
    struct tv_slice value = tv_request_header(&request, name);
    if (want)
        is_slice(value.data, value.length, want, name);
    else
        ok(value.data == NULL && value.length == 0, "%s: absent", name);
}

static void lookups(void)
{
    with("HTTP_CONTENT_PROFILE", "shop");
    parameter("HTTP_EMPTY", "");
    parameter("HTTP_TWICE", "first");
    parameter("HTTP_TWICE", "second");
    parameter("HTTP_X_9", "nine");
    parameter("", "nameless");
    ok(build(), "a request with headers");
    header_is("content-profile", "shop");
    header_is("content_profile", "shop");
    header_is("Content-Profile", "shop");
    header_is("empty", "");
    header_is("twice", "first");
    header_is("x-9", "nine");
    header_is("x", NULL);
    header_is("", NULL);
    header_is("content-profil", NULL);
    header_is("content-profiles", NULL);
    ok(tv_request_header(&request, "empty").data != NULL, "an empty header is not an absent one");
    is_number(tv_request_parameter(&request, "").length, 8, "a parameter without a name has one");
    ok(tv_request_parameter(&request, "trivet_path").data == NULL, "parameters have their own letters");
    char name[300] = "", shouted[310] = "HTTP_";
    for (size_t length = 1; length < 200; length++) {
        memset(name, 'n', length);
        memset(shouted + 5, 'N', length);
        name[length] = shouted[5 + length] = '\0';
        with(shouted, "v");
        bool built = build();
        size_t got = tv_request_header(&request, name).length;
        if (!built || (length <= 122 ? got != 1 : got != 0))
            ok(false, "a header's name of %zu bytes", length);
    }
    ok(true, "names of any length");
}

static void no_cache(const char *value, bool want)
{
    with("HTTP_CACHE_CONTROL", value);
    ok(build() && tv_request_no_cache(&request) == want, "Cache-Control: %s is %s", value,
       want ? "a wish" : "none");
}

static void cache_control(void)
{
    with(NULL, NULL);
    ok(build() && !tv_request_no_cache(&request), "without Cache-Control the cache may be used");
    no_cache("", false);
    no_cache("no-cache", true);
    no_cache("no-store", true);
    no_cache("No-Cache", true);
    no_cache(" no-cache ", true);
    no_cache("max-age=0, no-cache", true);
    no_cache("max-age=0,\tno-store ,x", true);
    no_cache(",,no-store", true);
    no_cache("max-age=0", false);
    no_cache("no-cachet", false);
    no_cache("xno-cache", false);
    no_cache("no cache", false);
    no_cache("foo=no-cache", false);
    no_cache(",", false);
}

int main(void)
{
    tv_fastcgi_init(&reader, 1 << 20, 1 << 20);
    tv_arena_init(&arena, 1 << 20);
    whole();
    methods();
    missing();
    lengths();
    waiting();
    lookups();
    cache_control();
    tv_fastcgi_free(&reader);
    tv_arena_free(&arena);
    return done_testing();
}
