/*
 * read_bson.c - see read_bson.h: plain JSON values here, typed ones in read_ejson.c. Recursion is bounded by the depth
 * that the JSON reader allowed.
 */
#include "read_bson.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"

/* Objects up to this many members are compared pair by pair, larger ones are sorted. */
#define FEW_NAMES 8

bool doc_reader_fail(const struct doc_reader *reader, const struct tv_json_value *value, const char *format,
                     ...)
{
    char what[256];
    size_t line = 1, column = 1;
    va_list values;
    va_start(values, format);
    vsnprintf(what, sizeof what, format, values);
    va_end(values);
    for (const char *byte = reader->body.data; byte < value->source.data; byte++) {
        column = *byte == '\n' ? 1 : column + 1;
        line += *byte == '\n';
    }
    return tv_fail(reader->error, 400, DOC_INVALID_PARAMETER, "%s: %s (line %zu, column %zu)", reader->field,
                   what, line, column);
}

static bool twice(const struct doc_reader *reader, const struct tv_json_value *member)
{
    return doc_reader_fail(reader, member, "the name \"%.*s\" is given twice",
                           (int)(member->key.length > 100 ? 100 : member->key.length), member->key.data);
}

static int by_name(const void *a, const void *b)
{
    const struct tv_json_value *left = *(const struct tv_json_value *const *)a;
    const struct tv_json_value *right = *(const struct tv_json_value *const *)b;
    size_t common = left->key.length < right->key.length ? left->key.length : right->key.length;
    int order = common > 0 ? memcmp(left->key.data, right->key.data, common) : 0;
    return order != 0 ? order
                      : (left->key.length > right->key.length) - (left->key.length < right->key.length);
}

static bool many_names(const struct doc_reader *reader, const struct tv_json_value *object)
{
    const struct tv_json_value **sorted = tv_arena_array(reader->arena, object->count, sizeof *sorted);
    size_t count = 0;
    if (!sorted)
        return tv_arena_fail(reader->arena, reader->error);
    for (const struct tv_json_value *member = object->first; member; member = member->next)
        sorted[count++] = member;
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 1; i < count; i++)
        if (tv_slice_equal(sorted[i - 1]->key, sorted[i]->key))
            return twice(reader, sorted[i]);
    return true;
}

bool doc_read_names(struct doc_reader *reader, const struct tv_json_value *object)
{
    if (object->count > FEW_NAMES)
        return many_names(reader, object);
    for (const struct tv_json_value *member = object->first; member; member = member->next)
        for (const struct tv_json_value *other = member->next; other; other = other->next)
            if (tv_slice_equal(member->key, other->key))
                return twice(reader, other);
    return true;
}

/* A number without point and exponent is an integer, as short as it fits; any other one a double. */
static bool read_number(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    int64_t whole;
    bool integer = tv_slice_find(value->text, '.') == value->text.length &&
                   tv_slice_find(value->text, 'e') == value->text.length &&
                   tv_slice_find(value->text, 'E') == value->text.length;
    if (integer) {
        if (!tv_slice_integer(value->text, &whole))
            return doc_reader_fail(reader, value,
                                   "an integer beyond 64 bits; $numberDecimal and $numberDouble hold more");
        bool narrow = whole >= INT32_MIN && whole <= INT32_MAX;
        doc_bson_element(reader->out, narrow ? BSON_TYPE_INT32 : BSON_TYPE_INT64, key);
        if (narrow)
            doc_bson_int32(reader->out, (int32_t)whole);
        else
            doc_bson_int64(reader->out, whole);
        return true;
    }
    char *text = tv_arena_text(reader->arena, value->text);
    if (!text)
        return tv_arena_fail(reader->arena, reader->error);
    double real = strtod(text, NULL);
    if (!isfinite(real))
        return doc_reader_fail(reader, value, "a number beyond what a double holds");
    doc_bson_element(reader->out, BSON_TYPE_DOUBLE, key);
    tv_buffer_append(reader->out, &real, sizeof real);
    return true;
}

static bool read_array(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *array)
{
    doc_bson_element(reader->out, BSON_TYPE_ARRAY, key);
    size_t at = doc_bson_open(reader->out), index = 0;
    for (const struct tv_json_value *item = array->first; item; item = item->next) {
        char name[24];
        int length = snprintf(name, sizeof name, "%zu", index++);
        if (!doc_read_element(reader, (struct tv_slice){name, (size_t)length}, item))
            return false;
    }
    doc_bson_close(reader->out, at);
    return true;
}

static bool read_members(struct doc_reader *reader, const struct tv_json_value *object)
{
    if (!doc_read_names(reader, object))
        return false;
    for (const struct tv_json_value *member = object->first; member; member = member->next) {
        if (tv_slice_find(member->key, '\0') < member->key.length)
            return doc_reader_fail(reader, member, "a name holds a NUL byte");
        if (!doc_read_element(reader, member->key, member))
            return false;
    }
    return true;
}

static bool read_object(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *object)
{
    bool is_value;
    if (!doc_read_ejson(reader, key, object, &is_value))
        return false;
    if (is_value)
        return true;
    doc_bson_element(reader->out, BSON_TYPE_DOCUMENT, key);
    size_t at = doc_bson_open(reader->out);
    if (!read_members(reader, object))
        return false;
    doc_bson_close(reader->out, at);
    return true;
}

bool doc_read_element(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    switch (value->type) {
    case TV_JSON_NULL: doc_bson_element(reader->out, BSON_TYPE_NULL, key); break;
    case TV_JSON_FALSE:
    case TV_JSON_TRUE:
        doc_bson_element(reader->out, BSON_TYPE_BOOL, key);
        tv_buffer_byte(reader->out, value->type == TV_JSON_TRUE);
        break;
    case TV_JSON_NUMBER: return read_number(reader, key, value);
    case TV_JSON_STRING:
        doc_bson_element(reader->out, BSON_TYPE_UTF8, key);
        doc_bson_string(reader->out, value->text);
        break;
    case TV_JSON_ARRAY: return read_array(reader, key, value);
    case TV_JSON_OBJECT: return read_object(reader, key, value);
    }
    return true;
}

bool doc_read_document(struct doc_reader *reader, const struct tv_json_value *object, const uint8_t *new_id)
{
    size_t at = doc_bson_open(reader->out);
    if (new_id && !tv_json_member(object, "_id")) {
        doc_bson_element(reader->out, BSON_TYPE_OID, TV_SLICE("_id"));
        tv_buffer_append(reader->out, new_id, 12);
    }
    if (!read_members(reader, object))
        return false;
    doc_bson_close(reader->out, at);
    if (tv_buffer_failed(reader->out) || reader->out->length - at > DOC_DOCUMENT_MAX)
        return tv_fail(reader->error, 413, DOC_INVALID_PARAMETER, "%s: the document is larger than 16 MiB",
                       reader->field);
    return true;
}
