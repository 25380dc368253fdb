"""stores.py: MySQL, MongoDB and Redis: first as Trivet's calls see them, then as their exporters do. Names of metrics are those of
mysqld_exporter 0.19, redis_exporter 1.86 and percona's mongodb_exporter 0.53."""

from panels import GREEN, RED, Row, dashboard, query, stat, thresholds, timeseries

CALLS = 'job="trivet"'
YES_NO = [{"type": "value", "options": {"0": {"text": "down", "color": RED}, "1": {"text": "up", "color": GREEN}}}]
ROOM = thresholds((None, GREEN), (0.8, RED))


def up(what, metric):
    return stat("%s answers" % what, "Whether its exporter can ask it.", "min(%s)" % metric, "none",
                thresholds((None, RED), (1, GREEN)), mappings=YES_NO, legend=what, width=4, height=8)


def rate(metric, by="instance"):
    return "sum by (%s) (rate(%s[$__rate_interval]))" % (by, metric)


def seen_by_trivet():
    duration = "trivet_store_call_duration_seconds_bucket{%s}" % CALLS
    return Row(
        "As Trivet sees them",
        stat("Stores", "Whether any Trivet reaches the store.", "max by (store) (trivet_store_up{%s})" % CALLS, "none",
             thresholds((None, RED), (1, GREEN)), mappings=YES_NO, legend="{{store}}", width=4, height=8),
        timeseries("Calls", "Calls to each store a second.",
                   [query(rate("trivet_store_calls_total{%s}" % CALLS, "pool, store"), "{{pool}} to {{store}}")], "ops", width=7),
        timeseries("Time of a call", "Half and 99 % of the calls take less.",
                   [query("histogram_quantile(%s, %s)" % (quantile, rate(duration, "store, le")),
                          "{{store}} p%g" % (quantile * 100)) for quantile in (0.5, 0.99)], "s", width=7),
        timeseries("Failed calls", "Share of the calls that broke, timed out or were refused.",
                   [query("%s / %s" % (rate("trivet_store_errors_total{%s}" % CALLS, "pool, store"),
                                       "(%s > 0)" % rate("trivet_store_calls_total{%s}" % CALLS, "pool, store")),
                          "{{pool}} to {{store}}")], "percentunit", width=6),
        timeseries("Breakers", "1: open on at least one instance, requests get a 503 without an attempt.",
                   [query("max by (pool, store) (trivet_store_breaker_open{%s})" % CALLS, "{{pool}} to {{store}}")], "none",
                   maximum=1),
        timeseries("Connections", "Open, and the most there may be.",
                   [query("sum by (pool, store) (trivet_store_connections{%s})" % CALLS, "{{pool}} to {{store}}"),
                    query("sum by (pool, store) (trivet_store_connections_limit{%s})" % CALLS,
                          "{{pool}} to {{store}} at most")], "none"),
        timeseries("Connects", "New connections a second. Many all the time: something closes them.",
                   [query(rate("trivet_store_connects_total{%s}" % CALLS, "pool, store"), "{{pool}} to {{store}}")], "ops"),
    )


def mysql():
    return Row(
        "MySQL",
        up("MySQL", "mysql_up"),
        timeseries("MySQL: connections", "Connections in use as a share of max_connections.",
                   [query("mysql_global_status_threads_connected / mysql_global_variables_max_connections", "{{instance}}")],
                   "percentunit", width=7, maximum=1, limits=ROOM),
        timeseries("MySQL: statements", "Statements a second, and how many threads run one.",
                   [query(rate("mysql_global_status_queries"), "{{instance}} statements/s"),
                    query("sum by (instance) (mysql_global_status_threads_running)", "{{instance}} running")], "none", width=7),
        timeseries("MySQL: slow and aborted", "Slow statements and failed connection attempts a second.",
                   [query(rate("mysql_global_status_slow_queries"), "{{instance}} slow"),
                    query(rate("mysql_global_status_aborted_connects"), "{{instance}} aborted connects")], "ops", width=6),
        timeseries("MySQL: buffer pool misses", "Share of InnoDB's reads that went to disk.",
                   [query("%s / %s" % (rate("mysql_global_status_innodb_buffer_pool_reads"),
                                       "(%s > 0)" % rate("mysql_global_status_innodb_buffer_pool_read_requests")),
                          "{{instance}}")], "percentunit"),
        timeseries("MySQL: row lock waits", "Statements that waited for a row's lock, a second.",
                   [query(rate("mysql_global_status_innodb_row_lock_waits"), "{{instance}}")], "ops"),
        timeseries("MySQL: commands", "Statements a second by kind.",
                   [query(rate('mysql_global_status_commands_total{command=~"select|insert|update|delete|commit"}', "command"),
                          "{{command}}")], "ops", stack=True),
    )


def redis():
    return Row(
        "Redis",
        up("Redis", "redis_up"),
        timeseries("Redis: memory", "Memory in use, and maxmemory (0: none set).",
                   [query("redis_memory_used_bytes", "{{instance}} used"),
                    query("redis_memory_max_bytes", "{{instance}} at most")], "bytes", width=7),
        timeseries("Redis: commands", "Commands a second, the ten most frequent.",
                   [query("topk(10, %s)" % rate("redis_commands_total", "cmd"), "{{cmd}}")], "ops", width=7, stack=True),
        timeseries("Redis: clients", "Connected and blocked clients, refused connections.",
                   [query("redis_connected_clients", "{{instance}} connected"),
                    query("redis_blocked_clients", "{{instance}} blocked"),
                    query("increase(redis_rejected_connections_total[$__rate_interval])", "{{instance}} refused")],
                   "none", width=6),
        timeseries("Redis: time of a command", "Mean time in Redis of each command.",
                   [query("%s / (%s > 0)" % (rate("redis_commands_duration_seconds_total", "cmd"),
                                             rate("redis_commands_total", "cmd")), "{{cmd}}")], "s"),
        timeseries("Redis: evicted and expired", "Keys a second. Evicted ones were thrown away for want of memory.",
                   [query(rate("redis_evicted_keys_total"), "{{instance}} evicted"),
                    query(rate("redis_expired_keys_total"), "{{instance}} expired")], "ops"),
        timeseries("Redis: keys", "Keys of each database.", [query("sum by (db) (redis_db_keys)", "{{db}}")], "none"),
    )


def mongodb():
    return Row(
        "MongoDB",
        up("MongoDB", "mongodb_up"),
        timeseries("MongoDB: connections", "Connections in use as a share of those there may be.",
                   [query("""mongodb_ss_connections{conn_type="current"} / ignoring (conn_type) (
                             mongodb_ss_connections{conn_type="current"} + ignoring (conn_type) mongodb_ss_connections{conn_type="available"})""",
                          "{{instance}}")],
                   "percentunit", width=7, maximum=1, limits=ROOM),
        timeseries("MongoDB: operations", "Operations a second by kind.",
                   [query(rate("mongodb_ss_opcounters", "legacy_op_type"), "{{legacy_op_type}}")], "ops", width=7, stack=True),
        timeseries("MongoDB: time of an operation", "Mean time in the server by kind.",
                   [query("%s / (%s > 0) / 1e6" % (rate("mongodb_ss_opLatencies_latency", "op_type"),
                                                   rate("mongodb_ss_opLatencies_ops", "op_type")), "{{op_type}}")],
                   "s", width=6),
        timeseries("MongoDB: cache", "Bytes in WiredTiger's cache, and its size.",
                   [query("mongodb_ss_wt_cache_bytes_currently_in_the_cache", "{{instance}} used"),
                    query("mongodb_ss_wt_cache_maximum_bytes_configured", "{{instance}} at most")], "bytes"),
    )


def build():
    return dashboard("trivet-stores", "Trivet: stores", "MySQL, MongoDB and Redis, as Trivet and as their exporters see them.",
                     [seen_by_trivet(), mysql(), redis(), mongodb()])
