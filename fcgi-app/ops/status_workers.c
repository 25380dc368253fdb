/*
 * status_workers.c - what every worker of every pool is at, as one JSON document.
 */
#include <string.h>

#include "ops.h"

struct list {
    struct tv_json json;
    const char *directory;
    const char *only; /* NULL: all pools */
};

static void write_one(void *context, const struct worker_view *worker)
{
    write_worker(context, worker, true);
}

static void write_pool(void *context, const char *pool)
{
    struct list *list = context;
    struct tv_error error;
    if (list->only && strcmp(list->only, pool) != 0)
        return;
    const struct tv_scoreboard *board = tv_scoreboard_open(list->directory, pool, &error);
    if (!board)
        return;
    if (tv_scoreboard_alive(board))
        each_worker(board, write_one, &list->json);
    tv_scoreboard_close(board);
}

bool write_workers(struct tv_buffer *out, const char *directory, const char *only, struct tv_error *error)
{
    struct list list = {.directory = directory, .only = only};
    tv_json_start(&list.json, out);
    tv_json_object(&list.json);
    tv_json_name(&list.json, "workers");
    tv_json_array(&list.json);
    if (!tv_scoreboard_list(directory, write_pool, &list, error))
        return false;
    tv_json_array_end(&list.json);
    tv_json_object_end(&list.json);
    tv_buffer_byte(out, '\n');
    return true;
}

bool answer_workers(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                    struct tv_error *error)
{
    (void)request;
    return write_workers(tv_response_body(response), tv_worker_watch_directory(worker), NULL, error);
}
