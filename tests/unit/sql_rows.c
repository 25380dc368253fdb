/*
 * sql_rows.c - tests of values as JSON, both ways: rows of a store as an answer, and a body's values as a store's. And of what
 * is taken for JSON when it is written raw.
 */
#include "sql_schema.h"

#include "../../fcgi-app/sql/literal.h"
#include "../../fcgi-app/sql/sql.h"
#include "tap.h"

#define T(literal)                                   \
    {                                                \
        TV_VALUE_TEXT,                               \
        {                                            \
            .text = { literal, sizeof(literal) - 1 } \
        }                                            \
    }
#define I(number)               \
    {                           \
        TV_VALUE_INTEGER,       \
        {                       \
            .integer = (number) \
        }                       \
    }
#define U(number)                        \
    {                                    \
        TV_VALUE_UNSIGNED,               \
        {                                \
            .unsigned_integer = (number) \
        }                                \
    }
#define D(number)            \
    {                        \
        TV_VALUE_DOUBLE,     \
        {                    \
            .real = (number) \
        }                    \
    }
#define F(number)            \
    {                        \
        TV_VALUE_FLOAT,      \
        {                    \
            .real = (number) \
        }                    \
    }

struct cell {
    const char *column;
    struct tv_value value;
    const char *json;
};

static const struct cell cells[] = {
    {"id", I(-5), "-5"},
    {"id", {.type = TV_VALUE_NULL}, "null"},
    {"ubig", U(UINT64_MAX), "18446744073709551615"},
    {"done", I(1), "true"},
    {"done", I(0), "false"},
    {"done", I(-1), "true"},
    {"price", T("1.50"), "1.50"},
    {"price", T("-0.05"), "-0.05"},
    {"price", T("00012.30"), "12.30"},
    {"price", T(".5"), "0.5"},
    {"price", T("0"), "0"},
    {"price", T("99999999999999999999999999.0000000001"), "99999999999999999999999999.0000000001"},
    {"price", T("x\"y"), "\"x\\\"y\""}, /* the column became text meanwhile */
    {"ratio", F((double)0.1f), "0.1"},
    {"exact", D(0.1), "0.1"},
    {"exact", D(1e300), "1e+300"},
    {"name", T("a\"b\\c\nd\x01"), "\"a\\\"b\\\\c\\nd\\u0001\""},
    {"name", T("\xFFx"), "\"\xEF\xBF\xBDx\""},
    {"name", I(7), "7"},
    {"day", T("2024-02-29"), "\"2024-02-29\""},
    {"at", T("-838:59:59.5"), "\"-838:59:59.5\""},
    {"local", T("2024-02-29T01:02:03.000004"), "\"2024-02-29T01:02:03.000004\""},
    {"moment", T("2024-02-29T01:02:03"), "\"2024-02-29T01:02:03+00:00\""},
    {"moment", T("not a \"time\""), "\"not a \\\"time\\\"\""},
    {"data", T("{\"a\": [1, null]}"), "{\"a\": [1, null]}"},
    {"data", T("{broken"), "\"{broken\""},
    {"data", T(""), "\"\""},
    {"bytes", T("hi\0\xFF"), "\"\\\\x686900ff\""},
    {"bytes", T(""), "\"\\\\x\""},
    {"flags", T("\x05"), "\"0101\""},
    {"flags", T(""), "\"0000\""},
    {"place", T("{\"type\": \"Point\"}"), "{\"type\": \"Point\"}"},
};

static void check_cells(const struct sql_table *table, struct tv_buffer *out)
{
    for (size_t i = 0; i < TV_COUNT(cells); i++) {
        const struct sql_column *column = sql_column_of(table, tv_slice_of(cells[i].column));
        struct sql_output output = {.json_key = TV_SLICE(",\"k\":"),
                                    .expression = {.column = column, .type = column->type}};
        struct sql_plan plan = {.outputs = &output, .output_count = 1};
        char want[256];
        snprintf(want, sizeof want, "{\"k\":%s}", cells[i].json);
        tv_buffer_reset(out, 4096);
        sql_write_row(out, &plan, &cells[i].value, false);
        is_slice(out->data, out->length, want, cells[i].column);
    }
}

static void check_rows(const struct sql_table *table, struct tv_buffer *out)
{
    struct sql_output outputs[] = {
        {.json_key = TV_SLICE(",\"a\":"),
         .expression = {.column = &table->columns[0], .type = SQL_TYPE_INTEGER}},
        {.json_key = TV_SLICE(",\"b\":"),
         .expression = {.column = &table->columns[1], .type = SQL_TYPE_TEXT}},
    };
    struct sql_plan plan = {.outputs = outputs, .output_count = 2};
    struct tv_value full[] = {I(1), T("x")}, half[] = {{.type = TV_VALUE_NULL}, T("x")},
                    empty[] = {{.type = TV_VALUE_NULL}, {.type = TV_VALUE_NULL}};
    tv_buffer_reset(out, 4096);
    sql_write_row(out, &plan, full, false);
    sql_write_row(out, &plan, half, true);
    sql_write_row(out, &plan, empty, true);
    sql_write_row(out, &plan, empty, false);
    is_slice(out->data, out->length, "{\"a\":1,\"b\":\"x\"}{\"b\":\"x\"}{}{\"a\":null,\"b\":null}",
             "rows, with and without their nulls");
    outputs[0].expression.type = SQL_TYPE_DECIMAL;
    outputs[0].expression.cast = SQL_CAST_DECIMAL;
    plan.output_count = 1;
    struct tv_value padded = T("12.500000000000"), whole = T("100.000");
    tv_buffer_reset(out, 4096);
    sql_write_row(out, &plan, &padded, false);
    sql_write_row(out, &plan, &whole, false);
    is_slice(out->data, out->length, "{\"a\":12.5}{\"a\":100}", "a cast's zeros are not shown");
}

static void check_json(void)
{
    static const char *const valid[] = {"null",
                                        "true",
                                        "false",
                                        "0",
                                        "-0.5e+10",
                                        "\"\"",
                                        "\"\\u00e9\\n\"",
                                        "[]",
                                        "{}",
                                        "[1,[2,{\"a\":[]}],\"x\"]",
                                        " { \"a\" : 1 , \"b\" : [ ] } ",
                                        "[[[[]]],[]]",
                                        "\"\xC3\xA9\""};
    static const char *const invalid[] = {
        "",     " ",    "nul",   "01",       "1.",        ".5",     "-",          "1e",
        "+1",   "'a'",  "\"",    "\"\\x\"",  "\"\\u12\"", "\"\n\"", "[",          "]",
        "[1,]", "[,1]", "[1 2]", "{\"a\"}",  "{\"a\":}",  "{a:1}",  "{\"a\":1,}", "[}",
        "{]",   "1 2",  "[]]",   "\"\xFF\"", "{\"a\":1]", "[1}"};
    for (size_t i = 0; i < TV_COUNT(valid); i++)
        ok(sql_json_valid(tv_slice_of(valid[i])), "is JSON: %s", valid[i]);
    for (size_t i = 0; i < TV_COUNT(invalid); i++)
        ok(!sql_json_valid(tv_slice_of(invalid[i])), "is no JSON: the one at %zu", i);
    char deep[4096];
    memset(deep, '[', sizeof deep);
    ok(!sql_json_valid((struct tv_slice){deep, sizeof deep}), "4096 open brackets end it");
}

struct value {
    const char *column;
    const char *json;
    const char *text; /* "i5", "t<x>", "n<1.5>", "-"; NULL: refused */
};

static const struct value values[] = {
    {"id", "5", "i5"},
    {"id", "\"5\"", "i5"},
    {"id", "1.5", NULL},
    {"id", "1e2", NULL},
    {"id", "true", NULL},
    {"id", "[]", NULL},
    {"id", "null", "-"},
    {"done", "true", "i1"},
    {"done", "\"no\"", "i0"},
    {"done", "1", "i1"},
    {"done", "2", NULL},
    {"price", "1.50", "n<1.50>"},
    {"price", "\"3.99\"", "n<3.99>"},
    {"price", "12345678901234567890123456789012345678901234567890123456789012345678901", NULL},
    {"name", "\"a\\u0000b\"", "t<a"},
    {"name", "5.10", "t<5.10>"},
    {"name", "{\"a\": 1}", "t<{\"a\": 1}>"},
    {"name", "false", "t<false>"},
    {"data", "{\"a\": 1}", "t<{\"a\": 1}>"},
    {"data", "\"x\"", "t<\"x\">"},
    {"data", "null", "-"},
    {"day", "\"2024-01-02\"", "t<2024-01-02>"},
    {"day", "5", NULL},
    {"bytes", "\"\\\\x6869\"", "t<hi>"},
    {"flags", "\"11\"", "u3"},
};

static void check_values(struct tv_arena *arena, const struct sql_table *table)
{
    for (size_t i = 0; i < TV_COUNT(values); i++) {
        struct tv_json_value *json;
        struct tv_value value;
        struct tv_error error;
        char shown[128];
        tv_arena_reset(arena);
        if (!tv_json_read(arena, tv_slice_of(values[i].json), 10, &json, &error))
            continue;
        bool taken = sql_json_literal(arena, sql_column_of(table, tv_slice_of(values[i].column)), json,
                                      &value, &error);
        if (!values[i].text) {
            ok(!taken && error.status == 400, "%s does not take %s", values[i].column, values[i].json);
            continue;
        }
        if (!ok(taken, "%s takes %s", values[i].column, values[i].json))
            continue;
        if (value.type == TV_VALUE_NULL)
            snprintf(shown, sizeof shown, "-");
        else if (value.type == TV_VALUE_INTEGER)
            snprintf(shown, sizeof shown, "i%lld", (long long)value.integer);
        else if (value.type == TV_VALUE_UNSIGNED)
            snprintf(shown, sizeof shown, "u%llu", (unsigned long long)value.unsigned_integer);
        else
            snprintf(shown, sizeof shown, "%c<%.*s>", value.type == TV_VALUE_TEXT ? 't' : 'n',
                     (int)value.text.length, value.text.data);
        ok(strncmp(shown, values[i].text, strlen(values[i].text)) == 0, "as %s", shown);
    }
}

int main(void)
{
    struct sql_schema *schema = sql_test_schema();
    const struct sql_table *table = sql_table_of(schema, TV_SLICE("thing"));
    struct tv_arena arena;
    struct tv_buffer out;
    tv_arena_init(&arena, 1 << 20);
    tv_buffer_init(&out, 1 << 20);
    check_cells(table, &out);
    check_rows(table, &out);
    check_json();
    check_values(&arena, table);
    tv_buffer_free(&out);
    tv_arena_free(&arena);
    sql_schema_free(schema);
    return done_testing();
}
