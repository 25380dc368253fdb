/*
 * write_bson.c - see write_bson.h. libbson's own writers know only Extended JSON; the plain form is the Data API's: what
 * Go's driver types give as JSON. The walk keeps its own stack, so that depth costs no recursion.
 */
#include "write_bson.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "dates.h"

/* Servers refuse to store more than 100 levels and answer with at most 200. */
#define DEPTH_MAX 200

struct level {
    bson_iter_t at;
    bool is_array;
    uint8_t extra; /* objects around this level that end with it (the scope of Code) */
};

struct writer {
    struct tv_json *json;
    enum doc_format format;
    size_t depth;
    struct level open[DEPTH_MAX];
};

static struct tv_slice text_of(const char *data, uint32_t length)
{
    return (struct tv_slice){data, length};
}

/* {"NAME": and the end of it, around the one value that is written in between. */
static void open_typed(struct tv_json *json, const char *name)
{
    tv_json_object(json);
    tv_json_name(json, name);
}

static void typed_text(struct tv_json *json, const char *name, const char *value)
{
    open_typed(json, name);
    tv_json_text(json, value);
    tv_json_object_end(json);
}

static void typed_integer(struct tv_json *json, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    typed_text(json, name, text);
}

static void write_int32(struct writer *writer, int32_t value)
{
    if (writer->format == DOC_EJSON)
        typed_integer(writer->json, "$numberInt", value);
    else
        tv_json_integer(writer->json, value);
}

static void write_int64(struct writer *writer, int64_t value)
{
    if (writer->format == DOC_EJSON)
        typed_integer(writer->json, "$numberLong", value);
    else
        tv_json_integer(writer->json, value);
}

static void write_double(struct writer *writer, double value)
{
    char text[40];
    if (writer->format == DOC_JSON) {
        tv_json_double(writer->json, value);
        return;
    }
    if (isnan(value))
        snprintf(text, sizeof text, "NaN");
    else if (isinf(value))
        snprintf(text, sizeof text, value < 0 ? "-Infinity" : "Infinity");
    else {
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*G", digits, value);
            double again = strtod(text, NULL);
            if (memcmp(&again, &value, sizeof value) == 0)
                break;
        }
        if (strspn(text, "-0123456789") == strlen(text))
            strcat(text, ".0"); /* so that it reads as a double in the relaxed form too */
    }
    typed_text(writer->json, "$numberDouble", text);
}

static void write_oid(struct writer *writer, const bson_oid_t *oid)
{
    char text[25];
    bson_oid_to_string(oid, text);
    if (writer->format == DOC_EJSON)
        typed_text(writer->json, "$oid", text);
    else
        tv_json_text(writer->json, text);
}

static void write_date(struct writer *writer, int64_t milliseconds)
{
    char text[DOC_DATE_SIZE];
    if (writer->format == DOC_EJSON) {
        open_typed(writer->json, "$date");
        typed_integer(writer->json, "$numberLong", milliseconds);
        tv_json_object_end(writer->json);
    } else {
        size_t length = doc_date_write(milliseconds, text);
        tv_json_string(writer->json, (struct tv_slice){text, length});
    }
}

static void write_decimal(struct writer *writer, const bson_iter_t *at)
{
    bson_decimal128_t decimal;
    char text[BSON_DECIMAL128_STRING];
    bson_iter_decimal128(at, &decimal);
    bson_decimal128_to_string(&decimal, text);
    if (writer->format == DOC_EJSON)
        typed_text(writer->json, "$numberDecimal", text);
    else
        tv_json_text(writer->json, text);
}

/* A string in the JSON that is base64, straight into the buffer: it may be many megabytes long. */
static void write_base64(struct tv_json *json, const uint8_t *data, uint32_t length)
{
    tv_json_raw(json, TV_SLICE("\""));
    doc_base64_write(json->out, data, length);
    tv_buffer_byte(json->out, '"');
}

static void write_binary(struct writer *writer, const bson_iter_t *at)
{
    struct tv_json *json = writer->json;
    bson_subtype_t subtype;
    uint32_t length;
    const uint8_t *data;
    bson_iter_binary(at, &subtype, &length, &data);
    if (writer->format == DOC_EJSON) {
        open_typed(json, "$binary");
        open_typed(json, "base64");
        write_base64(json, data, length);
        tv_json_name(json, "subType");
        tv_json_printf(json, "%02x", (unsigned)subtype & 0xFF);
        tv_json_object_end(json);
    } else {
        tv_json_object(json);
        tv_json_member_integer(json, "Subtype", (int64_t)subtype & 0xFF);
        tv_json_name(json, "Data");
        write_base64(json, data, length);
    }
    tv_json_object_end(json);
}

static void write_regex(struct writer *writer, const bson_iter_t *at)
{
    bool typed = writer->format == DOC_EJSON;
    const char *options, *pattern = bson_iter_regex(at, &options);
    if (typed)
        open_typed(writer->json, "$regularExpression");
    tv_json_object(writer->json);
    tv_json_member_text(writer->json, typed ? "pattern" : "Pattern", pattern);
    tv_json_member_text(writer->json, typed ? "options" : "Options", options);
    tv_json_object_end(writer->json);
    if (typed)
        tv_json_object_end(writer->json);
}

static void write_timestamp(struct writer *writer, const bson_iter_t *at)
{
    bool typed = writer->format == DOC_EJSON;
    uint32_t seconds, increment;
    bson_iter_timestamp(at, &seconds, &increment);
    if (typed)
        open_typed(writer->json, "$timestamp");
    tv_json_object(writer->json);
    tv_json_member_integer(writer->json, typed ? "t" : "T", seconds);
    tv_json_member_integer(writer->json, typed ? "i" : "I", increment);
    tv_json_object_end(writer->json);
    if (typed)
        tv_json_object_end(writer->json);
}

static void write_pointer(struct writer *writer, const bson_iter_t *at)
{
    bool typed = writer->format == DOC_EJSON;
    uint32_t length;
    const char *collection;
    const bson_oid_t *oid;
    bson_iter_dbpointer(at, &length, &collection, &oid);
    if (typed)
        open_typed(writer->json, "$dbPointer");
    open_typed(writer->json, typed ? "$ref" : "DB");
    tv_json_string(writer->json, text_of(collection, length));
    tv_json_name(writer->json, typed ? "$id" : "Pointer");
    write_oid(writer, oid);
    tv_json_object_end(writer->json);
    if (typed)
        tv_json_object_end(writer->json);
}

static void write_text(struct writer *writer, const char *typed_name, const char *data, uint32_t length)
{
    bool typed = writer->format == DOC_EJSON && typed_name;
    if (typed)
        open_typed(writer->json, typed_name);
    tv_json_string(writer->json, text_of(data, length));
    if (typed)
        tv_json_object_end(writer->json);
}

/* Types that say all by being there. */
static void write_mark(struct writer *writer, const char *typed_name, bool undefined)
{
    tv_json_object(writer->json);
    if (writer->format == DOC_EJSON && undefined)
        tv_json_member_boolean(writer->json, typed_name, true);
    else if (writer->format == DOC_EJSON)
        tv_json_member_integer(writer->json, typed_name, 1);
    tv_json_object_end(writer->json);
}

static bool enter(struct writer *writer, const bson_iter_t *inside, bool is_array, uint8_t extra)
{
    if (writer->depth == DEPTH_MAX)
        return false;
    writer->open[writer->depth++] = (struct level){*inside, is_array, extra};
    if (is_array)
        tv_json_array(writer->json);
    else
        tv_json_object(writer->json);
    return true;
}

static void leave(struct writer *writer)
{
    const struct level *level = &writer->open[--writer->depth];
    if (level->is_array)
        tv_json_array_end(writer->json);
    else
        tv_json_object_end(writer->json);
    for (uint8_t i = 0; i < level->extra; i++)
        tv_json_object_end(writer->json);
}

/* Code with its scope: the scope is a document, which the walk goes into. */
static bool write_scoped_code(struct writer *writer, const bson_iter_t *at)
{
    bool typed = writer->format == DOC_EJSON;
    uint32_t length, scope_length;
    const uint8_t *scope;
    bson_t document;
    bson_iter_t inside;
    const char *code = bson_iter_codewscope(at, &length, &scope_length, &scope);
    if (!bson_init_static(&document, scope, scope_length) || !bson_iter_init(&inside, &document))
        return false;
    open_typed(writer->json, typed ? "$code" : "Code");
    tv_json_string(writer->json, text_of(code, length));
    tv_json_name(writer->json, typed ? "$scope" : "Scope");
    return enter(writer, &inside, false, 1);
}

static bool write_one(struct writer *writer, const bson_iter_t *at)
{
    bson_iter_t inside;
    uint32_t length;
    const char *text;
    switch (bson_iter_type(at)) {
    case BSON_TYPE_DOUBLE: write_double(writer, bson_iter_double(at)); break;
    case BSON_TYPE_UTF8:
        text = bson_iter_utf8(at, &length);
        write_text(writer, NULL, text, length);
        break;
    case BSON_TYPE_DOCUMENT: return bson_iter_recurse(at, &inside) && enter(writer, &inside, false, 0);
    case BSON_TYPE_ARRAY: return bson_iter_recurse(at, &inside) && enter(writer, &inside, true, 0);
    case BSON_TYPE_BINARY: write_binary(writer, at); break;
    case BSON_TYPE_UNDEFINED: write_mark(writer, "$undefined", true); break;
    case BSON_TYPE_OID: write_oid(writer, bson_iter_oid(at)); break;
    case BSON_TYPE_BOOL: tv_json_boolean(writer->json, bson_iter_bool(at)); break;
    case BSON_TYPE_DATE_TIME: write_date(writer, bson_iter_date_time(at)); break;
    case BSON_TYPE_NULL: tv_json_null(writer->json); break;
    case BSON_TYPE_REGEX: write_regex(writer, at); break;
    case BSON_TYPE_DBPOINTER: write_pointer(writer, at); break;
    case BSON_TYPE_CODE:
        text = bson_iter_code(at, &length);
        write_text(writer, "$code", text, length);
        break;
    case BSON_TYPE_SYMBOL:
        text = bson_iter_symbol(at, &length);
        write_text(writer, "$symbol", text, length);
        break;
    case BSON_TYPE_CODEWSCOPE: return write_scoped_code(writer, at);
    case BSON_TYPE_INT32: write_int32(writer, bson_iter_int32(at)); break;
    case BSON_TYPE_TIMESTAMP: write_timestamp(writer, at); break;
    case BSON_TYPE_INT64: write_int64(writer, bson_iter_int64(at)); break;
    case BSON_TYPE_DECIMAL128: write_decimal(writer, at); break;
    case BSON_TYPE_MAXKEY: write_mark(writer, "$maxKey", false); break;
    case BSON_TYPE_MINKEY: write_mark(writer, "$minKey", false); break;
    case BSON_TYPE_EOD:
    default: return false;
    }
    return true;
}

/* Until every level that is open has been written. */
static bool walk(struct writer *writer)
{
    while (writer->depth > 0) {
        struct level *level = &writer->open[writer->depth - 1];
        bson_iter_t *at = &level->at;
        if (!bson_iter_next(at)) {
            if (at->err_off != 0)
                return false;
            leave(writer);
            continue;
        }
        if (!level->is_array)
            tv_json_key(writer->json, tv_slice_of(bson_iter_key(at)));
        if (!write_one(writer, at))
            return false;
    }
    return true;
}

bool doc_write_document(struct tv_json *json, enum doc_format format, const bson_t *document)
{
    struct writer writer;
    bson_iter_t inside;
    writer.json = json;
    writer.format = format;
    writer.depth = 0;
    return bson_iter_init(&inside, document) && enter(&writer, &inside, false, 0) && walk(&writer);
}

bool doc_write_value(struct tv_json *json, enum doc_format format, const bson_iter_t *at)
{
    struct writer writer;
    writer.json = json;
    writer.format = format;
    writer.depth = 0;
    return write_one(&writer, at) && walk(&writer);
}
