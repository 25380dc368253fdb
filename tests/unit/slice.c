/*
 * slice.c - tests of borrowed bytes: comparing, cutting, numbers, and the one place that knows what valid UTF-8 is.
 */
#include "base/slice.h"

#include "exact.h"
#include "tap.h"

static const struct tv_slice none; /* data NULL */

static void comparing(void)
{
    ok(tv_slice_of(NULL).data == NULL && tv_slice_of(NULL).length == 0, "NULL gives the empty slice");
    is_number(tv_slice_of("abc").length, 3, "a text has its length");
    ok(tv_slice_equal(none, TV_SLICE("")), "all empty slices are equal");
    ok(tv_slice_equal((struct tv_slice){"a\0b", 3}, (struct tv_slice){"a\0b", 3}),
       "NUL is a byte like others");
    ok(!tv_slice_equal((struct tv_slice){"a\0b", 3}, (struct tv_slice){"a\0c", 3}),
       "also what follows it counts");
    ok(!tv_slice_equal(TV_SLICE("ab"), TV_SLICE("abc")), "a prefix is not equal");
    ok(tv_slice_is(TV_SLICE("abc"), "abc") && !tv_slice_is(TV_SLICE("abc"), "ABC"), "is: letter by letter");
    ok(tv_slice_is(none, "") && !tv_slice_is(none, "a"), "is: nothing is only the empty text");
    ok(!tv_slice_is((struct tv_slice){"abc\0", 4}, "abc"), "is: a NUL at the end is not the end");
    ok(tv_slice_is_nocase(TV_SLICE("CoNtEnT"), "content"), "nocase: letters of either case");
    ok(!tv_slice_is_nocase(TV_SLICE("@["), "`{"), "nocase: only letters have a case");
    ok(!tv_slice_is_nocase(TV_SLICE("\xC4"), "\xE4"), "nocase: only ASCII letters");
    ok(!tv_slice_is_nocase(TV_SLICE("ab"), "abc") && !tv_slice_is_nocase(TV_SLICE("abc"), "ab"),
       "nocase: a prefix is not the same");
    ok(!tv_slice_is_nocase((struct tv_slice){"a\0", 2}, "a"), "nocase: a NUL at the end is not the end");
    ok(tv_slice_is_nocase(none, ""), "nocase: nothing is the empty text");
    ok(tv_slice_starts(TV_SLICE("abc"), "ab") && tv_slice_starts(none, ""),
       "starts: with a prefix, with nothing");
    ok(!tv_slice_starts(TV_SLICE("a"), "ab") && !tv_slice_starts(none, "a"), "starts: never with more");
    struct tv_slice edge = exact_copy("abc", 3);
    ok(!tv_slice_is(edge, "abcd") && !tv_slice_is_nocase(edge, "abcd") && !tv_slice_starts(edge, "abcd"),
       "no comparison reads past the end");
    exact_free(edge);
}

static void cutting(void)
{
    struct tv_slice text = TV_SLICE("a,b,c");
    is_number(tv_slice_find(text, ','), 1, "find: the first one");
    is_number(tv_slice_find(text, ';'), 5, "find: the length when there is none");
    is_number(tv_slice_find(none, 'x'), 0, "find: in nothing");
    struct tv_slice cut = tv_slice_cut(text, 2, 3);
    is_slice(cut.data, cut.length, "b", "cut: without the byte at to");
    cut = tv_slice_cut(text, 4, 100);
    is_slice(cut.data, cut.length, "c", "cut: the end is bounded");
    is_number(tv_slice_cut(text, 6, 100).length, 0, "cut: so is the start");
    is_number(tv_slice_cut(text, 3, 2).length, 0, "cut: from after to is empty");
    is_number(tv_slice_cut(text, SIZE_MAX, SIZE_MAX).length, 0, "cut: the largest bounds");
    ok(tv_slice_cut(none, 0, 5).data == NULL, "cut: nothing stays nothing");
    cut = tv_slice_trim(TV_SLICE(" \t a b\t "));
    is_slice(cut.data, cut.length, "a b", "trim: both ends, not the middle");
    is_number(tv_slice_trim(TV_SLICE(" \t ")).length, 0, "trim: nothing but blanks");
    is_number(tv_slice_trim(none).length, 0, "trim: nothing");
    cut = tv_slice_trim(TV_SLICE("\nx\r"));
    is_slice(cut.data, cut.length, "\nx\r", "trim: line ends are no blanks");
}

static void integers(void)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"7", 7},
        {"-7", -7},
        {"007", 7},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"-9223372036854775807", -INT64_MAX},
        {"000000000000000000000000000001", 1},
    };
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "--1",
        "1-",
        "1.0",
        "1e3",
        "0x1",
        "a",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999",
        "-99999999999999999999999999",
    };
    for (size_t i = 0; i < TV_COUNT(good); i++) {
        int64_t value = 42;
        struct tv_slice text = exact_copy(good[i].text, strlen(good[i].text));
        ok(tv_slice_integer(text, &value) && value == good[i].value, "%s is a number", good[i].text);
        exact_free(text);
    }
    for (size_t i = 0; i < TV_COUNT(bad); i++) {
        int64_t value = 42;
        struct tv_slice text = exact_copy(bad[i], strlen(bad[i]));
        ok(!tv_slice_integer(text, &value) && value == 42, "\"%s\" is none, and nothing is written", bad[i]);
        exact_free(text);
    }
    int64_t value;
    ok(!tv_slice_integer(none, &value), "nothing is no number");
    ok(!tv_slice_integer((struct tv_slice){"1\0", 2}, &value), "a NUL ends no number");
}

/* What RFC 3629 says, written the slow way: decode, then look at the code point. */
static size_t valid_by_the_book(const unsigned char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length) {
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        unsigned char first = bytes[at];
        size_t need = first < 0x80             ? 1
                      : (first & 0xE0) == 0xC0 ? 2
                      : (first & 0xF0) == 0xE0 ? 3
                      : (first & 0xF8) == 0xF0 ? 4
                                               : 0;
        if (need == 0 || length - at < need)
            return at;
        uint32_t code = need == 1 ? first : first & (0x7Fu >> need);
        for (size_t i = 1; i < need; i++) {
            if ((bytes[at + i] & 0xC0) != 0x80)
                return at;
            code = code << 6 | (bytes[at + i] & 0x3Fu);
        }
        if (code < least[need] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
            return at;
        at += need;
    }
    return at;
}

static bool agrees(const unsigned char *bytes, size_t length)
{
    return tv_utf8_valid_prefix((const char *)bytes, length) == valid_by_the_book(bytes, length);
}

static void utf8(void)
{
    bool same = true;
    for (unsigned first = 0; first < 256 && same; first++) {
        for (unsigned second = 0; second < 256; second++) {
            unsigned char two[2] = {(unsigned char)first, (unsigned char)second};
            same = same && agrees(two, 1) && agrees(two, 2);
        }
    }
    ok(same, "every sequence of one and two bytes is judged by the book");
    /* of three and four: every first and second, and the bounds of the others */
    static const unsigned char edges[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F,
                                          0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xF0, 0xFF};
    for (unsigned first = 0x80; first < 256 && same; first++)
        for (unsigned second = 0; second < 256; second++)
            for (size_t third = 0; third < sizeof edges; third++)
                for (size_t fourth = 0; fourth < sizeof edges; fourth++) {
                    unsigned char four[4] = {(unsigned char)first, (unsigned char)second, edges[third],
                                             edges[fourth]};
                    same = same && agrees(four, 3) && agrees(four, 4);
                }
    ok(same, "so are those of three and four");
    bool all = true;
    for (uint32_t code = 0x10000; code <= 0x10FFFF; code += 0x3FF) {
        unsigned char four[4] = {
            (unsigned char)(0xF0 | code >> 18), (unsigned char)(0x80 | (code >> 12 & 0x3F)),
            (unsigned char)(0x80 | (code >> 6 & 0x3F)), (unsigned char)(0x80 | (code & 0x3F))};
        all = all && tv_utf8_valid_prefix((const char *)four, 4) == 4;
    }
    ok(all, "characters outside the first plane are valid");
    is_number(tv_utf8_valid_prefix(NULL, 0), 0, "nothing is valid");
    is_number(tv_utf8_valid_prefix("a\0b", 3), 3, "NUL is a character");

    /* the path for eight plain bytes at a time: a broken byte at every place of a longer text */
    bool found = true;
    for (size_t length = 1; length <= 40; length++) {
        for (size_t at = 0; at < length; at++) {
            char text[40];
            memset(text, 'x', length);
            text[at] = (char)0xFF;
            struct tv_slice copy = exact_copy(text, length);
            found = found && tv_utf8_valid_prefix(copy.data, copy.length) == at;
            exact_free(copy);
            memcpy(text + at, "\xE2\x82\xAC",
                   length - at < 3 ? length - at : 3); /* whole or cut at the end */
            copy = exact_copy(text, length);
            found = found && tv_utf8_valid_prefix(copy.data, copy.length) == (length - at < 3 ? at : length);
            exact_free(copy);
        }
    }
    ok(found, "a broken or cut character is found at every place of a text");

    uint64_t random = 20260801;
    for (int i = 0; i < 20000 && same; i++) {
        unsigned char text[24];
        size_t length = exact_random(&random) % sizeof text;
        for (size_t j = 0; j < length; j++)
            text[j] = (unsigned char)(exact_random(&random) % 3 ? exact_random(&random) : 'a');
        same = agrees(text, length);
    }
    ok(same, "any mixture is judged by the book");
}

int main(void)
{
    comparing();
    cutting();
    integers();
    utf8();
    return done_testing();
}
