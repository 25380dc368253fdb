/*
 * sql_schema.h - a small schema, made without a store, for tests of what is built from one.
 */
#ifndef TRIVET_TESTS_SQL_SCHEMA_H
#define TRIVET_TESTS_SQL_SCHEMA_H

#include <stdlib.h>
#include <string.h>

#include "../../fcgi-app/sql/schema.h"

struct sql_test_column {
    const char *name;
    const char *data_type;
    const char *column_type;
    const char *collation; /* of text: "utf8mb4_general_ci", "latin1_swedish_ci" */
    bool not_null;
};

static const struct sql_test_column sql_test_columns[] = {
    {"id", "int", "int(11)", "", true},
    {"name", "varchar", "varchar(100)", "utf8mb4_general_ci", false},
    {"code", "varchar", "varchar(10)", "utf8mb4_bin", true},
    {"old", "varchar", "varchar(10)", "latin1_swedish_ci", false},
    {"done", "tinyint", "tinyint(1)", "", false},
    {"tiny", "tinyint", "tinyint(4) unsigned", "", false},
    {"big", "bigint", "bigint(20)", "", false},
    {"ubig", "bigint", "bigint(20) unsigned", "", false},
    {"price", "decimal", "decimal(10,2)", "", false},
    {"ratio", "float", "float", "", false},
    {"exact", "double", "double", "", false},
    {"day", "date", "date", "", false},
    {"at", "time", "time(3)", "", false},
    {"local", "datetime", "datetime(6)", "", false},
    {"moment", "timestamp", "timestamp", "", false},
    {"data", "json", "json", "", false},
    {"bytes", "blob", "blob", "", false},
    {"flags", "bit", "bit(4)", "", false},
    {"place", "point", "point", "", false},
    {"od`d", "int", "int(11)", "", false},
};

/* A schema "shop" with the table "thing" that has these columns, id its key. Ends the program when there is no memory. */
static struct sql_schema *sql_test_schema(void)
{
    struct tv_error error;
    struct sql_schema *schema = sql_schema_new(TV_SLICE("shop"), 3, &error);
    struct sql_table *table = schema ? sql_schema_add(schema, TV_SLICE("thing")) : NULL;
    if (!table || !sql_schema_add(schema, TV_SLICE("thank")) || !sql_schema_add(schema, TV_SLICE("we`ird")))
        abort();
    table->columns = tv_arena_array(&schema->arena, TV_COUNT(sql_test_columns), sizeof *table->columns);
    for (size_t i = 0; table->columns && i < TV_COUNT(sql_test_columns); i++) {
        const struct sql_test_column *from = &sql_test_columns[i];
        struct sql_column *column = &table->columns[table->column_count++];
        if (!sql_column_name(schema, column, tv_slice_of(from->name)))
            abort();
        sql_column_type(column, tv_slice_of(from->data_type), tv_slice_of(from->column_type), true);
        sql_column_collation(column,
                             tv_slice_of(strncmp(from->collation, "utf8mb4", 7) ? "latin1" : "utf8mb4"),
                             tv_slice_of(from->collation));
        column->nullable = !from->not_null;
    }
    return schema;
}

#endif
