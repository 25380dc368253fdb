"""overview.py: the page to open first: is it well, does it keep its objectives, where is it slow or full. One row a dialect."""

from panels import BLUE, GREEN, ORANGE, RED, YELLOW, Row, dashboard, query, stat, table, thresholds, timeseries

DIALECTS = (("sql", "MySQL", 0.25), ("doc", "MongoDB", 0.25), ("kv", "Redis", 0.05))
CODES = {"2xx": GREEN, "3xx": BLUE, "4xx": YELLOW, "5xx": RED}
DOWN_UP = [{"type": "value", "options": {"0": {"text": "down", "color": RED}, "1": {"text": "up", "color": GREEN}}}]


def now():
    return Row(
        "Now",
        stat("Stores", "Whether any Trivet reaches each store.", 'max by (store) (trivet_store_up{job="trivet"})', "none",
             thresholds((None, RED), (1, GREEN)), legend="{{store}}", mappings=DOWN_UP, width=5),
        stat("Instances", "Instances of Trivet that give metrics.",
             'count(count by (instance) (trivet_build_info{job="trivet"})) or vector(0)', "none",
             thresholds((None, RED), (1, GREEN)), legend="up", width=3),
        stat("Requests", "Requests a second, all pools and instances.", "sum(pool:trivet_http_requests:rate5m)", "reqps",
             thresholds((None, GREEN)), legend="all", width=4),
        stat("Failed", "Share of the requests that got a 5xx, all dialects.",
             """(sum(pool_code:trivet_http_requests:rate5m{code="5xx"}) or vector(0))
                / sum(pool:trivet_http_requests:rate5m)""",
             "percentunit", thresholds((None, GREEN), (0.001, ORANGE), (0.01, RED)), legend="5xx", width=4),
        stat("Fullest pool", "The fullest pool: busy workers as a share of all there may be.",
             "max(pool:trivet_workers_busy:ratio)", "percentunit", thresholds((None, GREEN), (0.7, YELLOW), (0.9, RED)),
             legend="fullest pool", width=4),
        stat("Alerts", "Alerts that fire now, without the Watchdog.",
             'count(ALERTS{alertstate="firing", alertname!="Watchdog"}) or vector(0)', "none",
             thresholds((None, GREEN), (1, RED)), legend="firing", width=4),
    )


def red(pool, store, objective):
    """Rate, errors, duration."""
    own = 'job="trivet", pool="%s"' % pool
    limit = thresholds((None, GREEN), (objective, RED))
    return Row(
        "/%s over %s" % (pool, store),
        # The good ones last, so that theirs is the line on top: the others are rarely more than a line at the bottom.
        timeseries("Rate of /%s" % pool, "Requests a second by class of status, upon each other.",
                   [query('sum by (code) (rate(trivet_http_requests_total{%s, code="%s"}[$__rate_interval]))' % (own, code), code)
                    for code in reversed(CODES)], "reqps", stack=True, colors=CODES),
        timeseries("Errors of /%s" % pool, "Share of the requests that got a 5xx (against us) or a 4xx (against the client).",
                   [query("""(sum by (pool) (rate(trivet_http_requests_total{%s, code="%s"}[$__rate_interval]))
                              or 0 * sum by (pool) (rate(trivet_http_requests_total{%s}[$__rate_interval])))
                             / sum by (pool) (rate(trivet_http_requests_total{%s}[$__rate_interval]))"""
                          % (own, code, own, own), code) for code in ("5xx", "4xx")], "percentunit", colors={code: CODES[code] for code in ("5xx", "4xx")}),
        timeseries("Duration of /%s" % pool, "Percentiles of the time from request to answer. The dashed line is the objective "
                   "for 99 %% of them: %g s. Points are exemplars and open their trace." % objective,
                   [query("""histogram_quantile(%s, sum by (le) (
                             rate(trivet_http_request_duration_seconds_bucket{%s}[$__rate_interval])))"""
                          % (quantile, own), "p%g" % (quantile * 100), exemplar=quantile == 0.99)
                    for quantile in (0.5, 0.95, 0.99)], "s", limits=limit),
    )


def objectives():
    left = thresholds((None, RED), (0, ORANGE), (0.25, GREEN))
    burn = thresholds((None, GREEN), (1, ORANGE), (14.4, RED))
    return Row(
        "Objectives",
        stat("Availability budget left", "Share of the 30 days' error budget (0.1 % of the requests) that is left.",
             "pool:trivet_slo_availability_budget:left30d", "percentunit", left, width=6, height=6, legend="{{pool}}", decimals=1),
        timeseries("Availability burn rate", "How many times faster than allowed the budget is spent, over an hour. "
                   "1 spends it in 30 days; 14.4 pages.",
                   [query("pool:trivet_slo_unavailable:burn_rate1h", "{{pool}}")], "none", width=6, height=6, limits=burn),
        stat("Latency budget left", "Share of the 30 days' budget of slow requests (1 % of all) that is left.",
             "pool:trivet_slo_latency_budget:left30d", "percentunit", left, width=6, height=6, legend="{{pool}}", decimals=1),
        timeseries("Latency burn rate", "How many times faster than allowed the budget is spent, over an hour. "
                   "1 spends it in 30 days; 14.4 pages.",
                   [query("pool:trivet_slo_slow:burn_rate1h", "{{pool}}")], "none", width=6, height=6, limits=burn),
    )


def saturation():
    return Row(
        "Saturation",
        timeseries("Busy workers", "Busy workers as a share of all there may be (processes x workers_max). Above 0.9 requests "
                   "begin to wait.", [query("pool:trivet_workers_busy:ratio", "{{pool}}")], "percentunit", width=6, maximum=1,
                   limits=thresholds((None, GREEN), (0.9, RED))),
        timeseries("Wait for a worker", "95 % of the requests wait less than this before a worker takes them.",
                   [query("pool:trivet_queue_wait_seconds:p95_5m", "{{pool}}")], "s", width=6),
        timeseries("Listen queue", "Connections that wait in the sockets' queues; when one is full nginx answers 503.",
                   [query('sum by (pool) (trivet_listen_backlog{job="trivet"})', "{{pool}}")], "none", width=6),
        timeseries("Shed", "Requests turned away unserved, by cause: too long in the queue, client gone, broken request, store "
                   "away.", [query('sum by (cause) (rate(trivet_shed_requests_total{job="trivet"}[$__rate_interval]))',
                                   "{{cause}}")], "reqps", width=6),
    )


def details():
    by = 'by (pool, route) (rate(trivet_http_request%s{job="trivet"}[$__rate_interval]))'
    asked = "sum %s > 0" % by % "_duration_seconds_count"  # of the others there is nothing to say
    return Row(
        "Where the time goes",
        table("Routes", "Every route that is asked for: how often it is asked for, and how slow its slowest hundredth is.",
              [("Requests", 'sum by (pool, route) (rate(trivet_http_requests_total{job="trivet"}[$__rate_interval])) > 0', "reqps"),
               ("Mean", "sum %s / (%s)" % (by % "_duration_seconds_sum", asked), "s"),
               ("p99", """histogram_quantile(0.99, sum by (pool, route, le) (
                          rate(trivet_http_request_duration_seconds_bucket{job="trivet"}[$__rate_interval])))
                          and on (pool, route) (%s)""" % asked, "s")]),
        table("Firing alerts", "What fires now; docs/runbooks has a page of each name.",
              [("Firing", 'max by (alertname, severity, pool, store, instance) (ALERTS{alertstate="firing"})', "none")], width=12),
    )


def build():
    return dashboard("trivet-overview", "Trivet: overview", "Rate, errors and duration of each dialect, objectives, saturation.",
                     [now(), *(red(*dialect) for dialect in DIALECTS), objectives(), saturation(), details()])
