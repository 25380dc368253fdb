"""stores.py: a store that stops, crashes, hangs, restarts; and that is back. The times are reported; what is
asserted is whether somebody waited, not how long something took."""

import time

from dialects import EACH
from harness import check, equal, expect, note, test, until
from harness.load import Crowd, median
from harness.traffic import Traffic
from harness.wait import AT_ONCE, Watch

# The cache would answer for a store that is away.
ENV = {"TRIVET_CACHE_ENABLED": "false"}
for _name in ("MYSQL", "MONGO", "REDIS"):
    ENV["TRIVET_%s_QUERY_TIMEOUT" % _name] = "5s"
CONNECT_TIMEOUT = 2.0  # the default


def patient(dialect):
    """The settings where a store that is away refuses at once: nothing waits as long as this but what is to succeed."""
    name = "TRIVET_%s_" % dialect.store.upper()
    return {**ENV, name + "CONNECT_TIMEOUT": "20s", name + "QUERY_TIMEOUT": "20s"}


def each(title):
    """One test a dialect."""
    def register(function):
        for dialect in EACH:
            def one(stage, dialect=dialect):
                function(stage, dialect)
            one.__name__, one.__module__ = "%s_%s" % (function.__name__, dialect), function.__module__
            test("%s: %s" % (dialect, title), needs=("ops", dialect.pool))(one)
        return function
    return register


def until_open(world, dialect):
    """Asks until the breaker has opened. How long the answers took until then."""
    took = []

    def opened():
        answer = dialect.read(world.http)
        dialect.failed(answer)
        took.append(answer.seconds)
        return world.breaker(dialect.pool, dialect.store) != "closed"
    until(opened, "the breaker opens")
    return took


def refused_fast(world, dialect, count=30):
    """With the breaker open every answer is the dialect's 503, and the store is not even tried. The median, in ms."""
    took, before = [], world.counter(dialect.pool, "shed_breaker")
    for number in range(count):
        answer = (dialect.write if number % 3 == 0 else dialect.read)(world.http)
        dialect.refused(answer)
        took.append(answer.seconds)
    until(lambda: world.counter(dialect.pool, "shed_breaker") - before == count, "the breaker refused them all")
    return median(took) * 1000


def back(world, dialect):
    """Asks until the store is used again. Seconds."""
    with Watch() as watch:
        until(lambda: dialect.read(world.http).status == 200, "the store is used again", step=0.02)
    for _ in range(20):
        expect(dialect.read(world.http), 200)
        check(dialect.write(world.http).status in (200, 201), "writes as well")
    until(lambda: world.breaker(dialect.pool, dialect.store) == "closed", "the breaker is closed")
    return watch.seconds


def goes_and_comes(stage, dialect, how):
    with stage.world([dialect.pool], ENV if how == "pause" else patient(dialect)) as world:
        for _ in range(10):
            expect(dialect.read(world.http), 200)
        with world.away(dialect.store, how) as store:
            first = until_open(world, dialect)
            fast = refused_fast(world, dialect)
            if how == "pause":
                store.resume()
            else:
                store.start()
            again = back(world, dialect)
            # away() ends by bringing it back, so let it be away once more.
            getattr(store, how)()
            until_open(world, dialect)
        note("%s, %s: %d requests until the breaker opened, the slowest %.0f ms; then refused in %.1f ms; used again after %.2f s"
             % (dialect, how, len(first), max(first) * 1000, fast, again))


@each("a store that is stopped is refused at once and used again soon after its return")
def stopped(stage, dialect):
    goes_and_comes(stage, dialect, "stop")


@each("a store that has crashed is refused at once and used again soon after its return")
def crashed(stage, dialect):
    goes_and_comes(stage, dialect, "kill")


@each("a store that hangs is refused at once and used again soon after it goes on")
def hanging(stage, dialect):
    goes_and_comes(stage, dialect, "pause")


@each("a store that is away at the start is used when it comes")
def away_at_start(stage, dialect):
    stage.stores[dialect.store].stop()
    try:
        with stage.world([dialect.pool], patient(dialect)) as world:
            until_open(world, dialect)
            refused_fast(world, dialect)
            stage.stores[dialect.store].start()
            note("%s: used %.2f s after its first start" % (dialect, back(world, dialect)))
    finally:
        if stage.stores[dialect.store].state() != "running":
            stage.stores[dialect.store].start()


@each("sessions that died while nobody used them are replaced unnoticed, for writes too")
def restarted(stage, dialect):
    with stage.world([dialect.pool], {**patient(dialect), "TRIVET_%s_WORKERS" % dialect.pool.upper(): "4"}) as world:
        def ask(crowd):
            for number in range(15):
                answer = (dialect.write if number % 2 else dialect.read)(world.http)
                check(answer.status in (200, 201), "the answer", answer)

        def connected():
            with Crowd(*[ask] * 8) as crowd:
                crowd.wait(0)
            return world.status(dialect.pool)["store_connections"] >= 3
        until(connected, "some workers are connected")
        for how in ("stop", "kill"):
            getattr(world.stores[dialect.store], how)()
            world.stores[dialect.store].start()
            with Crowd(*[ask] * 8) as crowd:
                crowd.wait(0)
        equal(world.breaker(dialect.pool, dialect.store), "closed", "the breaker")


@each("what was acknowledged is there after crashes of the store under load, and nothing is there twice")
def acknowledged(stage, dialect):
    with stage.world([dialect.pool], patient(dialect)) as world:
        with Traffic(world, [dialect.pool], uncached=True) as traffic:
            def more(count):
                acknowledged = traffic.acknowledged[dialect.pool]
                before = len(acknowledged)
                until(lambda: len(acknowledged) >= before + count, "there are writes")
            for how in ("kill", "stop", "kill"):
                more(20)
                getattr(world.stores[dialect.store], how)()
                time.sleep(0.2)
                world.stores[dialect.store].start()
            until(world.well, "all is well", step=0.05)
            more(20)
        note(traffic.summary())
        # FerretDB that is told to end says so of what it is at with an error of its own that has no better number.
        strange = [one for one in traffic.failures if one.status not in (503, 504) and
                   not (one.status == 500 and "MongoDB failed: context canceled" in one.what)]
        equal(strange, [], "failures that are neither 503 nor 504")
        traffic.verify()


@test("a cache with a Redis of its own is used again when that is back", needs=("sql", "kv", "ops"))
def cache_of_its_own(stage):
    own = {"TRIVET_REDIS_URL": "", "TRIVET_CACHE_URL": stage.stores["redis"].url}
    with stage.world(["sql"], own) as world:
        def read():
            return expect(world.http.get("/sql/product?id=eq.1"), 200)

        def hits():
            before = world.counter("sql", "cache_hits")
            read()
            return world.counter("sql", "cache_hits") > before
        until(hits, "the cache is used")
        with world.away("redis"):
            until(lambda: read() and world.breaker("sql", "redis") == "open", "its breaker opens")
        until(hits, "the cache is used again")


@test("a store that hangs does not keep others from being used", needs=("kv", "doc", "ops", "hello"))
def independent(stage):
    pools = [pool for pool in ("sql", "doc", "kv", "hello") if pool in stage.built]
    with stage.world(pools, {name: "30s" for name in ENV if name.endswith("QUERY_TIMEOUT")}) as world:
        for dialect in EACH:
            if dialect.pool not in pools:
                continue
            with world.away(dialect.store, "pause"):
                for other in EACH:
                    if other is not dialect and other.pool in pools:
                        for _ in range(10):
                            answer = expect(other.read(world.http), 200)
                            check(answer.seconds < AT_ONCE, "%s while %s hangs" % (other, dialect.store), answer.seconds)
                check(world.http.get("/hello").seconds < AT_ONCE, "the greeting does not wait for one")
                check(world.http.get("/healthz").seconds < AT_ONCE, "/healthz needs nobody")
                check(world.ops.get("/status").seconds < AT_ONCE, "/status needs nobody")
