"""traces.py: what trivet-push sends, as an independent decoder understands it: parents, ids, names, attributes, times; and metrics
that arrive in Prometheus."""

import json
import re
import secrets
import time
import urllib.error
import urllib.request

from harness import check, equal, expect, test, until
from skipping import Skip

SERVER, CLIENT, INTERNAL = 2, 3, 1
ERROR = 2


def needs_push(stack):
    if not stack.pushes:
        raise Skip("this build has no trivet-push")


def traced(stack, method, path, flags="01", headers=None, **more):
    """Sends a request with a parent of ours; gives the answer, the trace's id and the parent's."""
    trace, parent = secrets.token_hex(16), secrets.token_hex(8)
    given = {"traceparent": "00-%s-%s-%s" % (trace, parent, flags), **(headers or {})}
    return stack.world.http.request(method, path, headers=given, **more), trace, parent


def server_span(stack, trace):
    def arrived():
        return [span for span in stack.receiver.spans(trace) if span["kind"] == SERVER]
    found = until(arrived, "the span of the request arrives", step=0.1)
    equal(len(found), 1, "the number of server spans in the trace")
    return found[0]


def below(stack, span):
    """The spans of what was done for it, its children's children too."""
    all_of_it = stack.receiver.spans(span["trace"])
    found, parents = [], {span["span"]}
    while parents:
        children = [one for one in all_of_it if one["parent"] in parents]
        found, parents = found + children, {one["span"] for one in children}
    return found


def calls(stack, span, *systems):
    """Those of calls to these systems, waited for."""
    return until(lambda: [one for one in below(stack, span)
                          if one["kind"] == CLIENT and one["attributes"].get("db.system.name") in systems], "a span of a call to " + systems[0], step=0.1)


def post(stack, path, kind, body):
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (stack.receiver.port, path), body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@test("the receiver understands JSON and protobuf, and refuses what is neither")
def receiver(stack):
    trace = secrets.token_hex(16)
    span = {"traceId": trace, "spanId": "00f067aa0ba902b7", "name": "by hand", "kind": 2, "startTimeUnixNano": "1",
            "endTimeUnixNano": "2", "attributes": [{"key": "n", "value": {"intValue": "7"}}]}
    whole = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    equal(post(stack, "/v1/traces", "application/json", json.dumps(whole).encode()), 200, "the status for JSON")
    got = stack.receiver.spans(trace)
    equal((got[0]["span"], got[0]["kind"], got[0]["attributes"], got[0]["parent"]), ("00f067aa0ba902b7", 2, {"n": 7}, ""), "the span")
    # The same in protobuf, by hand: field, wire type, length.
    def field(number, data):
        return bytes([number << 3 | 2, len(data)]) + data
    other = secrets.token_bytes(16)
    encoded = field(1, field(2, field(2, field(1, other) + field(2, b"\1\2\3\4\5\6\7\10") + field(5, b"hand"))))
    equal(post(stack, "/v1/traces", "application/x-protobuf", encoded), 200, "the status for protobuf")
    equal(stack.receiver.spans(other.hex())[0]["name"], "hand", "the span's name")
    before = len(stack.receiver.errors())
    span["traceId"] = "too short"
    for kind, body in (("application/json", json.dumps(whole).encode()), ("application/json", b"{"), ("text/plain", b"x"),
                       ("application/json", b'{"resourceSpanz":[]}'), ("application/x-protobuf", b"\xff\xff"),
                       ("application/json", b"{}")):
        equal(post(stack, "/v1/traces", kind, body), 400, "the status for %r" % body[:40])
    equal(len(stack.receiver.errors()) - before, 6, "the refusals that are remembered")
    stack.receiver.refused_by_hand = len(stack.receiver.errors())


@test("a read of /sql: a server span with route and status, its parent the caller's, its children guard and store")
def sql_read(stack):
    needs_push(stack)
    answer, trace, parent = traced(stack, "GET", "/sql/product?id=eq.17", headers={"Cache-Control": "no-cache"})
    expect(answer, 200)
    span = server_span(stack, trace)
    equal((span["name"], span["parent"]), ("GET /sql/{table}", parent), "name and parent")
    wanted = {"http.request.method": "GET", "http.route": "/sql/{table}", "http.response.status_code": 200}
    equal({key: span["attributes"].get(key) for key in wanted}, wanted, "the attributes of the request")
    check("guard" in [one["name"] for one in below(stack, span) if one["kind"] == INTERNAL], "a child for the guard")
    store = [one for one in calls(stack, span, "mysql", "mariadb")
             if "SELECT" in one["attributes"].get("db.query.text", "").upper()]
    check(store, "a child for the statement", below(stack, span))
    text = store[0]["attributes"].get("db.query.text", "")
    check("?" in text and "17" not in text, "the statement, without its value", text)
    check(span["start"] <= store[0]["start"] <= store[0]["end"] <= span["end"] + 1_000_000, "the child lies within its parent",
          (span, store[0]))
    check(abs(span["start"] / 1e9 - time.time()) < 60, "the time of the span", span["start"])
    check(span["resource"].get("service.name") == "trivet" and span["resource"].get("service.version"), "the resource",
          span["resource"])


@test("every span: ids of their lengths, unique, times in order, a parent that is there")
def all_spans(stack):
    needs_push(stack)
    until(lambda: len(stack.receiver.spans()) > 300, "spans arrive", step=0.2)
    spans = [span for span in stack.receiver.spans() if span["resource"]]
    by_id = {}
    for span in spans:
        check(re.fullmatch("[0-9a-f]{32}", span["trace"]) and int(span["trace"], 16), "a trace's id", span)
        check(re.fullmatch("[0-9a-f]{16}", span["span"]) and int(span["span"], 16), "a span's id", span)
        check(0 < span["start"] <= span["end"] < span["start"] + 120e9, "a span's times", span)
        check(span["name"] and span["kind"] in (SERVER, CLIENT, INTERNAL), "a span's name and kind", span)
        check((span["trace"], span["span"]) not in by_id, "a span came twice", span)
        by_id[span["trace"], span["span"]] = span
    for span in spans:
        if span["kind"] != SERVER:
            above = by_id.get((span["trace"], span["parent"]))
            check(above, "a child whose parent did not come", span)
    equal(stack.receiver.errors()[getattr(stack.receiver, "refused_by_hand", 0):], [], "requests that did not decode")


@test("no span holds a value: neither of a statement, nor of a document, nor of a key's content")
def no_values(stack):
    needs_push(stack)
    secret = "canary" + secrets.token_hex(8)
    traces = []
    document = {"dataSource": "mongodb-atlas", "database": "shop", "collection": "reviews", "filter": {"text": secret}}
    for method, path, more in (("GET", "/sql/product?name=eq.%s" % secret, {}), ("POST", "/doc/action/findOne", {"json": document}),
                               ("POST", "/kv", {"json": ["SET", "monitoring:test", secret]})):
        traces.append(traced(stack, method, path, **more)[1])
    for trace in traces:
        server_span(stack, trace)
    check(secret not in "".join(map(json.dumps, stack.receiver.spans())), "a value is in a span")


@test("/doc and /kv: their stores' names, and what was asked of them")
def other_stores(stack):
    needs_push(stack)
    wanted = {"dataSource": "mongodb-atlas", "database": "shop", "collection": "reviews", "filter": {"stars": 5}}
    for method, path, more, system, route in (
            ("POST", "/doc/action/findOne", {"json": wanted, "headers": {"Cache-Control": "no-cache"}}, "mongodb", "/doc/action/"),
            ("POST", "/kv", {"json": ["GET", "shop:name"]}, "redis", "/kv")):
        answer, trace, _ = traced(stack, method, path, **more)
        expect(answer, 200)
        span = server_span(stack, trace)
        check(span["attributes"]["http.route"].startswith(route), "the route", span["attributes"])
        calls(stack, span, system)


@test("a failed request is kept although its caller did not sample it, and says so")
def failed(stack):
    needs_push(stack)
    with stack.world.away("mysql"):
        answer, trace, _ = traced(stack, "GET", "/sql/product?id=eq.1", flags="00", headers={"Cache-Control": "no-cache"})
        check(answer.status >= 500, "the status", answer)
        span = server_span(stack, trace)
    equal((span["status"], span["attributes"]["http.response.status_code"]), (ERROR, answer.status), "the span's status")


@test("a request that its caller did not sample sends nothing")
def not_sampled(stack):
    needs_push(stack)
    expect(traced(stack, "GET", "/hello")[0], 200)
    answer, trace, _ = traced(stack, "GET", "/hello", flags="00")
    expect(answer, 200)
    _, later, _ = traced(stack, "GET", "/hello")
    server_span(stack, later)
    equal(stack.receiver.spans(trace), [], "spans of a request that was not sampled")


@test("a caller's traceparent that is none begins a new trace")
def broken_parent(stack):
    needs_push(stack)
    for given in ("00-00000000000000000000000000000000-0000000000000000-01", "nonsense", "ff-" + "1" * 32 + "-" + "2" * 16 + "-01"):
        expect(stack.world.http.get("/hello", headers={"traceparent": given}), 200)
        time_before = len(stack.receiver.spans())
        until(lambda: len(stack.receiver.spans()) > time_before, "spans arrive", step=0.1)
    check(not [span for span in stack.receiver.spans()
               if span["parent"] in ("0" * 16, "2" * 16) or span["trace"] in ("0" * 32, "1" * 32)],
          "a broken parent was taken for one")


@test("exemplars: a latency bucket in OpenMetrics leads to a trace that arrived, and Prometheus keeps it")
def exemplars(stack):
    needs_push(stack)

    def kept():
        now = time.time()
        found = stack.prometheus.get("query_exemplars", query='trivet_http_request_duration_seconds_bucket{job="trivet"}',
                                     start=now - 120, end=now)
        return {one["labels"].get("trace_id") for series in found for one in series["exemplars"]}
    until(lambda: kept() & {span["trace"] for span in stack.receiver.spans()}, "an exemplar names a trace that came", step=0.3)


@test("pushed metrics are what is scraped: names, kinds, cumulative sums, labels, bounds")
def pushed_metrics(stack):
    needs_push(stack)

    def last():
        return {one["name"]: one for line in stack.receiver.lines() for one in line.get("metrics", ())}
    until(lambda: len(last()) > 20, "metrics arrive", step=0.3)
    pushed, scraped = last(), stack.prometheus.names()
    for name, one in pushed.items():
        check(one["points"] > 0 and one["resource"].get("service.name") == "trivet", "the points and the resource of " + name, one)
        if one["kind"] in ("sum", "histogram"):
            check(one["cumulative"], name + " is not cumulative: Prometheus refuses it", one)
        if one["kind"] == "sum":
            check(one["monotonic"], name + " is a sum that may fall", one)
    known = {name.removesuffix("_total") for name in scraped} | {name.removesuffix("_bucket") for name in scraped} | scraped
    strange = sorted(name for name in pushed if name.replace(".", "_") not in known)
    equal(strange, [], "pushed metrics that are not among the scraped ones")
    requests = next(one for name, one in pushed.items() if name.replace(".", "_").startswith("trivet_http_requests"))
    equal(requests["labels"], ["code", "method", "pool", "route"], "the labels of the requests")
    total = until(lambda: stack.prometheus.value('sum(trivet_http_requests_total{job="trivet"})'), "requests are scraped", step=0.3)
    check(0.5 < requests["sum"] / total < 1.5, "pushed and scraped requests", (requests["sum"], total))


@test("pushed metrics arrive in Prometheus")
def pushed_to_prometheus(_):
    raise Skip("Debian's Prometheus is built without its receiver of OTLP; what is pushed is decoded and compared instead")


@test("where traces go to is away: requests are answered as before, and what follows arrives")
def apm_away(stack):
    needs_push(stack)
    stack.receiver.server.stop()
    for _ in range(20):
        expect(stack.world.http.get("/hello"), 200)
    stack.receiver.start()
    _, trace, _ = traced(stack, "GET", "/hello")

    def arrives():
        found = stack.receiver.spans(trace)
        if not found:
            nonlocal_trace.append(traced(stack, "GET", "/hello")[1])
        return found or any(stack.receiver.spans(one) for one in nonlocal_trace)
    nonlocal_trace = []
    until(arrives, "traces arrive again", step=0.5)
