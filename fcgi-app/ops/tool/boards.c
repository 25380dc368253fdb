/*
 * boards.c - the scoreboards of a directory, open together: what is shown of several pools is of one moment.
 */
#include <string.h>

#include "tool.h"

struct search {
    struct boards *boards;
    const char *only;
    char names[200]; /* of the pools that are there, for who asked for another */
    struct tv_error refused;
};

static void found(void *context, const char *pool)
{
    struct search *search = context;
    struct boards *boards = search->boards;
    size_t used = strlen(search->names);
    snprintf(search->names + used, sizeof search->names - used, "%s%s", used ? " " : "", pool);
    if ((search->only && strcmp(search->only, pool) != 0) || boards->count == POOLS_MAX)
        return;
    boards->list[boards->count] = tv_scoreboard_open(boards->directory, pool, &search->refused);
    boards->count += boards->list[boards->count] != NULL;
}

bool boards_open(struct boards *boards, const char *directory, const char *only, struct tv_error *error)
{
    struct search search = {.boards = boards, .only = only};
    *boards = (struct boards){.directory = directory};
    if (!tv_scoreboard_list(directory, found, &search, error))
        return false;
    if (boards->count > 0 || !only)
        return true;
    if (search.refused.status) {
        *error = search.refused;
        return false;
    }
    return tv_fail(error, 404, NULL, "there is no pool %s in %s%s%s", only, directory,
                   *search.names ? "; there are " : "", search.names);
}

void boards_close(struct boards *boards)
{
    for (size_t i = 0; i < boards->count; i++)
        tv_scoreboard_close(boards->list[i]);
    boards->count = 0;
}
