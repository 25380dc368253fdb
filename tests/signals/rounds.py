"""rounds.py: many signals at random moments while clients read and write: nothing that was acknowledged is lost, nothing is done
twice, and no request fails but those inside a process that was killed."""

import os
import random
import re
import signal
import time

from harness import check, equal, note, test, until
from harness.logs import events
from harness.process import alive
from harness.still import has_taken
from harness.traffic import Traffic
from harness.wait import AT_ONCE

NEEDS = ("kv", "hello", "ops")

DIALECTS = ("sql", "doc", "kv", "hello")
ENV = {"TRIVET_%s_PROCESSES" % pool.upper(): "2" for pool in DIALECTS}

# What happens to a pool in a round.
HUP, MORE, FEWER, CHILD, HAND_OVER = "HUP", "TTIN", "TTOU", "TERM of a process", "TERM of the pool, another takes over"


class Rounds:
    def __init__(self, world, pools, random_):
        self.world, self.pools, self.random = world, pools, random_
        self.wanted = dict.fromkeys(pools, 2)
        self.reloads = dict.fromkeys(pools, 0)  # that the present master was told of
        self.done = {}

    def choose(self, pool):
        found = [HUP, CHILD, HAND_OVER]
        if self.wanted[pool] < 4:
            found.append(MORE)
        if self.wanted[pool] > 1:
            found.append(FEWER)
        return self.random.choice(found)

    def tell(self, name, number):
        """One after the other: equal signals that wait are one, and others are not taken in the order in which they came."""
        pool = self.world[name]
        pool.tell(number)
        until(lambda: has_taken(pool.pid, number), "%s takes signal %d" % (name, number))

    def reloaded(self, name):
        """All the reloads that the pool's master was told of are done."""
        lines = [line for line in self.world[name].lines() if '"reload.done"' in line]
        return sum(event["pid"] == self.world[name].pid for event in events(lines, "reload.done")) >= self.reloads[name]

    def act(self, name, what):
        pool = self.world[name]
        if what == HUP:
            # One that comes during another begins after it, and what was told meanwhile holds until the next reload only.
            until(lambda: self.reloaded(name), "%s has reloaded" % name, step=0.1)
            self.tell(name, signal.SIGHUP)
            self.reloads[name] += 1
            self.wanted[name] = 2  # the configuration's
        elif what == MORE:
            self.tell(name, signal.SIGTTIN)
            self.wanted[name] += 1
        elif what == FEWER:
            self.tell(name, signal.SIGTTOU)
            self.wanted[name] -= 1
        elif what == CHILD:
            children = pool.children()
            if children:
                os.kill(self.random.choice(children), signal.SIGTERM)
        else:
            pool.hand_over()
            # Before it has taken its signals over, one of them would end it, as it would any program.
            pool.wait_started()
            self.wanted[name], self.reloads[name] = 2, 0

    def run(self, count):
        for number in range(count):
            name = self.random.choice(self.pools)
            what = self.choose(name)
            try:
                self.act(name, what)
            except ProcessLookupError:
                pass  # it had left by itself
            self.done[what] = self.done.get(what, 0) + 1
            time.sleep(self.random.uniform(0, 0.6))

    def settled(self):
        """Each pool has exactly the processes that it should have, and all of them serve."""
        pools = self.world.ops.get("/status").json()["pools"]
        return all(len([one for one in pools[name]["processes"] if one["state"] == "running"]) == self.wanted[name] and
                   pools[name]["processes_wanted"] == self.wanted[name] and
                   all(one["state"] == "running" for one in pools[name]["processes"]) for name in self.pools)


@test("HUP, TTIN, TTOU, TERM of a process, TERM of a pool that is replaced: no request fails, no write is lost")
def graceful(stage):
    pools = [pool for pool in DIALECTS if pool in stage.built]
    with stage.world(pools, ENV, held=pools) as world:
        rounds = Rounds(world, pools, random.Random(stage.seed))
        with Traffic(world, pools) as traffic:
            time.sleep(0.5)
            rounds.run(stage.rounds)
            problems = [problem for pool in pools for problem in world[pool].reap_leaving()]
            until(rounds.settled, "the pools have the processes they should have", step=0.1)
            time.sleep(0.5)
        note("%s" % rounds.done)
        note(traffic.summary())
        equal(problems, [], "what the masters that left say")
        equal(traffic.failures, [], "failed requests")
        traffic.verify()
        for pool in pools:
            equal(world.status(pool)["restarts"], 0, "processes of %s that had to be replaced" % pool)


@test("kill -9 of a process: only what was inside it fails, the pool is whole again at once")
def killed(stage):
    pools = [pool for pool in DIALECTS if pool in stage.built]
    choices = random.Random(stage.seed + 1)
    with stage.world(pools, ENV, held=pools) as world:
        kills = []
        with Traffic(world, pools) as traffic:
            time.sleep(0.5)
            for number in range(12):
                name = choices.choice(pools)
                victim = choices.choice(until(world[name].children, "%s has a process" % name))
                world.may_die(name)
                kills.append((name, time.monotonic()))
                os.kill(victim, signal.SIGKILL)
                until(lambda: not alive(victim), "the process is dead")  # or it could be chosen once more
                time.sleep(choices.uniform(0.1, 0.8))
            until(lambda: all(len(world[pool].children()) == 2 for pool in pools), "every pool has its processes again")
            time.sleep(0.5)
        note(traffic.summary())
        # A request is inside a process from the moment nginx chose one of that process's connections for it.
        left = list(traffic.failures)
        worst = 0
        for name, at in reversed(kills):
            mine = [one for one in left if one.pool == name and 0 <= one.at - at]
            check(all(one.at - at < AT_ONCE for one in mine), "they fail at once", mine)
            check(len(mine) <= traffic.clients_of(name), "no more failed than were under way in %s" % name, mine)
            worst = max(worst, len(mine))
            left = [one for one in left if one not in mine]
        equal(left, [], "requests that failed without a kill")
        for one in traffic.failures:
            check(one.status == 503 and re.search("may have been carried out|was not carried out", one.what),
                  "the answer says what is known", one)
        note("12 kills, %d requests failed, at most %d with one kill (%d clients a pool)"
             % (len(traffic.failures), worst, max(map(traffic.clients_of, pools))))
        traffic.verify()
        for pool in pools:
            equal(world.status(pool)["restarts"], sum(name == pool for name, _ in kills), "%s: restarts in /status" % pool)
