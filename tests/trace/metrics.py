"""metrics.py: metrics as they are pushed: the same families, names and numbers that a scrape sees, cumulative, under one resource;
and how trivet-push shows how it fares itself."""

import os
import re
import struct

from harness import check, equal, expect, test, until
from pushed import Pusher, pushed
from receiver import attributes

NEEDS = ("kv", "ops")
SAMPLE = re.compile(r'^(\w+)\{(.*)\} (\S+)$')


def scrape(world):
    """{(name, labels): number} of /metrics, and {family: type}."""
    samples, types = {}, {}
    for line in expect(world.ops.get("/metrics"), 200).text.splitlines():
        if line.startswith("# TYPE"):
            types[line.split()[2]] = line.split()[3]
        elif not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            samples[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))] = float(value)
    return samples, types


def points(metrics):
    """{(name, labels): number} of what was pushed, written as a scrape would be."""
    found = {}
    for name, metric in metrics.items():
        kind = next(key for key in ("gauge", "sum", "histogram") if key in metric)
        for point in metric[kind]["dataPoints"]:
            labels = frozenset(attributes(point.get("attributes", [])).items())
            if kind != "histogram":
                found[name, labels] = float(point["asInt"] if "asInt" in point else point["asDouble"])
                continue
            equal(len(point["bucketCounts"]), len(point["explicitBounds"]) + 1, name + ": buckets")
            equal(sum(point["bucketCounts"]), point["count"], name + ": the buckets' sum")
            found[name + "_count", labels], found[name + "_sum", labels] = point["count"], point["sum"]
            total = 0
            for bound, count in zip(point["explicitBounds"] + [float("inf")], point["bucketCounts"]):
                total += count
                le = "+Inf" if bound == float("inf") else "%g" % bound
                found[name + "_bucket", labels | {("le", le)}] = total
    return found


def changing(name):
    """Numbers that move by themselves."""
    return any(word in name for word in ("memory", "push_batches", "busy", "workers", "fastcgi_connections", "http_request",
                                         "bytes", "queue_wait", "store_up", "at_limit", "waiting", "backlog"))


KV = frozenset({("pool", "kv"), ("route", "/kv/{command}"), ("method", "GET"), ("code", "2xx")})


def agrees(world):
    # A request is counted when its answer has left.
    until(lambda: scrape(world)[0].get(("trivet_http_requests_total", KV)) == 40.0, "all requests are counted")
    samples, types = scrape(world)
    pushed_before = len(world.receiver.metrics)
    metrics = until(lambda: len(world.receiver.metrics) > pushed_before + 1 and world.receiver.metrics[-1], "metrics are pushed")
    got = points(metrics)
    equal({name for name, _ in samples} - {name for name, _ in got}, set(), "what is scraped and not pushed")
    for key, value in samples.items():
        if not changing(key[0]):
            equal(got.get(key), value, "%s%s" % (key[0], sorted(key[1])))
    equal(got["trivet_http_requests_total", KV], 40.0, "the requests")
    for name, metric in metrics.items():
        kind = types[name]
        check({"gauge": "gauge", "counter": "sum", "histogram": "histogram"}[kind] in metric, "%s is a %s" % (name, kind), metric)
        if kind != "gauge":
            data = metric["sum" if kind == "counter" else "histogram"]
            equal(data["aggregationTemporality"], 2, name + " is cumulative")
            if kind == "counter":
                equal(data["isMonotonic"], True, name + " only grows")
            for point in data["dataPoints"]:
                if "pool" in attributes(point.get("attributes", [])):
                    check(0 < point["startTimeUnixNano"] < point["timeUnixNano"], "%s has a beginning" % name, point)
    return metrics


@test("protobuf: what is pushed is what is scraped")
def in_protobuf(stage):
    with pushed(stage, ("kv",)) as world:
        for _ in range(40):
            expect(world.http.get("/kv/get/metrics"), 200)
        metrics = agrees(world)
        equal(metrics["trivet_http_request_duration_seconds"]["unit"], "s", "the unit")


@test("JSON: the same, to an address of its own")
def in_json(stage):
    with pushed(stage, ("kv",), start=False) as world:
        world.pusher.env.update({"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json", "OTEL_TRACES_EXPORTER": "none",
                                 "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": world.receiver.url + "/api/v1/otlp/v1/metrics"})
        world.pusher.start()
        for _ in range(40):
            expect(world.http.get("/kv/get/metrics"), 200)
        agrees(world)
        equal({path for path, _ in world.receiver.requests}, {"/api/v1/otlp/v1/metrics"}, "where it goes")


@test("told to stop, it says goodbye: sums as they are, gauges that have no value any more")
def goodbye(stage):
    for protocol in ("http/protobuf", "http/json"):
        with pushed(stage, ("kv",), push_env={"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": protocol}) as world:
            expect(world.http.get("/kv/get/metrics"), 200)
            until(lambda: world.receiver.metrics, "metrics are pushed")
            world.pusher.stop()
            last = world.receiver.metrics[-1]
            for name, metric in last.items():
                kind = next(key for key in ("gauge", "sum", "histogram") if key in metric)
                for point in metric[kind]["dataPoints"]:
                    equal(point.get("flags", 0), 1 if kind == "gauge" else 0, "the flags of " + name)
                    equal(kind == "gauge", not {"asInt", "asDouble", "count"} & set(point), "whether %s has no value" % name)
            check("trivet_pool_up" in last and "trivet_http_requests_total" in last, "gauges and sums are there", sorted(last))


def batches(world, signal, outcome):
    samples, _ = scrape(world)
    return samples["trivet_push_batches_total", frozenset({("signal", signal), ("outcome", outcome)})]


@test("/metrics shows how trivet-push fares: sent, failed, given up; its counts outlive it")
def health(stage):
    with pushed(stage, ("kv",)) as world:
        expect(world.http.get("/kv/get/metrics"), 200)
        until(lambda: batches(world, "traces", "sent") >= 1, "a batch is counted as sent")
        world.receiver.mood = (503, {})
        expect(world.http.get("/kv/get/metrics"), 200)
        until(lambda: batches(world, "traces", "failed") >= 1, "an attempt as failed")
        world.receiver.mood = (400, {})
        until(lambda: batches(world, "traces", "dropped") >= 1, "a batch as given up")
        world.receiver.mood = None
        before = batches(world, "traces", "sent")
        world.pusher.stop()
        world.pusher.start()
        check(batches(world, "traces", "sent") >= before, "no count goes back")


def lives(world):
    """trivet_push_up; None when it is not there."""
    samples, _ = scrape(world)
    return samples.get(("trivet_push_up", frozenset()))


@test("/metrics shows whether trivet-push lives: killed and unable to begin are 0, never run and told to stop are nothing")
def life(stage):
    with pushed(stage, ("kv",), start=False) as world:
        equal(lives(world), None, "one that never ran")
        world.pusher.start()
        equal(lives(world), 1.0, "one that runs")
        world.pusher.kill()
        equal(lives(world), 0.0, "one that was killed")
        with open(os.path.join(world.directory, "run/watch/push.state"), "r+b") as file:
            file.seek(16)  # behind magic and layout
            file.write(struct.pack("=Q", os.getpid()))
        equal(lives(world), 0.0, "one whose pid another process has now")
        world.pusher.start()
        equal(lives(world), 1.0, "one that runs again")
        world.pusher.stop()
        equal(lives(world), None, "one that was told to stop")
        broken = Pusher(world, {**world.pusher.env, "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "broken")
        broken.launch()
        equal(broken.server.wait(), 1, "the exit status of one that cannot begin")
        equal(lives(world), 0.0, "one that cannot begin")
        idle = Pusher(world, {**world.pusher.env, "OTEL_SDK_DISABLED": "true"}, "idle")
        idle.launch()
        equal(idle.server.wait(), 0, "the exit status of one that has nothing to do")
        equal(lives(world), None, "one that has nothing to do")


@test("one program a directory: a second one says so and ends")
def one_only(stage):
    with pushed(stage, ("kv",)) as world:
        second = Pusher(world, world.pusher.env, "second")
        second.launch()
        equal(second.server.wait(), 1, "the second one's exit status")
        check("another trivet-push" in second.text(), "it says why", second.text())
