/*
 * read_ejson.c - objects that stand for one value (MongoDB Extended JSON v2, with the legacy forms that MongoDB's own
 * parsers accept). The first member's name decides; a typed value with the wrong inside is a mistake, never a document.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "dates.h"
#include "errors.h"
#include "read_bson.h"

typedef bool read_function(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value);

static bool is_text(const struct tv_json_value *value)
{
    return value && value->type == TV_JSON_STRING;
}

static int hex_digit(char byte)
{
    return byte >= '0' && byte <= '9'                 ? byte - '0'
           : (byte | 32) >= 'a' && (byte | 32) <= 'f' ? (byte | 32) - 'a' + 10
                                                      : -1;
}

/* count bytes from twice as many hex digits. */
static bool hex_bytes(struct tv_slice text, size_t count, uint8_t *out)
{
    if (text.length != 2 * count)
        return false;
    for (size_t i = 0; i < count; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool read_oid(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    uint8_t bytes[12];
    if (!is_text(value) || !hex_bytes(value->text, sizeof bytes, bytes))
        return doc_reader_fail(reader, value, "$oid takes a string of 24 hexadecimal digits");
    doc_bson_element(reader->out, BSON_TYPE_OID, key);
    tv_buffer_append(reader->out, bytes, sizeof bytes);
    return true;
}

static bool read_int(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    int64_t whole;
    if (!is_text(value) || !tv_slice_integer(value->text, &whole) || whole < INT32_MIN || whole > INT32_MAX)
        return doc_reader_fail(reader, value, "$numberInt takes a string that holds an integer of 32 bits");
    doc_bson_element(reader->out, BSON_TYPE_INT32, key);
    doc_bson_int32(reader->out, (int32_t)whole);
    return true;
}

static bool read_long(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    int64_t whole;
    if (!is_text(value) || !tv_slice_integer(value->text, &whole))
        return doc_reader_fail(reader, value, "$numberLong takes a string that holds an integer of 64 bits");
    doc_bson_element(reader->out, BSON_TYPE_INT64, key);
    doc_bson_int64(reader->out, whole);
    return true;
}

static bool real_of(struct tv_slice text, double *out)
{
    char copy[400], *end;
    if (tv_slice_is(text, "Infinity") || tv_slice_is(text, "-Infinity")) {
        *out = text.data[0] == '-' ? -(double)INFINITY : (double)INFINITY;
        return true;
    }
    if (tv_slice_is(text, "NaN")) {
        *out = (double)NAN;
        return true;
    }
    if (text.length == 0 || text.length >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    if (strspn(copy, "0123456789+-.eE") != text.length)
        return false;
    *out = strtod(copy, &end);
    return end == copy + text.length && isfinite(*out);
}

static bool read_double(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    double real;
    if (!is_text(value) || !real_of(value->text, &real))
        return doc_reader_fail(reader, value, "$numberDouble takes a string that holds a number");
    doc_bson_element(reader->out, BSON_TYPE_DOUBLE, key);
    tv_buffer_append(reader->out, &real, sizeof real);
    return true;
}

static bool read_decimal(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    bson_decimal128_t decimal;
    /* libbson reads NaN and Infinity only where the text ends with a NUL */
    char *text = is_text(value) ? tv_arena_text(reader->arena, value->text) : NULL;
    if (is_text(value) && !text)
        return tv_arena_fail(reader->arena, reader->error);
    if (!text || value->text.length > 6200 || /* the longest that has a meaning */
        !bson_decimal128_from_string_w_len(text, (int)value->text.length, &decimal))
        return doc_reader_fail(reader, value, "$numberDecimal takes a string that holds a decimal number");
    doc_bson_element(reader->out, BSON_TYPE_DECIMAL128, key);
    doc_bson_int64(reader->out, (int64_t)decimal.low);
    doc_bson_int64(reader->out, (int64_t)decimal.high);
    return true;
}

static bool read_date(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    int64_t milliseconds;
    const struct tv_json_value *number = value->count == 1 ? tv_json_member(value, "$numberLong") : NULL;
    bool good = is_text(value)                             ? doc_date_read(value->text, &milliseconds)
                : value->type == TV_JSON_NUMBER            ? tv_slice_integer(value->text, &milliseconds)
                : number && number->type == TV_JSON_STRING ? tv_slice_integer(number->text, &milliseconds)
                                                           : false;
    if (!good)
        return doc_reader_fail(reader, value,
                               "$date takes an ISO 8601 string or {\"$numberLong\": \"milliseconds\"}");
    doc_bson_element(reader->out, BSON_TYPE_DATE_TIME, key);
    doc_bson_int64(reader->out, milliseconds);
    return true;
}

/* Length, subtype, bytes; the deprecated subtype 2 has its length inside once more. */
static bool put_binary(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *place,
                       struct tv_slice base64, uint8_t subtype)
{
    struct tv_buffer *out = reader->out;
    doc_bson_element(out, BSON_TYPE_BINARY, key);
    size_t at = out->length, head = subtype == 2 ? 9 : 5;
    doc_bson_int32(out, 0);
    tv_buffer_byte(out, (char)subtype);
    if (subtype == 2)
        doc_bson_int32(out, 0);
    if (!doc_base64_read(base64, out))
        return doc_reader_fail(reader, place, "$binary takes base64");
    if (tv_buffer_failed(out))
        return true; /* seen at the document's end */
    uint32_t length = BSON_UINT32_TO_LE((uint32_t)(out->length - at - 5));
    uint32_t inner = BSON_UINT32_TO_LE((uint32_t)(out->length - at - head));
    memcpy(out->data + at, &length, sizeof length);
    if (subtype == 2)
        memcpy(out->data + at + 5, &inner, sizeof inner);
    return true;
}

static bool subtype_of(const struct tv_json_value *value, uint8_t *out)
{
    char two[2] = {'0', '0'};
    if (!is_text(value) || value->text.length < 1 || value->text.length > 2)
        return false;
    memcpy(two + 2 - value->text.length, value->text.data, value->text.length);
    return hex_bytes((struct tv_slice){two, 2}, 1, out);
}

static bool read_binary(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    const struct tv_json_value *base64 = tv_json_member(value, "base64"),
                               *type = tv_json_member(value, "subType");
    uint8_t subtype;
    if (value->count != 2 || !is_text(base64) || !subtype_of(type, &subtype))
        return doc_reader_fail(reader, value, "$binary takes {\"base64\": \"...\", \"subType\": \"00\"}");
    return put_binary(reader, key, base64, base64->text, subtype);
}

static bool read_uuid(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    uint8_t bytes[16];
    char digits[32];
    size_t count = 0;
    bool good = is_text(value) && value->text.length == 36;
    for (size_t i = 0; good && i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        good = dash == (value->text.data[i] == '-');
        if (!dash && count < sizeof digits)
            digits[count++] = value->text.data[i];
    }
    if (!good || !hex_bytes((struct tv_slice){digits, count}, sizeof bytes, bytes))
        return doc_reader_fail(reader, value,
                               "$uuid takes a string like \"c8edabc3-f738-4ca3-b68d-ab92a91478a3\"");
    doc_bson_element(reader->out, BSON_TYPE_BINARY, key);
    doc_bson_int32(reader->out, sizeof bytes);
    tv_buffer_byte(reader->out, BSON_SUBTYPE_UUID);
    tv_buffer_append(reader->out, bytes, sizeof bytes);
    return true;
}

static int by_letter(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

/* The options of a regular expression are kept in the order of the alphabet. */
static bool put_regex(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *place,
                      const struct tv_json_value *pattern, const struct tv_json_value *options)
{
    char sorted[16];
    if (!is_text(pattern) || !is_text(options) || options->text.length > sizeof sorted ||
        tv_slice_find(pattern->text, '\0') < pattern->text.length ||
        tv_slice_find(options->text, '\0') < options->text.length)
        return doc_reader_fail(reader, place,
                               "a regular expression takes two strings without NUL: pattern and options");
    memcpy(sorted, options->text.length > 0 ? options->text.data : "", options->text.length);
    qsort(sorted, options->text.length, 1, by_letter);
    doc_bson_element(reader->out, BSON_TYPE_REGEX, key);
    doc_bson_cstring(reader->out, pattern->text);
    doc_bson_cstring(reader->out, (struct tv_slice){sorted, options->text.length});
    return true;
}

static bool read_regex(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    if (value->count != 2)
        return doc_reader_fail(reader, value,
                               "$regularExpression takes {\"pattern\": \"...\", \"options\": \"\"}");
    return put_regex(reader, key, value, tv_json_member(value, "pattern"), tv_json_member(value, "options"));
}

static bool unsigned_of(const struct tv_json_value *value, uint32_t *out)
{
    int64_t whole;
    if (!value || value->type != TV_JSON_NUMBER || !tv_slice_integer(value->text, &whole) || whole < 0 ||
        whole > UINT32_MAX)
        return false;
    *out = (uint32_t)whole;
    return true;
}

static bool read_timestamp(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    uint32_t seconds, increment;
    if (value->count != 2 || !unsigned_of(tv_json_member(value, "t"), &seconds) ||
        !unsigned_of(tv_json_member(value, "i"), &increment))
        return doc_reader_fail(reader, value,
                               "$timestamp takes {\"t\": seconds, \"i\": increment}, both of 32 bits");
    doc_bson_element(reader->out, BSON_TYPE_TIMESTAMP, key);
    doc_bson_int64(reader->out, (int64_t)((uint64_t)seconds << 32 | increment));
    return true;
}

static bool read_symbol(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    if (!is_text(value))
        return doc_reader_fail(reader, value, "$symbol takes a string");
    doc_bson_element(reader->out, BSON_TYPE_SYMBOL, key);
    doc_bson_string(reader->out, value->text);
    return true;
}

static bool read_mark(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value,
                      bson_type_t type)
{
    bool good = type == BSON_TYPE_UNDEFINED ? value->type == TV_JSON_TRUE
                                            : value->type == TV_JSON_NUMBER && tv_slice_is(value->text, "1");
    if (!good)
        return doc_reader_fail(reader, value, "$minKey and $maxKey take 1, $undefined takes true");
    doc_bson_element(reader->out, type, key);
    return true;
}

static bool read_minimum(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    return read_mark(reader, key, value, BSON_TYPE_MINKEY);
}

static bool read_maximum(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    return read_mark(reader, key, value, BSON_TYPE_MAXKEY);
}

static bool read_undefined(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    return read_mark(reader, key, value, BSON_TYPE_UNDEFINED);
}

/* Code reaches no store, and a DBPointer is of a kind that servers have given up. */
static bool read_refused(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *value)
{
    (void)key;
    return doc_reader_fail(reader, value, "values of type Code and DBPointer are refused");
}

static const struct {
    const char *name;
    read_function *read;
} forms[] = {
    {"$oid", read_oid},
    {"$numberInt", read_int},
    {"$numberLong", read_long},
    {"$numberDouble", read_double},
    {"$numberDecimal", read_decimal},
    {"$date", read_date},
    {"$binary", read_binary},
    {"$uuid", read_uuid},
    {"$regularExpression", read_regex},
    {"$timestamp", read_timestamp},
    {"$symbol", read_symbol},
    {"$minKey", read_minimum},
    {"$maxKey", read_maximum},
    {"$undefined", read_undefined},
    {"$code", read_refused},
    {"$scope", read_refused},
    {"$dbPointer", read_refused},
};

/* {"$binary": "base64", "$type": "00"} and {"$regex": "...", "$options": "..."}, in either order. */
static bool read_legacy_pair(struct doc_reader *reader, struct tv_slice key,
                             const struct tv_json_value *object, bool *is_value)
{
    const struct tv_json_value *base64 = tv_json_member(object, "$binary"),
                               *type = tv_json_member(object, "$type");
    const struct tv_json_value *pattern = tv_json_member(object, "$regex"),
                               *options = tv_json_member(object, "$options");
    uint8_t subtype;
    *is_value = true;
    if (is_text(base64) && type) {
        if (!subtype_of(type, &subtype))
            return doc_reader_fail(reader, type, "$type beside $binary takes one or two hexadecimal digits");
        return put_binary(reader, key, base64, base64->text, subtype);
    }
    if (is_text(pattern) && is_text(options))
        return put_regex(reader, key, object, pattern, options);
    *is_value = false;
    return true;
}

bool doc_read_ejson(struct doc_reader *reader, struct tv_slice key, const struct tv_json_value *object,
                    bool *is_value)
{
    const struct tv_json_value *first = object->first;
    *is_value = false;
    if (!first || first->key.length == 0 || first->key.data[0] != '$')
        return true;
    if (object->count == 2) {
        if (!read_legacy_pair(reader, key, object, is_value))
            return false;
        if (*is_value)
            return true;
    }
    for (size_t i = 0; i < TV_COUNT(forms); i++) {
        if (!tv_slice_is(first->key, forms[i].name))
            continue;
        *is_value = true;
        if (object->count != 1 && forms[i].read != read_refused)
            return doc_reader_fail(reader, object, "nothing may stand beside %s", forms[i].name);
        return forms[i].read(reader, key, first);
    }
    return true;
}
