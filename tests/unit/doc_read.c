/*
 * doc_read.c - tests of bodies on their way in: strict JSON, EJSON's types, names given twice, bounds, what is refused.
 * What libbson's own reader makes of the same text serves as a second opinion where both should agree.
 */
#include <bson/bson.h>
#include <stdlib.h>

#include "../../fcgi-app/doc/read_bson.h"
#include "../../fcgi-app/doc/read_request.h"
#include "../../fcgi-app/doc/refuse.h"

#include "tap.h"

static struct tv_arena arena;
static struct tv_buffer bson;
static struct tv_error error;

/* {"v": TEXT} as BSON; false with error filled. */
static bool read_value(const char *text, bson_t *out)
{
    struct tv_json_value *root;
    tv_arena_reset(&arena);
    tv_buffer_reset(&bson, bson.capacity);
    char *whole = tv_arena_printf(&arena, "{\"v\":%s}", text);
    struct doc_reader reader = {&arena, tv_slice_of(whole), &bson, "v", &error};
    return tv_json_read(&arena, reader.body, DOC_DEPTH_MAX + 2, &root, &error) &&
           doc_read_document(&reader, root, NULL) &&
           bson_init_static(out, (const uint8_t *)bson.data, bson.length);
}

/* How many blanks stand within an empty array differs between versions of libbson. */
static void one_blank(char *text)
{
    char *to = text;
    for (; *text; text++)
        if (text[0] != ' ' || text[1] != ' ')
            *to++ = *text;
    *to = '\0';
}

/* Canonical EJSON by libbson's writer. */
static void value_is(const char *text, const char *want)
{
    bson_t document;
    if (!ok(read_value(text, &document), "%s is read", text)) {
        note("%s", error.message);
        return;
    }
    ok(bson_validate(&document, BSON_VALIDATE_UTF8 | BSON_VALIDATE_UTF8_ALLOW_NULL, NULL),
       "  it is valid BSON");
    char *got = bson_as_canonical_extended_json(&document, NULL);
    one_blank(got);
    is_text(got, want, "  it is what was meant");
    bson_free(got);
}

static void agrees(const char *text)
{
    bson_t document;
    bson_error_t why;
    char whole[1024];
    snprintf(whole, sizeof whole, "{\"v\":%s}", text);
    bson_t *second = bson_new_from_json((const uint8_t *)whole, -1, &why);
    bool read = read_value(text, &document);
    ok(read && second && bson_equal(&document, second), "libbson reads %s alike", text);
    if (second)
        bson_destroy(second);
}

static void refused(const char *text, const char *why)
{
    bson_t document;
    if (ok(!read_value(text, &document), "%s is not read", text))
        ok(error.status == 400 && strstr(error.message, why) && strstr(error.message, "line 1, column"),
           "  and it says: %s", error.message);
}

static void plain_values(void)
{
    value_is("1", "{ \"v\" : { \"$numberInt\" : \"1\" } }");
    value_is("-2147483648", "{ \"v\" : { \"$numberInt\" : \"-2147483648\" } }");
    value_is("2147483648", "{ \"v\" : { \"$numberLong\" : \"2147483648\" } }");
    value_is("-9223372036854775808", "{ \"v\" : { \"$numberLong\" : \"-9223372036854775808\" } }");
    value_is("1.0", "{ \"v\" : { \"$numberDouble\" : \"1.0\" } }");
    value_is("1e3", "{ \"v\" : { \"$numberDouble\" : \"1000.0\" } }");
    value_is("[]", "{ \"v\" : [ ] }");
    value_is("\"a\\u0000b\"", "{ \"v\" : \"a\\u0000b\" }");
    static const char *const same[] = {"null",
                                       "true",
                                       "false",
                                       "\"\"",
                                       "\"\xc3\xa4 \\ud83d\\ude00\"",
                                       "{}",
                                       "[1,[2,[3]],{\"a\":[]}]",
                                       "{\"a\":{\"b\":{\"c\":1}},\"d\":-0.5}",
                                       "1.7976931348623157e308",
                                       "5e-324",
                                       "0.1"};
    for (size_t i = 0; i < TV_COUNT(same); i++)
        agrees(same[i]);
    refused("9223372036854775808", "beyond 64 bits");
    refused("-9223372036854775809", "beyond 64 bits");
    refused("1e400", "beyond what a double holds");
    refused("{\"a\\u0000b\":1}", "NUL");
}

static void typed_values(void)
{
    static const char *const same[] = {
        "{\"$oid\":\"57e193d7a9cc81b4027498b5\"}",
        "{\"$numberInt\":\"10\"}",
        "{\"$numberLong\":\"50\"}",
        "{\"$numberDouble\":\"10.5\"}",
        "{\"$numberDouble\":\"-Infinity\"}",
        "{\"$numberDecimal\":\"9823.1297\"}",
        "{\"$numberDecimal\":\"NaN\"}",
        "{\"$date\":{\"$numberLong\":\"1641954803067\"}}",
        "{\"$date\":\"2022-01-12T02:33:23.067Z\"}",
        "{\"$binary\":{\"base64\":\"//8=\",\"subType\":\"00\"}}",
        "{\"$binary\":{\"base64\":\"//8=\",\"subType\":\"02\"}}",
        "{\"$binary\":{\"base64\":\"o0w498Or7cijeBSpkquNtg==\",\"subType\":\"03\"}}",
        "{\"$binary\":\"//8=\",\"$type\":\"05\"}",
        "{\"$uuid\":\"c8edabc3-f738-4ca3-b68d-ab92a91478a3\"}",
        "{\"$regularExpression\":{\"pattern\":\"^H\",\"options\":\"xi\"}}",
        "{\"$regex\":\"^H\",\"$options\":\"i\"}",
        "{\"$timestamp\":{\"t\":1565545664,\"i\":1}}",
        "{\"$timestamp\":{\"t\":4294967295,\"i\":4294967295}}",
        "{\"$minKey\":1}",
        "{\"$maxKey\":1}",
        "{\"$undefined\":true}",
        "{\"$symbol\":\"s\"}",
        "{\"$gte\":1}",
        "{\"$type\":\"string\"}",
        "{\"$ref\":\"c\",\"$id\":{\"$oid\":\"57e193d7a9cc81b4027498b5\"}}",
        "{\"$in\":[{\"$oid\":\"57e193d7a9cc81b4027498b5\"},{\"$numberLong\":\"1\"}]}",
        "{\"$not\":{\"$regex\":\"^a\",\"$options\":\"\"}}",
    };
    for (size_t i = 0; i < TV_COUNT(same); i++)
        agrees(same[i]);
    value_is("{\"$regex\":\"^a\"}", "{ \"v\" : { \"$regex\" : \"^a\" } }");
    value_is("{\"$regex\":\"^a\",\"$ne\":\"ab\"}", "{ \"v\" : { \"$regex\" : \"^a\", \"$ne\" : \"ab\" } }");
    value_is("{\"$options\":\"i\",\"$regex\":\"a\"}",
             "{ \"v\" : { \"$regularExpression\" : { \"pattern\" : \"a\", \"options\" : \"i\" } } }");
    value_is("{\"$date\":1641954803067}",
             "{ \"v\" : { \"$date\" : { \"$numberLong\" : \"1641954803067\" } } }");
    value_is("{\"$binary\":{\"base64\":\"\",\"subType\":\"5\"}}",
             "{ \"v\" : { \"$binary\" : { \"base64\" : \"\", \"subType\" : \"05\" } } }");
}

static void bad_types(void)
{
    refused("{\"$oid\":\"57e193d7a9cc81b4027498b\"}", "$oid takes");
    refused("{\"$oid\":\"57e193d7a9cc81b4027498bx\"}", "$oid takes");
    refused("{\"$oid\":1}", "$oid takes");
    refused("{\"$oid\":\"57e193d7a9cc81b4027498b5\",\"a\":1}", "beside $oid");
    refused("{\"$numberInt\":\"2147483648\"}", "$numberInt takes");
    refused("{\"$numberInt\":1}", "$numberInt takes");
    refused("{\"$numberLong\":\"1.5\"}", "$numberLong takes");
    refused("{\"$numberDouble\":\"0x10\"}", "$numberDouble takes");
    refused("{\"$numberDouble\":\"inf\"}", "$numberDouble takes");
    refused("{\"$numberDouble\":\"\"}", "$numberDouble takes");
    refused("{\"$numberDecimal\":\"1.2.3\"}", "$numberDecimal takes");
    refused("{\"$date\":\"yesterday\"}", "$date takes");
    refused("{\"$date\":{\"$numberLong\":\"x\"}}", "$date takes");
    refused("{\"$date\":{\"$numberInt\":\"1\"}}", "$date takes");
    refused("{\"$binary\":{\"base64\":\"/\",\"subType\":\"00\"}}", "base64");
    refused("{\"$binary\":{\"base64\":\"\",\"subType\":\"000\"}}", "$binary takes");
    refused("{\"$binary\":{\"base64\":\"\"}}", "$binary takes");
    refused("{\"$uuid\":\"c8edabc3f7384ca3b68dab92a91478a3\"}", "$uuid takes");
    refused("{\"$regularExpression\":{\"pattern\":\"a\"}}", "$regularExpression takes");
    refused("{\"$regularExpression\":{\"pattern\":\"a\\u0000\",\"options\":\"\"}}", "without NUL");
    refused("{\"$timestamp\":{\"t\":-1,\"i\":1}}", "$timestamp takes");
    refused("{\"$minKey\":2}", "$minKey");
    refused("{\"$undefined\":1}", "$undefined");
    refused("{\"$code\":\"f()\"}", "refused");
    refused("{\"$code\":\"f()\",\"$scope\":{}}", "refused");
    refused("{\"$dbPointer\":{}}", "refused");
}

static void names_twice(void)
{
    refused("{\"a\":1,\"a\":2}", "\"a\" is given twice");
    refused("{\"x\":{\"b\":1,\"c\":2,\"b\":3}}", "\"b\" is given twice");
    refused("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"c\":1}",
            "\"c\" is given twice");
    refused("{\"a\":1,\"\\u0061\":2}", "\"a\" is given twice");
    agrees("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"ca\":1}");
}

static void refusals(void)
{
    static const struct {
        const char *text;
        enum doc_place place;
        bool good, changing;
    } cases[] = {
        {"{\"a\":{\"$gt\":1}}", DOC_IN_QUERY, true, false},
        {"{\"$where\":\"1\"}", DOC_IN_QUERY, false, false},
        {"{\"$or\":[{\"a\":1},{\"b\":{\"$not\":{\"$where\":1}}}]}", DOC_IN_QUERY, false, false},
        {"{\"$expr\":{\"$function\":{\"body\":\"\",\"args\":[],\"lang\":\"js\"}}}", DOC_IN_QUERY, false,
         false},
        {"{\"x\":{\"$accumulator\":{}}}", DOC_IN_QUERY, false, false},
        {"{\"$expr\":{\"$literal\":{\"$where\":1}}}", DOC_IN_QUERY, false, false},
        {"{\"$WHERE\":1}", DOC_IN_QUERY, true, false},
        {"{\"where\":\"$where\"}", DOC_IN_QUERY, true, false},
        {"{\"$expr\":{\"$gt\":[\"$until\",\"$$NOW\"]}}", DOC_IN_QUERY, true, true},
        {"{\"$expr\":{\"$lt\":[{\"$rand\":{}},0.5]}}", DOC_IN_QUERY, true, true},
        {"{\"$sampleRate\":0.5}", DOC_IN_QUERY, true, true},
        {"{\"a\":1,\"b\":{\"c\":[{\"d\":1}]}}", DOC_IN_STORED, true, false},
        {"{\"$a\":1}", DOC_IN_STORED, false, false},
        {"{\"a\":{\"$b\":1}}", DOC_IN_STORED, false, false},
        {"{\"a\":[{\"$b\":1}]}", DOC_IN_STORED, false, false},
        {"{\"a\":{\"$ref\":\"c\",\"$id\":1,\"$db\":\"d\"}}", DOC_IN_STORED, true, false},
        {"{\"$ref\":\"c\"}", DOC_IN_STORED, false, false},
        {"{\"a\":\"$$NOW\",\"b$\":1,\"c.d\":2}", DOC_IN_STORED, true, true},
    };
    for (size_t i = 0; i < TV_COUNT(cases); i++) {
        bson_t document, inner;
        bson_iter_t at;
        const uint8_t *data;
        uint32_t length;
        bool changing = false;
        if (!read_value(cases[i].text, &document) || !bson_iter_init_find(&at, &document, "v"))
            continue;
        bson_iter_document(&at, &length, &data);
        bson_init_static(&inner, data, length);
        bool good = doc_refuse(&inner, cases[i].place, "filter", &changing, &error);
        ok(good == cases[i].good, "%s is %s", cases[i].text, cases[i].good ? "let through" : "refused");
        ok(!good || changing == cases[i].changing, "  and may%s be kept", cases[i].changing ? " not" : "");
    }
    bson_t code = BSON_INITIALIZER;
    bool changing = false;
    BSON_APPEND_CODE(&code, "a", "f()");
    ok(!doc_refuse(&code, DOC_IN_QUERY, "filter", &changing, &error), "a value of type Code is refused");
    bson_destroy(&code);
}

static bool request_of(struct tv_slice body, struct doc_request *request)
{
    tv_arena_reset(&arena);
    return doc_read_request(request, &arena, body, "mongodb-atlas", &bson, &error);
}

#define SOURCE "\"dataSource\":\"mongodb-atlas\""
#define COMMON SOURCE ",\"database\":\"d\",\"collection\":\"c\""

static void requests(void)
{
    struct doc_request request;
    if (ok(request_of(TV_SLICE("{" COMMON ",\"unknown\":1}"), &request), "a request is read")) {
        is_text(request.database, "d", "  its database");
        is_text(request.collection, "c", "  its collection");
        ok(tv_slice_is(request.thing, "doc:d.c"), "  its name for the cache");
    }
    static const struct {
        const char *body, *why;
    } bad[] = {
        {"", "empty"},
        {"[1]", "object"},
        {"{\"dataSource\":", "JSON"},
        {"{" COMMON "} x", "JSON"},
        {"{" COMMON "}{}", "JSON"},
        {"{\"database\":\"d\",\"collection\":\"c\"}", "'dataSource' is missing"},
        {"{\"dataSource\":\"Other\",\"database\":\"d\",\"collection\":\"c\"}", "dataSource"},
        {"{\"dataSource\":1,\"database\":\"d\",\"collection\":\"c\"}", "'dataSource' must be a string"},
        {"{" SOURCE ",\"collection\":\"c\"}", "'database' is missing"},
        {"{" SOURCE ",\"database\":null,\"collection\":\"c\"}", "'database' is missing"},
        {"{" SOURCE ",\"database\":\"d\",\"collection\":\"\"}", "'collection' must not be empty"},
        {"{" SOURCE ",\"database\":\"d\",\"collection\":[]}", "'collection' must be a string"},
        {"{" COMMON ",\"filter\":{},\"filter\":{}}", "given twice"},
        {"{" COMMON ",\"database\":\"e\"}", "given twice"},
    };
    for (size_t i = 0; i < TV_COUNT(bad); i++) {
        bool read = request_of(tv_slice_of(bad[i].body), &request);
        ok(!read && error.status == 400 && strstr(error.message, bad[i].why), "%.50s: %s", bad[i].body,
           read ? "read" : error.message);
    }
}

static void members(void)
{
    struct doc_request request;
    struct doc_span filter, sort;
    bson_t document;
    bool changing = false;
    int64_t number = 7;
    if (!request_of(
            TV_SLICE("{" COMMON
                     ",\"filter\":{\"a\":1},\"sort\":null,\"projection\":1,\"limit\":{\"$numberInt\":\"5\"},"
                     "\"skip\":2.0,\"half\":0.5,\"text\":\"1\"}"),
            &request))
        return;
    ok(doc_read_query(&request, "filter", &filter, &changing, &error), "a filter is read");
    ok(doc_read_query(&request, "sort", &sort, &changing, &error) && sort.length == 0, "null is none");
    ok(!doc_read_query(&request, "projection", &sort, &changing, &error) && error.status == 400,
       "a number is no projection");
    ok(doc_read_integer(&request, "limit", 0, 10, &number, &error) && number == 5,
       "an integer of EJSON's is read");
    ok(doc_read_integer(&request, "skip", 0, 10, &number, &error) && number == 2,
       "so is a double that is whole");
    ok(doc_read_integer(&request, "none", 0, 10, &number, &error) && number == 2,
       "an absent one changes nothing");
    ok(!doc_read_integer(&request, "half", 0, 10, &number, &error), "half is no integer");
    ok(!doc_read_integer(&request, "text", 0, 10, &number, &error), "nor is a string");
    ok(!doc_read_integer(&request, "limit", 6, 10, &number, &error) && error.status == 400, "bounds hold");
    doc_view(&request, filter, &document);
    ok(bson_has_field(&document, "a"), "the filter is still there after all was read");
    doc_view(&request, (struct doc_span){0}, &document);
    ok(bson_empty(&document), "none is the empty document");
}

static void stored(void)
{
    static const uint8_t id[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    struct doc_request request;
    struct doc_span span;
    bson_t document;
    request_of(TV_SLICE("{" COMMON ",\"document\":{\"a\":1},\"named\":{\"a\":1,\"_id\":7}}"), &request);
    if (ok(doc_read_stored(&request, "document", doc_member(&request, "document"), id, &span, &error),
           "a document")) {
        doc_view(&request, span, &document);
        char *text = bson_as_relaxed_extended_json(&document, NULL);
        is_text(text, "{ \"_id\" : { \"$oid\" : \"0102030405060708090a0b0c\" }, \"a\" : 1 }",
                "  gets its _id first");
        bson_free(text);
    }
    if (ok(doc_read_stored(&request, "named", doc_member(&request, "named"), id, &span, &error),
           "one with an _id")) {
        doc_view(&request, span, &document);
        char *text = bson_as_relaxed_extended_json(&document, NULL);
        is_text(text, "{ \"a\" : 1, \"_id\" : 7 }", "  keeps it");
        bson_free(text);
    }
}

/* {"v":[[[...]]]} and {"v":{"a":{"a":...}}} of so many levels, the outer object counted. */
static char *nested(unsigned levels, const char *open, const char *close)
{
    size_t size = (size_t)levels * (strlen(open) + strlen(close)) + 8;
    char *text = calloc(1, size);
    for (unsigned i = 0; i < levels; i++)
        strcat(text, open);
    strcat(text, "1");
    for (unsigned i = 0; i < levels; i++)
        strcat(text, close);
    return text;
}

static void bounds(void)
{
    bson_t document;
    char *deep = nested(DOC_DEPTH_MAX + 1, "[", "]");
    ok(read_value(deep, &document), "arrays as deep as may be");
    free(deep);
    deep = nested(DOC_DEPTH_MAX + 2, "[", "]");
    ok(!read_value(deep, &document) && error.status == 400, "one level more is refused");
    free(deep);
    deep = nested(DOC_DEPTH_MAX + 1, "{\"a\":", "}");
    bool changing = false;
    ok(read_value(deep, &document) && doc_refuse(&document, DOC_IN_QUERY, "v", &changing, &error),
       "objects as deep as may be");
    free(deep);

    size_t count = 2 * 1024 * 1024;
    char *wide = malloc(2 * count + 3);
    wide[0] = '[';
    for (size_t i = 0; i < count; i++)
        memcpy(wide + 1 + 2 * i, "1,", 2);
    memcpy(wide + 2 * count, "]", 2);
    struct tv_arena large;
    struct tv_json_value *root;
    tv_arena_init(&large, (size_t)1 << 30);
    char *whole = tv_arena_printf(&large, "{\"v\":%s}", wide);
    struct doc_reader reader = {&large, tv_slice_of(whole), &bson, "v", &error};
    tv_buffer_reset(&bson, 0);
    ok(tv_json_read(&large, reader.body, 9, &root, &error) && !doc_read_document(&reader, root, NULL) &&
           error.status == 413,
       "4 MB of JSON that are more than 16 MB of BSON: %s", error.message);
    tv_arena_free(&large);
    free(wide);
}

int main(void)
{
    tv_arena_init(&arena, 16 << 20);
    tv_buffer_init(&bson, 48 << 20);
    plain_values();
    typed_values();
    bad_types();
    names_twice();
    refusals();
    requests();
    members();
    stored();
    bounds();
    tv_buffer_free(&bson);
    tv_arena_free(&arena);
    return done_testing();
}
