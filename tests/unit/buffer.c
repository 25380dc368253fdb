/*
 * buffer.c - tests of the growing buffer: what is appended stands there, the limit holds, and a failure sticks.
 */
#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* Sizes that no machine has are asked for on purpose; AddressSanitizer shall say NULL as malloc does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void is_buffer(const struct tv_buffer *buffer, const char *want, const char *name)
{
    struct tv_slice view = tv_buffer_view(buffer);
    ok(!tv_buffer_failed(buffer), "%s: nothing failed", name);
    is_slice(view.length ? view.data : "", view.length, want, name);
}

static void appending(void)
{
    struct tv_buffer buffer;
    tv_buffer_init(&buffer, 1000);
    is_number(tv_buffer_view(&buffer).length, 0, "a new buffer is empty");
    tv_buffer_append(&buffer, "ab", 2);
    tv_buffer_append(&buffer, NULL, 0);
    tv_buffer_slice(&buffer, TV_SLICE("cd"));
    tv_buffer_slice(&buffer, (struct tv_slice){0});
    tv_buffer_text(&buffer, "ef");
    tv_buffer_byte(&buffer, 'g');
    tv_buffer_printf(&buffer, "%d%s", 12, "h");
    tv_buffer_printf(&buffer, "%s", "");
    is_buffer(&buffer, "abcdefg12h", "every way of appending");
    tv_buffer_reset(&buffer, 1000);
    is_number(buffer.length, 0, "a reset empties it");
    ok(buffer.capacity > 0, "and keeps the memory it may keep");
    tv_buffer_reset(&buffer, 0);
    is_number(buffer.capacity, 0, "or gives it back");

    static const struct {
        int64_t value;
        const char *text;
    } integers[] = {{0, "0"},
                    {-1, "-1"},
                    {9, "9"},
                    {10, "10"},
                    {-10, "-10"},
                    {INT64_MAX, "9223372036854775807"},
                    {INT64_MIN, "-9223372036854775808"}};
    for (size_t i = 0; i < TV_COUNT(integers); i++) {
        tv_buffer_reset(&buffer, 1000);
        tv_buffer_integer(&buffer, integers[i].value);
        is_buffer(&buffer, integers[i].text, integers[i].text);
    }
    tv_buffer_reset(&buffer, 1000);
    tv_buffer_unsigned(&buffer, UINT64_MAX);
    is_buffer(&buffer, "18446744073709551615", "the largest unsigned number");
    tv_buffer_free(&buffer);
    tv_buffer_free(&buffer);
    tv_buffer_text(&buffer, "again");
    is_buffer(&buffer, "again", "freed, it can be used again");
    tv_buffer_free(&buffer);
}

static void growing(void)
{
    struct tv_buffer buffer;
    tv_buffer_init(&buffer, 1 << 20);
    bool good = true;
    for (int i = 0; i < 50000; i++)
        tv_buffer_printf(&buffer, "%05d,", i);
    struct tv_slice view = tv_buffer_view(&buffer);
    good = view.length == 300000 && !tv_buffer_failed(&buffer);
    for (int i = 0; i < 50000 && good; i++)
        good = atoi(view.data + (size_t)i * 6) == i;
    ok(good, "300000 bytes in small pieces are all there");
    char *room = tv_buffer_reserve(&buffer, 1000);
    if (ok(room != NULL, "room to write into")) {
        memset(room, 'x', 1000);
        tv_buffer_commit(&buffer, 3);
    }
    is_number(buffer.length, 300003, "only what is committed counts");
    ok(memcmp(buffer.data + 300000, "xxx", 3) == 0, "and stands at the end");
    tv_buffer_free(&buffer);
}

static void fails(struct tv_buffer *buffer, const char *name)
{
    size_t length = buffer->length;
    ok(tv_buffer_failed(buffer), "%s: fails", name);
    tv_buffer_append(buffer, "x", 1);
    tv_buffer_text(buffer, "x");
    tv_buffer_byte(buffer, 'x');
    tv_buffer_integer(buffer, 1);
    tv_buffer_printf(buffer, "x");
    ok(tv_buffer_reserve(buffer, 1) == NULL, "%s: no room is given any more", name);
    ok(tv_buffer_failed(buffer) && buffer->length == length, "%s: the failure sticks, nothing is added",
       name);
    tv_buffer_reset(buffer, 1000);
    ok(!tv_buffer_failed(buffer), "%s: a reset forgives it", name);
}

static void the_limit(void)
{
    struct tv_buffer buffer;
    tv_buffer_init(&buffer, 10);
    tv_buffer_text(&buffer, "0123456789");
    is_buffer(&buffer, "0123456789", "the limit itself fits");
    tv_buffer_append(&buffer, NULL, 0);
    ok(!tv_buffer_failed(&buffer), "and nothing more still fits");
    ok(buffer.capacity <= 10, "no memory is taken beyond it");
    tv_buffer_byte(&buffer, 'x');
    fails(&buffer, "one byte more");
    tv_buffer_text(&buffer, "0123456789x");
    fails(&buffer, "too much at once");
    tv_buffer_printf(&buffer, "%s", "0123456789x");
    fails(&buffer, "printf of too much");
    tv_buffer_printf(&buffer, "%s", "0123456789");
    is_buffer(&buffer, "0123456789", "printf of as much as fits");
    tv_buffer_reset(&buffer, 1000);
    ok(tv_buffer_reserve(&buffer, 11) == NULL, "no room beyond the limit");
    fails(&buffer, "reserve");
    tv_buffer_append(&buffer, "x", SIZE_MAX);
    fails(&buffer, "the largest length");
    tv_buffer_text(&buffer, "12345");
    tv_buffer_append(&buffer, "x", SIZE_MAX - 2);
    fails(&buffer, "a sum that overflows");
    tv_buffer_free(&buffer);

    tv_buffer_init(&buffer, 0);
    ok(tv_buffer_reserve(&buffer, 0) != NULL, "room for nothing is no failure");
    tv_buffer_append(&buffer, "", 0);
    ok(!tv_buffer_failed(&buffer), "a buffer for nothing takes nothing");
    tv_buffer_byte(&buffer, 'x');
    fails(&buffer, "a buffer for nothing");
    tv_buffer_free(&buffer);

    tv_buffer_init(&buffer, SIZE_MAX);
    tv_buffer_text(&buffer, "x");
    tv_buffer_append(&buffer, "x", SIZE_MAX / 2);
    ok(tv_buffer_failed(&buffer), "what the machine cannot give fails like the limit");
    is_number(buffer.length, 1, "and what was there stays");
    tv_buffer_free(&buffer);
}

int main(void)
{
    appending();
    growing();
    the_limit();
    return done_testing();
}
