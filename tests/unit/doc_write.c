/*
 * doc_write.c - tests of documents on their way out: every BSON type in both forms, bytes that are no text, depth, and
 * documents that are broken.
 */
#include <bson/bson.h>
#include <math.h>
#include <stdlib.h>

#include "../../fcgi-app/doc/write_bson.h"

#include "tap.h"

static struct tv_buffer out;
static struct tv_json json;

static bool put(enum doc_format format, const bson_t *document)
{
    tv_buffer_reset(&out, out.capacity);
    tv_json_start(&json, &out);
    return doc_write_document(&json, format, document) && tv_json_complete(&json);
}

static void writes(const bson_t *document, enum doc_format format, const char *want, const char *name)
{
    if (ok(put(format, document), "%s can be written", name))
        is_slice(out.data, out.length, want, "  as it should");
}

/* One element, in both forms; the document is given up. */
static void both(bson_t *document, const char *plain, const char *typed, const char *name)
{
    writes(document, DOC_JSON, plain, name);
    writes(document, DOC_EJSON, typed, name);
    bson_reinit(document);
}

static void numbers(void)
{
    bson_t d = BSON_INITIALIZER;
    BSON_APPEND_INT32(&d, "v", 10);
    both(&d, "{\"v\":10}", "{\"v\":{\"$numberInt\":\"10\"}}", "an int32");
    BSON_APPEND_INT64(&d, "v", INT64_MIN);
    both(&d, "{\"v\":-9223372036854775808}", "{\"v\":{\"$numberLong\":\"-9223372036854775808\"}}",
         "an int64");
    BSON_APPEND_DOUBLE(&d, "v", 10.5);
    both(&d, "{\"v\":10.5}", "{\"v\":{\"$numberDouble\":\"10.5\"}}", "a double");
    BSON_APPEND_DOUBLE(&d, "v", 1.0);
    both(&d, "{\"v\":1}", "{\"v\":{\"$numberDouble\":\"1.0\"}}", "a whole double");
    BSON_APPEND_DOUBLE(&d, "v", 0.1);
    both(&d, "{\"v\":0.1}", "{\"v\":{\"$numberDouble\":\"0.1\"}}", "a tenth");
    BSON_APPEND_DOUBLE(&d, "v", -0.0);
    both(&d, "{\"v\":-0}", "{\"v\":{\"$numberDouble\":\"-0.0\"}}", "minus zero");
    BSON_APPEND_DOUBLE(&d, "v", 1.7976931348623157e308);
    both(&d, "{\"v\":1.7976931348623157e+308}", "{\"v\":{\"$numberDouble\":\"1.7976931348623157E+308\"}}",
         "the largest double");
    BSON_APPEND_DOUBLE(&d, "v", (double)INFINITY);
    both(&d, "{\"v\":null}", "{\"v\":{\"$numberDouble\":\"Infinity\"}}", "infinity");
    BSON_APPEND_DOUBLE(&d, "v", -(double)INFINITY);
    both(&d, "{\"v\":null}", "{\"v\":{\"$numberDouble\":\"-Infinity\"}}", "minus infinity");
    BSON_APPEND_DOUBLE(&d, "v", (double)NAN);
    both(&d, "{\"v\":null}", "{\"v\":{\"$numberDouble\":\"NaN\"}}", "not a number");
    bson_decimal128_t decimal;
    bson_decimal128_from_string("9823.1297", &decimal);
    BSON_APPEND_DECIMAL128(&d, "v", &decimal);
    both(&d, "{\"v\":\"9823.1297\"}", "{\"v\":{\"$numberDecimal\":\"9823.1297\"}}", "a decimal");
    bson_destroy(&d);
}

static void types(void)
{
    bson_t d = BSON_INITIALIZER, scope = BSON_INITIALIZER;
    bson_oid_t oid;
    bson_oid_init_from_string(&oid, "57e193d7a9cc81b4027498b5");
    BSON_APPEND_OID(&d, "v", &oid);
    both(&d, "{\"v\":\"57e193d7a9cc81b4027498b5\"}", "{\"v\":{\"$oid\":\"57e193d7a9cc81b4027498b5\"}}",
         "an ObjectId");
    BSON_APPEND_DATE_TIME(&d, "v", 1641954803067);
    both(&d, "{\"v\":\"2022-01-12T02:33:23.067Z\"}",
         "{\"v\":{\"$date\":{\"$numberLong\":\"1641954803067\"}}}", "a date");
    BSON_APPEND_BINARY(&d, "v", BSON_SUBTYPE_MD5, (const uint8_t *)"\xff\xff", 2);
    both(&d, "{\"v\":{\"Subtype\":5,\"Data\":\"//8=\"}}",
         "{\"v\":{\"$binary\":{\"base64\":\"//8=\",\"subType\":\"05\"}}}", "a binary");
    BSON_APPEND_BINARY(&d, "v", BSON_SUBTYPE_BINARY_DEPRECATED, (const uint8_t *)"a", 1);
    both(&d, "{\"v\":{\"Subtype\":2,\"Data\":\"YQ==\"}}",
         "{\"v\":{\"$binary\":{\"base64\":\"YQ==\",\"subType\":\"02\"}}}", "a binary of the old kind");
    BSON_APPEND_BINARY(&d, "v", BSON_SUBTYPE_USER, (const uint8_t *)"", 0);
    both(&d, "{\"v\":{\"Subtype\":128,\"Data\":\"\"}}",
         "{\"v\":{\"$binary\":{\"base64\":\"\",\"subType\":\"80\"}}}", "an empty binary");
    BSON_APPEND_REGEX(&d, "v", "^H\"", "i");
    both(&d, "{\"v\":{\"Pattern\":\"^H\\\"\",\"Options\":\"i\"}}",
         "{\"v\":{\"$regularExpression\":{\"pattern\":\"^H\\\"\",\"options\":\"i\"}}}",
         "a regular expression");
    BSON_APPEND_TIMESTAMP(&d, "v", UINT32_MAX, 1);
    both(&d, "{\"v\":{\"T\":4294967295,\"I\":1}}", "{\"v\":{\"$timestamp\":{\"t\":4294967295,\"i\":1}}}",
         "a timestamp");
    BSON_APPEND_MINKEY(&d, "v");
    both(&d, "{\"v\":{}}", "{\"v\":{\"$minKey\":1}}", "MinKey");
    BSON_APPEND_MAXKEY(&d, "v");
    both(&d, "{\"v\":{}}", "{\"v\":{\"$maxKey\":1}}", "MaxKey");
    BSON_APPEND_UNDEFINED(&d, "v");
    both(&d, "{\"v\":{}}", "{\"v\":{\"$undefined\":true}}", "undefined");
    BSON_APPEND_SYMBOL(&d, "v", "s");
    both(&d, "{\"v\":\"s\"}", "{\"v\":{\"$symbol\":\"s\"}}", "a symbol");
    BSON_APPEND_CODE(&d, "v", "f()");
    both(&d, "{\"v\":\"f()\"}", "{\"v\":{\"$code\":\"f()\"}}", "code");
    BSON_APPEND_INT32(&scope, "n", 1);
    BSON_APPEND_CODE_WITH_SCOPE(&d, "v", "f()", &scope);
    BSON_APPEND_BOOL(&d, "w", true);
    both(&d, "{\"v\":{\"Code\":\"f()\",\"Scope\":{\"n\":1}},\"w\":true}",
         "{\"v\":{\"$code\":\"f()\",\"$scope\":{\"n\":{\"$numberInt\":\"1\"}}},\"w\":true}",
         "code with a scope");
    BSON_APPEND_DBPOINTER(&d, "v", "c", &oid);
    both(&d, "{\"v\":{\"DB\":\"c\",\"Pointer\":\"57e193d7a9cc81b4027498b5\"}}",
         "{\"v\":{\"$dbPointer\":{\"$ref\":\"c\",\"$id\":{\"$oid\":\"57e193d7a9cc81b4027498b5\"}}}}",
         "a DBPointer");
    BSON_APPEND_NULL(&d, "v");
    BSON_APPEND_BOOL(&d, "w", false);
    both(&d, "{\"v\":null,\"w\":false}", "{\"v\":null,\"w\":false}", "null and false");
    both(&d, "{}", "{}", "the empty document");
    bson_destroy(&scope);
    bson_destroy(&d);
}

static void strange_bytes(void)
{
    bson_t d = BSON_INITIALIZER;
    bson_append_utf8(&d, "k\xff\"", 3, "a\xff\0\x01\xc3\xa4", 6);
    writes(&d, DOC_JSON, "{\"k\xEF\xBF\xBD\\\"\":\"a\xEF\xBF\xBD\\u0000\\u0001\xc3\xa4\"}",
           "text that is none");
    bson_destroy(&d);
}

static void structure(void)
{
    bson_error_t why;
    const char *text = "{\"a\":[1,[],[{\"b\":[]},{}],\"x\"],\"c\":{\"d\":{\"e\":null}},\"f\":[]}";
    bson_t *d = bson_new_from_json((const uint8_t *)text, -1, &why);
    writes(d, DOC_JSON, text, "a nested document");
    bson_destroy(d);
}

/* As deep as libbson can build it: each level wraps the one before. */
static void depth(void)
{
    bson_t inner = BSON_INITIALIZER;
    for (unsigned level = 1; level <= 201; level++) {
        if (level == 200)
            ok(put(DOC_EJSON, &inner), "200 levels can be written");
        bson_t outer = BSON_INITIALIZER;
        BSON_APPEND_DOCUMENT(&outer, "a", &inner);
        bson_destroy(&inner);
        bson_init(&inner);
        bson_concat(&inner, &outer);
        bson_destroy(&outer);
    }
    ok(!put(DOC_EJSON, &inner), "202 levels are refused");
    bson_destroy(&inner);
}

/* Every single byte of a document changed: whatever comes, nothing is read beyond it, and what is written is complete or
 * known not to be. */
static void broken(void)
{
    bson_error_t why;
    const char *text =
        "{\"a\":[1,{\"b\":\"x\"}],\"c\":{\"$numberDecimal\":\"1\"},\"d\":{\"$binary\":\"//"
        "8=\",\"$type\":\"02\"},"
        "\"e\":{\"$regex\":\"a\",\"$options\":\"\"},\"f\":{\"$code\":\"c\",\"$scope\":{\"z\":1}}}";
    bson_t *d = bson_new_from_json((const uint8_t *)text, -1, &why);
    size_t refusals = 0, length = d->len;
    for (size_t at = 4; at + 1 < length; at++) {
        for (unsigned value = 0; value < 256; value += 3) {
            uint8_t *copy = malloc(length); /* of its own, so that a sanitizer sees its ends */
            memcpy(copy, bson_get_data(d), length);
            copy[at] = (uint8_t)value;
            bson_t changed;
            if (bson_init_static(&changed, copy, length) && !put(value & 1 ? DOC_JSON : DOC_EJSON, &changed))
                refusals++;
            free(copy);
        }
    }
    bson_destroy(d);
    ok(refusals > 0, "%zu of the broken documents were noticed, none did harm", refusals);
}

int main(void)
{
    tv_buffer_init(&out, 1 << 20);
    numbers();
    types();
    strange_bytes();
    structure();
    depth();
    broken();
    tv_buffer_free(&out);
    return done_testing();
}
