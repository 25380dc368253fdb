/*
 * fastcgi.c - a target: any bytes as what a web server sends, cut into pieces of a length that the first byte tells. How
 * they are cut changes nothing, bounds hold, and parameters are pairs inside what was sent.
 */
#include "serve/fastcgi.h"

#include "fuzz.h"

static void note_request(const struct tv_fastcgi *reader, struct tv_buffer *log)
{
    const struct tv_parameter *pairs;
    struct tv_arena arena;
    struct tv_error error;
    size_t count;
    PROMISE(reader->parameters.length <= 1000 && reader->body.length <= 2000);
    tv_buffer_printf(log, "%d %d %d %d ", reader->id, reader->keep, reader->parameters_overflow,
                     reader->body_overflow);
    if (!reader->body_overflow)
        tv_buffer_slice(log, tv_buffer_view(&reader->body));
    tv_arena_init(&arena, 1 << 20);
    if (!reader->parameters_overflow && tv_fastcgi_parameters(reader, &arena, &pairs, &count, &error))
        for (size_t i = 0; i < count; i++) {
            tv_buffer_slice(log, pairs[i].name);
            tv_buffer_slice(log, pairs[i].value);
        }
    tv_arena_free(&arena);
}

static void play(struct tv_slice stream, size_t piece, struct tv_buffer *log)
{
    struct tv_fastcgi reader;
    enum tv_fastcgi_state state = TV_FASTCGI_MORE;
    tv_buffer_init(log, 1 << 22);
    tv_fastcgi_init(&reader, 1000, 2000);
    while (stream.length > 0 && state != TV_FASTCGI_BROKEN) {
        size_t length = stream.length < piece ? stream.length : piece, used = 0;
        state = tv_fastcgi_feed(&reader, stream.data, length, &used);
        PROMISE(used <= length && (state != TV_FASTCGI_MORE || used == length));
        stream = tv_slice_cut(stream, used, stream.length);
        if (state == TV_FASTCGI_WHOLE) {
            note_request(&reader, log);
            tv_fastcgi_next(&reader);
        }
    }
    tv_buffer_printf(log, "%d %d", state == TV_FASTCGI_BROKEN,
                     state == TV_FASTCGI_BROKEN || tv_fastcgi_idle(&reader));
    tv_buffer_slice(log, tv_buffer_view(&reader.replies));
    tv_fastcgi_free(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tv_buffer whole, cut;
    struct tv_slice stream = tv_slice_cut((struct tv_slice){(const char *)data, size}, 1, size);
    play(stream, SIZE_MAX, &whole);
    play(stream, size > 0 ? (size_t)data[0] % 32 + 1 : 1, &cut);
    PROMISE(tv_slice_equal(tv_buffer_view(&whole), tv_buffer_view(&cut)));
    tv_buffer_free(&whole);
    tv_buffer_free(&cut);
    return 0;
}
