"""trouble.py: the receiver is away, slow, full or unhappy; the pusher or a worker is killed. Requests are answered all the same, and
what is lost is counted."""

import os
import signal
import time

from harness import check, equal, expect, test, until
from harness.load import Crowd
from harness.wait import AT_ONCE
from pushed import parent, pushed, whole

NEEDS = ("kv", "ops")


def load(world, count):
    with world.http.kept() as link:
        for _ in range(count):
            expect(link.get("/kv/get/trouble"), 200)


def servers(world):
    return [span for span in world.receiver.spans if span["kind"] == 2]


def account(world, asked):
    """Every request is kept and delivered, or counted as dropped."""
    def counts():
        return world.counter("kv", "traces_kept"), world.counter("kv", "traces_dropped")
    # A request is counted when its answer has left.
    until(lambda: sum(counts()) >= asked, "every request is kept or dropped")
    kept, dropped = counts()
    equal(kept + dropped, asked, "kept and dropped")
    until(lambda: len({span["traceId"] for span in servers(world)}) == kept, "all that were kept arrive: %d" % kept)
    return kept, dropped


@test("a receiver that was away gets everything afterwards")
def away(stage):
    with pushed(stage, ("kv",)) as world:
        world.receiver.stop()
        load(world, 100)
        until(lambda: "push.away" in world.pusher.text(), "the pusher says so")
        world.receiver.start()
        equal(account(world, 100), (100, 0), "kept and dropped")


@test("a ring that is full drops what comes, and counts it; the rest arrives")
def full(stage):
    env = {"TRIVET_TRACE_RING": "64k", "TRIVET_KV_PROCESSES": "1"}
    with pushed(stage, ("kv",), env, start=False) as world:
        load(world, 400)
        dropped = world.counter("kv", "traces_dropped")
        check(dropped > 0, "some were dropped", dropped)
        world.pusher.start()
        account(world, 400)


@test("429 with Retry-After, 502, 503 and 504 are tried again, and not before it is due")
def busy(stage):
    with pushed(stage, ("kv",), {"OTEL_METRICS_EXPORTER": "none"}) as world:
        world.receiver.mood = (429, {"Retry-After": "2"})
        load(world, 5)
        until(lambda: world.receiver.count("/v1/traces") >= 2, "the first attempt and the second")
        first, second = [when for path, when in world.receiver.times if path == "/v1/traces"][:2]
        check(second - first > 1.5, "Retry-After is heeded", second - first)
        for status in (502, 503, 504):
            world.receiver.mood = (status, {})
            before = world.receiver.count("/v1/traces")
            until(lambda: world.receiver.count("/v1/traces") > before, "%d is tried again" % status)
        world.receiver.mood = None
        account(world, 5)


@test("any other refusal drops the batch at once and is logged; the next one is sent")
def refused(stage):
    with pushed(stage, ("kv",), {"OTEL_METRICS_EXPORTER": "none"}) as world:
        for status in (400, 401, 413, 500):
            world.receiver.mood = (status, {})
            before, dropped = world.receiver.count("/v1/traces"), world.pusher.text().count("push.dropped")
            load(world, 3)
            until(lambda: world.pusher.text().count("push.dropped") > dropped, "%d is given up" % status)
            until(lambda: world.receiver.count("/v1/traces") > before, "it was asked")
        world.receiver.mood = None
        given, trace, _ = parent()
        expect(world.http.get("/kv/get/trouble", headers=given), 200)
        whole(world, trace)


@test("a partial success is logged and not sent again", needs=("kv", "ops"))
def partial(stage):
    for protocol, answer in (("http/protobuf", b"\x0a\x02\x08\x03"), ("http/json", b'{"partialSuccess":{"rejectedSpans":"3"}}')):
        with pushed(stage, ("kv",), {"OTEL_METRICS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}) as world:
            world.receiver.answer = answer
            load(world, 1)
            until(lambda: "push.partial" in world.pusher.text(), "it is logged")
            check(" 3 of a batch" in world.pusher.text(), "with its number", world.pusher.text())
            equal(len(servers(world)), 1, "the trace was sent once")


@test("kill -9 of trivet-push in the middle of a batch loses nothing")
def pusher_killed(stage):
    with pushed(stage, ("kv",)) as world:
        world.receiver.delay = 3.0
        load(world, 60)
        until(lambda: world.receiver.count("/v1/traces") >= 1, "a batch is on its way")
        world.pusher.kill()
        load(world, 40)
        world.receiver.delay = 0.0
        world.pusher.start()
        equal(account(world, 100), (100, 0), "kept and dropped")


@test("kill -9 of workers under load leaves whole traces and a pool that traces on")
def worker_killed(stage):
    with pushed(stage, ("kv",), {"TRIVET_KV_PROCESSES": "2", "TRIVET_KV_WORKERS": "4"}) as world:
        def client(crowd):
            with world.http.kept() as link:
                while not crowd.stopped():
                    try:
                        link.get("/kv/get/trouble")
                    except Exception:  # what a killed worker was at
                        pass
        with Crowd(client, client, client) as crowd:
            for _ in range(4):
                crowd.wait(0.4)
                world.may_die("kv")
                victim = world["kv"].children()[0]
                os.kill(victim, signal.SIGKILL)
                until(lambda: len(world["kv"].children()) == 2 and victim not in world["kv"].children(), "it is replaced")
        given, trace, _ = parent()
        expect(world.http.get("/kv/get/trouble", headers=given), 200)
        whole(world, trace)
        check("push.ring" not in world.pusher.text(), "no ring held anything torn", world.pusher.text())
        equal(world.receiver.errors, [], "all could be read")


@test("TERM flushes what is left, within its time; a receiver that hangs does not hold it up")
def flushed(stage):
    with pushed(stage, ("kv",), {"OTEL_METRICS_EXPORTER": "none"}, {"OTEL_BSP_SCHEDULE_DELAY": "60000", "TRIVET_PUSH_FLUSH": "3s"}) as world:
        load(world, 20)
        equal(world.receiver.count("/v1/traces"), 0, "it waits for more")
        world.pusher.stop()
        account(world, 20)
        world.receiver.delay = 30.0
        world.pusher.start()
        load(world, 5)
        began = time.monotonic()
        world.pusher.stop()
        check(2 < time.monotonic() - began < AT_ONCE, "the time to flush is what was said", time.monotonic() - began)
        world.receiver.delay = 0.0
        world.pusher.start()
        account(world, 25)


@test("a pool that is started anew has rings of its own; what the old one left arrives")
def restarted(stage):
    with pushed(stage, ("kv",), start=False, env={"OTEL_METRICS_EXPORTER": "none"}) as world:
        world.pusher.start()
        load(world, 10)
        until(lambda: len(servers(world)) == 10, "before")
        equal(world["kv"].stop(), 0, "the pool stops")
        world["kv"].start()
        until(lambda: world.http.get("/kv/get/trouble").status == 200, "it answers")
        until(lambda: len(servers(world)) >= 11, "after")


@test("files that are none of ours are passed by")
def foreign(stage):
    with pushed(stage, ("kv",), start=False) as world:
        watch = os.path.join(world.directory, "run", "watch")
        with open(os.path.join(watch, "kv.spans"), "r+b") as file:  # pages of noise where records stand
            file.seek(os.path.getsize(file.name) // 64)
            file.write(os.urandom(65536))
        for name, content in (("other.board", b"x" * 9000), ("other.spans", b"x" * 9000), ("torn.board", b""), ("torn.spans", b"")):
            with open(os.path.join(watch, name), "wb") as file:
                file.write(content)
        world.pusher.start()
        load(world, 10)
        account(world, 10)
