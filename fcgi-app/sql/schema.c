/*
 * schema.c - building a schema and finding things in it.
 */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

/* A database with ten thousand tables of twenty columns takes about 40 MB. */
#define MEMORY_MAX   ((size_t)512 << 20)
#define NAME_MAX_LEN 256 /* identifiers have 64 characters at most */

static size_t bucket_of(const struct sql_schema *schema, struct tv_slice name)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < name.length; i++)
        hash = (hash ^ (unsigned char)name.data[i]) * 0x100000001b3ull;
    return (size_t)(hash ^ hash >> 32) & (schema->bucket_count - 1);
}

const struct sql_table *sql_table_of(const struct sql_schema *schema, struct tv_slice name)
{
    const struct sql_table *table = schema->buckets[bucket_of(schema, name)];
    while (table && !tv_slice_equal(table->name, name))
        table = table->chain;
    return table;
}

const struct sql_column *sql_column_of(const struct sql_table *table, struct tv_slice name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (tv_slice_equal(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

/* --- likeness --- */

/* Levenshtein's distance, bytewise: enough for a hint. */
static size_t distance(struct tv_slice a, struct tv_slice b)
{
    size_t row[NAME_MAX_LEN + 1];
    for (size_t k = 0; k <= b.length; k++)
        row[k] = k;
    for (size_t i = 1; i <= a.length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b.length; k++) {
            size_t change = diagonal + (a.data[i - 1] != b.data[k - 1]);
            size_t other = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
            diagonal = row[k];
            row[k] = change < other ? change : other;
        }
    }
    return row[b.length];
}

const struct sql_table *sql_table_like(const struct sql_schema *schema, struct tv_slice name)
{
    const struct sql_table *best = NULL;
    size_t best_distance = 0;
    if (name.length > NAME_MAX_LEN)
        return NULL;
    for (size_t i = 0; i < schema->bucket_count; i++) {
        for (const struct sql_table *table = schema->buckets[i]; table; table = table->chain) {
            size_t longer = table->name.length > name.length ? table->name.length : name.length;
            size_t shorter = table->name.length + name.length - longer;
            if (longer > NAME_MAX_LEN || (longer - shorter) * 4 > longer)
                continue;
            size_t away = distance(table->name, name);
            if (away * 4 <= longer && (!best || away < best_distance)) {
                best = table;
                best_distance = away;
            }
        }
    }
    return best;
}

/* --- building --- */

static bool keep(struct sql_schema *schema, struct tv_slice *out, struct tv_slice text)
{
    *out = (struct tv_slice){tv_arena_text(&schema->arena, text), text.length};
    return out->data != NULL;
}

/* Between backticks, doubled within. out has room for twice the name and two. */
static size_t put_quoted(char *out, size_t at, struct tv_slice name)
{
    out[at++] = '`';
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '`')
            out[at++] = '`';
        out[at++] = name.data[i];
    }
    out[at++] = '`';
    return at;
}

struct sql_schema *sql_schema_new(struct tv_slice database, size_t tables, struct tv_error *error)
{
    struct sql_schema *schema = calloc(1, sizeof *schema);
    if (!schema) {
        tv_fail(error, 500, NULL, "no memory for the schema");
        return NULL;
    }
    tv_arena_init(&schema->arena, MEMORY_MAX);
    schema->bucket_count = 16;
    while (schema->bucket_count < tables)
        schema->bucket_count *= 2;
    schema->buckets = tv_arena_array(&schema->arena, schema->bucket_count, sizeof *schema->buckets);
    char *all = tv_arena_printf(&schema->arena, "sql:%.*s.*", (int)database.length, database.data);
    if (!schema->buckets || !all || !keep(schema, &schema->database, database)) {
        sql_schema_free(schema);
        tv_fail(error, 500, NULL, "no memory for the schema");
        return NULL;
    }
    schema->all_things = tv_slice_of(all);
    schema->loaded_ms = tv_clock_ms();
    return schema;
}

void sql_schema_free(struct sql_schema *schema)
{
    if (!schema)
        return;
    tv_arena_free(&schema->arena);
    free(schema);
}

struct sql_table *sql_schema_add(struct sql_schema *schema, struct tv_slice name)
{
    struct sql_table *table = tv_arena_array(&schema->arena, 1, sizeof *table);
    char *quoted = tv_arena_alloc(&schema->arena, 2 * (schema->database.length + name.length) + 5);
    char *thing = tv_arena_printf(&schema->arena, "sql:%.*s.%.*s", (int)schema->database.length,
                                  schema->database.data, (int)name.length, name.data);
    if (!table || !quoted || !thing || !keep(schema, &table->name, name))
        return NULL;
    size_t length = put_quoted(quoted, 0, schema->database);
    quoted[length++] = '.';
    table->quoted = (struct tv_slice){quoted, put_quoted(quoted, length, name)};
    table->thing = tv_slice_of(thing);
    struct sql_table **bucket = &schema->buckets[bucket_of(schema, name)];
    table->chain = *bucket;
    *bucket = table;
    schema->table_count++;
    return table;
}

bool sql_column_name(struct sql_schema *schema, struct sql_column *column, struct tv_slice name)
{
    char *quoted = tv_arena_alloc(&schema->arena, 2 * name.length + 2);
    struct tv_buffer key;
    struct tv_json json;
    if (!quoted || !keep(schema, &column->name, name))
        return false;
    column->quoted = (struct tv_slice){quoted, put_quoted(quoted, 0, name)};
    tv_buffer_init(&key, 8 * NAME_MAX_LEN);
    tv_buffer_byte(&key, ',');
    tv_json_start(&json, &key);
    tv_json_string(&json, name);
    tv_buffer_byte(&key, ':');
    bool kept = !tv_buffer_failed(&key) && keep(schema, &column->json_key, tv_buffer_view(&key));
    tv_buffer_free(&key);
    return kept;
}

static const struct type_row {
    const char *data_type;
    enum sql_type type;
    unsigned bytes; /* INTEGER */
    const char *name;
} types[] = {
    {"tinyint", SQL_TYPE_INTEGER, 1, "smallint"},
    {"smallint", SQL_TYPE_INTEGER, 2, "smallint"},
    {"mediumint", SQL_TYPE_INTEGER, 3, "integer"},
    {"int", SQL_TYPE_INTEGER, 4, "integer"},
    {"bigint", SQL_TYPE_INTEGER, 8, "bigint"},
    {"year", SQL_TYPE_INTEGER, 2, "smallint"},
    {"decimal", SQL_TYPE_DECIMAL, 0, "numeric"},
    {"float", SQL_TYPE_FLOAT, 0, "real"},
    {"double", SQL_TYPE_DOUBLE, 0, "double precision"},
    {"binary", SQL_TYPE_BINARY, 0, "bytea"},
    {"varbinary", SQL_TYPE_BINARY, 0, "bytea"},
    {"tinyblob", SQL_TYPE_BINARY, 0, "bytea"},
    {"blob", SQL_TYPE_BINARY, 0, "bytea"},
    {"mediumblob", SQL_TYPE_BINARY, 0, "bytea"},
    {"longblob", SQL_TYPE_BINARY, 0, "bytea"},
    {"vector", SQL_TYPE_BINARY, 0, "bytea"},
    {"date", SQL_TYPE_DATE, 0, "date"},
    {"time", SQL_TYPE_TIME, 0, "time"},
    {"datetime", SQL_TYPE_DATETIME, 0, "timestamp"},
    {"timestamp", SQL_TYPE_TIMESTAMP, 0, "timestamp with time zone"},
    {"json", SQL_TYPE_JSON, 0, "json"},
    {"bit", SQL_TYPE_BIT, 0, "bit"},
    {"geometry", SQL_TYPE_GEOMETRY, 0, "geometry"},
    {"point", SQL_TYPE_GEOMETRY, 0, "geometry"},
    {"linestring", SQL_TYPE_GEOMETRY, 0, "geometry"},
    {"polygon", SQL_TYPE_GEOMETRY, 0, "geometry"},
    {"multipoint", SQL_TYPE_GEOMETRY, 0, "geometry"},
    {"multilinestring", SQL_TYPE_GEOMETRY, 0, "geometry"},
    {"multipolygon", SQL_TYPE_GEOMETRY, 0, "geometry"},
    {"geometrycollection", SQL_TYPE_GEOMETRY, 0, "geometry"},
    {"geomcollection", SQL_TYPE_GEOMETRY, 0, "geometry"},
};

static bool contains(struct tv_slice text, const char *word)
{
    return text.length > 0 && memmem(text.data, text.length, word, strlen(word)) != NULL;
}

/* "bit(8)" */
static uint32_t length_of(struct tv_slice column_type)
{
    int64_t length = 1;
    size_t open = tv_slice_find(column_type, '('), close = tv_slice_find(column_type, ')');
    if (close <= open || !tv_slice_integer(tv_slice_cut(column_type, open + 1, close), &length) || length < 0)
        length = 1;
    return (uint32_t)length;
}

void sql_column_type(struct sql_column *column, struct tv_slice data_type, struct tv_slice column_type,
                     bool booleans)
{
    column->type = SQL_TYPE_TEXT;
    column->type_name = TV_SLICE("text");
    for (size_t i = 0; i < TV_COUNT(types); i++) {
        if (!tv_slice_is_nocase(data_type, types[i].data_type))
            continue;
        column->type = types[i].type;
        column->type_name = tv_slice_of(types[i].name);
        unsigned bits = types[i].bytes * 8;
        bool is_unsigned = contains(column_type, "unsigned") || tv_slice_is_nocase(data_type, "year");
        if (column->type != SQL_TYPE_INTEGER)
            break;
        column->minimum = is_unsigned ? 0 : INT64_MIN >> (64 - bits);
        column->maximum = UINT64_MAX >> (64 - bits + (is_unsigned ? 0 : 1));
        break;
    }
    if (booleans && tv_slice_is_nocase(column_type, "tinyint(1)")) {
        column->type = SQL_TYPE_BOOLEAN;
        column->type_name = TV_SLICE("boolean");
    }
    if (column->type == SQL_TYPE_BIT)
        column->bits = length_of(column_type);
}

void sql_column_collation(struct sql_column *column, struct tv_slice character_set, struct tv_slice collation)
{
    column->utf8mb4 = tv_slice_is_nocase(character_set, "utf8mb4");
    if (contains(collation, "_bin"))
        column->collation = SQL_COLLATION_BINARY;
    else if (contains(collation, "_ci"))
        column->collation = SQL_COLLATION_CASELESS;
    else
        column->collation = SQL_COLLATION_OTHER;
}
