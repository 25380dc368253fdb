/*
 * names.c - see names.h. MongoDB's own rules, and the server's own namespaces refused for everyone.
 */
#include "names.h"

#include <string.h>

#include "errors.h"

#define DATABASE_MAX  63  /* bytes; MongoDB's limit is "fewer than 64" */
#define NAMESPACE_MAX 255 /* bytes of "database.collection" */

static bool holds_any(struct tv_slice name, const char *bytes)
{
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] == '\0' || strchr(bytes, name.data[i]))
            return true;
    return false;
}

static bool check_database(struct tv_slice name, struct tv_error *error)
{
    static const char *const own[] = {"admin", "local", "config"};
    if (name.length > DATABASE_MAX || holds_any(name, "/\\. \"$*<>:|?"))
        return tv_fail(error, 400, DOC_INVALID_PARAMETER,
                       "'database' is not a name that a database can have");
    for (size_t i = 0; i < TV_COUNT(own); i++)
        if (tv_slice_is_nocase(name, own[i]))
            return tv_fail(error, 400, DOC_INVALID_PARAMETER, "the database '%s' is the server's own",
                           own[i]);
    return true;
}

bool doc_check_names(struct tv_slice database, struct tv_slice collection, struct tv_error *error)
{
    if (database.length == 0 || collection.length == 0)
        return tv_fail(error, 400, DOC_INVALID_PARAMETER, "'%s' must not be empty",
                       database.length == 0 ? "database" : "collection");
    if (!check_database(database, error))
        return false;
    if (database.length + 1 + collection.length > NAMESPACE_MAX || holds_any(collection, "$"))
        return tv_fail(error, 400, DOC_INVALID_PARAMETER,
                       "'collection' is not a name that a collection can have");
    if (tv_slice_starts(collection, "system."))
        return tv_fail(error, 400, DOC_INVALID_PARAMETER, "collections system.* are the server's own");
    return true;
}
