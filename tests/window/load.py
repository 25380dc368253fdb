"""load.py: steps of load on one process of the sql pool, and the trace of its window: each change with its time, from the log."""

import json
import time

from harness import check, equal, expect, note, test, until
from harness.load import Crowd

READ = {"Cache-Control": "no-cache"}
# One process, so that its window is the pool's; a second instead of ten, so that it is seen to shrink.
ENV = {"TRIVET_SQL_PROCESSES": "1", "TRIVET_SQL_WORKERS_MIN": "1", "TRIVET_SQL_WORKERS_MAX": "64",
       "TRIVET_SQL_WORKERS_QUIET": "1s", "TRIVET_LOG_LEVEL": "debug"}


def changes(world):
    """Every change of the window so far: (seconds since the first line, direction, workers after it)."""
    found, first = [], None
    for line in world["sql"].lines():
        if not line.startswith("{"):
            continue
        said = json.loads(line)
        at = time.mktime(time.strptime(said["time"][:19], "%Y-%m-%dT%H:%M:%S")) + float(said["time"][19:23])
        first = at if first is None else first
        if said["event"] == "window":
            grew = said["text"].startswith("a request waited")
            found.append((at - first, 1 if grew else -1, int(said["text"].split()[-2])))
    return found


def show(what, trace):
    note(what + ": " + (", ".join("%d at %.2f s" % (workers, at) for at, _, workers in trace) or "no change"))


def workers(world):
    return world.status("sql")["workers"]["now"]


class Load:
    """Clients that each ask again as soon as they have their answer. How many are at it can be changed."""

    def __init__(self, world, table, most):
        self.world, self.table, self.active, self.answered = world, table, 0, 0
        self.crowd = Crowd(*[lambda crowd, number=number: self._client(crowd, number) for number in range(most)])

    def _client(self, crowd, number):
        with self.world.http.kept(timeout=40) as kept:
            while not crowd.stopped():
                if number >= self.active:
                    time.sleep(0.005)
                    continue
                expect(kept.get("/sql/%s?limit=1" % self.table, READ), 200)
                with crowd.lock:
                    self.answered += 1

    def __enter__(self):
        self.crowd.__enter__()
        return self

    def __exit__(self, kind, *rest):
        self.crowd.__exit__(kind, *rest)

    def run(self, clients, seconds):
        self.active = clients
        self.crowd.wait(seconds)


@test("a step from 1 to 64 clients: the window grows to it, stays, and goes back, with no failed request", needs=("sql", "ops"))
def step(stage):
    # A worker is needed while its row takes 2 s, and the window looks back over more than one row: however long clients need to ask
    # again, all of them are seen at it at once.
    with stage.world(["sql"], {**ENV, "TRIVET_SQL_WORKERS_QUIET": "3s"}) as world:
        with Load(world, "slower_row", 64) as load:
            load.run(1, 0)
            # A line of the log is written a moment after what it tells.
            until(lambda: load.answered >= 2 and workers(world) == 1 and [now for *_, now in changes(world)][-1:] in ([], [1]),
                  "one worker for one client, and the log says so")
            before = len(changes(world))
            load.run(64, 0)
            until(lambda: workers(world) == 64, "a worker for each of 64 clients", step=0.05)
            load.run(64, 5)
            risen = changes(world)[before:]
            show("1 to 64 clients", risen)
            equal([way for _, way, _ in risen], [1] * 63, "it only grew")
            note("it took %.2f s" % (risen[-1][0] - risen[0][0]))
            load.run(1, 0)
            until(lambda: workers(world) <= 2, "few workers for one client", step=0.1)
            until(lambda: len(changes(world)) > before + 63 and changes(world)[-1][2] <= 2, "the log says so", step=0.1)
            fallen = changes(world)[before + 63:]
            show("64 clients to 1", fallen)
            equal({way for _, way, _ in fallen}, {-1}, "it only shrank")
            check(load.answered > 64, "requests were answered", load.answered)
        # An answer is counted after it was sent.
        until(lambda: world.counter("sql", "requests_2xx") >= load.answered, "each was counted")
        answered = world.status("sql")["counters"]
        equal(answered["requests_5xx"] + answered["requests_4xx"], 0, "failures")


@test("load that comes and goes at the edge of the window does not make it swing", needs=("sql", "ops"))
def edge(stage):
    # A row takes so long that the time which clients need to ask again is little beside it, and the waves are long beside the row.
    with stage.world(["sql"], {**ENV, "TRIVET_SQL_WORKERS_QUIET": "1200ms"}) as world:
        with Load(world, "slow_row", 12) as load:
            load.run(4, 4)
            for _ in range(12):
                load.run(12, 2)
                load.run(4, 2.8)
            trace = changes(world)
        show("4, 12, 4, 12 ... clients", trace)
        turns = sum(1 for before, after in zip(trace, trace[1:]) if before[1] != after[1])
        # Each of the 12 waves could turn it twice. The quiet time doubles with every worker that had to come back.
        check(turns <= 10, "the window's turns in 12 waves", turns)
        later = [way for at, way, _ in trace if at > trace[0][0] + 36]
        check(later.count(-1) <= 1, "in the end it is left alone", later)


@test("a budget of connections bounds the window of all processes together", needs=("sql", "ops"))
def budget(stage):
    env = {**ENV, "TRIVET_SQL_PROCESSES": "3", "TRIVET_SQL_CONNECTIONS": "10"}
    with stage.world(["sql"], env) as world:
        def connections():
            return int(stage.stores["mysql"].sql("SELECT COUNT(*) FROM information_schema.processlist "
                                                 "WHERE user = 'trivet_authenticator'")[0][0])
        equal(world.status("sql")["workers"]["max"], 9, "workers that the budget allows")
        most = 0
        with Load(world, "slow_row", 40) as load:
            load.run(40, 0)
            for _ in range(40):
                load.run(40, 0.1)
                most = max(most, connections())
            check(load.answered > 50, "requests were answered", load.answered)
        note("connections at most: %d" % most)
        check(6 <= most <= 10, "connections under load", most)
        equal(world.status("sql")["store_connections_max"], 9, "what /status promises; there is no cache here")
        waited = world.ops.get("/metrics").text
        limit = [line for line in waited.splitlines() if line.startswith('trivet_workers_at_limit_seconds_total{pool="sql"}')]
        check(float(limit[0].split()[-1]) > 3, "time at the limit is shown", limit)
