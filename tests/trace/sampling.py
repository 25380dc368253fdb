"""sampling.py: which requests are traced: shares, the caller's word, and what is kept at the end all the same."""

import json

from harness import check, equal, expect, test, until
from pushed import parent, pushed, whole

NEEDS = ("kv", "ops")


def kept(world):
    return world.counter("kv", "traces_kept")


def ask(world, count, headers=None):
    return [expect(world.http.get("/kv/get/sampling", headers=headers), 200) for _ in range(count)]


def requests(world):
    return [line for line in map(json.loads, world["kv"].lines()) if line["event"] == "request"]


@test("nothing is recorded when nothing says where to")
def off(stage):
    with pushed(stage, ("kv",), {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, start=False) as world:
        given, trace, _ = parent()
        answers = ask(world, 3) + ask(world, 1, given)
        equal({answer.header("traceresponse") for answer in answers}, {None}, "no answer names a trace")
        equal(kept(world), 0, "traces")
        until(lambda: any(trace in line for line in world["kv"].lines()), "the log names the caller's")


@test("always_off keeps none, and says that it samples none")
def never(stage):
    with pushed(stage, ("kv",), {"OTEL_TRACES_SAMPLER": "always_off"}, start=False) as world:
        given, trace, _ = parent()
        ask(world, 20)
        answer = ask(world, 1, given)[0]
        equal(answer.header("traceresponse").split("-")[1::2], [trace, "00"], "the caller hears it")
        equal(kept(world), 0, "traces")
        until(lambda: len(requests(world)) == 21, "every request has its line")
        equal([line["trace_id"] for line in requests(world) if "trace_id" in line], [trace], "ids in the log: those that lead somewhere")


@test("parentbased_always_off follows the caller")
def caller(stage):
    with pushed(stage, ("kv",), {"OTEL_TRACES_SAMPLER": "parentbased_always_off"}) as world:
        ask(world, 10)
        ask(world, 10, parent(sampled=False)[0])
        given, trace, _ = parent(sampled=True)
        ask(world, 1, given)
        whole(world, trace)
        equal((kept(world), len(world.receiver.spans)), (1, len(world.receiver.trace(trace))), "this one alone is kept")


@test("parentbased_always_on, the default, follows a caller that does not sample")
def default(stage):
    with pushed(stage, ("kv",)) as world:
        ask(world, 10, parent(sampled=False)[0])
        equal(kept(world), 0, "unsampled by the caller")
        ask(world, 10)
        until(lambda: kept(world) == 10, "all others")


@test("a share of traces, chosen by their ids: ours, and OpenTelemetry's variables")
def share(stage):
    for env in ({"TRIVET_TRACE_RATIO": "0.25"}, {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"}):
        with pushed(stage, ("kv",), env, start=False) as world:
            with world.http.kept() as link:
                for _ in range(600):
                    expect(link.get("/kv/get/sampling"), 200)
            until(lambda world=world: len(requests(world)) == 600, "every request has its line")
            # 600 draws of 1/4: 150, and five standard deviations are 53
            check(97 <= kept(world) <= 203, "a quarter of 600 is kept", kept(world))
            equal(sum("trace_id" in line for line in requests(world)), kept(world), "lines that name a trace")
            low, high = "0" * 18 + "00" + "0" * 11 + "1", "0" * 18 + "ff" + "0" * 12
            if "OTEL_TRACES_SAMPLER" in env:  # without the parent's word ids alone decide
                before = kept(world)
                ask(world, 5, parent(False, trace=low)[0])
                equal(kept(world), before, "a low id is none")
                ask(world, 5, parent(False, trace=high)[0])
                until(lambda world=world: kept(world) == before + 5, "a high one is")


@test("what makes no sense is refused when it is ours, warned of when it is not")
def nonsense(stage):
    with pushed(stage, ("kv",), {"OTEL_TRACES_SAMPLER": "sometimes"}, start=False) as world:
        ask(world, 3)
        until(lambda: kept(world) == 3, "all are traced")
        check(any("trace.sampler" in line for line in world["kv"].lines()), "a line says so", world["kv"].lines()[:5])


@test("failed requests are kept though the sampler took none", needs=("kv", "ops"))
def failed(stage):
    env = {"OTEL_TRACES_SAMPLER": "parentbased_always_off", "TRIVET_REDIS_QUERY_TIMEOUT": "2s",
           "TRIVET_KV_PROCESSES": "1", "TRIVET_KV_WORKERS": "1"}
    with pushed(stage, ("kv",), env) as world:
        expect(world.http.get("/kv/get/sampling"), 200)  # it is connected
        given, trace, _ = parent(sampled=False)
        world.stores["redis"].pause()
        try:
            expect(world.http.get("/kv/get/sampling", headers=given), 504)
        finally:
            world.stores["redis"].resume()
        server, _ = whole(world, trace, 2)
        equal((server["attributes"]["trivet.kept"], server["flags"] & 1), ("failed", 0), "kept, not sampled")
        until(world.well, "all is well")


@test("slow requests are kept though the sampler took none", needs=("kv", "ops"))
def slow(stage):
    env = {"OTEL_TRACES_SAMPLER": "parentbased_always_off", "TRIVET_LOG_SLOW": "1ms"}
    with pushed(stage, ("kv",), env) as world:
        given, trace, _ = parent(sampled=False)
        script = "for i = 1, 3000000 do end return 1"
        expect(world.http.post("/kv", json=["EVAL", script, "0"], headers=given), 200)
        server, _ = whole(world, trace, 2)
        equal(server["attributes"]["trivet.kept"], "slow", "kept")
    with pushed(stage, ("kv",), {**env, "TRIVET_TRACE_TAIL": "off"}, start=False) as world:
        expect(world.http.post("/kv", json=["EVAL", script, "0"]), 200)
        equal(kept(world), 0, "unless that is switched off")
