"""spans.py: what a trace says: ids, parents, kinds, times, attributes, and how it goes on to the caller."""

import json

from harness import check, equal, expect, test, until
from pushed import asked, parent, pushed, whole

NEEDS = ("sql", "doc", "kv", "hello", "ops")
FIND = {"dataSource": "mongodb-atlas", "database": "shop", "collection": "reviews", "filter": {"_id": "review-001"}}


def calls(spans):
    return [span for span in spans if span["kind"] == 3]


def well_formed(server, spans):
    """Parents are there, children lie within them, ids differ."""
    by_id = {span["spanId"]: span for span in spans}
    equal(len(by_id), len(spans), "spans have ids of their own")
    for span in spans:
        equal(span["traceId"], server["traceId"], "one trace")
        check(span["startTimeUnixNano"] <= span["endTimeUnixNano"], "it ends after it began", span)
        if span is not server:
            above = by_id.get(span["parentSpanId"])
            check(above, "the parent is in the trace", span)
            check(above["startTimeUnixNano"] <= span["startTimeUnixNano"] and
                  span["endTimeUnixNano"] <= above["endTimeUnixNano"], "a span lies within its parent", (above, span))


def look_at(world):
    """One request a dialect, its spans judged."""
    answer, server, spans = asked(world, "GET", "/sql/product?id=eq.1")
    equal(answer.status, 200, "/sql")
    well_formed(server, spans)
    equal(server["name"], "GET /sql/{table}", "the request's name")
    got = server["attributes"]
    equal({key: got.get(key) for key in ("http.request.method", "http.route", "http.response.status_code", "url.scheme",
                                         "trivet.pool", "http.response.body.size")},
          {"http.request.method": "GET", "http.route": "/sql/{table}", "http.response.status_code": 200, "url.scheme": "http",
           "trivet.pool": "sql", "http.response.body.size": len(answer.body)}, "the request's attributes")
    equal(got["trivet.request_id"], answer.header("x-request-id"), "the request's id")
    check("status" not in server, "nothing failed", server)
    guard = [span for span in spans if span["name"] == "guard"]
    cache = [span for span in spans if span["name"] == "cache"]
    equal([span["kind"] for span in guard], [1], "one guard")
    check(cache and all(span["kind"] == 1 and span["parentSpanId"] == server["spanId"] for span in cache), "the cache", spans)
    mysql = [span for span in calls(spans) if span["attributes"]["db.system.name"] == "mysql"]
    redis = [span for span in calls(spans) if span["attributes"]["db.system.name"] == "redis"]
    select = [span for span in mysql if span["attributes"]["db.operation.name"] == "SELECT" and
              "product" in span["attributes"]["db.query.text"]]
    check(len(select) == 1 and "?" in select[0]["attributes"]["db.query.text"], "the statement's shape",
          [span["attributes"].get("db.query.text") for span in mysql])
    equal(select[0]["parentSpanId"], server["spanId"], "the parent of the statement")
    check(redis and {span["parentSpanId"] for span in redis} <= {span["spanId"] for span in cache},
          "what the cache asks is below the cache", redis)

    answer, server, spans = asked(world, "POST", "/doc/action/findOne", json=FIND)
    equal(answer.status, 200, "/doc")
    well_formed(server, spans)
    equal(server["name"], "POST /doc/action/findOne", "the request's name")
    (find,) = [span for span in calls(spans) if span["attributes"]["db.system.name"] == "mongodb"]
    equal((find["name"], find["attributes"]["db.operation.name"], find["attributes"]["db.collection.name"]),
          ("find reviews", "find", "reviews"), "the operation")

    answer, server, spans = asked(world, "POST", "/kv/pipeline", json=[["SET", "trace:a", "1"], ["GET", "trace:a"]])
    equal(answer.status, 200, "/kv/pipeline")
    well_formed(server, spans)
    equal(server["attributes"]["http.route"], "/kv/pipeline", "the route")
    (both,) = calls(spans)
    equal((both["attributes"]["db.operation.name"], both["attributes"]["db.operation.batch.size"]), ("PIPELINE", 2), "the pipeline")

    answer, server, spans = asked(world, "GET", "/hello")
    equal((server["name"], server["attributes"]["trivet.pool"]), ("GET /hello", "hello"), "the greeting")
    world.receiver.resources = [dict(pairs) for pairs in {tuple(sorted(one.items())) for one in world.receiver.resources}]
    equal(len(world.receiver.resources), 1, "everything comes from one resource")
    check({"service.name", "service.version", "service.instance.id"} <= set(world.receiver.resources[0]), "it is named",
          world.receiver.resources)


@test("protobuf: ids, parents, kinds, times and attributes of every dialect")
def in_protobuf(stage):
    with pushed(stage, ("sql", "doc", "kv", "hello")) as world:
        look_at(world)
        types = {headers["Content-Type"] for _, headers in world.receiver.requests}
        equal(types, {"application/x-protobuf"}, "what is sent")


@test("JSON: the same; names, headers and compression as OpenTelemetry's variables say")
def in_json(stage):
    env = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
           "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b,x-other=c", "OTEL_SERVICE_NAME": "shop",
           "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.name=lost,team=a%2Cb"}
    with pushed(stage, ("sql", "doc", "kv", "hello"), push_env=env) as world:
        look_at(world)
        headers = world.receiver.requests[0][1]
        equal((headers["Content-Type"], headers["Content-Encoding"], headers["x-key"], headers["x-other"]),
              ("application/json", "gzip", "a b", "c"), "the headers")
        resource = world.receiver.resources[0]
        equal((resource["service.name"], resource["deployment.environment.name"], resource["team"]), ("shop", "test", "a,b"),
              "the resource")
        check("a b" not in world.pusher.text(), "a header's value is in no log")


@test("the caller's trace goes on: traceparent, tracestate, traceresponse, log lines of both")
def goes_on(stage):
    with pushed(stage, ("kv",)) as world:
        given, trace, span = parent()
        answer = world.http.get("/kv/get/trace:b", headers={**given, "tracestate": "a=1,b=2"})
        server, _ = whole(world, trace)
        equal((server["parentSpanId"], server.get("traceState")), (span, "a=1,b=2"), "the caller's")
        equal(server["flags"] & 0x301, 0x301, "sampled, and its parent is remote")
        equal(answer.header("traceresponse"), "00-%s-%s-01" % (trace, server["spanId"]), "traceresponse")
        line = until(lambda: [json.loads(line) for line in world["kv"].lines() if trace in line], "the worker's line")[0]
        equal((line["event"], line["trace_id"]), ("request", trace), "the worker's line")
        # A trace of our own.
        answer = world.http.get("/kv/get/trace:c")
        version, begun, child, flags = answer.header("traceresponse").split("-")
        server, _ = whole(world, begun)
        equal((version, server["spanId"], flags), ("00", child, "03"), "it begins here, with a random id")
        check("parentSpanId" not in server, "and has no parent", server)


@test("a malformed traceparent is no trace of ours; a later version's is")
def malformed(stage):
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with pushed(stage, ("kv",)) as world:
        for bad in ("00-%s-%s-01" % (trace.upper(), span), "ff-%s-%s-01" % (trace, span), "00-%s-%s-01" % ("0" * 32, span),
                    "00-%s-%s-01" % (trace, "0" * 16), "00-%s-%s-01-x" % (trace, span), "00-%s-%s" % (trace, span),
                    "00-%s-%s-0g" % (trace, span), "nonsense"):
            answer = expect(world.http.get("/kv/get/trace:d", headers={"traceparent": bad, "tracestate": "a=1"}), 200)
            check(trace not in answer.header("traceresponse"), "%r begins a new trace" % bad, answer.headers)
            server, _ = whole(world, answer.header("traceresponse").split("-")[1])
            check("parentSpanId" not in server and "traceState" not in server, "with nothing of the caller's", server)
        answer = world.http.get("/kv/get/trace:d", headers={"traceparent": "cc-%s-%s-01-what-comes" % (trace, span)})
        equal(answer.header("traceresponse").split("-")[1], trace, "a later version is understood")


@test("ids are never given twice, by any thread of any process")
def never_twice(stage):
    with pushed(stage, ("kv",), {"TRIVET_KV_PROCESSES": "4", "TRIVET_KV_WORKERS": "4"}) as world:
        pids = set(world["kv"].children())
        for pid in pids:  # new processes, from the same master
            world.may_die("kv")
        seen = [world.http.get("/kv/get/trace:e").header("traceresponse").split("-")[1] for _ in range(200)]
        equal(len(set(seen)), 200, "traces")
        until(lambda: {span["traceId"] for span in world.receiver.spans} >= set(seen), "all arrive")
        ids = [span["spanId"] for span in world.receiver.spans]
        equal(len(ids), len(set(ids)), "span ids")


@test("failures: 5xx, a statement that fails, a client's mistake")
def failures(stage):
    with pushed(stage, ("sql", "kv"), {"TRIVET_REDIS_QUERY_TIMEOUT": "2s", "TRIVET_KV_PROCESSES": "1",
                                     "TRIVET_KV_WORKERS": "1"}) as world:
        expect(world.http.get("/kv/get/trace:f"), 200)  # it is connected
        answer, server, spans = asked(world, "GET", "/sql/nothing_here")
        check(400 <= answer.status < 500 and "status" not in server and "error.type" not in server["attributes"],
              "a client's mistake is no failure of the server", server)
        world.stores["redis"].pause()
        try:
            answer, server, spans = asked(world, "GET", "/kv/get/trace:f")
        finally:
            world.stores["redis"].resume()
        equal((answer.status, server["status"]["code"], server["attributes"]["error.type"]), (504, 2, "504"), "the request")
        (get,) = calls(spans)
        equal((get["status"]["code"], get["attributes"]["error.type"]), (2, "timeout"), "the call")


@test("more spans than a trace holds are counted in it")
def many_spans(stage):
    with pushed(stage, ("kv",)) as world:
        commands = [["SET", "trace:%d" % number, "x" * 10] for number in range(300)]
        answer, server, spans = asked(world, "POST", "/kv/pipeline", json=commands)
        equal(answer.status, 200, "the pipeline")
        well_formed(server, spans)
        check(calls(spans)[0]["attributes"]["db.operation.batch.size"] == 300, "one call of many commands", spans)


@test("probes are traced only for a caller that traces")
def probes(stage):
    with pushed(stage, ("kv",)) as world:
        answer = expect(world.http.get("/healthz"), 200)
        equal(answer.header("traceresponse"), None, "a probe has no trace")
        answer, server, _ = asked(world, "GET", "/healthz")
        equal(server["name"], "GET /healthz", "unless it is asked for")
