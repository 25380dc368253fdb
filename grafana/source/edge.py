"""edge.py: what stands before Trivet: the way users come (load balancer, certificate), and nginx."""

from panels import GREEN, ORANGE, RED, Row, dashboard, query, stat, thresholds, timeseries

YES_NO = [{"type": "value", "options": {"0": {"text": "no", "color": RED}, "1": {"text": "yes", "color": GREEN}}}]


def build():
    phases = "avg by (phase) (probe_http_duration_seconds{job=\"edge\"})"
    accepted, handled = "rate(nginx_connections_accepted[$__rate_interval])", "rate(nginx_connections_handled[$__rate_interval])"
    return dashboard(
        "trivet-edge", "Trivet: edge", "The load balancer and its certificate as users see them, and nginx.",
        [Row("From outside",
             stat("Reachable", "Whether a worker answers at each address, as users reach it.", 'min by (instance) (probe_success{job="edge"})',
                  "none", thresholds((None, RED), (1, GREEN)), mappings=YES_NO, legend="{{instance}}", width=6, height=8),
             stat("Certificate", "Time until the first certificate of the chain ends.",
                  'min by (site) (probe_ssl_earliest_cert_expiry{job="edge"}) - time()', "s",
                  thresholds((None, RED), (3 * 86400, ORANGE), (21 * 86400, GREEN)), legend="{{site}}", width=6, height=8),
             timeseries("Time of a probe", "Where the time of a probe goes: name, connect, TLS, waiting, transfer.",
                        [query(phases, "{{phase}}")], "s", width=12, stack=True)),
         Row("nginx",
             timeseries("Requests", "Requests a second that nginx took, all of them.",
                        [query("sum by (instance) (rate(nginx_http_requests_total[$__rate_interval]))", "{{instance}}")], "reqps",
                        width=6),
             timeseries("Without a worker", "Requests a second that nginx took and no worker counted: the page, what nginx refuses (404, "
                        "413), and its 503 while a pool is gone. nginx counts no statuses; its log has them.",
                        [query("""clamp_min(sum(rate(nginx_http_requests_total[$__rate_interval]))
                                  - sum(rate(trivet_http_requests_total{job="trivet"}[$__rate_interval])), 0)""", "nginx alone")],
                        "reqps", width=6),
             timeseries("Connections", "Open connections by what they do.",
                        [query("sum(nginx_connections_%s)" % state, state) for state in ("reading", "writing", "waiting")],
                        "none", width=6, stack=True),
             timeseries("Dropped connections", "Accepted but not handled: worker_connections or open files are at their limit.",
                        [query("sum by (instance) (%s - %s)" % (accepted, handled), "{{instance}}")], "ops", width=6))])
