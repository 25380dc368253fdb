/*
 * settings.c - the dialect's rows of the configuration.
 */
#include "settings.h"

#include <stddef.h>
#include <string.h>

#define FIELD(name) offsetof(struct sql_settings, name)

const struct tv_option sql_option_rows[] = {
    {NULL, "schema", TV_OPTION_TEXT, "public", 0, 0, FIELD(schema), 0,
     "The name that clients know the database by (Accept-Profile, Content-Profile)."},
    {NULL, "schema_role", TV_OPTION_TEXT, "", 0, 0, FIELD(schema_role), 0,
     "The role that tables and columns are looked up as; empty: each role sees what it may see."},
    {NULL, "schema_max_age", TV_OPTION_DURATION, "60s", 1000, 86400000, FIELD(schema_max_age), 0,
     "How old what is known of tables and columns may get; something unknown is looked up again at once."},
    {NULL, "max_rows", TV_OPTION_INTEGER, "0", 0, 1000000000, FIELD(max_rows), 0,
     "Most rows that one read answers with; 0: no bound."},
    {NULL, "tx_end", TV_OPTION_TEXT, "commit", 0, 0, FIELD(tx_end), 0,
     "How writes end: commit, rollback, or one of both with -allow-override (Prefer: tx=)."},
    {NULL, "booleans", TV_OPTION_BOOLEAN, "true", 0, 0, FIELD(booleans), 0,
     "Whether TINYINT(1) is shown as true and false rather than as a number."},
};
const size_t sql_option_row_count = TV_COUNT(sql_option_rows);

bool sql_check_settings(const void *settings, struct tv_error *error)
{
    static const char *const ends[] = {"commit", "commit-allow-override", "rollback",
                                       "rollback-allow-override"};
    const struct sql_settings *sql = settings;
    if (!*sql->schema)
        return tv_fail(error, 500, NULL, "sql.schema must not be empty");
    for (size_t i = 0; i < TV_COUNT(ends); i++)
        if (strcmp(sql->tx_end, ends[i]) == 0)
            return true;
    return tv_fail(error, 500, NULL,
                   "sql.tx_end is none of commit, commit-allow-override, rollback, rollback-allow-override");
}
