/*
 * write_resp2.c - a reply in Redis' own protocol, for Upstash-Response-Format: resp2; a pipeline's replies follow each other.
 *
 * hiredis does not say whether a null was a string or an array; it is written as a null string, which every client takes
 * for nil.
 */
#include <hiredis/hiredis.h>

#include "kv.h"

static void put_header(struct tv_buffer *body, char type, size_t count)
{
    tv_buffer_byte(body, type);
    tv_buffer_unsigned(body, count);
    tv_buffer_append(body, "\r\n", 2);
}

/* A line ends at CR or LF: neither may come from the text. */
static void put_line(struct tv_buffer *body, char type, struct tv_slice text)
{
    tv_buffer_byte(body, type);
    for (size_t i = 0; i < text.length; i++)
        tv_buffer_byte(body, text.data[i] == '\r' || text.data[i] == '\n' ? ' ' : text.data[i]);
    tv_buffer_append(body, "\r\n", 2);
}

void kv_resp2_error(struct kv_out *out, struct tv_slice message)
{
    put_line(tv_response_body(out->response), '-', message);
}

void kv_resp2_reply(struct kv_out *out, const redisReply *reply)
{
    struct tv_buffer *body = tv_response_body(out->response);
    struct tv_slice text = {reply->str, reply->str ? (size_t)reply->len : 0};
    switch (reply->type) {
    case REDIS_REPLY_INTEGER:
        tv_buffer_byte(body, ':');
        tv_buffer_integer(body, reply->integer);
        tv_buffer_append(body, "\r\n", 2);
        break;
    case REDIS_REPLY_NIL: tv_buffer_text(body, "$-1\r\n"); break;
    case REDIS_REPLY_STATUS: put_line(body, '+', text); break;
    case REDIS_REPLY_ERROR: put_line(body, '-', text); break;
    case REDIS_REPLY_ARRAY:
        put_header(body, '*', reply->elements);
        for (size_t i = 0; i < reply->elements && !out->gone; i++) {
            kv_resp2_reply(out, reply->element[i]);
            out->gone = out->gone || !tv_response_flow(out->response);
        }
        break;
    default:
        put_header(body, '$', text.length);
        tv_buffer_slice(body, text);
        tv_buffer_append(body, "\r\n", 2);
        break;
    }
}
