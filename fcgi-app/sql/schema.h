/*
 * schema.h - what is known of the database: tables, their columns, keys. Identifiers in SQL come from here and from
 * nowhere else. A schema does not change once it is loaded; a newer one takes its place (see schema_share.c).
 */
#ifndef TRIVET_SQL_SCHEMA_H
#define TRIVET_SQL_SCHEMA_H

#include "settings.h"

enum sql_type {
    SQL_TYPE_BOOLEAN, /* TINYINT(1) */
    SQL_TYPE_INTEGER,
    SQL_TYPE_DECIMAL,
    SQL_TYPE_FLOAT,
    SQL_TYPE_DOUBLE,
    SQL_TYPE_TEXT,
    SQL_TYPE_BINARY,
    SQL_TYPE_DATE,
    SQL_TYPE_TIME,
    SQL_TYPE_DATETIME,
    SQL_TYPE_TIMESTAMP,
    SQL_TYPE_JSON, /* MariaDB: text that a constraint keeps valid */
    SQL_TYPE_BIT,
    SQL_TYPE_GEOMETRY,
};

/* How a text column compares by itself. */
enum sql_collation { SQL_COLLATION_OTHER, SQL_COLLATION_BINARY, SQL_COLLATION_CASELESS };

struct sql_column {
    struct tv_slice name;
    struct tv_slice quoted;    /* `name` */
    struct tv_slice json_key;  /* ,"name": */
    struct tv_slice type_name; /* as PostgreSQL would say it in an error: "integer" */
    enum sql_type type;
    int64_t minimum;  /* INTEGER */
    uint64_t maximum; /* INTEGER */
    uint32_t bits;    /* BIT */
    enum sql_collation collation;
    bool utf8mb4; /* TEXT: its character set */
    bool nullable;
    bool auto_increment;
    bool is_generated;   /* computed from other columns */
    bool has_expression; /* its default is computed anew for every row */
    unsigned key_place;  /* place in the primary key, from 1; 0: not part of it */
};

struct sql_table {
    struct sql_table *chain; /* next in the bucket */
    struct tv_slice name;
    struct tv_slice quoted; /* `database`.`table` */
    struct tv_slice thing;  /* what the cache knows it by: "sql:database.table" */
    bool is_view;
    bool has_triggers; /* as far as the role may know */
    struct sql_column *columns;
    size_t column_count;
    const struct sql_column **key; /* the primary key's columns, in its order */
    size_t key_length;
};

struct sql_schema {
    struct tv_arena arena; /* everything of it lives here */
    struct tv_slice database;
    enum tv_mysql_flavour flavour;
    struct tv_slice
        all_things; /* "sql:database.*": bumped by writes that may have touched more than their table */
    struct sql_table **buckets;
    size_t bucket_count; /* a power of two */
    size_t table_count;
    int64_t loaded_ms;
    unsigned holders; /* guarded by schema_share.c's lock */
};

const struct sql_table *sql_table_of(const struct sql_schema *schema, struct tv_slice name);
const struct sql_column *sql_column_of(const struct sql_table *table, struct tv_slice name);
/* The table whose name is most like it, when one is like it enough; NULL otherwise. */
const struct sql_table *sql_table_like(const struct sql_schema *schema, struct tv_slice name);

/* --- making one (schema_load.c, and tests) --- */
struct sql_schema *sql_schema_new(struct tv_slice database, size_t tables, struct tv_error *error);
void sql_schema_free(struct sql_schema *schema);
/* NULL: no memory. Columns are added by filling table->columns, an array in the schema's arena. */
struct sql_table *sql_schema_add(struct sql_schema *schema, struct tv_slice name);
/* Fills the texts of a column that follow from its name. */
bool sql_column_name(struct sql_schema *schema, struct sql_column *column,
                     struct tv_slice name) TV_MUST_CHECK;
/* Fills type, bounds and type_name from information_schema's DATA_TYPE and COLUMN_TYPE ("bigint", "bigint(20) unsigned"). */
void sql_column_type(struct sql_column *column, struct tv_slice data_type, struct tv_slice column_type,
                     bool booleans);
void sql_column_collation(struct sql_column *column, struct tv_slice character_set,
                          struct tv_slice collation);

/* Asks information_schema, as the session's current role. */
struct sql_schema *sql_schema_load(struct tv_mysql *session, const struct sql_settings *settings,
                                   int64_t deadline_ms, struct tv_error *error);

/* --- sharing (schema_share.c) --- */

#define SQL_ROLE_MAX 256 /* bytes of a role's name, as in tv_mysql_role */

/* What a thread holds on to; starts as {0}. */
struct sql_schema_hold {
    const struct sql_schema *schema;
    struct sql_schema_entry *entry;
    uint64_t generation;
    char role[SQL_ROLE_MAX];
    size_t role_length;
};

/* The schema as that role sees it: borrowed until the next call for the same hold. Loaded when it is not there or too
 * old, over the session, which is left without a statement but with another role, perhaps. NULL: *error says why. */
const struct sql_schema *sql_schema_get(struct sql_schema_hold *hold, struct tv_mysql *session,
                                        const struct sql_settings *settings, struct tv_slice role,
                                        int64_t deadline_ms, struct tv_error *error);
/* Something was not in it, or the store contradicted it: loads it again unless that was done within the last second. True:
 * hold->schema is a newer one, what was found in the old is void. Failing to load is no error here. */
bool sql_schema_renew(struct sql_schema_hold *hold, struct tv_mysql *session,
                      const struct sql_settings *settings, struct tv_slice role, int64_t deadline_ms);
void sql_schema_drop(struct sql_schema_hold *hold);

#endif
