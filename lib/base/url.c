/*
 * url.c - percent-encoding, both ways. What does not decode to UTF-8 without NUL is refused here, once, for everyone.
 */
#include "base/url.h"

#include <string.h>

#include "base/buffer.h"

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

static bool bad_encoding(struct tv_error *error, const char *what, size_t at)
{
    tv_fail(error, 400, NULL, "the URL is not properly encoded");
    tv_error_details(error, "%s at byte %zu", what, at + 1);
    return false;
}

bool tv_url_decode(struct tv_arena *arena, struct tv_slice in, enum tv_url_part part, struct tv_slice *out,
                   struct tv_error *error)
{
    bool plain = memchr(in.data ? in.data : "", '%', in.length) == NULL &&
                 (part == TV_URL_PATH || memchr(in.data ? in.data : "", '+', in.length) == NULL);
    if (plain) {
        *out = in;
    } else {
        char *text = tv_arena_alloc(arena, in.length);
        size_t length = 0;
        if (!text)
            return tv_arena_fail(arena, error);
        for (size_t i = 0; i < in.length; i++) {
            char byte = in.data[i];
            if (byte == '%') {
                int high = in.length - i > 2 ? hex_digit(in.data[i + 1]) : -1;
                int low = in.length - i > 2 ? hex_digit(in.data[i + 2]) : -1;
                if (high < 0 || low < 0)
                    return bad_encoding(error, "a malformed percent escape", i);
                byte = (char)(high * 16 + low);
                i += 2;
            } else if (byte == '+' && part == TV_URL_QUERY) {
                byte = ' ';
            }
            text[length++] = byte;
        }
        *out = (struct tv_slice){text, length};
    }
    if (out->length > 0 && memchr(out->data, '\0', out->length))
        return bad_encoding(error, "a NUL byte", tv_slice_find(*out, '\0'));
    size_t valid = tv_utf8_valid_prefix(out->data, out->length);
    if (valid < out->length)
        return bad_encoding(error, "bytes that are not UTF-8", valid);
    return true;
}

bool tv_url_query(struct tv_arena *arena, struct tv_slice query, size_t max, struct tv_url_pair **out,
                  size_t *count, struct tv_error *error)
{
    size_t pairs = query.length > 0 ? 1 : 0;
    for (size_t i = 0; i < query.length; i++)
        pairs += query.data[i] == '&';
    if (pairs > max)
        return tv_fail(error, 400, NULL, "the query string has more than %zu parameters", max);
    struct tv_url_pair *list = tv_arena_array(arena, pairs ? pairs : 1, sizeof *list);
    if (!list)
        return tv_arena_fail(arena, error);
    *out = list;
    *count = 0;
    while (query.length > 0) {
        size_t end = tv_slice_find(query, '&');
        struct tv_slice pair = tv_slice_cut(query, 0, end);
        query = tv_slice_cut(query, end + 1, query.length);
        if (pair.length == 0)
            continue;
        size_t equals = tv_slice_find(pair, '=');
        struct tv_url_pair *item = &list[(*count)++];
        item->has_value = equals < pair.length;
        if (!tv_url_decode(arena, tv_slice_cut(pair, 0, equals), TV_URL_QUERY, &item->name, error) ||
            !tv_url_decode(arena, tv_slice_cut(pair, equals + 1, pair.length), TV_URL_QUERY, &item->value,
                           error))
            return false;
    }
    return true;
}

void tv_url_encode(struct tv_buffer *out, struct tv_slice text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        bool unreserved = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                          (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
                          byte == '~';
        if (unreserved) {
            tv_buffer_byte(out, (char)byte);
        } else {
            char three[3] = {'%', hex[byte >> 4], hex[byte & 15]};
            tv_buffer_append(out, three, 3);
        }
    }
}
