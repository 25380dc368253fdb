/*
 * json_read.c - tests of JSON on its way in: what is JSON and what is not, where an error stands, and what survives.
 */
#include "base/json_reader.h"

#include "exact.h"
#include "tap.h"

#define DEPTH 32

static struct tv_arena arena;
static struct tv_error error;

/* The tree as text in one line: types, texts in brackets, names, so that a test can say what it expects. */
static size_t show(const struct tv_json_value *value, char *out, size_t size)
{
    static const char *const words[] = {"null", "false", "true"};
    size_t used = 0;
    switch (value->type) {
    case TV_JSON_NULL:
    case TV_JSON_FALSE:
    case TV_JSON_TRUE: return (size_t)snprintf(out, size, "%s", words[value->type]);
    case TV_JSON_NUMBER:
    case TV_JSON_STRING:
        return (size_t)snprintf(out, size, "%c<%.*s>", value->type == TV_JSON_NUMBER ? 'n' : 's',
                                (int)value->text.length, value->text.length ? value->text.data : "");
    case TV_JSON_ARRAY:
    case TV_JSON_OBJECT: break;
    }
    used += (size_t)snprintf(out, size, "%zu%c", value->count, value->type == TV_JSON_ARRAY ? '[' : '{');
    for (const struct tv_json_value *item = value->first; item && used < size; item = item->next) {
        if (value->type == TV_JSON_OBJECT)
            used += (size_t)snprintf(out + used, size - used, "%.*s:", (int)item->key.length,
                                     item->key.length ? item->key.data : "");
        if (used < size)
            used += show(item, out + used, size - used);
        if (used < size)
            used += (size_t)snprintf(out + used, size - used, "%s", item->next ? "," : "");
    }
    return used < size ? used + (size_t)snprintf(out + used, size - used, "%c",
                                                 value->type == TV_JSON_ARRAY ? ']' : '}')
                       : used;
}

static bool read_bytes(const char *bytes, size_t length, struct tv_json_value **root)
{
    tv_arena_reset(&arena);
    error = (struct tv_error){0};
    return tv_json_read(&arena, (struct tv_slice){bytes, length}, DEPTH, root, &error);
}

/* A document as part of a test's name. */
static const char *one_line(const char *text)
{
    static char out[256];
    size_t used = 0;
    for (; *text && used < sizeof out - 5; text++)
        used += (size_t)snprintf(out + used, sizeof out - used,
                                 *text >= ' ' && *text != '#' ? "%c" : "\\x%02x", (unsigned char)*text);
    out[used] = '\0';
    return out;
}

static void reads(const char *text, const char *want)
{
    struct tv_json_value *root;
    char shown[1024];
    struct tv_slice in = exact_copy(text, strlen(text));
    if (ok(read_bytes(in.data, in.length, &root), "%s is JSON", one_line(text))) {
        show(root, shown, sizeof shown);
        is_text(shown, want, "  and means what it should");
    } else {
        note("%s", error.details);
    }
    exact_free(in);
}

static void refuses(const char *text, size_t line, size_t column, const char *why)
{
    struct tv_json_value *root;
    char place[64];
    struct tv_slice in = exact_copy(text, strlen(text));
    ok(!read_bytes(in.data, in.length, &root) && error.status == 400, "%s is no JSON", one_line(text));
    snprintf(place, sizeof place, "(line %zu, column %zu)", line, column);
    ok(strstr(error.details, place) && strstr(error.details, why), "  %s: %s", place, error.details);
    exact_free(in);
}

static void valid(void)
{
    static const struct {
        const char *text, *want;
    } documents[] = {
        {"null", "null"},
        {"true", "true"},
        {" \t\r\n false \n", "false"},
        {"0", "n<0>"},
        {"-0", "n<-0>"},
        {"10", "n<10>"},
        {"1.50", "n<1.50>"},
        {"-0.0", "n<-0.0>"},
        {"1e5", "n<1e5>"},
        {"1E+05", "n<1E+05>"},
        {"0e-1", "n<0e-1>"},
        {"123456789012345678901234567890", "n<123456789012345678901234567890>"},
        {"1.7976931348623157e309", "n<1.7976931348623157e309>"},
        {"3.141592653589793238462643383279", "n<3.141592653589793238462643383279>"},
        {"\"\"", "s<>"},
        {"\"abc\"", "s<abc>"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "s<\"\\/\b\f\n\r\t>"},
        {"\"a\\u0041\\u00e9\\u20AC\\uFFFF\"", "s<aA\xC3\xA9\xE2\x82\xAC\xEF\xBF\xBF>"},
        {"\"\\uD83D\\uDE00\\uD800\\uDC00\\uDBFF\\uDFFF\"",
         "s<\xF0\x9F\x98\x80\xF0\x90\x80\x80\xF4\x8F\xBF\xBF>"},
        {"\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x7F\"", "s<\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x7F>"},
        {"[]", "0[]"},
        {"[ ]", "0[]"},
        {"{}", "0{}"},
        {"{ }", "0{}"},
        {"[1]", "1[n<1>]"},
        {"[ 1 , 2 ]", "2[n<1>,n<2>]"},
        {"[[],[[]],{}]", "3[0[],1[0[]],0{}]"},
        {"{\"a\":1}", "1{a:n<1>}"},
        {"{ \"a\" : { \"b\" : [ null , true ] } , \"c\" : \"d\" }", "2{a:1{b:2[null,true]},c:s<d>}"},
        {"{\"a\":1,\"a\":2,\"\":3}", "3{a:n<1>,a:n<2>,:n<3>}"},
        {"{\"\\u0061\\n\":1}", "1{a\n:n<1>}"},
        {"[\"]\",\"}\",\",\",\"\\\"]\"]", "4[s<]>,s<}>,s<,>,s<\"]>]"},
    };
    for (size_t i = 0; i < TV_COUNT(documents); i++)
        reads(documents[i].text, documents[i].want);
}

static void invalid(void)
{
    static const struct {
        const char *text;
        size_t line, column;
        const char *why;
    } documents[] = {
        {" ", 1, 2, "no value"},
        {"\n\n  ", 3, 3, "no value"},
        {"nul", 1, 1, "no value"},
        {"nulL", 1, 1, "no value"},
        {"nulls", 1, 5, "something after"},
        {"True", 1, 1, "no value"},
        {"NaN", 1, 1, "no value"},
        {"Infinity", 1, 1, "no value"},
        {"'a'", 1, 1, "no value"},
        {"undefined", 1, 1, "no value"},
        {"// x\n1", 1, 1, "no value"},
        {"1 2", 1, 3, "something after"},
        {"1,", 1, 2, "something after"},
        {"{} {}", 1, 4, "something after"},
        {"[]]", 1, 3, "something after"},
        {"-", 1, 2, "digits"},
        {"-a", 1, 2, "digits"},
        {"+1", 1, 1, "no value"},
        {".5", 1, 1, "no value"},
        {"01", 1, 2, "leading zero"},
        {"-01", 1, 3, "leading zero"},
        {"1.", 1, 3, "after the point"},
        {"1.e1", 1, 3, "after the point"},
        {"1e", 1, 3, "exponent"},
        {"1e+", 1, 4, "exponent"},
        {"1e1.5", 1, 4, "something after"},
        {"0x10", 1, 2, "something after"},
        {"1_000", 1, 2, "something after"},
        {"\"", 1, 2, "unfinished string"},
        {"\"abc", 1, 5, "unfinished string"},
        {"\"abc\\", 1, 6, "unfinished string"},
        {"\"abc\\\"", 1, 7, "unfinished string"},
        {"\"a\nb\"", 1, 3, "control character"},
        {"\"a\tb\"", 1, 3, "control character"},
        {"\"\\n\x01\"", 1, 4, "control character"},
        {"\"\\x41\"", 1, 3, "unknown escape"},
        {"\"\\a\"", 1, 3, "unknown escape"},
        {"\"\\'\"", 1, 3, "unknown escape"},
        {"\"\\u\"", 1, 4, "\\u escape"},
        {"\"\\u12\"", 1, 4, "\\u escape"},
        {"\"\\u12G4\"", 1, 6, "not hexadecimal"},
        {"\"\\u+123\"", 1, 4, "not hexadecimal"},
        {"\"\\uD800\"", 1, 8, "surrogate"},
        {"\"\\uD800x\"", 1, 8, "surrogate"},
        {"\"\\uD800\\n\"", 1, 8, "surrogate"},
        {"\"\\uDC00\"", 1, 8, "surrogate"},
        {"\"\\uD800\\u0041\"", 1, 14, "surrogate"},
        {"\"\\uD800\\uD800\"", 1, 14, "surrogate"},
        {"\"\\uDC00\\uD800\"", 1, 8, "surrogate"},
        {"[", 1, 2, "unfinished array"},
        {"[1", 1, 3, "unfinished array"},
        {"[1,", 1, 4, "no value"},
        {"[1,]", 1, 4, "no value"},
        {"[,1]", 1, 2, "no value"},
        {"[1 2]", 1, 4, "neither"},
        {"[1}", 1, 3, "neither"},
        {"[}", 1, 2, "no value"},
        {"{", 1, 2, "unfinished object"},
        {"{]", 1, 2, "no name"},
        {"{1:2}", 1, 2, "no name"},
        {"{a:2}", 1, 2, "no name"},
        {"{\"a\"}", 1, 5, "no colon"},
        {"{\"a\" 1}", 1, 6, "no colon"},
        {"{\"a\":}", 1, 6, "no value"},
        {"{\"a\":", 1, 6, "no value"},
        {"{\"a\":1", 1, 7, "unfinished object"},
        {"{\"a\":1,", 1, 8, "no name"},
        {"{\"a\":1,}", 1, 8, "no name"},
        {"{\"a\":1 \"b\":2}", 1, 8, "neither"},
        {"{\"a\":1;\"b\":2}", 1, 7, "neither"},
        {"{\n  \"a\": 1,\n  \"b\": oops\n}", 3, 8, "no value"},
        {"[1,\r\n 2,\r\n x]", 3, 2, "no value"},
        {"\xEF\xBB\xBF{}", 1, 1, "no value"},
        {"[\"\xFF\"]", 1, 3, "not UTF-8"},
        {"[1,\n\"\xC0\xAF\"]", 2, 2, "not UTF-8"},
        {"\"\xED\xA0\x80\"", 1, 2, "not UTF-8"},
        {"\"\xE2\x82", 1, 2, "not UTF-8"},
    };
    struct tv_json_value *root;
    for (size_t i = 0; i < TV_COUNT(documents); i++)
        refuses(documents[i].text, documents[i].line, documents[i].column, documents[i].why);
    ok(!read_bytes("", 0, &root) && error.status == 400 && strstr(error.message, "empty"),
       "an empty body has its own message");
    ok(!read_bytes(NULL, 0, &root) && error.status == 400, "also when there is no body at all");
    ok(!read_bytes("1\0", 2, &root), "a NUL after the value is refused");
    ok(!read_bytes("\"a\0b\"", 5, &root) && strstr(error.details, "control"), "so is one in a string");
    ok(!read_bytes("\"a\\\0b\"", 6, &root) && strstr(error.details, "escape"), "and one that is escaped");
}

static void kept(void)
{
    struct tv_json_value *root;
    ok(read_bytes("\"a\\u0000b\"", 10, &root), "an escaped NUL is a character");
    is_bytes(root->text.data, root->text.length, "a\0b", 3, "that stands in the text");
    const char *text = " {\"k\" : [1, {\"x\":\"\\n\"} ] , \"k\": 2.0 } ";
    if (!ok(read_bytes(text, strlen(text), &root), "a document with inner values"))
        return;
    is_slice(root->source.data, root->source.length, "{\"k\" : [1, {\"x\":\"\\n\"} ] , \"k\": 2.0 }",
             "its source is what was written, without the blanks around");
    is_slice(root->first->source.data, root->first->source.length, "[1, {\"x\":\"\\n\"} ]",
             "an inner value's too");
    is_slice(root->first->first->source.data, root->first->first->source.length, "1", "a number's");
    const struct tv_json_value *string = root->first->first->next->first;
    is_slice(string->source.data, string->source.length, "\"\\n\"", "a string's with its quotes");
    const struct tv_json_value *member = tv_json_member(root, "k");
    ok(member && member->type == TV_JSON_NUMBER, "of two members with one name the last is found");
    is_slice(member->text.data, member->text.length, "2.0", "  with the number's text");
    ok(!tv_json_member(root, "K") && !tv_json_member(root, "") && !tv_json_member(NULL, "k"),
       "others are not found");
    ok(!tv_json_member(root->first, "k"), "an array has no members");
    ok(read_bytes("{\"a\\u0000b\":1}", 14, &root) && !tv_json_member(root, "a"),
       "a name with NUL is not its beginning");
}

static void bounds(void)
{
    struct tv_json_value *root;
    char deep[2 * DEPTH + 8];
    memset(deep, '[', DEPTH);
    memset(deep + DEPTH, ']', DEPTH);
    ok(read_bytes(deep, 2 * DEPTH, &root), "the deepest nesting that is allowed");
    memset(deep, '[', DEPTH + 1);
    ok(!read_bytes(deep, DEPTH + 1, &root) && strstr(error.details, "nested too deep (line 1, column 33)"),
       "one more is refused where it opens: %s", error.details);
    ok(!tv_json_read(&arena, TV_SLICE("[]"), 0, &root, &error), "depth 0 takes no container");
    ok(tv_json_read(&arena, TV_SLICE("7"), 0, &root, &error), "but a plain value");

    size_t size = 1 << 20;
    char *long_text = malloc(size);
    if (!long_text)
        abort();
    memset(long_text, '[', size);
    struct tv_arena large;
    tv_arena_init(&large, (size_t)64 << 20);
    ok(!tv_json_read(&large, (struct tv_slice){long_text, size}, 100, &root, &error) && error.status == 400,
       "a million brackets are refused");
    ok(!tv_json_read(&large, (struct tv_slice){long_text, 200000}, 200000, &root, &error) &&
           strstr(error.details, "unfinished array"),
       "or read with memory, never with the stack, when a caller wants them");
    tv_arena_free(&large);

    struct tv_arena small;
    tv_arena_init(&small, 65536);
    for (size_t i = 0; i + 1 < size; i += 2)
        memcpy(long_text + i, i == 0 ? "[1" : ",1", 2);
    long_text[size - 1] = ']';
    ok(!tv_json_read(&small, (struct tv_slice){long_text, size}, 10, &root, &error) && error.status == 413,
       "a document that costs more memory than a request may take is a 413");
    tv_arena_reset(&small);
    memset(long_text, 'x', size);
    memcpy(long_text, "\"\\n", 3);
    long_text[size - 1] = '"';
    ok(!tv_json_read(&small, (struct tv_slice){long_text, size}, 10, &root, &error) && error.status == 413,
       "so is a string with escapes");
    tv_arena_free(&small);
    free(long_text);
}

/* Every beginning of a document, and every one with a byte changed, is read or refused without a byte beyond its end. */
static void torn(void)
{
    static const char text[] =
        "{\"a\":[1,-2.5e+3,\"x\\u00e9\\uD83D\\uDE00\\n\",true,false,null,{}],\"\xC3\xA9\":\"\xE2\x82\xAC\"}";
    struct tv_json_value *root;
    size_t length = sizeof text - 1;
    bool refused = true;
    for (size_t cut = 0; cut < length; cut++) {
        struct tv_slice in = exact_copy(text, cut);
        refused = refused && !read_bytes(in.data, in.length, &root) && error.status == 400;
        exact_free(in);
    }
    ok(refused, "no beginning of a document is a document");
    size_t accepted = 0;
    for (size_t at = 0; at < length; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct tv_slice in = exact_copy(text, length);
            ((char *)(uintptr_t)in.data)[at] = (char)byte;
            accepted += read_bytes(in.data, in.length, &root);
            exact_free(in);
        }
    }
    ok(accepted > length && accepted < length * 256, "of those with one byte changed %zu are", accepted);
}

int main(void)
{
    tv_arena_init(&arena, 1 << 20);
    valid();
    invalid();
    kept();
    bounds();
    torn();
    tv_arena_free(&arena);
    return done_testing();
}
