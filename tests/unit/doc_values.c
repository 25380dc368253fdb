/*
 * doc_values.c - tests of the document dialect's small parts: dates, base64, names of databases and collections.
 */
#include "../../fcgi-app/doc/base64.h"
#include "../../fcgi-app/doc/dates.h"
#include "../../fcgi-app/doc/names.h"

#include "tap.h"

static void date_is(const char *text, int64_t milliseconds)
{
    int64_t got = 0;
    char out[DOC_DATE_SIZE];
    if (ok(doc_date_read(tv_slice_of(text), &got), "%s is read", text))
        is_number(got, milliseconds, "  as its milliseconds");
    size_t length = doc_date_write(milliseconds, out);
    is_slice(out, length, text, "  and written like that");
}

static void date_reads(const char *text, int64_t milliseconds)
{
    int64_t got = 0;
    ok(doc_date_read(tv_slice_of(text), &got) && got == milliseconds, "%s is %lld", text,
       (long long)milliseconds);
}

static void no_date(const char *text)
{
    int64_t got;
    ok(!doc_date_read(tv_slice_of(text), &got), "\"%s\" is no date", text);
}

static void dates(void)
{
    date_is("1970-01-01T00:00:00.000Z", 0);
    date_is("2022-01-12T02:33:23.067Z", 1641954803067);
    date_is("2000-02-29T23:59:59.999Z", 951868799999);
    date_is("1969-12-31T23:59:59.999Z", -1);
    date_is("0000-01-01T00:00:00.000Z", -62167219200000);
    date_is("9999-12-31T23:59:59.999Z", 253402300799999);
    date_is("+010000-01-01T00:00:00.000Z", 253402300800000);
    date_is("-000001-12-31T23:59:59.999Z", -62167219200001);
    date_is("+275760-09-13T00:00:00.000Z", 8640000000000000);
    date_reads("2022-01-12T02:33Z", 1641954780000);
    date_reads("2022-01-12T02:33:23Z", 1641954803000);
    date_reads("2022-01-12T02:33:23.5Z", 1641954803500);
    date_reads("2022-01-12T02:33:23.067999Z", 1641954803067);
    date_reads("2022-01-12T04:33:23.067+02:00", 1641954803067);
    date_reads("2022-01-11T21:03:23.067-0530", 1641954803067);
    static const char *const none[] = {"",
                                       "2022",
                                       "2022-01-12",
                                       "2022-02-29T00:00:00Z",
                                       "1900-02-29T00:00:00Z",
                                       "2022-13-01T00:00:00Z",
                                       "2022-00-01T00:00:00Z",
                                       "2022-04-31T00:00:00Z",
                                       "2022-01-12T24:00:00Z",
                                       "2022-01-12T02:60:00Z",
                                       "2022-01-12T02:33:23",
                                       "2022-01-12T02:33:23.Z",
                                       "2022-01-12T02:33:23.0000000000Z",
                                       "2022-01-12 02:33:23Z",
                                       "2022-01-12T02:33:23ZZ",
                                       "2022-01-12T02:33:23+1",
                                       "+999999-01-01T00:00:00Z",
                                       "-000000-01-01T00:00:00Z"};
    for (size_t i = 0; i < TV_COUNT(none); i++)
        no_date(none[i]);
    char out[DOC_DATE_SIZE];
    is_slice(out, doc_date_write(INT64_MIN, out), "-292275055-05-16T16:47:04.192Z",
             "the first moment of all");
    is_slice(out, doc_date_write(INT64_MAX, out), "+292278994-08-17T07:12:55.807Z", "the last moment of all");
    bool same = true;
    for (int64_t at = -62167219200000; same && at < 253402300800000; at += 86399999997) {
        int64_t back = 0;
        same = doc_date_read((struct tv_slice){out, doc_date_write(at, out)}, &back) && back == at;
    }
    ok(same, "every year comes back as it went");
}

static void base64(void)
{
    static const struct {
        const char *bytes, *text;
    } pairs[] = {{"", ""},
                 {"f", "Zg=="},
                 {"fo", "Zm8="},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy"},
                 {"\xff\xef\xbe", "/+++"}};
    struct tv_buffer out;
    tv_buffer_init(&out, 1000);
    for (size_t i = 0; i < TV_COUNT(pairs); i++) {
        tv_buffer_reset(&out, 1000);
        doc_base64_write(&out, (const uint8_t *)pairs[i].bytes, strlen(pairs[i].bytes));
        ok(tv_slice_is(tv_buffer_view(&out), pairs[i].text), "%s is written", pairs[i].text);
        tv_buffer_reset(&out, 1000);
        ok(doc_base64_read(tv_slice_of(pairs[i].text), &out) &&
               tv_slice_is(tv_buffer_view(&out), pairs[i].bytes),
           "%s is read", pairs[i].text);
    }
    static const char *const none[] = {"Z",     "Zg",   "Zg=",  "Zh==",     "Zm9=", "Zm 9",
                                       "Zm9v!", "====", "Z===", "Zg==Zg==", "Zm-_"};
    for (size_t i = 0; i < TV_COUNT(none); i++)
        ok(!doc_base64_read(tv_slice_of(none[i]), &out), "\"%s\" is not base64", none[i]);
    ok(!doc_base64_read((struct tv_slice){"Zm\0v", 4}, &out), "nor is a NUL");
    tv_buffer_free(&out);
}

static void names(void)
{
    static char long_name[300];
    memset(long_name, 'n', sizeof long_name - 1);
    static const struct {
        const char *database, *collection;
        bool good;
    } cases[] = {
        {"shop", "reviews", true},
        {"shop-2_x", "a.b c", true},
        {"\xc3\xa4", "\xe2\x82\xac", true},
        {"shop", "systematic", true},
        {"administrator", "a", true},
        {"", "a", false},
        {"a", "", false},
        {"admin", "a", false},
        {"ADMIN", "a", false},
        {"local", "a", false},
        {"config", "a", false},
        {"a.b", "a", false},
        {"a b", "a", false},
        {"a/b", "a", false},
        {"a\\b", "a", false},
        {"a\"b", "a", false},
        {"$a", "a", false},
        {"a*", "a", false},
        {"a", "system.users", false},
        {"a", "$cmd", false},
        {"a", "b$c", false},
        {long_name, "a", false},
        {"a", long_name, false},
    };
    struct tv_error error;
    for (size_t i = 0; i < TV_COUNT(cases); i++)
        ok(doc_check_names(tv_slice_of(cases[i].database), tv_slice_of(cases[i].collection), &error) ==
               cases[i].good,
           "%.20s . %.20s is %s", cases[i].database, cases[i].collection,
           cases[i].good ? "a namespace" : "refused");
    ok(!doc_check_names((struct tv_slice){"a\0b", 3}, TV_SLICE("a"), &error) && error.status == 400,
       "a NUL in a database's name is refused");
    ok(!doc_check_names(TV_SLICE("a"), (struct tv_slice){"a\0b", 3}, &error) && error.status == 400,
       "a NUL in a collection's name is refused");
}

int main(void)
{
    dates();
    base64();
    names();
    return done_testing();
}
