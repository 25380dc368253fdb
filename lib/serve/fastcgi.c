/*
 * fastcgi.c - a state machine over records. It never blocks, never allocates by a length that a peer only announced, and
 * reads every bound before it keeps a byte.
 */
#include "serve/fastcgi.h"

#include <string.h>

enum record_type {
    BEGIN_REQUEST = 1,
    ABORT_REQUEST = 2,
    END_REQUEST = 3,
    PARAMS = 4,
    STDIN = 5,
    STDOUT = 6,
    DATA = 8,
    GET_VALUES = 9,
    GET_VALUES_RESULT = 10,
    UNKNOWN_TYPE = 11,
};

enum end_status { REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE };

#define VERSION   1
#define RESPONDER 1
#define KEEP_CONN 1
/* GET_VALUES asks for three short names; BEGIN has 8 bytes. */
#define SMALL_MAX 1024
/* A connection that only asks management questions is no web server. */
#define REPLIES_MAX 4096
/* What an idle connection keeps of its buffers. */
#define IDLE_MEMORY 4096

void tv_fastcgi_init(struct tv_fastcgi *reader, size_t parameters_max, size_t body_max)
{
    memset(reader, 0, sizeof *reader);
    tv_buffer_init(&reader->parameters, parameters_max);
    tv_buffer_init(&reader->body, body_max);
    tv_buffer_init(&reader->small, SMALL_MAX);
    tv_buffer_init(&reader->replies, REPLIES_MAX);
}

void tv_fastcgi_free(struct tv_fastcgi *reader)
{
    tv_buffer_free(&reader->parameters);
    tv_buffer_free(&reader->body);
    tv_buffer_free(&reader->small);
    tv_buffer_free(&reader->replies);
}

void tv_fastcgi_next(struct tv_fastcgi *reader)
{
    reader->active = reader->parameters_ended = reader->body_ended = false;
    reader->parameters_overflow = reader->body_overflow = false;
    tv_buffer_reset(&reader->parameters, IDLE_MEMORY);
    tv_buffer_reset(&reader->body, IDLE_MEMORY);
}

bool tv_fastcgi_idle(const struct tv_fastcgi *reader)
{
    return !reader->active && reader->header_length == 0 && reader->content_left == 0 &&
           reader->padding_left == 0;
}

/* --- writing ---------------------------------------------------------------------------------------------------------- */

static void record_header(unsigned char out[TV_FASTCGI_HEADER], enum record_type type, uint16_t id,
                          size_t length, size_t padding)
{
    out[0] = VERSION;
    out[1] = (unsigned char)type;
    out[2] = (unsigned char)(id >> 8);
    out[3] = (unsigned char)id;
    out[4] = (unsigned char)(length >> 8);
    out[5] = (unsigned char)length;
    out[6] = (unsigned char)padding;
    out[7] = 0;
}

size_t tv_fastcgi_stdout_header(uint16_t id, size_t length, unsigned char out[TV_FASTCGI_HEADER])
{
    size_t padding = (8 - length % 8) % 8;
    record_header(out, STDOUT, id, length, padding);
    return padding;
}

static size_t put_end(uint16_t id, enum end_status status, unsigned char *out)
{
    record_header(out, END_REQUEST, id, 8, 0);
    memset(out + 8, 0, 8);
    out[12] = (unsigned char)status;
    return 16;
}

static size_t put_unknown_type(unsigned char type, unsigned char *out)
{
    record_header(out, UNKNOWN_TYPE, 0, 8, 0);
    memset(out + 8, 0, 8);
    out[8] = type;
    return 16;
}

size_t tv_fastcgi_end(uint16_t id, bool last, unsigned char out[TV_FASTCGI_END_MAX])
{
    record_header(out, STDOUT, id, 0, 0);
    size_t length = TV_FASTCGI_HEADER;
    length += put_end(id, REQUEST_COMPLETE, out + length);
    if (last)
        length += put_unknown_type(0, out + length);
    return length;
}

static void reply_end(struct tv_fastcgi *reader, uint16_t id, enum end_status status)
{
    unsigned char record[16];
    tv_buffer_append(&reader->replies, record, put_end(id, status, record));
}

/* --- name-value pairs ------------------------------------------------------------------------------------------------- */

/* One length: one byte below 128, else four with the top bit set. False when the data ends first. */
static bool take_length(struct tv_slice *data, size_t *out)
{
    const unsigned char *bytes = (const unsigned char *)data->data;
    size_t width = data->length > 0 && bytes[0] >= 128 ? 4 : 1;
    if (data->length < width)
        return false;
    *out = width == 1 ? bytes[0]
                      : (size_t)(bytes[0] & 127) << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 |
                            (size_t)bytes[3];
    data->data += width;
    data->length -= width;
    return true;
}

static bool take_pair(struct tv_slice *data, struct tv_parameter *out)
{
    size_t name, value;
    if (!take_length(data, &name) || !take_length(data, &value))
        return false;
    if (name > data->length || value > data->length - name)
        return false;
    out->name = (struct tv_slice){data->data, name};
    out->value = (struct tv_slice){data->data + name, value};
    data->data += name + value;
    data->length -= name + value;
    return true;
}

/* As many as a browser's request through nginx has; more cost a copy. */
#define USUAL_PARAMETERS 48

bool tv_fastcgi_parameters(const struct tv_fastcgi *reader, struct tv_arena *arena,
                           const struct tv_parameter **out, size_t *count, struct tv_error *error)
{
    struct tv_slice data = tv_buffer_view(&reader->parameters);
    size_t room = USUAL_PARAMETERS, taken = 0;
    struct tv_parameter *list = tv_arena_alloc(arena, room * sizeof *list);
    while (list && data.length > 0) {
        if (taken == room) {
            struct tv_parameter *larger = tv_arena_alloc(arena, 2 * room * sizeof *list);
            if (larger)
                memcpy(larger, list, room * sizeof *list);
            list = larger;
            room *= 2;
            continue;
        }
        if (!take_pair(&data, &list[taken++]))
            return tv_fail(error, 400, NULL, "the web server's parameters are torn");
    }
    if (!list)
        return tv_arena_fail(arena, error);
    *out = list;
    *count = taken;
    return true;
}

/* --- records in ------------------------------------------------------------------------------------------------------- */

static enum record_type type_of(const struct tv_fastcgi *reader)
{
    return (enum record_type)reader->header[1];
}

static uint16_t id_of(const struct tv_fastcgi *reader)
{
    return (uint16_t)(reader->header[2] << 8 | reader->header[3]);
}

static bool for_request(const struct tv_fastcgi *reader)
{
    return reader->active && id_of(reader) == reader->id;
}

/* A piece of a record's content. What is not ours to keep runs through. */
static void take_content(struct tv_fastcgi *reader, const char *data, size_t length)
{
    switch (type_of(reader)) {
    case PARAMS:
        if (for_request(reader) && !reader->parameters_ended) {
            tv_buffer_append(&reader->parameters, data, length);
            reader->parameters_overflow = tv_buffer_failed(&reader->parameters);
        }
        break;
    case STDIN:
        if (for_request(reader) && !reader->body_ended) {
            tv_buffer_append(&reader->body, data, length);
            reader->body_overflow = tv_buffer_failed(&reader->body);
        }
        break;
    default: tv_buffer_append(&reader->small, data, length); break;
    }
}

static bool end_begin(struct tv_fastcgi *reader)
{
    struct tv_slice content = tv_buffer_view(&reader->small);
    const unsigned char *bytes = (const unsigned char *)content.data;
    if (tv_buffer_failed(&reader->small) || content.length != 8 || id_of(reader) == 0)
        return false;
    if (reader->active) {
        /* the same id again is a peer that lost count; another is multiplexing, which is declined by the book */
        if (id_of(reader) == reader->id)
            return false;
        reply_end(reader, id_of(reader), CANT_MPX_CONN);
    } else if (bytes[0] << 8 != 0 || bytes[1] != RESPONDER) {
        reply_end(reader, id_of(reader), UNKNOWN_ROLE);
    } else {
        reader->active = true;
        reader->id = id_of(reader);
        reader->keep = bytes[2] & KEEP_CONN;
    }
    return true;
}

static void answer_values(struct tv_fastcgi *reader)
{
    static const char pair[] = "\x0f\x01"
                               "FCGI_MPXS_CONNS0";
    struct tv_slice asked = tv_buffer_view(&reader->small);
    /* longer than any question is: no part of it counts, however it was cut */
    if (tv_buffer_failed(&reader->small))
        asked.length = 0;
    struct tv_parameter name;
    bool multiplexing = false;
    while (asked.length > 0 && take_pair(&asked, &name))
        multiplexing = multiplexing || tv_slice_is(name.name, "FCGI_MPXS_CONNS");
    size_t length = multiplexing ? sizeof pair - 1 : 0;
    unsigned char header[TV_FASTCGI_HEADER];
    record_header(header, GET_VALUES_RESULT, 0, length, 0);
    tv_buffer_append(&reader->replies, header, sizeof header);
    tv_buffer_append(&reader->replies, pair, length);
}

/* A record is complete. False: the peer is broken. */
static bool end_record(struct tv_fastcgi *reader)
{
    size_t length = (size_t)(reader->header[4] << 8 | reader->header[5]);
    bool ok = true;
    switch (type_of(reader)) {
    case BEGIN_REQUEST: ok = end_begin(reader); break;
    case ABORT_REQUEST:
        if (for_request(reader)) {
            reply_end(reader, reader->id, REQUEST_COMPLETE);
            tv_fastcgi_next(reader);
        }
        break;
    case PARAMS:
        if (for_request(reader) && length == 0)
            reader->parameters_ended = true;
        break;
    case STDIN:
        /* a body before the parameters' end would belong to nothing */
        if (for_request(reader) && !reader->parameters_ended)
            ok = false;
        else if (for_request(reader) && length == 0)
            reader->body_ended = true;
        break;
    case GET_VALUES:
        if (id_of(reader) == 0)
            answer_values(reader);
        break;
    case DATA: break;
    default:
        if (id_of(reader) == 0) {
            unsigned char record[16];
            tv_buffer_append(&reader->replies, record, put_unknown_type(reader->header[1], record));
        } else {
            ok = false; /* a type for a request that no web server sends */
        }
        break;
    }
    reader->header_length = 0;
    tv_buffer_reset(&reader->small, SMALL_MAX);
    return ok && !tv_buffer_failed(&reader->replies);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

enum tv_fastcgi_state tv_fastcgi_feed(struct tv_fastcgi *reader, const void *data, size_t length,
                                      size_t *used)
{
    const char *bytes = data;
    size_t at = 0;
    while (at < length && !reader->body_ended) {
        if (reader->header_length < TV_FASTCGI_HEADER) {
            size_t piece = smaller(TV_FASTCGI_HEADER - reader->header_length, length - at);
            memcpy(reader->header + reader->header_length, bytes + at, piece);
            reader->header_length += (unsigned)piece;
            at += piece;
            if (reader->header[0] != VERSION) /* known with the first byte */
                return TV_FASTCGI_BROKEN;
            if (reader->header_length < TV_FASTCGI_HEADER)
                break;
            reader->content_left = (size_t)(reader->header[4] << 8 | reader->header[5]);
            reader->padding_left = reader->header[6];
        }
        size_t content = smaller(reader->content_left, length - at);
        take_content(reader, bytes + at, content);
        reader->content_left -= content;
        at += content;
        size_t padding = reader->content_left == 0 ? smaller(reader->padding_left, length - at) : 0;
        reader->padding_left -= padding;
        at += padding;
        if (reader->content_left == 0 && reader->padding_left == 0 && !end_record(reader))
            return TV_FASTCGI_BROKEN;
    }
    *used = at;
    return reader->body_ended ? TV_FASTCGI_WHOLE : TV_FASTCGI_MORE;
}
