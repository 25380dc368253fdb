"""scraping.py: what a scrape of /metrics costs trivet-ops while another pool is under load, in both formats. It measures; main.py
says when."""

import concurrent.futures
import statistics
import urllib.request

import measure

NAME = "scraping"
CASE = "hello"  # it needs no store, and keeps counters and histograms moving
LIMIT_MS = 5
ROUNDS, SCRAPES = 5, 50
FORMATS = (("text", "text/plain"), ("OpenMetrics, with exemplars", "application/openmetrics-text; version=1.0.0"))


def scrape(ops_port, accept):
    asked = urllib.request.Request("http://127.0.0.1:%d/metrics" % ops_port, headers={"Accept": accept})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return answer.read()


def cost(ops, ops_port, accept):
    """CPU milliseconds of trivet-ops for one scrape, and its bytes: the lowest of a few rounds, as others only ever add."""
    found = []
    for _ in range(ROUNDS):
        before = measure.cpu_us([ops])
        sizes = [len(scrape(ops_port, accept)) for _ in range(SCRAPES)]
        found.append((measure.cpu_us([ops]) - before) / SCRAPES / 1000)
    return min(found), statistics.median(sizes)


def rows(ops, ops_port, url, script, connections):
    """A row for each format. ops: the pid of trivet-ops' master; url and script: what is asked meanwhile."""
    found = []
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        for title, accept in FORMATS:
            load = threads.submit(measure.wrk, url, script, connections, 4)
            ms, size = cost(ops, ops_port, accept)
            requests = load.result()["requests"]
            found.append({"title": title, "ms": ms, "bytes": size, "requests": requests})
    return found
