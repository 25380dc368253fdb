"""cost.py: what tracing costs a request. Ratios of CPU time, on against off, taken in turns on the same machine; the bounds are wide
because the machine is not ours alone, and would still show a lock or a call of the kernel's in the way."""

from harness import check, expect, note, test
from harness.load import median
from harness.process import processor_seconds
from pushed import pushed

NEEDS = ("kv", "ops")


def cpu(world, count):
    """CPU milliseconds of the pool's processes for so many requests."""
    before = processor_seconds(*world["kv"].children())
    with world.http.kept() as link:
        for _ in range(count):
            expect(link.get("/kv/get/cost"), 200)
    return (processor_seconds(*world["kv"].children()) - before) * 1000


@test("a receiver that is away or slow makes no request slower")
def away(stage):
    quiet = {"TRIVET_LOG_REQUESTS": "none"}
    with pushed(stage, ("kv",), quiet) as near, pushed(stage, ("kv",), quiet) as slow:
        near.receiver.blind = slow.receiver.blind = True
        slow.receiver.delay = 5.0
        times = {near: [], slow: []}
        for _ in range(5):
            for world in (near, slow):
                with world.http.kept() as link:
                    times[world] += [expect(link.get("/kv/get/cost"), 200).seconds for _ in range(200)]
        ratio = median(times[slow]) / median(times[near])
        note("median time of a request, receiver slow against near: %.3f" % ratio)
        check(ratio < 2, "a slow receiver costs nothing", ratio)
        slow.receiver.delay = 0.0


@test("an unsampled request costs about what an untraced one does")
def unsampled(stage):
    quiet = {"TRIVET_LOG_REQUESTS": "none"}
    with pushed(stage, ("kv",), {**quiet, "OTEL_EXPORTER_OTLP_ENDPOINT": ""}, start=False) as off, \
            pushed(stage, ("kv",), {**quiet, "OTEL_TRACES_SAMPLER": "always_off"}, start=False) as on:
        spent = {off: 0.0, on: 0.0}
        for _ in range(6):
            for world in (off, on):
                spent[world] += cpu(world, 400)
        ratio = spent[on] / max(spent[off], 1.0)
        note("CPU of a request, unsampled against off: %.3f (sanitizers on)" % ratio)
        check(ratio < 1.5, "it is about the same", ratio)
