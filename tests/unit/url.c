/*
 * url.c - tests of percent-encoding: what decodes to UTF-8 without NUL gets through, all else is refused.
 */
#include "base/url.h"

#include "base/buffer.h"
#include "exact.h"
#include "tap.h"

static struct tv_arena arena;

static void decodes(const char *text, enum tv_url_part part, const char *want)
{
    struct tv_error error;
    struct tv_slice in = exact_copy(text, strlen(text)), out = {0};
    if (ok(tv_url_decode(&arena, in, part, &out, &error), "%s %s decodes",
           part == TV_URL_PATH ? "path" : "query", text))
        is_slice(out.length ? out.data : "", out.length, want, "  to what it means");
    exact_free(in);
}

static void refused_slice(struct tv_slice text, enum tv_url_part part, const char *why)
{
    struct tv_error error = {0};
    struct tv_slice in = exact_copy(text.data, text.length), out;
    ok(!tv_url_decode(&arena, in, part, &out, &error), "%s %.*s is refused",
       part == TV_URL_PATH ? "path" : "query", (int)text.length, text.data);
    is_number(error.status, 400, "  with 400");
    ok(strstr(error.details, why), "  for the right reason: %s", error.details);
    exact_free(in);
}

static void decoding(void)
{
    decodes("", TV_URL_PATH, "");
    decodes("plain-text_~.", TV_URL_PATH, "plain-text_~.");
    decodes("a+b", TV_URL_PATH, "a+b");
    decodes("a+b", TV_URL_QUERY, "a b");
    decodes("a%2Bb", TV_URL_QUERY, "a+b");
    decodes("+", TV_URL_QUERY, " ");
    decodes("%2f%2F", TV_URL_PATH, "//");
    decodes("%25", TV_URL_PATH, "%");
    decodes("%2541", TV_URL_PATH, "%41");
    decodes("%C3%a9", TV_URL_PATH, "\xC3\xA9");
    decodes("\xC3\xA9", TV_URL_PATH, "\xC3\xA9");
    decodes("%F0%9F%98%80", TV_URL_QUERY, "\xF0\x9F\x98\x80");
    decodes("\xE2%82\xAC", TV_URL_QUERY, "\xE2\x82\xAC");
    decodes("%01%7f", TV_URL_QUERY, "\x01\x7F");
    for (int part = TV_URL_PATH; part <= TV_URL_QUERY; part++) {
        static const char *const torn[] = {"%",   "%4",  "a%",  "a%4",    "%%41", "%G0",
                                           "%0G", "%-1", "% 1", "%u0041", "%+1",  "%4\xC3\xA9"};
        for (size_t i = 0; i < TV_COUNT(torn); i++)
            refused_slice(tv_slice_of(torn[i]), (enum tv_url_part)part, "percent escape");
        refused_slice(TV_SLICE("a%00"), (enum tv_url_part)part, "NUL");
        refused_slice((struct tv_slice){"a\0b", 3}, (enum tv_url_part)part, "NUL");
        static const char *const broken[] = {
            "%80",          "%FF",       "\xFF",      "%C3",
            "%C3%28",       "%C0%AF",    "%C0%80",    "%E0%80%AF",
            "%F0%80%80%AF", "%ED%A0%80", "%ED%BF%BF", "%F4%90%80%80",
            "%F5%80%80%80", "a%E2%82",   "\xE2\x82",  "%F8%88%80%80%80",
        };
        for (size_t i = 0; i < TV_COUNT(broken); i++)
            refused_slice(tv_slice_of(broken[i]), (enum tv_url_part)part, "UTF-8");
    }
    struct tv_error error;
    struct tv_slice out;
    ok(tv_url_decode(&arena, (struct tv_slice){0}, TV_URL_QUERY, &out, &error) && out.length == 0,
       "nothing decodes to nothing");
    struct tv_arena small;
    tv_arena_init(&small, 16);
    struct tv_slice plain = TV_SLICE("longer than the arena");
    ok(tv_url_decode(&small, plain, TV_URL_PATH, &out, &error) && out.data == plain.data,
       "what needs no decoding is borrowed and costs nothing");
    ok(!tv_url_decode(&small, TV_SLICE("longer than the %61rena"), TV_URL_PATH, &out, &error) &&
           error.status == 413,
       "what needs it costs the request's memory");
    tv_arena_free(&small);
}

/* The pairs as "name=value|name|..."; "=" only where there was one. */
static void splits(const char *query, const char *want)
{
    struct tv_error error;
    struct tv_url_pair *pairs;
    size_t count = 0, used = 0;
    char text[512] = "";
    struct tv_slice in = exact_copy(query, strlen(query));
    if (ok(tv_url_query(&arena, in, 10, &pairs, &count, &error), "?%s splits", query)) {
        for (size_t i = 0; i < count; i++)
            used +=
                (size_t)snprintf(text + used, sizeof text - used, "%s%.*s%s%.*s", i ? "|" : "",
                                 (int)pairs[i].name.length, pairs[i].name.data, pairs[i].has_value ? "=" : "",
                                 (int)pairs[i].value.length, pairs[i].value.data);
        is_text(text, want, "  into its pairs");
    }
    exact_free(in);
}

static void query_fails(const char *query, int status)
{
    struct tv_error error = {0};
    struct tv_url_pair *pairs;
    size_t count;
    ok(!tv_url_query(&arena, tv_slice_of(query), 10, &pairs, &count, &error) && error.status == status,
       "?%s is refused with %d", query, error.status);
}

static void queries(void)
{
    splits("", "");
    splits("a", "a");
    splits("a=", "a=");
    splits("=", "=");
    splits("=b", "=b");
    splits("a=b", "a=b");
    splits("a=b=c", "a=b=c");
    splits("a=b&c=d&a=e", "a=b|c=d|a=e");
    splits("&&a=1&&&b&", "a=1|b");
    splits("a%3Db=c%26d", "a=b=c&d");
    splits("a+b=c+d", "a b=c d");
    splits("a=b;c=d", "a=b;c=d");
    splits("id=eq.5&select=id,name(x)", "id=eq.5|select=id,name(x)");
    splits("a&b&c&d&e&f&g&h&i&j", "a|b|c|d|e|f|g|h|i|j");
    query_fails("a&b&c&d&e&f&g&h&i&j&k", 400);
    query_fails("a=%", 400);
    query_fails("%zz=1", 400);
    query_fails("a=1&b=%FF", 400);
    query_fails("a=1&%00", 400);
    struct tv_error error;
    struct tv_url_pair *pairs;
    size_t count = 7;
    ok(tv_url_query(&arena, (struct tv_slice){0}, 0, &pairs, &count, &error) && count == 0,
       "no query has no pairs");
    struct tv_arena small;
    tv_arena_init(&small, 64);
    ok(!tv_url_query(&small, TV_SLICE("a&b&c&d"), 10, &pairs, &count, &error) && error.status == 413,
       "pairs cost the request's memory");
    tv_arena_free(&small);
}

static void encoding(void)
{
    struct tv_buffer out;
    char every[255];
    for (size_t i = 0; i < sizeof every; i++)
        every[i] = (char)(i + 1);
    tv_buffer_init(&out, 4096);
    tv_url_encode(&out, TV_SLICE("a/b?c=d&e f+%\xC3\xA9~-._0Z"));
    is_slice(out.data, out.length, "a%2Fb%3Fc%3Dd%26e%20f%2B%25%C3%A9~-._0Z",
             "what has a meaning in URLs is escaped");
    for (int part = TV_URL_PATH; part <= TV_URL_QUERY; part++) {
        struct tv_error error;
        struct tv_slice back;
        tv_buffer_reset(&out, 4096);
        tv_url_encode(&out, (struct tv_slice){every, 127});
        ok(tv_url_decode(&arena, tv_buffer_view(&out), (enum tv_url_part)part, &back, &error) &&
               back.length == 127 && memcmp(back.data, every, 127) == 0,
           "every ASCII character comes back");
    }
    tv_buffer_reset(&out, 4096);
    tv_url_encode(&out, (struct tv_slice){every, sizeof every});
    bool ascii = true;
    for (size_t i = 0; i < out.length; i++)
        ascii = ascii && out.data[i] > ' ' && out.data[i] < 127;
    ok(ascii, "whatever goes in, plain ASCII comes out");
    tv_buffer_reset(&out, 4096);
    tv_url_encode(&out, (struct tv_slice){0});
    ok(out.length == 0 && !tv_buffer_failed(&out), "nothing stays nothing");
    tv_buffer_free(&out);
}

int main(void)
{
    tv_arena_init(&arena, 1 << 20);
    decoding();
    queries();
    encoding();
    tv_arena_free(&arena);
    return done_testing();
}
