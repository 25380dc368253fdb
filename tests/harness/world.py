"""world.py: a whole Trivet for tests: pools and nginx over given stores, a client for each port, and what both must not leave
in their logs. Several worlds may stand on the same stores."""

import contextlib
import os

from . import logs
from .client import Client
from .front import Front
from .pool import Pool
from .wait import until

POOLS = ("sql", "doc", "kv", "ops", "hello")
# All that workers get from our own environment.
PASSED_ON = ("PATH", "HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS")


class World:
    def __init__(self, scratch, name, stores, pools=POOLS, env=None, held=(), config=None, nginx=()):
        """env: TRIVET_* for all pools. held: pools whose socket the harness holds. config: a file for all pools."""
        self.name, self.stores = name, stores
        self.directory = scratch.directory(name)
        scratch.directory(name, "run", servers=True)
        scratch.directory(name, "run", "watch", servers=True)
        scratch.directory(name, "logs")
        everything = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        everything.update(stores.environment())
        # Before our own code runs libmongoc would complain of a file that some killed client of the same process id left in /dev/shm.
        everything["MONGOC_DISABLE_SHM"] = "1"
        everything["TRIVET_WATCH_DIRECTORY"] = os.path.join(self.directory, "run", "watch")
        everything["TRIVET_GUARD_ANONYMOUS_ROLE"] = "trivet_anon"
        everything.update(env or {})
        self.pools = {pool: Pool(pool, self.directory, everything, pool in held, config) for pool in pools}
        self.front = Front(self.directory, os.path.join(self.directory, "run"), nginx)
        self.http = self.ops = None
        self._deaths_allowed = dict.fromkeys(pools, 0)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.end()
            raise

    def __exit__(self, *_):
        self.end()

    def start(self):
        for pool in self.pools.values():
            pool.start(wait=False)
        for pool in self.pools.values():
            pool.wait_started()
        self.front.start()
        self.http, self.ops = Client(self.front.port), Client(self.front.ops_port)
        return self

    def __getitem__(self, pool):
        return self.pools[pool]

    # -- what it says of itself

    def status(self, pool):
        return self.ops.get("/status").json()["pools"][pool]

    def breaker(self, pool, store):
        return self.status(pool)["stores"][store]["breaker"]

    def counter(self, pool, name):
        return self.status(pool)["counters"][name]

    def well(self):
        """Every store answers and every pool knows it."""
        if self.ops.get("/readyz").status != 200:
            return False
        pools = self.ops.get("/status").json()["pools"]
        return all(store["breaker"] == "closed" for name in self.pools for store in pools[name]["stores"].values())

    @contextlib.contextmanager
    def away(self, name, how="stop"):
        """A store is stopped, killed or paused while the block runs; afterwards everything is well again."""
        store = self.stores[name]
        getattr(store, how)()
        try:
            yield store
        finally:
            if how == "pause":
                store.resume()
            else:
                store.start()
            until(self.well, "all is well after %s was away" % name, step=0.05)

    # -- what must not be

    def may_die(self, pool, count=1):
        """So many more of a pool's processes may die before the next look at the logs."""
        self._deaths_allowed[pool] += count

    def problems(self):
        """What went wrong since the last call."""
        found = []
        for name, pool in self.pools.items():
            if pool.server and not pool.running():
                found.append("%s: its master is gone (status %s): %s" % (name, pool.server.process.returncode, pool.tail()))
            problems, deaths = logs.pool_problems(name, pool.new_lines(), self._deaths_allowed[name])
            self._deaths_allowed[name] = max(0, self._deaths_allowed[name] - deaths)
            found += problems
        return found

    def stop(self):
        """In the order of a sysadmin: nginx, then the pools. What was not as it should be."""
        found = self.problems()
        self.front.stop()
        for name, pool in self.pools.items():
            if not pool.running():
                continue
            status = pool.stop()
            if status != 0:
                found.append("%s: ended with status %d when told to stop: %s" % (name, status, pool.tail()))
            found += pool.reap_leaving()
            pool.server = None
        return found + self.problems() + logs.nginx_problems(self.front.errors())

    def end(self):
        """Whatever is left, at once."""
        self.front.end()
        for pool in self.pools.values():
            pool.end()
