"""traffic.py: clients that read and write without pause, remember what was acknowledged and what failed, and look it up in the
stores afterwards. A mark is written once and nowhere twice: no table has a unique key that would hide a second execution."""

import collections
import itertools
import json
import time

from .check import check
from .client import Broken
from .load import Crowd, percentile

DOC = {"dataSource": "mongodb-atlas", "database": "shop", "collection": "traffic_mark"}

_runs = itertools.count(1)


def prepare(stores):
    """Makes the table of marks, before the workers start: they read the schema once."""
    if "mysql" in stores:
        stores["mysql"].sql("CREATE TABLE traffic_mark (id INT AUTO_INCREMENT PRIMARY KEY, mark VARCHAR(60) NOT NULL)")


Failure = collections.namedtuple("Failure", "pool at status what")


class Traffic:
    """`with Traffic(world, pools) as traffic: ...`; then traffic.failures and traffic.verify()."""

    READERS, WRITERS = 2, 2

    def __init__(self, world, pools, uncached=False):
        self.headers = {"Cache-Control": "no-cache"} if uncached else None
        self.world, self.pools = world, pools
        self.run = next(_runs)
        self.failures = []
        self.latencies = []
        # When each answer came, by the clock that Prometheus goes by.
        self.answered = {pool: [] for pool in pools}
        self.acknowledged = {pool: set() for pool in pools}
        self.asked = {pool: set() for pool in pools}
        clients = []
        for pool in pools:
            clients += [self._client(pool, number, False) for number in range(self.READERS)]
            if pool != "hello":
                clients += [self._client(pool, number, True) for number in range(self.WRITERS)]
        self._crowd = Crowd(*clients)

    def clients_of(self, pool):
        return self.READERS + (self.WRITERS if pool != "hello" else 0)

    # -- clients

    def _read(self, kept, pool, number):
        if pool == "hello":
            return kept.get("/hello"), 200
        if pool == "kv":
            return kept.get("/kv/get/shop:name"), 200
        if pool == "sql":
            return kept.get("/sql/product?id=eq.%d" % (number % 120 + 1), self.headers), 200
        wanted = {**DOC, "collection": "reviews", "filter": {"_id": "review-%03d" % (number % 150 + 1)}}
        return kept.post("/doc/action/findOne", json=wanted, headers=self.headers), 200

    def _write(self, kept, pool, number, mark):
        if pool == "sql":
            return kept.post("/sql/traffic_mark", json={"mark": mark}), 201
        if pool == "doc":
            return kept.post("/doc/action/insertOne", json={**DOC, "document": {"mark": mark}}), 201
        if number % 2:
            return kept.post("/kv", json=["SET", "traffic:" + mark, mark]), 200
        return kept.post("/kv", json=["RPUSH", "traffic:marks", mark]), 200

    def _client(self, pool, thread, writes):
        def run(crowd):
            with self.world.http.kept(timeout=40) as kept:
                for number in itertools.count():
                    if crowd.stopped():
                        return
                    mark = "%d-%s-%d-%d" % (self.run, pool, thread, number)
                    began = time.monotonic()
                    if writes:
                        self.asked[pool].add(mark)
                    try:
                        answer, wanted = self._write(kept, pool, number, mark) if writes else self._read(kept, pool, number)
                    except Broken as error:
                        self.failures.append(Failure(pool, time.monotonic(), 0, str(error)))
                        continue
                    self.latencies.append(time.monotonic() - began)
                    self.answered[pool].append(time.time())
                    if answer.status != wanted:
                        self.failures.append(Failure(pool, time.monotonic(), answer.status, repr(answer)))
                    elif writes:
                        self.acknowledged[pool].add(mark)
                    time.sleep(0.002)
        return run

    def __enter__(self):
        self._crowd.__enter__()
        return self

    def __exit__(self, kind, *rest):
        self._crowd.__exit__(kind, *rest)

    def count(self):
        return len(self.latencies) + len(self.failures)

    # -- what is in the stores

    def _found(self, pool):
        """How often each mark is there."""
        found = collections.Counter()
        stores = self.world.stores
        mine = "%d-" % self.run
        if pool == "sql":
            for mark, count in stores["mysql"].sql("SELECT mark, COUNT(*) FROM traffic_mark "
                                                   "WHERE mark LIKE '%s%%' GROUP BY mark" % mine):
                found[mark] = int(count)
        elif pool == "kv":
            redis = stores["redis"].redis
            found.update(mark for mark in redis("LRANGE", "traffic:marks", "0", "-1") if mark.startswith(mine))
            found.update(key.removeprefix("traffic:") for key in redis("--scan", "--pattern", "traffic:%s*" % mine))
        elif pool == "doc":
            wanted = {**DOC, "filter": {"mark": {"$regex": "^" + mine}}, "limit": 50000, "projection": {"mark": 1, "_id": 0}}
            answer = self.world.http.post("/doc/action/find", json=wanted)
            check(answer.status == 200, "the marks can be read", answer)
            found.update(one["mark"] for one in json.loads(answer.body)["documents"])
        return found

    def verify(self):
        """No acknowledged mark is missing, none is there twice, none is there that nobody asked for."""
        for pool in self.pools:
            if pool == "hello":
                continue
            found = self._found(pool)
            missing = self.acknowledged[pool] - set(found)
            check(not missing, "%s: of %d acknowledged writes %d are missing"
                  % (pool, len(self.acknowledged[pool]), len(missing)), sorted(missing)[:10])
            doubled = [mark for mark, count in found.items() if count > 1]
            check(not doubled, "%s: %d writes were carried out twice" % (pool, len(doubled)), doubled[:10])
            check(set(found) <= self.asked[pool], "%s: marks that nobody wrote" % pool)

    def summary(self):
        writes = {pool: len(marks) for pool, marks in self.acknowledged.items() if pool != "hello"}
        return "%d requests, %d failed, acknowledged writes %s, latency p50 %.0f ms, p99 %.0f ms, most %.0f ms" % (
            self.count(), len(self.failures), writes, *(percentile(self.latencies, share) * 1000 for share in (0.5, 0.99, 1)))
