/*
 * fastcgi_parts.c - tests of the protocol's small parts: name-value pairs whole and torn, the heads and ends that are
 * written, and the memory that a connection takes.
 */
#include "serve/fastcgi.h"

#include "exact.h"
#include "fcgi_bytes.h"
#include "tap.h"

/* --- pairs ----------------------------------------------------------------------------------------------------------- */

static struct tv_arena arena;

/* Reads the bytes as parameters: -1 when refused, otherwise how many. */
static int pairs_of(struct tv_slice bytes, const struct tv_parameter **list, struct tv_error *error)
{
    struct tv_fastcgi reader = {.active = true};
    size_t count;
    reader.parameters = (struct tv_buffer){.data = (char *)(uintptr_t)bytes.data, .length = bytes.length};
    tv_arena_reset(&arena);
    return tv_fastcgi_parameters(&reader, &arena, list, &count, error) ? (int)count : -1;
}

static void pairs(void)
{
    const struct tv_parameter *list;
    struct tv_error error = {0};
    char name[200], value[70000];
    memset(name, 'N', sizeof name);
    name[199] = '\0';
    memset(value, 'v', sizeof value);
    value[69999] = '\0';
    struct tv_buffer out;
    tv_buffer_init(&out, 1 << 20);
    fcgi_pair(&out, "A", "b");
    fcgi_pair(&out, "EMPTY", "");
    fcgi_pair(&out, "", "");
    fcgi_pair(&out, name, "short");
    fcgi_pair(&out, "LONG", value);
    fcgi_length(&out, 1, true); /* four bytes where one would do */
    fcgi_length(&out, 2, true);
    tv_buffer_text(&out, "Wxy");
    struct tv_slice all = exact_copy(out.data, out.length);
    is_number(pairs_of(all, &list, &error), 6, "pairs of every kind");
    is_slice(list[0].name.data, list[0].name.length, "A", "a name");
    is_slice(list[0].value.data, list[0].value.length, "b", "a value");
    is_number(list[1].value.length, 0, "an empty value");
    is_number(list[2].name.length, 0, "an empty name");
    is_slice(list[3].name.data, list[3].name.length, name, "a long name");
    is_slice(list[4].value.data, list[4].value.length, value, "a long value");
    is_slice(list[5].value.data, list[5].value.length, "xy", "lengths that are wider than they need be");
    exact_free(all);
    struct tv_slice none = exact_copy("", 0);
    is_number(pairs_of(none, &list, &error), 0, "no pairs at all");
    exact_free(none);

    tv_buffer_reset(&out, 1 << 20);
    size_t ends[5] = {0};
    static const char *const names[] = {"A", "REQUEST_METHOD", "HTTP_X", "Z"};
    for (size_t i = 0; i < 4; i++) {
        fcgi_pair(&out, names[i], i == 2 ? value + 69999 - 300 : "value");
        ends[i + 1] = out.length;
    }
    size_t wrong = 0;
    for (size_t cut = 0; cut <= out.length; cut++) {
        int want = -1;
        for (int i = 0; i < 5; i++)
            want = cut == ends[i] ? i : want;
        struct tv_slice torn = exact_copy(out.data, cut);
        error = (struct tv_error){0};
        int got = pairs_of(torn, &list, &error);
        wrong += got != want || (got < 0 && error.status != 400);
        exact_free(torn);
    }
    is_number(wrong, 0, "cut inside a pair they are torn, and never read past the end");
    static const char *const torn[] = {"\1",
                                       "\x80",
                                       "\x80\0\0\1",
                                       "\1\x80\0\0",
                                       "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                                       "ab",
                                       "\1\xFF\xFF\xFF\xFF"
                                       "a",
                                       "\xFF\xFF\xFF\xFF\1a"};
    static const size_t lengths[] = {1, 1, 4, 4, 10, 6, 6};
    for (size_t i = 0; i < TV_COUNT(torn); i++) {
        struct tv_slice copy = exact_copy(torn[i], lengths[i]);
        is_number(pairs_of(copy, &list, &error), -1, "lengths that promise more than there is");
        exact_free(copy);
    }
    struct tv_arena small;
    struct tv_fastcgi reader = {.active = true};
    size_t count;
    tv_arena_init(&small, 64);
    reader.parameters = out;
    ok(!tv_fastcgi_parameters(&reader, &small, &list, &count, &error) && error.status == 413,
       "pairs cost the request's memory");
    tv_arena_free(&small);
    tv_buffer_free(&out);
}

/* --- the writer ------------------------------------------------------------------------------------------------------ */

static void writing(void)
{
    unsigned char bytes[TV_FASTCGI_END_MAX];
    size_t wrong = 0;
    for (size_t length = 0; length <= 65535; length++) {
        size_t padding = tv_fastcgi_stdout_header(513, length, bytes);
        unsigned char want[8] = {
            1, 6, 2, 1, (unsigned char)(length >> 8), (unsigned char)length, (unsigned char)padding, 0};
        wrong += memcmp(bytes, want, 8) != 0 || padding > 7 || (length + padding) % 8 != 0;
    }
    is_number(wrong, 0, "a record's head, with padding to eight bytes, for every length");
    ok(TV_FASTCGI_CONTENT_MAX % 8 == 0 && TV_FASTCGI_CONTENT_MAX <= 65535,
       "the longest content needs no padding");
    static const unsigned char end[40] = {1, 6, 2, 1, 0, 0,  0, 0, 1, 3, 2, 1, 0, 8, 0, 0, 0, 0, 0, 0,
                                          0, 0, 0, 0, 1, 11, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    is_bytes((char *)bytes, tv_fastcgi_end(513, false, bytes), (const char *)end, 24, "an end");
    is_bytes((char *)bytes, tv_fastcgi_end(513, true, bytes), (const char *)end, 40,
             "the last end, with a management record");
}

static void memory(void)
{
    struct tv_fastcgi reader;
    struct tv_buffer stream;
    size_t used;
    tv_buffer_init(&stream, 1 << 20);
    tv_fastcgi_init(&reader, 1 << 20, 1 << 20);
    ok(tv_fastcgi_idle(&reader), "a new reader is idle");
    fcgi_begin(&stream, 1, 1, true);
    tv_buffer_append(&stream, "\1\4\0\1\xFF\xFF\0\0", 8); /* announces 65535 bytes */
    is_number(tv_fastcgi_feed(&reader, stream.data, stream.length, &used), TV_FASTCGI_MORE,
              "a length that is announced");
    is_number(reader.parameters.capacity, 0, "takes no memory");
    ok(!tv_fastcgi_idle(&reader), "and the reader is not idle");
    tv_fastcgi_free(&reader);
    tv_fastcgi_init(&reader, 1 << 20, 1 << 20);
    tv_buffer_reset(&stream, 1 << 20);
    char body[60000];
    memset(body, 'b', sizeof body);
    fcgi_begin(&stream, 1, 1, true);
    fcgi_stream(&stream, FCGI_PARAMS, 1, (struct tv_slice){body, sizeof body}, 65535, 0);
    fcgi_stream(&stream, FCGI_STDIN, 1, (struct tv_slice){body, sizeof body}, 65535, 0);
    is_number(tv_fastcgi_feed(&reader, stream.data, stream.length, &used), TV_FASTCGI_WHOLE,
              "a large request");
    is_number(tv_fastcgi_feed(&reader, "more", 4, &used), TV_FASTCGI_WHOLE,
              "stays whole until it is answered");
    is_number(used, 0, "and takes no byte");
    tv_fastcgi_next(&reader);
    ok(tv_fastcgi_idle(&reader) && reader.parameters.capacity <= 4096 && reader.body.capacity <= 4096,
       "answered, it keeps little memory");
    tv_fastcgi_free(&reader);
    tv_buffer_free(&stream);
}

int main(void)
{
    tv_arena_init(&arena, 1 << 20);
    pairs();
    writing();
    memory();
    tv_arena_free(&arena);
    return done_testing();
}
