"""workers.py: what a sysadmin scales by: workers, processes, queues, connections, memory; of each pool and instance."""

from panels import GREEN, RED, Row, dashboard, label_variable, query, table, thresholds, timeseries

OWN = 'job="trivet", instance=~"$instance", pool=~"$pool"'


def metric(name, more="", by="pool"):
    return "sum by (%s) (trivet_%s{%s%s})" % (by, name, OWN, more)


def rate(name, by="pool"):
    return "sum by (%s) (rate(trivet_%s{%s}[$__rate_interval]))" % (by, name, OWN)


def workers():
    return Row(
        "Workers",
        timeseries("Workers", "Workers busy and idle, and the most there may be. The window between is grown when requests wait.",
                   [query(metric("workers", by="pool, state"), "{{pool}} {{state}}"),
                    query(metric("workers_limit"), "{{pool}} at most")], "none", width=12),
        timeseries("Busy share", "Busy workers of all there may be, of each instance: is the load spread evenly?",
                   [query("%s / %s" % (metric("workers", ', state="busy"', "instance, pool"),
                                       metric("workers_limit", by="instance, pool")), "{{instance}} {{pool}}")],
                   "percentunit", width=6, maximum=1, limits=thresholds((None, GREEN), (0.9, RED))),
        timeseries("Time at the limit", "Seconds a second in which all workers there may be were busy. More workers help when "
                   "this is above 0 and the store has room.", [query(rate("workers_at_limit_seconds_total"), "{{pool}}")],
                   "none", width=6),
        timeseries("Window", "Workers added and taken away by the automatic window. Much of both at once is an oscillation.",
                   [query(rate("window_changes_total", "pool, direction"), "{{pool}} {{direction}}")], "ops", width=6),
        timeseries("Wait for a worker", "95 % and 99 % of the requests wait less than this.",
                   [query("histogram_quantile(%s, %s)" % (quantile, rate("queue_wait_seconds_bucket", "pool, le")),
                          "{{pool}} p%g" % (quantile * 100)) for quantile in (0.95, 0.99)], "s", width=6),
        timeseries("Requests in wait", "Processes in which a request waits and no worker is free, and connections that nobody has "
                   "accepted yet.",
                   [query(metric("requests_waiting"), "{{pool}} waiting"),
                    query(metric("listen_backlog"), "{{pool}} not accepted")], "none", width=6),
        timeseries("Shed", "Requests of each pool turned away unserved, by cause.",
                   [query(rate("shed_requests_total", "pool, cause"), "{{pool}} {{cause}}")], "reqps", width=6),
    )


def processes():
    return Row(
        "Processes",
        timeseries("Processes", "Processes that run and that are wanted (trivet-ops scale, TTIN and TTOU change it).",
                   [query(metric("processes"), "{{pool}}"), query(metric("processes_wanted"), "{{pool}} wanted")], "none"),
        timeseries("Restarts", "Processes that died and were replaced, within 5 minutes.",
                   [query("sum by (pool) (increase(trivet_process_restarts_total{%s}[5m]))" % OWN, "{{pool}}")], "none"),
        timeseries("Generation", "Counts up with every reload: instances that differ have not all been reloaded.",
                   [query("max by (instance, pool) (trivet_generation{%s})" % OWN, "{{instance}} {{pool}}")], "none"),
        timeseries("Memory", "Resident memory of all processes of a pool. A line that only rises is a leak.",
                   [query(metric("resident_memory_bytes"), "{{pool}}")], "bytes"),
        timeseries("Memory of a process", "Resident memory, divided by the processes.",
                   [query("%s / %s" % (metric("resident_memory_bytes"), metric("processes")), "{{pool}}")], "bytes"),
        timeseries("Listen queue", "How full each socket's queue is. At 1 nginx answers 503.",
                   [query("max by (pool) (trivet_listen_backlog{%s} / (trivet_listen_backlog_limit{%s} > 0))" % (OWN, OWN),
                          "{{pool}}")], "percentunit", maximum=1),
    )


def work():
    return Row(
        "Connections and work",
        timeseries("Store connections", "Open connections to stores and the most there may be: pods x processes x workers.",
                   [query(metric("store_connections", by="pool, store"), "{{pool}} to {{store}}"),
                    query(metric("store_connections_limit", by="pool, store"), "{{pool}} to {{store}} at most")], "none"),
        timeseries("Bytes", "Bodies that came in and went out.",
                   [query(rate("request_bytes_total"), "{{pool}} in"), query(rate("response_bytes_total"), "{{pool}} out")],
                   "Bps"),
        timeseries("Rows", "Rows, documents and keys read and written.",
                   [query(rate("rows_total", "pool, direction"), "{{pool}} {{direction}}")], "rowsps"),
        timeseries("Refused by the guard", "Requests of clients that have no role: nothing was done for them.",
                   [query(rate("guard_refusals_total"), "{{pool}}")], "reqps"),
        table("Instances", "What runs where, and since when.",
              [("Age", "time() - max by (instance, pool) (trivet_pool_start_time_seconds{%s})" % OWN, "s"),
               ("Processes", metric("processes", by="instance, pool"), "none"),
               ("Workers at most", metric("workers_limit", by="instance, pool"), "none")], width=16),
    )


def build():
    return dashboard("trivet-workers", "Trivet: workers and scaling",
                     "Workers, processes, queues, connections and memory of each pool and instance.",
                     [workers(), processes(), work()],
                     [label_variable("instance", 'trivet_build_info{job="trivet"}'),
                      label_variable("pool", 'trivet_build_info{job="trivet"}')])
