"""cache.py: the cache on Redis may be lost, never wrong. Each test runs for /sql and for /doc, on a table of its own.

A key's value is the highest version that was written for it, so that a write is an insert in both dialects.
"""

import os
import random
import shutil
import signal
import threading
import time

from harness import Broken, check, equal, expect, note, test, until
from harness.load import Crowd
from harness.wait import AT_ONCE

NEEDS = ("ops", "kv")

# Tables that the suite makes before the workers start.
TABLES = []


class Sql:
    pool = "sql"

    def __init__(self, table):
        self.table = table

    def read(self, client, key, headers=None):
        path = "/sql/%s?select=version&key_name=eq.%s&order=version.desc&limit=1" % (self.table, key)
        answer = expect(client.get(path, headers or {}), 200)
        found = answer.json()
        return (found[0]["version"] if found else 0), answer.header("X-Trivet-Cache"), answer

    def write(self, client, key, version):
        return client.post("/sql/" + self.table, json={"key_name": key, "version": version})


class Doc:
    pool = "doc"

    def __init__(self, table):
        self.where = {"dataSource": "mongodb-atlas", "database": "shop", "collection": table}

    def read(self, client, key, headers=None):
        answer = expect(client.post("/doc/action/findOne", json={**self.where, "filter": {"key": key}, "sort": {"version": -1}},
                                    headers=headers), 200)
        found = answer.json()["document"]
        return (found["version"] if found else 0), answer.header("X-Trivet-Cache"), answer

    def write(self, client, key, version):
        return client.post("/doc/action/insertOne", json={**self.where, "document": {"key": key, "version": version}})


def both(title, kinds=(Sql, Doc)):
    """One test a dialect, each on a table or collection of its own: what one leaves on it does not disturb the next."""
    def register(function):
        table = "cache_" + function.__name__
        TABLES.append(table)
        for kind in kinds:
            def one(world, kind=kind):
                trusted(world, kind(table))
                function(world, kind(table), "k")
            one.__name__, one.__module__ = "%s_%s" % (function.__name__, kind.pool), function.__module__
            test("%s: %s" % (kind.pool, title), needs=("ops", "kv", kind.pool))(one)
        return function
    return register


def written(kind, client, key, version):
    expect(kind.write(client, key, version), 201)


def trusted(world, kind):
    """A pool that has just started believes no entry that is older than itself; then this is over."""
    until(lambda: kind.read(world.http, "none")[1] != "bypass", "the cache is used", step=0.02)


def reads(world, kind, key, version, how=None, headers=None):
    """A read gives this version, and says where it came from."""
    got, cache, answer = kind.read(world.http, key, headers)
    equal(got, version, "the version read (%s)" % cache)
    check(cache in ("hit", "miss", "bypass"), "X-Trivet-Cache", cache)
    if how:
        equal(cache, how, "X-Trivet-Cache")
    return answer


def hits_again(world, kind, key, version):
    """The cache is of use: a read is a hit, and right."""
    def look():
        got, cache, _ = kind.read(world.http, key)
        equal(got, version, "the version read (%s)" % cache)
        return cache == "hit"
    until(look, "a read is a hit", step=0.02)


@both("miss, then hit, then a write, then miss again")
def cycle(world, kind, key):
    written(kind, world.http, key, 1)
    first = reads(world, kind, key, 1, "miss")
    second = reads(world, kind, key, 1, "hit")
    equal(second.body, first.body, "the body of the hit")
    for name in ("content-type", "content-range", "content-location", "vary"):
        equal(second.header(name), first.header(name), name)
    written(kind, world.http, key, 2)
    reads(world, kind, key, 2, "miss")
    reads(world, kind, key, 2, "hit")


@both("an empty answer is kept as well, until something is written")
def empty(world, kind, key):
    reads(world, kind, key, 0)
    reads(world, kind, key, 0, "hit")
    written(kind, world.http, key, 1)
    reads(world, kind, key, 1, "miss")


@both("Cache-Control: no-cache reads the store")
def no_cache(world, kind, key):
    written(kind, world.http, key, 1)
    hits_again(world, kind, key, 1)
    for value in ("no-cache", "no-store", "max-age=0, no-cache"):
        reads(world, kind, key, 1, "bypass", {"Cache-Control": value})
    reads(world, kind, key, 1, "hit")


@both("what others write behind our back is seen with no-cache at once", kinds=(Sql,))
def behind_our_back(world, kind, key):
    written(kind, world.http, key, 1)
    reads(world, kind, key, 1)
    world.stores["mysql"].sql("INSERT INTO %s (key_name, version) VALUES ('%s', 2)" % (kind.table, key))
    reads(world, kind, key, 2, "bypass", {"Cache-Control": "no-cache"})


@both("a write that fails does no harm")
def failed_write(world, kind, key):
    written(kind, world.http, key, 1)
    hits_again(world, kind, key, 1)
    answer = kind.write(world.http, key, {"a": ["b"]} if kind.pool == "sql" else {"$bad": 1})
    check(answer.status >= 400, "the write is refused", answer)
    reads(world, kind, key, 1)
    hits_again(world, kind, key, 1)


@both("without Redis reads and writes go on, past the cache")
def without_redis(world, kind, key):
    written(kind, world.http, key, 1)
    reads(world, kind, key, 1)
    with world.away("redis"):
        for version in range(2, 12):
            written(kind, world.http, key, version)
            reads(world, kind, key, version, "bypass")
    reads(world, kind, key, 11)
    hits_again(world, kind, key, 11)


@both("while Redis hangs reads and writes go on, not much slower")
def hanging_redis(world, kind, key):
    written(kind, world.http, key, 1)
    reads(world, kind, key, 1)
    with world.away("redis", "pause"):
        took = []
        for version in range(2, 7):
            began = time.monotonic()
            written(kind, world.http, key, version)
            reads(world, kind, key, version, "bypass")
            took.append(time.monotonic() - began)
        note("a write and a read while Redis hangs: first %.0f ms, then %.0f ms" % (took[0] * 1000, sorted(took)[2] * 1000))
        check(max(took) < AT_ONCE, "no write and no read waits for Redis", took)
    reads(world, kind, key, 6)


def write_without(world, kind, key, how, then=None):
    """Entry 1 is in the cache; Redis is away while version 2 is written; it comes back with what it had."""
    written(kind, world.http, key, 1)
    hits_again(world, kind, key, 1)
    with world.away("redis", how):
        written(kind, world.http, key, 2)
        if then:
            then()
    for _ in range(20):
        reads(world, kind, key, 2)
    # A Redis that hung carries out what was sent to it meanwhile: an announcement that nobody takes back has to run out.
    hits_again(world, kind, key, 2)


@both("a write while Redis is stopped is seen when it is back with its old data")
def distrust_after_stop(world, kind, key):
    write_without(world, kind, key, "stop")


@both("a write while Redis has crashed is seen when it is back with its old data")
def distrust_after_crash(world, kind, key):
    write_without(world, kind, key, "kill")


@both("a write while Redis hangs is seen when it goes on, and the cache is of use again")
def distrust_after_pause(world, kind, key):
    write_without(world, kind, key, "pause")


def kill_processes(world, kind):
    pool = world[kind.pool]
    before = pool.children()
    world.may_die(kind.pool, len(before))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(set(pool.children()) - set(before)) >= 2, "new processes")


@both("it is seen although every process was killed in between")
def distrust_outlives_processes(world, kind, key):
    write_without(world, kind, key, "stop", lambda: kill_processes(world, kind))


@both("it is seen although the pool was stopped and started in between")
def distrust_outlives_pool(world, kind, key):
    def restart():
        equal(world[kind.pool].stop(), 0, "the status of the master")
        world[kind.pool].start()
    write_without(world, kind, key, "stop", restart)


@both("it is seen although the whole pool was killed in between")
def distrust_outlives_master(world, kind, key):
    def crash():
        world[kind.pool].server.kill()
        world[kind.pool].start()
    write_without(world, kind, key, "stop", crash)


def older_redis(world, kind, key, version):
    """This version is in the cache, the next one is acknowledged, and Redis comes back as it was before that."""
    written(kind, world.http, key, version)
    hits_again(world, kind, key, version)
    redis = world.stores["redis"]
    data, kept = os.path.join(redis.directory, "data"), os.path.join(redis.directory, "data.older")
    # Copied while it runs: what a crash of the machine, or a replica that lags, would leave.
    shutil.copytree(data, kept)
    try:
        written(kind, world.http, key, version + 1)
        with world.away("redis", "kill"):
            # Over the newer files, which keep their owner.
            shutil.copytree(kept, data, dirs_exist_ok=True, copy_function=shutil.copyfile)
    finally:
        shutil.rmtree(kept)


@both("a Redis that comes back with an older state is not believed")
def older_state(world, kind, key):
    older_redis(world, kind, key, 1)
    for _ in range(10):
        reads(world, kind, key, 2)


@both("nor is it by any of many readers that come at once")
def older_state_crowd(world, kind, key):
    for turn in range(5):
        older_redis(world, kind, key, 2 * turn + 1)
        start = threading.Barrier(16)

        def reader(crowd, version=2 * turn + 2):
            start.wait(60)
            for _ in range(10):
                reads(world, kind, key, version)
        with Crowd(*[reader] * 16) as crowd:
            crowd.wait(0)


@both("FLUSHALL behind our back only empties it")
def flushed(world, kind, key):
    written(kind, world.http, key, 1)
    hits_again(world, kind, key, 1)
    world.stores["redis"].redis("FLUSHALL")
    world.stores["redis"].sample()
    reads(world, kind, key, 1)
    hits_again(world, kind, key, 1)
    written(kind, world.http, key, 2)
    reads(world, kind, key, 2)


# -- many at once


class Race:
    """Readers and writers on a few keys. A reader must see at least what was acknowledged before it asked."""

    def __init__(self, world, kind, key, patient=False):
        self.world, self.kind, self.patient = world, kind, patient
        self.keys = ["%s%d" % (key, number) for number in range(3)]
        self.acknowledged = dict.fromkeys(self.keys, 0)
        self.seen = {"hit": 0, "miss": 0, "bypass": 0}
        self.writes = self.failures = 0

    def _ask(self, function, *arguments):
        try:
            return function(*arguments)
        except (Broken, AssertionError):
            if not self.patient:
                raise
            self.failures += 1
            return None

    def reader(self, crowd):
        turn = random.Random(7)
        with self.world.http.kept() as kept:
            while not crowd.stopped():
                key = turn.choice(self.keys)
                floor = self.acknowledged[key]
                got = self._ask(self.kind.read, kept, key)
                if got is None:
                    continue
                check(got[0] >= floor, "%s: read version %d (%s) although %d was acknowledged before" % (key, *got[:2], floor))
                with crowd.lock:
                    self.seen[got[1]] += 1

    def writer(self, key):
        def write(crowd):
            version = 0
            with self.world.http.kept() as kept:
                while not crowd.stopped():
                    version += 1
                    answer = self._ask(self.kind.write, kept, key, version)
                    if answer is not None and answer.status == 201:
                        self.acknowledged[key] = version
                        self.writes += 1
                    elif not self.patient:
                        raise AssertionError("a write was answered %r" % answer)
                    time.sleep(0.02)
        return write

    def run(self, meanwhile, enough):
        """At least as long as meanwhile(crowd) takes, and then until enough() has happened."""
        with Crowd(*[self.reader] * 5, *map(self.writer, self.keys)) as crowd:
            meanwhile(crowd)
            until(lambda: crowd.stopped() or enough(), "enough reads and writes")
        note("%s: %d writes, reads: %s, failures: %d" % (self.kind.pool, self.writes, self.seen, self.failures))
        for key in self.keys:
            got = self.kind.read(self.world.http, key)
            check(got[0] >= self.acknowledged[key], "the last acknowledged version is read", (got[:2], self.acknowledged[key]))


@both("readers never see less than what was acknowledged before they asked")
def race(world, kind, key):
    found = Race(world, kind, key)
    found.run(lambda crowd: crowd.wait(4), lambda: found.writes > 20 and found.seen["hit"] > 20 and found.seen["miss"] > 20)


@both("nor when Redis goes and comes and processes are killed meanwhile")
def race_in_trouble(world, kind, key):
    found = Race(world, kind, key, patient=True)

    def trouble(crowd):
        for how in ("stop", "pause", "kill"):
            crowd.wait(0.7)
            with world.away("redis", how):
                crowd.wait(0.7)
            crowd.wait(0.3)
            kill_processes(world, kind)
        crowd.wait(0.7)
    found.run(trouble, lambda: found.writes > 20)
