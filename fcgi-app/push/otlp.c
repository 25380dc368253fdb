/*
 * otlp.c - the pen. A protobuf message needs its length before its content: it is put in when the message is closed.
 */
#include "otlp.h"

#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* --- protobuf --------------------------------------------------------------------------------------------------------- */

static size_t encode_varint(uint64_t value, char out[10])
{
    size_t length = 0;
    for (; value >= 0x80; value >>= 7)
        out[length++] = (char)(value | 0x80);
    out[length++] = (char)value;
    return length;
}

static void put_varint(struct tv_buffer *out, uint64_t value)
{
    char bytes[10];
    tv_buffer_append(out, bytes, encode_varint(value, bytes));
}

static void put_tag(struct otlp *otlp, const struct otlp_field *field, unsigned wire)
{
    put_varint(otlp->out, (uint64_t)field->number << 3 | wire);
}

static void put_fixed(struct tv_buffer *out, uint64_t value, size_t bytes)
{
    char text[8];
    for (size_t i = 0; i < bytes; i++)
        text[i] = (char)(value >> 8 * i);
    tv_buffer_append(out, text, bytes);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Room is made for the length in front of what was written since. */
static void close_message(struct otlp *otlp)
{
    char length[10];
    struct tv_buffer *out = otlp->out;
    size_t start = otlp->starts[otlp->depth], content = out->length - start;
    size_t size = encode_varint(content, length);
    if (!tv_buffer_reserve(out, size))
        return;
    memmove(out->data + start + size, out->data + start, content);
    memcpy(out->data + start, length, size);
    tv_buffer_commit(out, size);
}

/* --- nesting ---------------------------------------------------------------------------------------------------------- */

void otlp_start(struct otlp *otlp, enum otlp_writing writing, struct tv_buffer *out)
{
    otlp->writing = writing;
    otlp->out = out;
    otlp->depth = 0;
    otlp->list = NULL;
    if (writing == OTLP_JSON) {
        tv_json_start(&otlp->json, out);
        tv_json_object(&otlp->json);
    }
}

bool otlp_end(struct otlp *otlp)
{
    if (otlp->writing == OTLP_PROTOBUF)
        return otlp->depth == 0 && !tv_buffer_failed(otlp->out);
    tv_json_object_end(&otlp->json);
    return tv_json_complete(&otlp->json);
}

static void name(struct otlp *otlp, const struct otlp_field *field)
{
    tv_json_name(&otlp->json, field->name);
}

static void begin_message(struct otlp *otlp, const struct otlp_field *field)
{
    if (otlp->depth == OTLP_DEPTH_MAX) {
        otlp->out->failed = true;
        return;
    }
    otlp->lists[otlp->depth] = otlp->list;
    if (otlp->writing == OTLP_PROTOBUF) {
        put_tag(otlp, field, WIRE_BYTES);
        otlp->starts[otlp->depth] = otlp->out->length;
    } else {
        tv_json_object(&otlp->json);
    }
    otlp->depth++;
}

void otlp_open(struct otlp *otlp, const struct otlp_field *field)
{
    if (otlp->writing == OTLP_JSON)
        name(otlp, field);
    begin_message(otlp, field);
}

void otlp_close(struct otlp *otlp)
{
    if (otlp->depth == 0 || otlp->out->failed) {
        otlp->out->failed = true;
        return;
    }
    otlp->depth--;
    otlp->list = otlp->lists[otlp->depth];
    if (otlp->writing == OTLP_PROTOBUF)
        close_message(otlp);
    else
        tv_json_object_end(&otlp->json);
}

void otlp_list(struct otlp *otlp, const struct otlp_field *field)
{
    otlp->list = field;
    if (otlp->writing == OTLP_JSON) {
        name(otlp, field);
        tv_json_array(&otlp->json);
    }
}

void otlp_item(struct otlp *otlp)
{
    begin_message(otlp, otlp->list);
}

void otlp_list_end(struct otlp *otlp)
{
    otlp->list = NULL;
    if (otlp->writing == OTLP_JSON)
        tv_json_array_end(&otlp->json);
}

/* --- values ----------------------------------------------------------------------------------------------------------- */

void otlp_text(struct otlp *otlp, const struct otlp_field *field, struct tv_slice text)
{
    if (otlp->writing == OTLP_JSON) {
        name(otlp, field);
        tv_json_string(&otlp->json, text);
        return;
    }
    put_tag(otlp, field, WIRE_BYTES);
    /* protobuf's strings are UTF-8, or the whole message is refused */
    size_t valid = tv_utf8_valid_prefix(text.data, text.length);
    put_varint(otlp->out, valid);
    tv_buffer_append(otlp->out, text.data, valid);
}

void otlp_id(struct otlp *otlp, const struct otlp_field *field, const uint64_t *words, size_t count)
{
    char digits[33];
    if (otlp->writing == OTLP_JSON) {
        size_t length = 0;
        for (size_t i = 0; i < count && length + 16 < sizeof digits; i++, length += 16)
            snprintf(digits + length, 17, "%016llx", (unsigned long long)words[i]);
        name(otlp, field);
        tv_json_string(&otlp->json, (struct tv_slice){digits, length});
        return;
    }
    put_tag(otlp, field, WIRE_BYTES);
    put_varint(otlp->out, count * 8);
    for (size_t i = 0; i < count; i++)
        put_fixed(otlp->out, __builtin_bswap64(words[i]), 8);
}

void otlp_small(struct otlp *otlp, const struct otlp_field *field, uint32_t value)
{
    if (otlp->writing == OTLP_JSON) {
        name(otlp, field);
        tv_json_unsigned(&otlp->json, value);
        return;
    }
    put_tag(otlp, field, WIRE_VARINT);
    put_varint(otlp->out, value);
}

void otlp_boolean(struct otlp *otlp, const struct otlp_field *field, bool value)
{
    if (otlp->writing == OTLP_JSON) {
        name(otlp, field);
        tv_json_boolean(&otlp->json, value);
        return;
    }
    otlp_small(otlp, field, value);
}

void otlp_integer(struct otlp *otlp, const struct otlp_field *field, int64_t value)
{
    if (otlp->writing == OTLP_JSON) {
        name(otlp, field);
        tv_json_printf(&otlp->json, "%lld", (long long)value);
        return;
    }
    put_tag(otlp, field, WIRE_VARINT);
    put_varint(otlp->out, (uint64_t)value);
}

void otlp_fixed(struct otlp *otlp, const struct otlp_field *field, uint64_t value)
{
    if (otlp->writing == OTLP_JSON) {
        name(otlp, field);
        tv_json_printf(&otlp->json, "%llu", (unsigned long long)value);
        return;
    }
    put_tag(otlp, field, WIRE_FIXED64);
    put_fixed(otlp->out, value, 8);
}

void otlp_flags(struct otlp *otlp, const struct otlp_field *field, uint32_t value)
{
    if (otlp->writing == OTLP_JSON) {
        otlp_small(otlp, field, value);
        return;
    }
    put_tag(otlp, field, WIRE_FIXED32);
    put_fixed(otlp->out, value, 4);
}

void otlp_double(struct otlp *otlp, const struct otlp_field *field, double value)
{
    if (otlp->writing == OTLP_JSON) {
        name(otlp, field);
        tv_json_double(&otlp->json, value);
        return;
    }
    put_tag(otlp, field, WIRE_FIXED64);
    put_fixed(otlp->out, bits_of(value), 8);
}

static void pack(struct otlp *otlp, const struct otlp_field *field, size_t count)
{
    put_tag(otlp, field, WIRE_BYTES);
    put_varint(otlp->out, count * 8);
}

void otlp_fixed_list(struct otlp *otlp, const struct otlp_field *field, const uint64_t *values, size_t count)
{
    if (otlp->writing == OTLP_JSON) {
        name(otlp, field);
        tv_json_array(&otlp->json);
        for (size_t i = 0; i < count; i++)
            tv_json_printf(&otlp->json, "%llu", (unsigned long long)values[i]);
        tv_json_array_end(&otlp->json);
        return;
    }
    pack(otlp, field, count);
    for (size_t i = 0; i < count; i++)
        put_fixed(otlp->out, values[i], 8);
}

void otlp_double_list(struct otlp *otlp, const struct otlp_field *field, const double *values, size_t count)
{
    if (otlp->writing == OTLP_JSON) {
        name(otlp, field);
        tv_json_array(&otlp->json);
        for (size_t i = 0; i < count; i++)
            tv_json_double(&otlp->json, values[i]);
        tv_json_array_end(&otlp->json);
        return;
    }
    pack(otlp, field, count);
    for (size_t i = 0; i < count; i++)
        put_fixed(otlp->out, bits_of(values[i]), 8);
}

/* --- attributes ------------------------------------------------------------------------------------------------------- */

/* KeyValue and AnyValue of common.proto. */
static const struct otlp_field KEY = {1, "key"}, VALUE = {2, "value"}, STRING_VALUE = {1, "stringValue"},
                               BOOL_VALUE = {2, "boolValue"}, INT_VALUE = {3, "intValue"},
                               DOUBLE_VALUE = {4, "doubleValue"};

static void begin_attribute(struct otlp *otlp, const char *key)
{
    otlp_item(otlp);
    otlp_text(otlp, &KEY, tv_slice_of(key));
    otlp_open(otlp, &VALUE);
}

static void end_attribute(struct otlp *otlp)
{
    otlp_close(otlp);
    otlp_close(otlp);
}

void otlp_attribute_text(struct otlp *otlp, const char *key, struct tv_slice value)
{
    begin_attribute(otlp, key);
    otlp_text(otlp, &STRING_VALUE, value);
    end_attribute(otlp);
}

void otlp_attribute_integer(struct otlp *otlp, const char *key, int64_t value)
{
    begin_attribute(otlp, key);
    otlp_integer(otlp, &INT_VALUE, value);
    end_attribute(otlp);
}

void otlp_attribute_double(struct otlp *otlp, const char *key, double value)
{
    begin_attribute(otlp, key);
    otlp_double(otlp, &DOUBLE_VALUE, value);
    end_attribute(otlp);
}

void otlp_attribute_boolean(struct otlp *otlp, const char *key, bool value)
{
    begin_attribute(otlp, key);
    otlp_boolean(otlp, &BOOL_VALUE, value);
    end_attribute(otlp);
}
