"""pushed.py: a world of pools that trace, and the program that pushes; how a test asks and finds its trace again."""

import contextlib
import os
import secrets
import signal

from harness import check, equal, until
from harness.places import BIN
from harness.process import Server
from receiver import Receiver

# So often that no test waits for it.
FAST = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "300"}


class Pusher:
    def __init__(self, world, env, name="push"):
        self.world, self.env = world, env
        self.log = os.path.join(world.directory, "logs", name + ".log")
        self.pidfile = os.path.join(world.directory, "run", name + ".pid")
        self.server = None

    def launch(self):
        self.server = Server([os.path.join(BIN, "trivet-push")], self.pidfile, self.log, self.env)

    def start(self):
        before = self.text().count("push.start")
        self.launch()
        until(lambda: self.text().count("push.start") > before or not self.server.running(), "trivet-push starts")
        check(self.server.running(), "trivet-push runs", self.text())
        return self

    def text(self):
        try:
            with open(self.log, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def stop(self):
        self.server.tell(signal.SIGTERM)
        equal(self.server.wait(), 0, "the exit status of trivet-push")
        check("Sanitizer" not in self.text() and "runtime error" not in self.text(), "no sanitizer complains", self.text())

    def kill(self):
        self.server.kill()

    def end(self):
        if self.server and self.server.running():
            self.server.kill()


@contextlib.contextmanager
def pushed(stage, pools, env=None, push_env=None, start=True):
    """A world with a receiver and, unless start is False, a running pusher: world.receiver, world.pusher."""
    with Receiver() as receiver:
        otel = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "TRIVET_LOG_SLOW": "10s", **(env or {})}
        with stage.world(pools, otel) as world:
            world.receiver = receiver
            pool_env = next(iter(world.pools.values())).env
            world.pusher = Pusher(world, {**pool_env, **FAST, **(push_env or {})})
            try:
                if start:
                    world.pusher.start()
                yield world
                if world.pusher.server and world.pusher.server.running():
                    world.pusher.stop()
                equal(receiver.errors, [], "what the receiver could not read")
            finally:
                world.pusher.end()


def parent(sampled=True, trace=None, span=None):
    """A caller's traceparent, and its ids."""
    trace, span = trace or secrets.token_hex(16), span or secrets.token_hex(8)
    return {"traceparent": "00-%s-%s-%s" % (trace, span, "01" if sampled else "00")}, trace, span


def whole(world, trace_id, spans=1):
    """Waits for a trace; its request's span, and all spans."""
    found = until(lambda: len(got := world.receiver.trace(trace_id)) >= spans and got, "the trace arrives")
    (server,) = [span for span in found if span["kind"] == 2]
    return server, found


def asked(world, *words, headers=None, **more):
    """Asks as a caller that traces. The answer, the request's span, all spans."""
    given, trace, span = parent()
    answer = world.http.request(*words, headers={**given, **(headers or {})}, **more)
    server, spans = whole(world, trace)
    equal(server["parentSpanId"], span, "the parent of the request")
    return answer, server, spans
