/*
 * write_json.c - a reply as {"result":...} or {"error":"..."}.
 *
 * With Upstash-Encoding: base64 every string is encoded at any depth, but for the status OK as a whole reply; errors,
 * integers and null never are. Without it, bytes that are not UTF-8 become U+FFFD (the JSON writer's rule).
 */
#include <hiredis/hiredis.h>

#include "kv.h"

enum { BASE64_CHUNK = 48 * 1024 }; /* a multiple of three; a chunk leaves before the next is encoded */

static void put_base64(struct tv_buffer *out, const unsigned char *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size = (length + 2) / 3 * 4;
    char *to = tv_buffer_reserve(out, size);
    if (!to)
        return;
    while (length > 0) {
        unsigned second = length > 1 ? bytes[1] : 0, third = length > 2 ? bytes[2] : 0;
        unsigned triple = (unsigned)bytes[0] << 16 | second << 8 | third;
        to[0] = digits[triple >> 18];
        to[1] = digits[triple >> 12 & 63];
        to[2] = length > 1 ? digits[triple >> 6 & 63] : '=';
        to[3] = length > 2 ? digits[triple & 63] : '=';
        to += 4;
        bytes += length > 2 ? 3 : length;
        length -= length > 2 ? 3 : length;
    }
    tv_buffer_commit(out, size);
}

static void put_encoded(struct kv_out *out, struct tv_slice value)
{
    struct tv_buffer *body = tv_response_body(out->response);
    tv_json_raw(&out->json, TV_SLICE("\"")); /* a value begins: the writer keeps the commas */
    while (value.length > 0 && !out->gone) {
        size_t length = value.length < BASE64_CHUNK ? value.length : BASE64_CHUNK;
        put_base64(body, (const unsigned char *)value.data, length);
        value = tv_slice_cut(value, length, value.length);
        if (value.length > 0)
            out->gone = !tv_response_flow(out->response);
    }
    tv_buffer_byte(body, '"');
}

static void put_value(struct kv_out *out, const redisReply *reply, bool whole)
{
    struct tv_slice text = {reply->str, reply->str ? (size_t)reply->len : 0};
    switch (reply->type) {
    case REDIS_REPLY_INTEGER: tv_json_integer(&out->json, reply->integer); return;
    case REDIS_REPLY_NIL: tv_json_null(&out->json); return;
    case REDIS_REPLY_ARRAY:
        tv_json_array(&out->json);
        for (size_t i = 0; i < reply->elements && !out->gone; i++) {
            put_value(out, reply->element[i], false);
            out->gone = out->gone || !tv_response_flow(out->response);
        }
        if (!out->gone)
            tv_json_array_end(&out->json);
        return;
    case REDIS_REPLY_STATUS:
        if (whole && tv_slice_is(text, "OK")) {
            tv_json_string(&out->json, text);
            return;
        }
        break;
    default: break; /* bulk strings; errors within an array are texts like them */
    }
    if (out->format == KV_JSON_BASE64)
        put_encoded(out, text);
    else
        tv_json_string(&out->json, text);
}

void kv_json_reply(struct kv_out *out, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        kv_json_error(out, (struct tv_slice){reply->str, (size_t)reply->len});
        return;
    }
    tv_json_object(&out->json);
    tv_json_name(&out->json, "result");
    put_value(out, reply, true);
    if (!out->gone)
        tv_json_object_end(&out->json);
}

void kv_json_error(struct kv_out *out, struct tv_slice message)
{
    tv_json_object(&out->json);
    tv_json_name(&out->json, "error");
    tv_json_string(&out->json, message);
    tv_json_object_end(&out->json);
}
