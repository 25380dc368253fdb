/*
 * metrics_histograms.c - the families that are histograms: buckets are added up here, and in OpenMetrics carry the trace that
 * stands for them.
 */
#include <string.h>

#include "metrics.h"

static void write_label(struct tv_buffer *out, const char *name, const char *value)
{
    if (!name)
        return;
    tv_buffer_printf(out, ",%s=\"%s\"", name, value);
}

static void take_exemplars(struct metrics *metrics, const struct tv_slot *slot)
{
    struct tv_exemplar_view view;
    for (unsigned bucket = 0; bucket < TV_BUCKET_COUNT; bucket++)
        if (tv_exemplar_read(&slot->exemplars[bucket], &view) && view.route < TV_ROUTES_MAX &&
            view.at_ms > metrics->newest[view.route][bucket].at_ms)
            metrics->newest[view.route][bucket] = view;
}

/* The newest trace of each route and bucket, over all workers: one walk, for large pools have many. */
static void find_exemplars(struct metrics *metrics, const struct tv_scoreboard *board)
{
    memset(metrics->newest, 0, sizeof metrics->newest);
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        const struct tv_process_board *place = &board->processes[i];
        if (tv_word(&place->state) == TV_PROCESS_NONE)
            continue;
        for (size_t j = 0; j < TV_WORKERS_MAX; j++)
            if (tv_word(&place->slots[j].since_ms) != 0)
                take_exemplars(metrics, &place->slots[j]);
    }
}

static void write_exemplar(struct metrics *metrics, int route, unsigned bucket)
{
    const struct tv_exemplar_view *view = route < 0 ? NULL : &metrics->newest[route][bucket];
    if (!metrics->openmetrics || !view || view->at_ms == 0)
        return;
    tv_buffer_printf(metrics->out, " # {trace_id=\"%016llx%016llx\"} %lld.%06lld %lld.%03lld",
                     (unsigned long long)view->trace[0], (unsigned long long)view->trace[1],
                     (long long)(view->us / 1000000), (long long)(view->us % 1000000),
                     (long long)(view->at_ms / 1000), (long long)(view->at_ms % 1000));
}

/* route: whose exemplars to show; -1: none. */
static void write_histogram(struct metrics *metrics, const struct metrics_pool *pool,
                            const struct tv_histogram *histogram, const char *label, const char *value,
                            int route)
{
    struct tv_buffer *out = metrics->out;
    const char *name = tv_family_info[metrics->family].name;
    uint64_t sum = 0;
    for (unsigned bucket = 0; bucket < TV_BUCKET_COUNT; bucket++) {
        sum += tv_word(&histogram->buckets[bucket]);
        tv_buffer_printf(out, "trivet_%s_bucket{pool=\"%s\"", name, pool->board->pool);
        write_label(out, label, value);
        tv_buffer_printf(out, ",le=\"%s\"} %llu",
                         bucket < TV_BOUND_COUNT ? tv_bounds[bucket].seconds : "+Inf",
                         (unsigned long long)sum);
        write_exemplar(metrics, route, bucket);
        tv_buffer_byte(out, '\n');
    }
    tv_buffer_printf(out, "trivet_%s_sum{pool=\"%s\"", name, pool->board->pool);
    write_label(out, label, value);
    tv_buffer_text(out, "} ");
    metrics_seconds(metrics, tv_word(&histogram->sum_us));
    tv_buffer_printf(out, "trivet_%s_count{pool=\"%s\"", name, pool->board->pool);
    write_label(out, label, value);
    tv_buffer_text(out, "} ");
    metrics_unsigned(metrics, sum);
}

void metrics_write_durations(struct metrics *metrics, const struct metrics_pool *pool)
{
    if (metrics->openmetrics)
        find_exemplars(metrics, pool->board);
    for (unsigned route = 0; route < pool->board->route_count && route < TV_ROUTES_MAX; route++)
        write_histogram(metrics, pool, &pool->meters.routes[route].duration, "route",
                        pool->board->routes[route], (int)route);
}

void metrics_write_queue(struct metrics *metrics, const struct metrics_pool *pool)
{
    write_histogram(metrics, pool, &pool->meters.queue, NULL, NULL, -1);
}

void metrics_write_store_durations(struct metrics *metrics, const struct metrics_pool *pool)
{
    for (int store = 0; store < TV_STORE_COUNT; store++)
        if (tv_word(&pool->board->stores_used) & 1u << store)
            write_histogram(metrics, pool, &pool->meters.stores[store].duration, "store",
                            tv_store_name((enum tv_store)store), -1);
}
