"""traces.py: from slow to why: exemplars over the latency buckets, the APM's lists of traces, and whether traces get there."""

from panels import Row, dashboard, datasource_variable, heatmap, label_variable, query, timeseries, traces

OWN = 'job="trivet", pool=~"$pool"'


def rate(metric, by):
    return "sum by (%s) (rate(%s[$__rate_interval]))" % (by, metric)


def build():
    return dashboard(
        "trivet-traces", "Trivet: traces", "Slow and failed requests, one by one.",
        [Row("Where to look",
             heatmap("Time of requests", "Requests a second in each bucket of time. A point is one traced request: it opens its "
                     "trace.", rate("trivet_http_request_duration_seconds_bucket{%s}" % OWN, "le"), "s"),
             heatmap("Time of store calls", "Calls a second in each bucket of time: is the time spent in the store?",
                     rate("trivet_store_call_duration_seconds_bucket{%s}" % OWN, "le"), "s")),
         Row("Traces",
             traces("Failed requests", "The latest traces with an error; all of them are kept.", "trivet", "error=true", width=12),
             traces("Requests", "The latest traces: slow, failed and sampled ones.", "trivet", "", width=12)),
         Row("The way there",
             timeseries("Sampled", "Traces handed to trivet-push, and dropped because the ring to it was full.",
                        [query(rate("trivet_traces_total{%s}" % OWN, "outcome"), "{{outcome}}")], "ops"),
             timeseries("Batches", "Batches that trivet-push sent, failed to send, or dropped.",
                        [query(rate('trivet_push_batches_total{job="trivet"}', "signal, outcome"), "{{signal}} {{outcome}}")],
                        "ops"),
             timeseries("Pushers", "Instances whose trivet-push lives, and those whose trivet-push died.",
                        [query('sum(trivet_push_up{job="trivet"})', "alive"),
                         query('count(trivet_push_up{job="trivet"} == 0) or vector(0)', "dead")], "none",
                        colors={"dead": "red"}))],
        [datasource_variable("traces", "jaeger", "Traces"), label_variable("pool", 'trivet_build_info{job="trivet"}')])
