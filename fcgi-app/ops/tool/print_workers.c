/*
 * print_workers.c - trivet-ops workers: a row a worker.
 */
#include "tool.h"

static const char *const heads[] = {"<POOL",       ">PROCESS",   ">WORKER", "<STATE", ">SINCE",
                                    ">REQUESTS",   "<ROUTE",     "<METHOD", "<PHASE", ">ELAPSED",
                                    "<REQUEST-ID", "<STATEMENT", NULL};

static void write_row(void *context, const struct worker_view *worker)
{
    struct table *table = context;
    char text[16];
    table_cell(table, "%s", worker->pool);
    table_cell(table, "%llu", (unsigned long long)worker->pid);
    table_cell(table, "%u", worker->place);
    table_cell(table, "%s", worker->busy ? "busy" : "idle");
    table_cell(table, "%s", duration_text((double)worker->since_ms * 1000, text));
    table_cell(table, "%llu", (unsigned long long)worker->requests);
    table_cell(table, "%s", worker->route);
    table_cell(table, "%s", worker->method);
    table_cell(table, "%s", worker->phase);
    table_cell(table, "%s", duration_text((double)worker->elapsed_us, text));
    table_cell(table, "%s", worker->id);
    table_cell(table, "%s", worker->shape);
}

static void print_table(const struct boards *boards)
{
    struct table table;
    struct tv_buffer out;
    tv_buffer_init(&out, 16 << 20);
    table_start(&table, heads);
    for (size_t i = 0; i < boards->count; i++)
        if (tv_scoreboard_alive(boards->list[i]))
            each_worker(boards->list[i], write_row, &table);
    table_finish(&table, &out, SIZE_MAX, 0, "\n");
    fwrite(out.data, 1, out.length, stdout);
    tv_buffer_free(&out);
}

static int print_json(const char *directory, const char *only)
{
    struct tv_buffer out;
    struct tv_error error;
    tv_buffer_init(&out, 64 << 20);
    bool good = write_workers(&out, directory, only, &error);
    if (good && !tv_buffer_failed(&out))
        fwrite(out.data, 1, out.length, stdout);
    tv_buffer_free(&out);
    return good ? TOOL_DONE : tool_fail(&error);
}

int command_workers(struct tool *tool)
{
    const char *only = tool->count > 0 ? tool->words[0] : NULL;
    struct tv_error error;
    struct boards boards;
    const char *directory = tool_directory(tool, &error);
    if (!directory || !boards_open(&boards, directory, only, &error))
        return tool_fail(&error);
    if (!tool->json)
        print_table(&boards);
    boards_close(&boards);
    return tool->json ? print_json(directory, only) : TOOL_DONE;
}
