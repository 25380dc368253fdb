/*
 * frame_json.c - a picture of all pools for programs.
 */
#include "tool.h"

static void member_double(struct tv_json *json, const char *name, double value)
{
    tv_json_name(json, name);
    tv_json_double(json, value);
}

/* null when it is not known. */
static void member_known(struct tv_json *json, const char *name, double value, double unit)
{
    tv_json_name(json, name);
    if (value < 0)
        tv_json_null(json);
    else
        tv_json_double(json, value / unit);
}

static void member_pair(struct tv_json *json, const char *name, const char *first, uint64_t a,
                        const char *second, uint64_t b)
{
    tv_json_name(json, name);
    tv_json_object(json);
    tv_json_member_integer(json, first, (int64_t)a);
    tv_json_member_integer(json, second, (int64_t)b);
    tv_json_object_end(json);
}

static void write_pool_json(struct tv_json *json, const struct reading *reading, const struct change *change)
{
    static const char *const breakers[] = {"closed", "open", "half-open", "unknown"};
    tv_json_name(json, reading->pool);
    tv_json_object(json);
    tv_json_member_text(json, "state", pool_state_name(reading->state));
    member_pair(json, "processes", "now", reading->processes, "wanted", reading->processes_wanted);
    tv_json_name(json, "workers");
    tv_json_object(json);
    tv_json_member_integer(json, "busy", (int64_t)reading->busy);
    tv_json_member_integer(json, "now", (int64_t)reading->workers);
    tv_json_member_integer(json, "max", (int64_t)reading->workers_max);
    tv_json_object_end(json);
    member_double(json, "seconds", change->seconds);
    member_double(json, "requests_per_s", change->requests);
    member_known(json, "p50_ms", change->p50_us, 1e3);
    member_known(json, "p95_ms", change->p95_us, 1e3);
    member_known(json, "p99_ms", change->p99_us, 1e3);
    if (reading->queue_known)
        member_pair(json, "queue", "waiting", reading->queue, "max", reading->queue_max);
    member_known(json, "queue_wait_p95_ms", change->queue_p95_us, 1e3);
    member_double(json, "shed_per_s", change->shed);
    member_known(json, "failed_share", change->failed_share, 1);
    member_known(json, "cache_hit_share", change->hit_share, 1);
    member_pair(json, "store_connections", "now", reading->connections, "max", reading->connections_max);
    tv_json_name(json, "breakers");
    tv_json_object(json);
    for (int store = 0; store < TV_STORE_COUNT; store++)
        if (reading->stores_used & 1u << store)
            tv_json_member_text(json, tv_store_name((enum tv_store)store),
                                breakers[reading->breakers[store]]);
    tv_json_object_end(json);
    tv_json_object_end(json);
}

void frame_write_json(const struct frame *frame, struct tv_buffer *out)
{
    struct tv_json json;
    char when[25];
    tv_clock_text(tv_clock_wall_ms(), when);
    tv_json_start(&json, out);
    tv_json_object(&json);
    tv_json_member_text(&json, "time", when);
    tv_json_name(&json, "pools");
    tv_json_object(&json);
    for (size_t i = 0; i < frame->pools; i++)
        write_pool_json(&json, &frame->readings[i], &frame->changes[i]);
    tv_json_object_end(&json);
    tv_json_name(&json, "slowest");
    tv_json_array(&json);
    for (size_t i = 0; i < frame->slow_count; i++)
        write_worker(&json, &frame->slowest[i], true);
    tv_json_array_end(&json);
    tv_json_object_end(&json);
    tv_buffer_byte(out, '\n');
}
