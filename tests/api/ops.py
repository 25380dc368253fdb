"""ops.py: what kubelets and sysadmins ask: /healthz, /readyz, /status, /metrics, and the greeting."""

import html.parser
import json
import re

from harness import check, equal, expect, test, until
from harness.busy import busy
from harness.wait import AT_ONCE, Watch

NEEDS = ("ops", "hello")


def configured(world):
    return {store.name for store in world.stores}


@test("/healthz says ok on both ports")
def healthz(world):
    for client in (world.http, world.ops):
        expect(client.get("/healthz"), 200, {"status": "ok"}, "application/json", {"Cache-Control": "no-store"})
        answer = expect(client.request("HEAD", "/healthz"), 200, type="application/json")
        equal(answer.body, b"", "the body of HEAD")


@test("/healthz, /readyz and /hello take GET and HEAD alone and say so")
def only_reading(world):
    for path in ("/healthz", "/readyz", "/hello"):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            answer = expect(world.http.request(method, path), 405, type="application/json", headers={"Allow": "GET, HEAD"})
            check(isinstance(answer.json().get("error"), str), "the body names the error", answer.body)


@test("/readyz names every configured store with its latency")
def readyz(world):
    answer = expect(world.http.get("/readyz"), 200, type="application/json").json()
    equal(answer["ready"], True, "ready")
    equal(set(answer["stores"]), configured(world), "the stores")
    for name, store in answer["stores"].items():
        equal(store["state"], "up", name)
        # Clocks may stand still for some milliseconds.
        check(0 <= store["latency_ms"] < 2500, "%s has a latency" % name, store)


def not_ready_without(world, name, how):
    with world.away(name, how):
        # What was seen just before may be told for a moment, by each worker that looked.
        def down():
            answer = world.http.get("/readyz")
            states = {store: one["state"] for store, one in answer.json()["stores"].items()}
            return answer.status == 503 and states == {**dict.fromkeys(configured(world), "up"), name: "down"} and answer
        answer = until(down, "/readyz answers 503 and names it alone").json()
        equal(answer["ready"], False, "ready")
        check(answer["stores"][name]["error"], "the reason is said", answer)
        expect(world.http.get("/healthz"), 200)
        with Watch() as watch:
            world.http.get("/readyz")
        check(watch.seconds < AT_ONCE, "/readyz does not wait for what is away", watch.seconds)
    until(lambda: world.http.get("/readyz").status == 200, "/readyz answers 200 again")


@test("/readyz is 503 and names MySQL when it is stopped", needs=("ops", "sql"))
def not_ready_without_mysql(world):
    not_ready_without(world, "mysql", "stop")


@test("/readyz is 503 and names MongoDB when it is stopped", needs=("ops", "doc"))
def not_ready_without_mongo(world):
    not_ready_without(world, "mongo", "stop")


@test("/readyz is 503 and names Redis when it is stopped", needs=("ops", "kv"))
def not_ready_without_redis(world):
    not_ready_without(world, "redis", "stop")


@test("/readyz is 503 and names Redis when it hangs", needs=("ops", "kv"))
def not_ready_without_hanging_redis(world):
    not_ready_without(world, "redis", "pause")


@test("/readyz is 503 and names MySQL when it hangs", needs=("ops", "sql"))
def not_ready_without_hanging_mysql(world):
    not_ready_without(world, "mysql", "pause")


@test("/readyz is 503 and names MongoDB when it hangs", needs=("ops", "doc"))
def not_ready_without_hanging_mongo(world):
    not_ready_without(world, "mongo", "pause")


@test("/status shows pools, processes, workers, queue, stores, uptime, versions")
def status(world):
    answer = expect(world.ops.get("/status"), 200, type="application/json", headers={"Cache-Control": "no-store"}).json()
    check(re.fullmatch(r"\d+\.\d+\.\d+", answer["version"]), "a version", answer["version"])
    equal(set(answer["pools"]), set(world.pools), "the pools")
    for name, pool in answer["pools"].items():
        equal(pool["state"], "running", name)
        equal(pool["version"], answer["version"], name)
        check("hiredis" in pool["libraries"], "the libraries' versions", pool["libraries"])
        equal(pool["master"], world[name].pid, name + ": the master's pid")
        running = [one for one in pool["processes"] if one["state"] == "running"]
        equal({one["pid"] for one in running}, set(world[name].children()), name + ": its processes' pids")
        equal(len(running), pool["processes_wanted"], name + ": as many processes as wanted")
        for one in running:
            check(one["workers"] >= 1 and one["busy"] + one["idle"] <= one["workers"], "workers add up", one)
        workers = pool["workers"]
        equal(workers["max"], 2 * 4, name + ": the most workers")
        check(1 <= workers["now"] <= workers["max"], "workers", workers)
        equal(pool["queue"], {"waiting": 0, "max": 1024}, name + ": the queue")
        check(0 <= pool["uptime_s"] < 36000, "an uptime", pool["uptime_s"])
        check(pool["store_connections"] <= pool["store_connections_max"], "store connections", pool)
        for counter, value in pool["counters"].items():
            check(isinstance(value, int) and value >= 0, "the counter " + counter, value)
        for store in pool["stores"].values():
            equal(store["breaker"], "closed", name + ": a breaker")
    busy = sum(one["busy"] for one in answer["pools"]["ops"]["processes"])
    check(busy >= 1, "the worker that answers /status is busy", busy)


@test("/status knows which pool uses which store", needs=("ops", "kv", "hello"))
def status_stores(world):
    equal(set(world.status("kv")["stores"]), {"redis"}, "kv's stores")
    equal(set(world.status("hello")["stores"]), set(), "hello's stores")
    if "sql" in world.pools:
        equal(set(world.status("sql")["stores"]), {"mysql", "redis"}, "sql's stores: its own and the cache's")
    if "doc" in world.pools:
        equal(set(world.status("doc")["stores"]), {"mongo", "redis"}, "doc's stores: its own and the cache's")


@test("/status counts requests by their outcome", needs=("ops", "kv"))
def status_counts(world):
    before = world.status("kv")["counters"]
    for _ in range(5):
        expect(world.http.post("/kv", json=["PING"]), 200)
    expect(world.http.post("/kv", json=["NOSUCHCOMMAND"]), 400)

    def counted():
        after = world.status("kv")["counters"]
        return after["requests_2xx"] - before["requests_2xx"] >= 5 and after["requests_4xx"] > before["requests_4xx"] and after
    after = until(counted, "a request is counted when its answer has left")
    equal(after["requests_2xx"] - before["requests_2xx"], 5, "2xx")
    equal(after["requests_4xx"] - before["requests_4xx"], 1, "4xx")
    equal(after["requests_5xx"] - before["requests_5xx"], 0, "5xx")
    equal(after["store_calls"] - before["store_calls"], 6, "calls of the store")
    check(after["bytes_out"] > before["bytes_out"] and after["busy_us"] >= before["busy_us"], "bytes and time", after)


@test("/status shows a busy worker and a store's connection", needs=("ops", "kv"))
def status_shows_busy(world):
    with world.http.connect() as link:
        body = json.dumps(busy(1)).encode()
        link.sendall(b"POST /kv HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        until(lambda: world.status("kv")["workers"]["busy"] >= 1, "a worker is busy")
        check(world.status("kv")["store_connections"] >= 1, "a connection to Redis is shown")
        link.recv(4096)


@test("the public port serves neither /status nor /metrics nor nginx's own")
def not_public(world):
    for path in ("/status", "/metrics", "/nginx_status", "/status/", "/Status", "/%73tatus", "//status"):
        answer = world.http.get(path)
        check(answer.status in (404, 400), "%s is not there" % path, answer)
        check(b"pools" not in answer.body and b"# HELP" not in answer.body, "%s tells nothing" % path, answer)


@test("the operations port serves no dialect")
def no_dialects_there(world):
    for path in ("/sql/product", "/kv/get/k", "/kv", "/doc/action/find", "/rest/v1/product", "/"):
        equal(world.ops.get(path).status, 404, path)


@test("nginx's own numbers are on the operations port")
def stub_status(world):
    check(b"Active connections" in expect(world.ops.get("/nginx_status"), 200).body, "stub_status")


@test("an unknown path of the operations port is 404")
def unknown_ops_path(world):
    check("error" in expect(world.ops.get("/nothing"), 404, type="application/json").json(), "a body")


def all_up(world):
    """What /hello says when no worker of it remembers a store that was away: each looks once a second."""
    def look():
        greetings = [world.http.get("/hello") for _ in range(4)]
        return all(store["state"] != "down" for one in greetings for store in one.json()["stores"].values()) and greetings[0]
    return until(look, "/hello says that all stores are up", step=0.1)


@test("/hello greets curl in JSON, with every store's state, latency and version")
def hello_json(world):
    all_up(world)
    answer = expect(world.http.get("/hello", {"Accept": "*/*"}), 200, type="application/json").json()
    check("Trivet" in answer["greeting"], "a greeting", answer)
    equal(set(answer["stores"]), {"mysql", "mongo", "redis"}, "the stores")
    for name, store in answer["stores"].items():
        if name in configured(world):
            equal(store["state"], "up", name)
            check(store["latency_ms"] >= 0 and store["version"], "latency and version of " + name, store)
        else:
            equal(store, {"state": "not configured"}, name)


class Page(html.parser.HTMLParser):
    """The words of a page, and whether its tags are closed in order."""

    VOID = {"meta", "link", "br", "img", "hr", "input"}

    def __init__(self, text):
        super().__init__()
        self.open, self.words, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        equal(self.open.pop(), tag, "the tag that is closed")

    def handle_data(self, data):
        self.words.append(data)


@test("/hello greets a browser with a page that shows the three stores")
def hello_html(world):
    all_up(world)
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    answer = expect(world.http.get("/hello", browser), 200, type="text/html", headers={"Vary": "Accept"})
    check(answer.text.lower().startswith("<!doctype html>"), "a document type", answer.text[:60])
    page = Page(answer.text)
    equal(page.open, [], "tags left open")
    equal("script" in page.tags, False, "a script on the page")
    words = " ".join(page.words).lower()
    for store in ("mysql", "mongo", "redis"):
        check(store in words, "the page names " + store, words)
    check(words.count(" ms") >= len(configured(world)), "latencies", words)


@test("/hello says which store is down", needs=("hello", "ops", "kv"))
def hello_down(world):
    with world.away("redis"):
        # Each worker looks at most once a second.
        answer = until(lambda: (got := world.http.get("/hello").json())["stores"]["redis"]["state"] == "down" and got,
                       "/hello says that Redis is down")
        check(answer["stores"]["redis"]["error"], "why", answer)
        page = until(lambda: "down" in (got := world.http.get("/hello", {"Accept": "text/html"})).text and got,
                     "the page says so")
        expect(page, 200, type="text/html")
