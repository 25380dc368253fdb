/*
 * print_status.c - trivet-ops status: a row a pool, since it was started.
 */
#include "tool.h"

static const char *const heads[] = {"<POOL",    "<STATE", ">MASTER",      ">UP",       ">GEN",  ">PROCESSES",
                                    ">WORKERS", ">QUEUE", ">REQUESTS",    ">5XX",      ">SHED", ">RESTARTS",
                                    ">P95",     ">HIT%",  ">CONNECTIONS", "<BREAKERS", NULL};

/* "all closed", or the stores whose breaker is not. */
static void breakers_cell(struct table *table, const struct reading *reading)
{
    static const char *const names[] = {"closed", "open", "half-open", "?"};
    char text[128] = "";
    size_t used = 0;
    for (int store = 0; store < TV_STORE_COUNT; store++)
        if (reading->stores_used & 1u << store && reading->breakers[store] != 0 && used < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %s", used ? ", " : "",
                                     tv_store_name((enum tv_store)store), names[reading->breakers[store]]);
    table_cell(table, "%s", used ? text : reading->stores_used ? "closed" : "-");
}

static void write_row(struct table *table, const struct reading *reading)
{
    struct change change;
    char text[16];
    change_between(&change, NULL, reading);
    bool up = reading->state == POOL_RUNNING;
    table_cell(table, "%s", reading->pool);
    table_cell(table, "%s", pool_state_name(reading->state));
    table_cell(table, "%llu", (unsigned long long)reading->master);
    table_cell(table, "%s",
               uptime_text(up ? (tv_clock_wall_ms() - (int64_t)reading->started_ms) / 1000 : -1, text));
    table_cell(table, "%llu", (unsigned long long)reading->generation);
    table_cell(table, "%llu/%llu", (unsigned long long)reading->processes,
               (unsigned long long)reading->processes_wanted);
    table_cell(table, "%llu/%llu/%llu", (unsigned long long)reading->busy,
               (unsigned long long)reading->workers, (unsigned long long)reading->workers_max);
    if (reading->queue_known)
        table_cell(table, "%u/%u", reading->queue, reading->queue_max);
    else
        table_cell(table, "-");
    table_cell(table, "%llu", (unsigned long long)reading->requests);
    table_cell(table, "%llu", (unsigned long long)reading->failed);
    table_cell(table, "%llu", (unsigned long long)reading->shed);
    table_cell(table, "%llu", (unsigned long long)reading->restarts);
    table_cell(table, "%s", duration_text(change.p95_us, text));
    table_cell(table, change.hit_share < 0 ? "-" : "%.0f", change.hit_share * 100);
    table_cell(table, "%llu/%llu", (unsigned long long)reading->connections,
               (unsigned long long)reading->connections_max);
    breakers_cell(table, reading);
}

static int print_json(const char *directory, const char *only)
{
    struct tv_buffer out;
    struct tv_error error;
    tv_buffer_init(&out, 64 << 20);
    bool good = write_status(&out, directory, only, false, &error);
    if (good && !tv_buffer_failed(&out))
        fwrite(out.data, 1, out.length, stdout);
    tv_buffer_free(&out);
    return good ? TOOL_DONE : tool_fail(&error);
}

int command_status(struct tool *tool)
{
    const char *only = tool->count > 0 ? tool->words[0] : NULL;
    struct tv_error error;
    struct boards boards;
    struct table table;
    struct tv_buffer out;
    const char *directory = tool_directory(tool, &error);
    if (!directory || !boards_open(&boards, directory, only, &error))
        return tool_fail(&error);
    if (tool->json) {
        boards_close(&boards);
        return print_json(directory, only);
    }
    tv_buffer_init(&out, 1 << 20);
    table_start(&table, heads);
    for (size_t i = 0; i < boards.count; i++) {
        struct reading reading;
        reading_take(&reading, boards.list[i]);
        write_row(&table, &reading);
    }
    table_finish(&table, &out, SIZE_MAX, 0, "\n");
    fwrite(out.data, 1, out.length, stdout);
    tv_buffer_free(&out);
    boards_close(&boards);
    return TOOL_DONE;
}
