"""/metrics: Prometheus' text format and OpenMetrics', whole and bounded; numbers that agree with what was done, and that never go
back; and that nothing of what clients send gets into them or into the log."""

import json
import os
import re
import signal

from harness import check, equal, expect, test, until
from harness.busy import busy
from harness.places import SRC

SAMPLE = re.compile(r'([a-z0-9_]+)(?:\{((?:[a-z_]+="[^"\\]*",?)*)\})? (\d+(?:\.\d+)?)(?: # \{trace_id="[0-9a-f]{32}"\} \d+\.\d+ \d+\.\d+)?')
BOUNDS = ["0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "+Inf"]
FIND = {"dataSource": "mongodb-atlas", "database": "shop", "collection": "reviews"}


class Exposition:
    """What one scrape says: samples by name and labels, types by family."""

    def __init__(self, text, openmetrics=False):
        self.types, self.samples, family = {}, {}, None
        lines = text.splitlines()
        if openmetrics:
            equal(lines.pop(), "# EOF", "the last line")
        for line in lines:
            if line.startswith("# TYPE "):
                _, _, family, kind = line.split()
                check(family not in self.types, "a family is announced once", family)
                self.types[family] = kind
            elif line.startswith("# HELP "):
                check(line.endswith("."), "help is a sentence", line)
            else:
                found = SAMPLE.fullmatch(line)
                check(found, "a sample", line)
                name, labels = found[1], dict(re.findall(r'([a-z_]+)="([^"]*)"', found[2] or ""))
                self._belongs(name, family, openmetrics)
                key = name, tuple(sorted(labels.items()))
                check(key not in self.samples, "a sample comes once", line)
                self.samples[key] = float(found[3])

    def _belongs(self, name, family, openmetrics):
        endings = {"histogram": ("_bucket", "_sum", "_count"), "gauge": ("",),
                   "counter": ("_total",) if openmetrics else ("",)}
        check(name in [family + ending for ending in endings[self.types[family]]], "samples of a family stand together", name)

    def value(self, name, **labels):
        return self.samples[name, tuple(sorted(labels.items()))]

    def all(self, name):
        return {labels: value for (seen, labels), value in self.samples.items() if seen == name}


def scrape(world, openmetrics=False):
    kind = "application/openmetrics-text" if openmetrics else "text/plain"
    accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"} if openmetrics else {}
    return Exposition(expect(world.ops.get("/metrics", accept), 200, type=kind).text, openmetrics)


def documented():
    """Families of docs/metrics.md by name: their types."""
    with open(os.path.join(SRC, "docs", "metrics.md"), encoding="utf-8") as file:
        return dict(re.findall(r"^\| `(trivet_[a-z0-9_]+)` \| (counter|gauge|histogram) \|", file.read(), re.M))


@test("/metrics shows every documented family, and no other")
def every_family(world):
    equal(scrape(world).types, documented(), "the families")


@test("histograms are cumulative, end in +Inf, and agree with their count")
def histograms(world):
    world.http.get("/hello")
    seen = scrape(world)
    found = 0
    for name, kind in seen.types.items():
        if kind != "histogram":
            continue
        for labels, count in seen.all(name + "_count").items():
            buckets = [seen.value(name + "_bucket", le=bound, **dict(labels)) for bound in BOUNDS]
            equal(buckets, sorted(buckets), "%s%r rises" % (name, labels))
            equal(buckets[-1], count, "%s%r: +Inf" % (name, labels))
            check(seen.value(name + "_sum", **dict(labels)) >= 0, "a sum")
            found += 1
    check(found >= len(world.pools), "histograms were looked at", found)


@test("requests are counted by route, method and class, once", needs=("ops", "kv", "sql", "doc"))
def requests(world):
    def counted(seen, pool, route, method, code):
        key = tuple(sorted({"pool": pool, "route": route, "method": method, "code": code}.items()))
        return seen.samples.get(("trivet_http_requests_total", key), 0)
    wanted = {("kv", "/kv/{command}", "GET", "2xx"): 3, ("kv", "/kv/{command}", "POST", "4xx"): 1,
              ("kv", "/kv/pipeline", "POST", "2xx"): 2, ("sql", "/sql/{table}", "GET", "2xx"): 2,
              ("sql", "/sql/{table}", "GET", "4xx"): 1, ("sql", "/sql/rpc/{routine}", "POST", "4xx"): 1,
              ("doc", "/doc/action/findOne", "POST", "2xx"): 1, ("doc", "", "POST", "4xx"): 1}
    before = scrape(world)
    for _ in range(3):
        expect(world.http.get("/kv/ping"), 200)
    expect(world.http.post("/kv", json=["NOSUCHCOMMAND"]), 400)
    for _ in range(2):
        expect(world.http.post("/kv/pipeline", json=[["PING"], ["PING"]]), 200)
        expect(world.http.get("/sql/product?limit=1"), 200)
    expect(world.http.get("/rest/v1/nosuchtable"), 404)
    expect(world.http.post("/sql/rpc/nosuch", json={}), 404)
    expect(world.http.post("/doc/action/findOne", json={**FIND, "filter": {}}), 200)
    expect(world.http.post("/doc/action/nosuchaction", json=FIND), 404)

    def all_counted():
        after = scrape(world)
        return {key: counted(after, *key) - counted(before, *key) for key in wanted} == wanted and after
    after = until(all_counted, "every request is counted where it belongs")
    calls = [one.value("trivet_store_calls_total", pool="kv", store="redis") for one in (before, after)]
    equal(calls[1] - calls[0], 3 + 1 + 4, "commands to Redis")
    count = [one.value("trivet_store_call_duration_seconds_count", pool="kv", store="redis") for one in (before, after)]
    equal(count[1] - count[0], 3 + 1 + 2, "a pipeline is one call of the store")
    check(after.value("trivet_rows_total", pool="sql", direction="read") >=
          before.value("trivet_rows_total", pool="sql", direction="read") + 2, "rows are counted")


@test("/metrics and /status agree")
def agrees(world):
    world.http.get("/hello")

    def agreed():
        """The last request is counted when its answer has left: perhaps between the two looks."""
        seen = scrape(world)
        total = sum(value for labels, value in seen.all("trivet_http_requests_total").items()
                    if dict(labels)["pool"] == "hello" and dict(labels)["code"] == "2xx")
        return world.counter("hello", "requests_2xx") == total and total > 0 and seen
    seen = until(agreed, "the counter in /status is the sum in /metrics")
    for pool in world.pools:
        equal(seen.value("trivet_pool_up", pool=pool), 1, "%s is up" % pool)
        equal(seen.value("trivet_workers_limit", pool=pool), world.status(pool)["workers"]["max"], "workers of " + pool)
        equal(seen.value("trivet_listen_backlog_limit", pool=pool), 1024, "the listen queue of " + pool)
        check(seen.value("trivet_resident_memory_bytes", pool=pool) > 1 << 20, "memory of " + pool)


@test("counters do not go back when a process dies", needs=("ops", "kv"))
def never_back(world):
    for _ in range(20):
        expect(world.http.get("/kv/ping"), 200)
    world.may_die("kv")
    before, victim = scrape(world), world["kv"].children()[0]
    os.kill(victim, signal.SIGKILL)

    def replaced():
        after = scrape(world)
        for name, kind in after.types.items():
            for part in {"counter": [""], "histogram": ["_bucket", "_count", "_sum"], "gauge": []}[kind]:
                for labels, value in before.all(name + part).items():
                    check(after.samples.get((name + part, labels), -1) >= value, "%s%s%r went back" % (name, part, labels), value)
        return after.value("trivet_process_restarts_total", pool="kv") == \
            before.value("trivet_process_restarts_total", pool="kv") + 1
    until(replaced, "the restart is counted")


@test("OpenMetrics for who asks for it, with its own names and its end")
def openmetrics(world):
    plain, seen = scrape(world), scrape(world, openmetrics=True)
    equal({name + ("_total" if kind == "counter" else ""): kind for name, kind in seen.types.items()}, plain.types,
          "the families")
    check("Vary" in [name for name, _ in world.ops.get("/metrics").headers], "caches are told")


@test("a store that is away shows: breaker, errors, refusals, and that trivet-ops cannot reach it", needs=("ops", "kv"))
def store_away(world):
    before = scrape(world)
    with world.away("redis"):
        def shows():
            world.http.get("/kv/get/x")
            seen = scrape(world)
            return (seen.value("trivet_store_breaker_open", pool="kv", store="redis") == 1 and
                    seen.value("trivet_store_up", store="redis") == 0 and
                    seen.value("trivet_shed_requests_total", pool="kv", cause="breaker") >
                    before.value("trivet_shed_requests_total", pool="kv", cause="breaker"))
        until(shows, "it shows")
    until(lambda: scrape(world).value("trivet_store_up", store="redis") == 1, "and that it is back")


SECRET = "s3cr3t-%s-value"
# A table whose trigger refuses what comes in words of its own, as an answer of the kind that is logged.
REFUSING = """CREATE TABLE refusing (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80));
DELIMITER //
CREATE TRIGGER refusing_says BEFORE INSERT ON refusing FOR EACH ROW BEGIN
    DECLARE said VARCHAR(120) DEFAULT CONCAT('not for ', NEW.name);
    SIGNAL SQLSTATE 'PT503' SET MESSAGE_TEXT = said;
END//
"""


@test("no value that a client sends gets into metrics, status or a worker's log", needs=("ops", "kv", "sql", "doc"))
def no_values(world):
    marks = []

    def mark(what):
        marks.append(SECRET % what)
        return marks[-1]
    world.http.get("/sql/product?name=eq." + mark("filter"))
    world.http.get("/sql/product?name=in.(%s,x)&order=name&select=name" % mark("list"))
    world.http.get("/sql/%s?id=eq.1" % mark("table"))
    world.http.get("/sql/product?%s=eq.1" % mark("column"))
    world.http.get("/sql/product?id=eq." + mark("number"))
    world.http.post("/sql/product", json={"name": mark("insert"), "price": mark("price")})
    world.http.post("/sql/product", json={"name": mark("long") * 200, "price": 1})
    refused = world.http.post("/sql/refusing", json={"name": mark("refused")})
    check(refused.status == 503 and SECRET % "refused" in refused.text, "the client is told in the trigger's words", refused)
    world.http.get("/kv/get/" + mark("key"))
    world.http.post("/kv", json=["SET", mark("kvkey"), mark("kvvalue")])
    world.http.post("/kv", json=[mark("command"), "x"])
    world.http.post("/kv", json=["INCR", mark("kvkey2")])
    world.http.post("/kv/pipeline", json=[["LPUSH", mark("list1"), mark("item")], [mark("command2")]])
    world.http.post("/kv", json=["EVAL", "error('%s')" % mark("lua"), "0"])
    world.http.post("/doc/action/find", json={**FIND, "filter": {"author": mark("author")}})
    world.http.post("/doc/action/insertOne", json={**FIND, "collection": "scratch", "document": {"text": mark("doctext")}})
    world.http.post("/doc/action/find", json={**FIND, "filter": {"stars": {"$nosuch": mark("operand")}}})
    world.http.get("/sql/product?limit=1", {"Authorization": "Bearer " + mark("token")})
    world.http.get("/kv/get/x?_token=" + mark("urltoken"))
    done = expect(world.http.get("/kv/ping", {"X-Request-Id": "no-values-done"}), 200)
    check(done, "all was answered")
    until(lambda: any("no-values-done" in line for line in world["kv"].lines()), "the last line is written")
    places = {"/metrics": world.ops.get("/metrics").text, "/status": world.ops.get("/status").text}
    places.update({pool + "'s log": "\n".join(world[pool].lines()) for pool in world.pools})
    for mark_sent in marks:
        for place, text in places.items():
            check(mark_sent not in text, "%s holds what a client sent" % place, mark_sent)


@test("a slow request's line says where its time went and at which statement, without its values", needs=("kv",))
def slow_line(world):
    # Longer than what is slow, and far shorter than a request may take: it counts the processor's time, not the clock's.
    expect(world.http.post("/kv", json=[*busy(0.7), SECRET % "argument"], headers={"X-Request-Id": "slow-request-1"}), 200)

    def line():
        found = [text for text in world["kv"].lines() if '"slow-request-1"' in text]
        return json.loads(found[0]) if found else None
    said = until(line, "its line")
    equal((said["slow"], said["statement"], said["level"]), (True, "EVAL", "warn"), "marked, with its shape")
    phases = said["phases_ms"]
    equal(set(phases), {"read", "guard", "work", "cache", "store", "send"}, "the phases")
    check(abs(sum(phases.values()) + said["queue_ms"] - said["total_ms"]) < 0.01, "they add up to the whole", said)
    check(phases["store"] > 600 and phases["store"] == said["store_ms"], "most of it was the store's", said)
    check(SECRET % "argument" not in json.dumps(said), "no value", said)


@test("USR2 makes a pool log everything, and again as configured", needs=("kv",))
def log_level(world):
    def levels():
        return [json.loads(line)["text"] for line in world["kv"].lines() if '"event":"log.level"' in line]
    before, processes = len(levels()), 1 + len(world["kv"].children())
    world["kv"].tell(signal.SIGUSR2)
    until(lambda: len(levels()) == before + processes, "master and processes say so")
    check(all("debug" in text for text in levels()[before:]), "debug", levels())
    world["kv"].tell(signal.SIGUSR2)
    until(lambda: len(levels()) == before + 2 * processes, "and back")
    check(all("info" in text for text in levels()[before + processes:]), "info", levels())
