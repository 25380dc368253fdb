/*
 * sql_build.c - tests of what a query becomes: SQL whose names come from the schema, with every value apart from it, for
 * MariaDB and for MySQL; and what is refused before a store sees it.
 */
#include "sql_schema.h"

#include "../../fcgi-app/sql/build_sql.h"
#include "tap.h"

#define ID   "SELECT `id` FROM `shop`.`thing`"
#define BOTH NULL /* MySQL gets the same as MariaDB */

struct building {
    const char *query; /* behind select=id& */
    const char *mariadb;
    const char *mysql;
    const char *values; /* "i1 u2 d1.5 t<x> n<1.50> -" */
};

static const struct building good[] = {
    {"", ID, BOTH, ""},
    {"id=eq.5", ID " WHERE (`id`=?)", BOTH, "i5"},
    {"id=not.eq.5&id=neq.6", ID " WHERE NOT (`id`=?) AND (`id`<>?)", BOTH, "i5 i6"},
    {"id=gt.1&id=gte.2&id=lt.3&id=lte.4", ID " WHERE (`id`>?) AND (`id`>=?) AND (`id`<?) AND (`id`<=?)", BOTH,
     "i1 i2 i3 i4"},
    {"id=in.(1,2)", ID " WHERE (`id` IN (?,?))", BOTH, "i1 i2"},
    {"id=in.(1,2,3,4,5)", ID " WHERE (`id` IN (?,?,?,?,?,?,?,?))", BOTH, "i1 i2 i3 i4 i5 i5 i5 i5"},
    {"id=in.()&id=not.in.()", ID " WHERE (FALSE) AND NOT (FALSE)", BOTH, ""},
    {"id=eq(any).{1,2}&id=gt(all).{3,4}&id=eq(any).{}&id=eq(all).{}",
     ID " WHERE ((`id`=? OR `id`=?)) AND ((`id`>? AND `id`>?)) AND (FALSE) AND (TRUE)", BOTH, "i1 i2 i3 i4"},
    {"name=isdistinct.x", ID " WHERE (NOT `name`<=>?)", BOTH, "t<x>"},
    {"done=is.true&name=is.null&name=not.is.null&done=is.unknown",
     ID " WHERE (`done` IS TRUE) AND (`name` IS NULL) AND NOT (`name` IS NULL) AND (`done` IS UNKNOWN)", BOTH,
     ""},
    {"or=(id.eq.1,and(id.gt.2,not.or(id.lt.3,code.eq.a)))",
     ID " WHERE ((`id`=?) OR ((`id`>?) AND NOT ((`id`<?) OR (`code`=?))))", BOTH, "i1 i2 i3 t<a>"},
    /* letters count for like, not for ilike, whatever the column's collation is */
    {"code=like.a*", ID " WHERE (`code` LIKE ?)", BOTH, "t<a%>"},
    {"name=like.a*", ID " WHERE (`name` COLLATE utf8mb4_bin LIKE ?)", BOTH, "t<a%>"},
    {"old=like.a*", ID " WHERE (CONVERT(`old` USING utf8mb4) COLLATE utf8mb4_bin LIKE ?)", BOTH, "t<a%>"},
    {"name=ilike.*b", ID " WHERE (`name` LIKE ?)", BOTH, "t<%b>"},
    {"code=ilike.b", ID " WHERE (`code` COLLATE utf8mb4_general_ci LIKE ?)",
     ID " WHERE (`code` COLLATE utf8mb4_0900_as_ci LIKE ?)", "t<b>"},
    {"name=match.^a", ID " WHERE ((`name` REGEXP CONCAT('(?-i)',?)))",
     ID " WHERE (REGEXP_LIKE(`name`,?,'c'))", "t<^a>"},
    {"name=imatch.^a", ID " WHERE ((`name` REGEXP CONCAT('(?i)',?)))",
     ID " WHERE (REGEXP_LIKE(`name`,?,'i'))", "t<^a>"},
    /* values by type */
    {"done=eq.true&done=eq.f&done=eq.ON", ID " WHERE (`done`=?) AND (`done`=?) AND (`done`=?)", BOTH,
     "i1 i0 i1"},
    {"big=eq.-9223372036854775808&ubig=eq.18446744073709551615&tiny=eq.255",
     ID " WHERE (`big`=?) AND (`ubig`=?) AND (`tiny`=?)", BOTH,
     "i-9223372036854775808 u18446744073709551615 i255"},
    {"price=eq.+1.50&price=eq.-1e3", ID " WHERE (`price`=?) AND (`price`=?)", BOTH, "n<1.50> n<-1e3>"},
    {"ratio=eq.0.1&exact=eq.0.1", ID " WHERE (`ratio`=?) AND (`exact`=?)", BOTH,
     "d0.10000000149011612 d0.10000000000000001"},
    {"day=eq.2024-02-29&day=eq.2024-02-29T10:00:00Z", ID " WHERE (`day`=?) AND (`day`=?)", BOTH,
     "t<2024-02-29> t<2024-02-29>"},
    {"local=eq.2024-01-02T03:04:05.123456789&local=eq.2024-01-02", ID " WHERE (`local`=?) AND (`local`=?)",
     BOTH, "t<2024-01-02 03:04:05.123456> t<2024-01-02 00:00:00.0>"},
    {"moment=eq.2024-01-01T00:30:00%2B02:00&moment=eq.2024-12-31%2023:30:00-0100",
     ID " WHERE (`moment`=?) AND (`moment`=?)", BOTH, "t<2023-12-31 22:30:00.0> t<2025-01-01 00:30:00.0>"},
    {"at=eq.-838:59:59.5", ID " WHERE (`at`=?)", BOTH, "t<-838:59:59.5>"},
    {"bytes=eq.\\x6869&bytes=eq.hi", ID " WHERE (`bytes`=?) AND (`bytes`=?)", BOTH, "t<hi> t<hi>"},
    {"flags=eq.0101", ID " WHERE (`flags`=?)", BOTH, "u5"},
    {"data=eq.[1]", ID " WHERE (JSON_EQUALS(`data`,?))", ID " WHERE (`data`=CAST(? AS JSON))", "t<[1]>"},
    {"data->a->>0=eq.x",
     ID " WHERE (IF(JSON_TYPE(JSON_EXTRACT(`data`,?))='NULL',NULL,JSON_UNQUOTE(JSON_EXTRACT(`data`,?)))=?)",
     BOTH, "t<$.\"a\"[0]> t<$.\"a\"[0]> t<x>"},
    {"data->a=gt.5", ID " WHERE (JSON_EXTRACT(`data`,?)>?)", BOTH, "t<$.\"a\"> n<5>"},
    {"data->%22q%5C%22%5C%5C%22=eq.1", ID " WHERE (JSON_EXTRACT(`data`,?)=?)", BOTH,
     "t<$.\"q\\\"\\\\\"> n<1>"},
    {"%22od%60d%22=eq.1", ID " WHERE (`od``d`=?)", BOTH, "i1"},
    {"name=eq.%27%20OR%201=1;--%20%60", ID " WHERE (`name`=?)", BOTH, "t<' OR 1=1;-- `>"},
    /* order: what is natural is not said, so that indexes serve */
    {"order=id", ID " ORDER BY `id`", BOTH, ""},
    {"order=id.desc", ID " ORDER BY `id` DESC", BOTH, ""},
    {"order=name", ID " ORDER BY `name` IS NULL,`name`", BOTH, ""},
    {"order=name.nullsfirst", ID " ORDER BY `name`", BOTH, ""},
    {"order=name.desc", ID " ORDER BY `name` IS NULL DESC,`name` DESC", BOTH, ""},
    {"order=name.desc.nullslast,id", ID " ORDER BY `name` DESC,`id`", BOTH, ""},
    {"limit=3", ID " LIMIT ?", BOTH, "i3"},
    {"limit=3&offset=4", ID " LIMIT ? OFFSET ?", BOTH, "i3 i4"},
    {"offset=4", ID " LIMIT ? OFFSET ?", BOTH, "i9223372036854775807 i4"},
};

struct selecting {
    const char *select;
    const char *mariadb;
    const char *mysql;
    const char *keys;
};

static const struct selecting selects[] = {
    {"name,x:code", "SELECT `name`,`code`", BOTH, ",\"name\":,\"x\":"},
    {"a\"b:id", NULL, NULL, NULL},
    {"\"a\\\"b\":id", "SELECT `id`", BOTH, ",\"a\\\"b\":"},
    {"done::text", "SELECT CASE WHEN `done` THEN 'true' WHEN NOT `done` THEN 'false' END", BOTH,
     ",\"done\":"},
    {"id::text,id::numeric,id::float8,id::bool,code::int",
     "SELECT CAST(`id` AS CHAR),CAST(`id` AS DECIMAL(65,30)),CAST(`id` AS DOUBLE),(`id`<>0),CAST(`code` AS "
     "SIGNED)",
     BOTH, ",\"id\":,\"id\":,\"id\":,\"id\":,\"code\":"},
    {"data->a,b:data->>0,data->c->-1", /* the last key names it, or the one before an index */
     "SELECT "
     "JSON_EXTRACT(`data`,?),IF(JSON_TYPE(JSON_EXTRACT(`data`,?))='NULL',NULL,JSON_UNQUOTE(JSON_EXTRACT("
     "`data`,?))),JSON_EXTRACT(`data`,?)",
     BOTH, ",\"a\":,\"b\":,\"c\":"},
    {"name::json", "SELECT `name`", "SELECT CAST(`name` AS JSON)", ",\"name\":"},
    {"place", "SELECT ST_AsGeoJSON(`place`)", BOTH, ",\"place\":"},
};

struct refusal {
    const char *query;
    int status;
    const char *code;
    bool unknown;
};

static const struct refusal bad[] = {
    {"select=nope", 400, "42703", true},
    {"nope=eq.1", 400, "42703", true},
    {"order=nope", 400, "42703", true},
    {"id=eq.abc", 400, "22P02", false},
    {"id=eq.1.5", 400, "22P02", false},
    {"id=eq.", 400, "22P02", false},
    {"id=in.(1,x)", 400, "22P02", false},
    {"id=eq.2147483648", 400, "22003", false},
    {"id=eq.-2147483649", 400, "22003", false},
    {"tiny=eq.-1", 400, "22003", false},
    {"tiny=eq.256", 400, "22003", false},
    {"ubig=eq.18446744073709551616", 400, "22003", false},
    {"big=eq.99999999999999999999999999", 400, "22003", false},
    {"done=eq.maybe", 400, "22P02", false},
    {"done=eq.o", 400, "22P02", false},
    {"price=eq.1,5", 400, "22P02", false},
    {"price=eq.NaN", 400, "22P02", false},
    {"exact=eq.0x10", 400, "22P02", false},
    {"exact=eq.1e999", 400, "22003", false},
    {"day=eq.tomorrow", 400, "22007", false},
    {"day=eq.2023-02-29", 400, "22008", false},
    {"local=eq.2023-01-01T25:00", 400, "22008", false},
    {"moment=eq.2023-01-01T00:00:00%2B99:00", 400, "22007", false},
    {"at=eq.12", 400, "22007", false},
    {"at=eq.900:00", 400, "22008", false},
    {"bytes=eq.\\x6", 400, "22023", false},
    {"bytes=eq.\\xzz", 400, "22023", false},
    {"flags=eq.2", 400, "22P02", false},
    {"flags=eq.10000", 400, "22001", false},
    {"data=eq.{", 400, "22P02", false},
    {"data=gt.1", 404, "42883", false},
    {"id->a=eq.1", 404, "42883", false},
    {"id=like.1*", 404, "42883", false},
    {"place=eq.1", 404, "42883", false},
    {"id=sl.1", 400, "42883", false},
    {"id=is.true", 400, "42804", false},
    {"select=id::money", 400, "42704", false},
    {"select=id.sum()", 400, "PGRST123", false},
    {"select=other(id)", 400, "PGRST127", false},
    {"select=...other(id)", 400, "PGRST127", false},
    {"name=fts.x", 400, "PGRST127", false},
    {"data=cs.{1}", 400, "PGRST127", false},
    {"other.id=eq.1", 400, "PGRST108", false},
    {"order=other(id)", 400, "PGRST108", false},
};

static void show_values(struct tv_buffer *out, const struct sql_statement *statement)
{
    for (size_t i = 0; i < statement->count; i++) {
        const struct tv_value *value = &statement->values[i];
        tv_buffer_text(out, i ? " " : "");
        switch (value->type) {
        case TV_VALUE_NULL: tv_buffer_text(out, "-"); break;
        case TV_VALUE_INTEGER: tv_buffer_printf(out, "i%lld", (long long)value->integer); break;
        case TV_VALUE_UNSIGNED:
            tv_buffer_printf(out, "u%llu", (unsigned long long)value->unsigned_integer);
            break;
        case TV_VALUE_FLOAT:
        case TV_VALUE_DOUBLE: tv_buffer_printf(out, "d%.17g", value->real); break;
        case TV_VALUE_DECIMAL:
        case TV_VALUE_TEXT:
            tv_buffer_printf(out, "%c<%.*s>", value->type == TV_VALUE_TEXT ? 't' : 'n',
                             (int)value->text.length, value->text.data);
            break;
        }
    }
}

struct bench {
    struct tv_arena arena;
    struct sql_schema *schema;
    const struct sql_table *table;
    struct sql_statement statement;
    struct tv_buffer shown;
    struct sql_query query;
    struct sql_plan plan;
    struct tv_error error;
    bool unknown;
};

static bool resolve(struct bench *bench, const char *text)
{
    bench->error.status = 0;
    tv_arena_reset(&bench->arena);
    return sql_read_url(&bench->arena, tv_slice_of(text), &bench->query, &bench->error) &&
           sql_resolve_read(&bench->arena, bench->table, &bench->query, &bench->plan, &bench->unknown,
                            &bench->error);
}

static void build(struct bench *bench, enum tv_mysql_flavour flavour)
{
    sql_statement_begin(&bench->statement, flavour);
    sql_build_select(&bench->statement, &bench->plan);
    tv_buffer_reset(&bench->shown, 65536);
    show_values(&bench->shown, &bench->statement);
}

static void check_good(struct bench *bench)
{
    for (size_t i = 0; i < TV_COUNT(good); i++) {
        char text[512];
        snprintf(text, sizeof text, "select=id&%s", good[i].query);
        if (!ok(resolve(bench, text), "resolves %s", good[i].query)) {
            note("%s %s", bench->error.code, bench->error.message);
            continue;
        }
        build(bench, TV_MARIADB_SERVER);
        is_slice(bench->statement.text.data, bench->statement.text.length, good[i].mariadb, "for MariaDB");
        is_slice(bench->shown.data ? bench->shown.data : "", bench->shown.length, good[i].values,
                 "its values");
        build(bench, TV_MYSQL_SERVER);
        is_slice(bench->statement.text.data, bench->statement.text.length,
                 good[i].mysql ? good[i].mysql : good[i].mariadb, "for MySQL");
    }
}

static void check_selects(struct bench *bench)
{
    for (size_t i = 0; i < TV_COUNT(selects); i++) {
        char text[512], want[512];
        snprintf(text, sizeof text, "select=%s", selects[i].select);
        if (!selects[i].mariadb) {
            ok(!resolve(bench, text), "refuses %s", selects[i].select);
            continue;
        }
        if (!ok(resolve(bench, text), "resolves %s", selects[i].select)) {
            note("%s %s", bench->error.code, bench->error.message);
            continue;
        }
        build(bench, TV_MARIADB_SERVER);
        snprintf(want, sizeof want, "%s FROM `shop`.`thing`", selects[i].mariadb);
        is_slice(bench->statement.text.data, bench->statement.text.length, want, "for MariaDB");
        build(bench, TV_MYSQL_SERVER);
        snprintf(want, sizeof want, "%s FROM `shop`.`thing`",
                 selects[i].mysql ? selects[i].mysql : selects[i].mariadb);
        is_slice(bench->statement.text.data, bench->statement.text.length, want, "for MySQL");
        tv_buffer_reset(&bench->shown, 65536);
        for (size_t k = 0; k < bench->plan.output_count; k++)
            tv_buffer_slice(&bench->shown, bench->plan.outputs[k].json_key);
        is_slice(bench->shown.data, bench->shown.length, selects[i].keys, "its members");
    }
    ok(resolve(bench, "") && bench->plan.output_count == TV_COUNT(sql_test_columns),
       "no select is all columns");
    ok(resolve(bench, "select=id,*") && bench->plan.output_count == TV_COUNT(sql_test_columns) + 1,
       "a column and all columns");
}

static void check_bad(struct bench *bench)
{
    for (size_t i = 0; i < TV_COUNT(bad); i++) {
        bool refused = !resolve(bench, bad[i].query);
        ok(refused && bench->error.status == bad[i].status && strcmp(bench->error.code, bad[i].code) == 0 &&
               bench->unknown == bad[i].unknown,
           "refuses %s: %d %s %s", bad[i].query, bench->error.status, bench->error.code,
           bench->error.message);
    }
}

static void check_count(struct bench *bench)
{
    ok(resolve(bench, "id=eq.1&order=id&limit=3"), "resolves what is counted");
    sql_statement_begin(&bench->statement, TV_MARIADB_SERVER);
    sql_build_count(&bench->statement, &bench->plan);
    is_slice(bench->statement.text.data, bench->statement.text.length,
             "SELECT COUNT(*) FROM `shop`.`thing` WHERE (`id`=?)", "counting takes the filters alone");
}

static void check_bounds(struct bench *bench)
{
    struct tv_buffer text;
    tv_buffer_init(&text, 1 << 20);
    tv_buffer_text(&text, "id=in.(");
    for (int i = 0; i < 70000; i++)
        tv_buffer_text(&text, "1,");
    tv_buffer_append(&text, "1)", 3);
    ok(resolve(bench, text.data), "resolves a list of 70001 values");
    build(bench, TV_MARIADB_SERVER);
    ok(!sql_statement_good(&bench->statement, &bench->error) && bench->error.status == 413,
       "and refuses to send more values than a statement may have");
    tv_buffer_free(&text);
}

static void check_names(struct bench *bench)
{
    const struct sql_table *weird = sql_table_of(bench->schema, TV_SLICE("we`ird"));
    ok(weird != NULL && sql_table_of(bench->schema, TV_SLICE("Thing")) == NULL, "tables by their exact name");
    is_slice(weird->quoted.data, weird->quoted.length, "`shop`.`we``ird`", "a backtick in a name is doubled");
    is_slice(weird->thing.data, weird->thing.length, "sql:shop.we`ird", "what the cache calls it");
    ok(sql_table_like(bench->schema, TV_SLICE("thnig")) == NULL &&
           sql_table_like(bench->schema, TV_SLICE("foozle")) == NULL,
       "nothing is like a name that is too different");
    ok(sql_table_like(bench->schema, TV_SLICE("things")) == bench->table, "things is like thing");
}

int main(void)
{
    struct bench bench = {.schema = sql_test_schema()};
    bench.table = sql_table_of(bench.schema, TV_SLICE("thing"));
    tv_arena_init(&bench.arena, 64 << 20);
    tv_buffer_init(&bench.shown, 8 << 20);
    sql_statement_init(&bench.statement);
    check_good(&bench);
    check_selects(&bench);
    check_bad(&bench);
    check_count(&bench);
    check_bounds(&bench);
    check_names(&bench);
    sql_statement_free(&bench.statement);
    tv_buffer_free(&bench.shown);
    tv_arena_free(&bench.arena);
    sql_schema_free(bench.schema);
    return done_testing();
}
