/*
 * url_query.c - a target: any bytes as a query string. What is accepted is UTF-8 without NUL, and survives being encoded.
 */
#include "base/url.h"

#include <string.h>

#include "base/buffer.h"
#include "fuzz.h"

static void check_text(struct tv_arena *arena, struct tv_slice text)
{
    struct tv_buffer out;
    struct tv_slice back;
    struct tv_error error;
    PROMISE(tv_utf8_valid_prefix(text.data, text.length) == text.length);
    PROMISE(tv_slice_find(text, '\0') == text.length);
    tv_buffer_init(&out, 1 << 20);
    tv_url_encode(&out, text);
    for (int part = TV_URL_PATH; part <= TV_URL_QUERY; part++) {
        PROMISE(tv_url_decode(arena, tv_buffer_view(&out), (enum tv_url_part)part, &back, &error));
        PROMISE(tv_slice_equal(back, text));
    }
    tv_buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tv_arena arena;
    struct tv_error error = {0};
    struct tv_url_pair *pairs;
    struct tv_slice path;
    size_t count = 0;
    tv_arena_init(&arena, 1 << 22);
    if (tv_url_query(&arena, (struct tv_slice){(const char *)data, size}, 100, &pairs, &count, &error)) {
        PROMISE(count <= 100);
        for (size_t i = 0; i < count; i++) {
            check_text(&arena, pairs[i].name);
            check_text(&arena, pairs[i].value);
            PROMISE(pairs[i].has_value || pairs[i].value.length == 0);
        }
    } else {
        PROMISE(error.status == 400 && error.message[0]);
    }
    if (tv_url_decode(&arena, (struct tv_slice){(const char *)data, size}, TV_URL_PATH, &path, &error))
        check_text(&arena, path);
    tv_arena_free(&arena);
    return 0;
}
