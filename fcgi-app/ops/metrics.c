/*
 * metrics.c - everything that counts in Prometheus' text format, or in OpenMetrics' for who asks for it. The families stand in
 * watch/counters.h; here is where each one's samples come from. Only shared memory and /proc are read: no pool is asked, no
 * store, so it answers when all others are saturated or dead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metrics.h"
#include "ops.h"

static void open_pool(void *context, const char *name)
{
    struct metrics *metrics = context;
    struct tv_error error;
    if (metrics->count == METRICS_POOLS_MAX)
        return;
    struct metrics_pool *pool = &metrics->pools[metrics->count];
    pool->board = tv_scoreboard_open(metrics->directory, name, &error);
    if (!pool->board) { /* of another version: its own trivet-ops knows it */
        struct tv_expected *unread = &metrics->unread;
        if (unread->count < TV_EXPECTED_MAX)
            snprintf(unread->names[unread->count++], sizeof unread->names[0], "%s", name);
        return;
    }
    tv_scoreboard_sum(pool->board, &pool->meters, &pool->processes);
    metrics_take_census(pool);
    metrics->count++;
}

void metrics_sample(struct metrics *metrics, const struct metrics_pool *pool, const char *label,
                    const char *value, const char *label2, const char *value2)
{
    struct tv_buffer *out = metrics->out;
    const struct tv_family_info *info = &tv_family_info[metrics->family];
    tv_buffer_text(out, "trivet_");
    tv_buffer_text(out, info->name);
    tv_buffer_byte(out, '{');
    if (pool) {
        tv_buffer_text(out, "pool=\"");
        tv_buffer_text(out, pool->board->pool);
        tv_buffer_byte(out, '"');
    }
    const char *const pairs[][2] = {{label, value}, {label2, value2}};
    for (size_t i = 0; i < TV_COUNT(pairs); i++) {
        if (!pairs[i][0])
            continue;
        if (pool || i > 0)
            tv_buffer_byte(out, ',');
        tv_buffer_text(out, pairs[i][0]);
        tv_buffer_text(out, "=\"");
        tv_buffer_text(out, pairs[i][1]); /* fixed words and templates: nothing in them needs escaping */
        tv_buffer_byte(out, '"');
    }
    tv_buffer_text(out, "} ");
}

void metrics_unsigned(struct metrics *metrics, uint64_t value)
{
    tv_buffer_unsigned(metrics->out, value);
    tv_buffer_byte(metrics->out, '\n');
}

void metrics_seconds(struct metrics *metrics, uint64_t us)
{
    tv_buffer_printf(metrics->out, "%llu.%06llu\n", (unsigned long long)(us / 1000000),
                     (unsigned long long)(us % 1000000));
}

/* OpenMetrics names a counter's family without the ending that its samples have. */
static void write_head(struct metrics *metrics)
{
    const struct tv_family_info *info = &tv_family_info[metrics->family];
    size_t length = strlen(info->name), ending = strlen("_total");
    if (metrics->openmetrics && strcmp(info->type, "counter") == 0)
        length -= ending;
    tv_buffer_printf(metrics->out, "# HELP trivet_%.*s %s.\n# TYPE trivet_%.*s %s\n", (int)length, info->name,
                     info->help, (int)length, info->name, info->type);
}

/* Families that the counters' table fills by itself. */
static void write_counters(struct metrics *metrics, const struct metrics_pool *pool)
{
    for (int counter = 0; counter < TV_COUNTER_COUNT; counter++) {
        const struct tv_counter_info *info = &tv_counter_info[counter];
        uint64_t value = tv_word(&pool->meters.counters[counter]);
        if (info->family != metrics->family)
            continue;
        metrics_sample(metrics, pool, *info->label ? info->label : NULL, info->value, NULL, NULL);
        if (strstr(tv_family_info[info->family].name, "_seconds_"))
            metrics_seconds(metrics, value);
        else
            metrics_unsigned(metrics, value);
    }
}

static void write_family(struct metrics *metrics)
{
    /* those that are not told pool by pool */
    static void (*const whole[TV_FAMILY_COUNT])(struct metrics *) = {
        [TV_FAMILY_POOL_UP] = metrics_write_up,
        [TV_FAMILY_STORE_UP] = metrics_write_looks,
        [TV_FAMILY_PUSH_UP] = metrics_write_push_up,
        [TV_FAMILY_PUSH] = metrics_write_push,
    };
    metrics_writer *write = metrics_writer_of(metrics->family);
    write_head(metrics);
    if (whole[metrics->family]) {
        whole[metrics->family](metrics);
        return;
    }
    for (size_t i = 0; i < metrics->count; i++)
        (write ? write : write_counters)(metrics, &metrics->pools[i]);
}

bool metrics_write(const char *directory, const char *pools, bool openmetrics, struct tv_buffer *out,
                   struct tv_error *error)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (!metrics)
        return tv_fail(error, 500, NULL, "no memory");
    metrics->directory = directory;
    metrics->out = out;
    metrics->openmetrics = openmetrics;
    bool listed = tv_expected_read(&metrics->expected, pools, error) &&
                  tv_scoreboard_list(metrics->directory, open_pool, metrics, error);
    if (listed) {
        for (int family = 0; family < TV_FAMILY_COUNT; family++) {
            metrics->family = (enum tv_family)family;
            write_family(metrics);
        }
        if (metrics->openmetrics)
            tv_buffer_text(metrics->out, "# EOF\n");
    }
    for (size_t i = 0; i < metrics->count; i++)
        tv_scoreboard_close(metrics->pools[i].board);
    free(metrics);
    return listed;
}

bool answer_metrics(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                    struct tv_error *error)
{
    struct tv_slice accept = tv_request_header(request, "accept");
    bool openmetrics =
        accept.length > 0 && memmem(accept.data, accept.length, "application/openmetrics-text", 28) != NULL;
    tv_response_type(response, openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                           : "text/plain; version=0.0.4; charset=utf-8");
    tv_response_header(response, "Vary", TV_SLICE("Accept"));
    return metrics_write(tv_worker_watch_directory(worker), tv_worker_watch_pools(worker), openmetrics,
                         tv_response_body(response), error);
}
