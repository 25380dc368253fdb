/*
 * schema_load.c - asks the store what there is. information_schema shows what the current role may see, so what comes back
 * is that role's database.
 */
#include <stdlib.h>
#include <string.h>

#include "schema.h"

#define TABLES                                                                             \
    "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? " \
    "AND TABLE_TYPE <> 'SEQUENCE'"
#define COLUMNS                                                                                        \
    "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, EXTRA, CHARACTER_SET_NAME, " \
    "COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? "                           \
    "ORDER BY TABLE_NAME, ORDINAL_POSITION"
#define KEYS                                                                                    \
    "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? " \
    "AND INDEX_NAME = 'PRIMARY' ORDER BY TABLE_NAME, SEQ_IN_INDEX"
#define TRIGGERS \
    "SELECT DISTINCT EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ?"

struct loader {
    struct tv_mysql *session;
    const struct sql_settings *settings;
    struct sql_schema *schema;
    int64_t deadline_ms;
    struct tv_error *error;
};

static bool no_memory(struct loader *loader)
{
    return tv_fail(loader->error, 500, NULL, "no memory for the schema");
}

static struct tv_slice text_of(const struct tv_value *value)
{
    return value->type == TV_VALUE_TEXT ? value->text : (struct tv_slice){0};
}

/* Runs a question about the database and hands each row on. */
static bool ask(struct loader *loader, const char *question,
                bool (*take)(struct loader *, const struct tv_value *))
{
    struct tv_value database = {TV_VALUE_TEXT, {.text = tv_mysql_database(loader->session)}};
    const struct tv_value *row;
    enum tv_step step = TV_STEP_FAILED;
    if (!tv_mysql_run(loader->session, tv_slice_of(question), &database, 1, loader->deadline_ms,
                      loader->error))
        return false;
    bool good = true;
    while (good && (step = tv_mysql_next(loader->session, &row, loader->error)) == TV_STEP_ROW)
        good = take(loader, row);
    tv_mysql_finish(loader->session);
    return good && step == TV_STEP_END;
}

/* --- tables and columns --- */

/* Tables are counted first: the number makes the buckets. */
struct name {
    struct name *next;
    bool is_view;
    size_t length;
    char text[];
};

static bool list_tables(struct loader *loader, struct name **out, size_t *count)
{
    struct tv_value database = {TV_VALUE_TEXT, {.text = tv_mysql_database(loader->session)}};
    const struct tv_value *row;
    enum tv_step step;
    if (!tv_mysql_run(loader->session, TV_SLICE(TABLES), &database, 1, loader->deadline_ms, loader->error))
        return false;
    while ((step = tv_mysql_next(loader->session, &row, loader->error)) == TV_STEP_ROW) {
        struct tv_slice text = text_of(&row[0]);
        struct name *name = malloc(sizeof *name + text.length);
        if (!name) {
            no_memory(loader);
            break;
        }
        name->next = *out;
        name->is_view = tv_slice_is(text_of(&row[1]), "VIEW");
        name->length = text.length;
        memcpy(name->text, text.data, text.length);
        *out = name;
        ++*count;
    }
    tv_mysql_finish(loader->session);
    return step == TV_STEP_END;
}

static bool add_tables(struct loader *loader, const struct name *names)
{
    for (; names; names = names->next) {
        struct sql_table *table =
            sql_schema_add(loader->schema, (struct tv_slice){names->text, names->length});
        if (!table)
            return no_memory(loader);
        table->is_view = names->is_view;
    }
    return true;
}

static struct sql_table *table_of(struct loader *loader, const struct tv_value *name)
{
    const struct sql_table *table = sql_table_of(loader->schema, text_of(name));
    return (struct sql_table *)(uintptr_t)table; /* ours until it is published */
}

/* Room for one more: arrays double, so what is left behind in the arena is never more than what is used. */
static struct sql_column *next_column(struct loader *loader, struct sql_table *table)
{
    size_t count = table->column_count;
    if ((count & (count - 1)) == 0) {
        struct sql_column *columns =
            tv_arena_array(&loader->schema->arena, count ? 2 * count : 1, sizeof *columns);
        if (!columns)
            return NULL;
        if (count)
            memcpy(columns, table->columns, count * sizeof *columns);
        table->columns = columns;
    }
    return &table->columns[table->column_count++];
}

static bool mentions(struct tv_slice text, const char *word)
{
    return text.length > 0 && memmem(text.data, text.length, word, strlen(word)) != NULL;
}

static bool take_column(struct loader *loader, const struct tv_value *row)
{
    struct sql_table *table = table_of(loader, &row[0]);
    if (!table) /* made between the two questions */
        return true;
    struct sql_column *column = next_column(loader, table);
    if (!column || !sql_column_name(loader->schema, column, text_of(&row[1])))
        return no_memory(loader);
    sql_column_type(column, text_of(&row[2]), text_of(&row[3]), loader->settings->booleans);
    sql_column_collation(column, text_of(&row[6]), text_of(&row[7]));
    column->nullable = tv_slice_is_nocase(text_of(&row[4]), "YES");
    column->auto_increment = mentions(text_of(&row[5]), "auto_increment");
    column->has_expression = mentions(text_of(&row[5]), "DEFAULT_GENERATED"); /* as MySQL says it */
    column->is_generated = !column->has_expression && mentions(text_of(&row[5]), "GENERATED");
    return true;
}

/* --- keys and triggers --- */

static bool take_key(struct loader *loader, const struct tv_value *row)
{
    struct sql_table *table = table_of(loader, &row[0]);
    const struct sql_column *found = table ? sql_column_of(table, text_of(&row[1])) : NULL;
    if (table && found) /* a column that the role may not see makes the key unknown; see make_keys */
        table->columns[found - table->columns].key_place = (unsigned)++table->key_length;
    return true;
}

static bool make_keys(struct loader *loader)
{
    for (size_t i = 0; i < loader->schema->bucket_count; i++) {
        for (struct sql_table *table = loader->schema->buckets[i]; table; table = table->chain) {
            if (table->key_length == 0)
                continue;
            table->key = tv_arena_array(&loader->schema->arena, table->key_length, sizeof *table->key);
            if (!table->key)
                return no_memory(loader);
            for (size_t c = 0; c < table->column_count; c++)
                if (table->columns[c].key_place)
                    table->key[table->columns[c].key_place - 1] = &table->columns[c];
        }
    }
    return true;
}

static bool take_trigger(struct loader *loader, const struct tv_value *row)
{
    struct sql_table *table = table_of(loader, &row[0]);
    if (table)
        table->has_triggers = true;
    return true;
}

/* --- MariaDB's JSON --- */

/* MariaDB's JSON is LONGTEXT with utf8mb4_bin and a CHECK (json_valid(`column`)). Roles do not see CHECK_CONSTRAINTS, but
 * they may see how a table that they read was made. */
static bool could_be_json(const struct sql_column *column)
{
    return column->type == SQL_TYPE_TEXT && column->utf8mb4 && column->collation == SQL_COLLATION_BINARY;
}

static void mark_json(struct sql_table *table, struct tv_slice made)
{
    for (size_t i = 0; i < table->column_count; i++) {
        struct sql_column *column = &table->columns[i];
        char wanted[160];
        int length = snprintf(wanted, sizeof wanted, "json_valid(%.*s)", (int)column->quoted.length,
                              column->quoted.data);
        if (!could_be_json(column) || length < 0 || (size_t)length >= sizeof wanted ||
            !memmem(made.data, made.length, wanted, (size_t)length))
            continue;
        column->type = SQL_TYPE_JSON;
        column->type_name = TV_SLICE("json");
    }
}

static bool find_json_in(struct loader *loader, struct sql_table *table)
{
    char question[600];
    const struct tv_value *row;
    struct tv_error refused;
    int length = snprintf(question, sizeof question, "SHOW CREATE TABLE %.*s", (int)table->quoted.length,
                          table->quoted.data);
    if (length < 0 || (size_t)length >= sizeof question)
        return true;
    if (!tv_mysql_run(loader->session, (struct tv_slice){question, (size_t)length}, NULL, 0,
                      loader->deadline_ms, &refused)) {
        if (refused.status == 500)
            return true; /* the role may not see it, or it is gone: then its columns stay text */
        *loader->error = refused;
        return false;
    }
    if (tv_mysql_next(loader->session, &row, &refused) == TV_STEP_ROW && row[1].type == TV_VALUE_TEXT)
        mark_json(table, row[1].text);
    tv_mysql_finish(loader->session);
    return true;
}

static bool find_json(struct loader *loader)
{
    for (size_t i = 0; i < loader->schema->bucket_count; i++) {
        for (struct sql_table *table = loader->schema->buckets[i]; table; table = table->chain) {
            bool candidate = false;
            for (size_t c = 0; c < table->column_count; c++)
                candidate = candidate || could_be_json(&table->columns[c]);
            if (candidate && !table->is_view && !find_json_in(loader, table))
                return false;
        }
    }
    return true;
}

struct sql_schema *sql_schema_load(struct tv_mysql *session, const struct sql_settings *settings,
                                   int64_t deadline_ms, struct tv_error *error)
{
    struct loader loader = {
        .session = session, .settings = settings, .deadline_ms = deadline_ms, .error = error};
    struct name *names = NULL;
    size_t count = 0;
    if (tv_mysql_database(session).length == 0) {
        tv_fail(error, 500, NULL, "mysql.url names no database");
        return NULL;
    }
    bool good = list_tables(&loader, &names, &count) &&
                (loader.schema = sql_schema_new(tv_mysql_database(session), count, error)) &&
                add_tables(&loader, names) && ask(&loader, COLUMNS, take_column) &&
                ask(&loader, KEYS, take_key) && make_keys(&loader) && ask(&loader, TRIGGERS, take_trigger) &&
                (tv_mysql_flavour(session) == TV_MYSQL_SERVER || find_json(&loader));
    while (names) {
        struct name *next = names->next;
        free(names);
        names = next;
    }
    if (good) {
        loader.schema->flavour = tv_mysql_flavour(session);
        return loader.schema;
    }
    sql_schema_free(loader.schema);
    return NULL;
}
