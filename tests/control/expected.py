"""expected.py: which pools /metrics says are down: those that died, those that are meant to run and do not; and not those that were
stopped on purpose."""

import os
import re
import signal

from harness import check, equal, expect, test, until
from harness.process import alive

NEEDS = ("kv", "ops", "hello")


def samples(world, name):
    """The samples of a gauge by pool; of one that has more labels, those of the pool's last."""
    text = expect(world.ops.get("/metrics"), 200).text
    return {pool: int(value) for pool, value in re.findall(r'^trivet_%s\{pool="([^"]*)"[^}]*\} (\d+)$' % name, text, re.M)}


def up(world):
    return samples(world, "pool_up")


def stop(world, pool):
    equal(world[pool].stop(), 0, "the exit status")
    world[pool].server = None


def kill(world, pool):
    """The master, as the kernel does it for want of memory. Its processes notice and leave the socket."""
    family = world[pool].children()
    world[pool].tell(signal.SIGKILL)
    world[pool].server.process.wait()
    world[pool].server = None
    until(lambda: not any(map(alive, family)), "the processes of %s are gone" % pool)


def does_not_start(world, pool, why):
    """Its last words, which are for people, do not count as something that went wrong."""
    check(world[pool].server.wait() != 0, "the configuration is refused")
    world[pool].server = None
    said = world[pool].new_lines()
    check(why in said[-1], "it says why", said)


@test("a pool that was stopped in order is not shown as down, one that was killed is, nor has either a breaker")
def stopped_or_dead(stage):
    with stage.world(["kv", "hello"]) as world:
        equal(up(world), {"kv": 1, "hello": 1, "ops": 1}, "at first")
        with world.away("redis"):
            until(lambda: world.http.get("/kv/ping") and samples(world, "store_breaker_open").get("kv") == 1, "the breaker opens")
            stop(world, "kv")
            equal(up(world), {"hello": 1, "ops": 1}, "when kv has been stopped")
            equal(samples(world, "store_breaker_open"), {}, "breakers: kv had the only one")
            equal(world.status("kv")["state"], "stopped", "what /status says of it")
            world["kv"].start()
            equal(up(world), {"kv": 1, "hello": 1, "ops": 1}, "when it was started again")
        for pool in ("kv", "hello"):
            kill(world, pool)
        equal(up(world), {"kv": 0, "hello": 0, "ops": 1}, "when both were killed")
        for gauge in ("store_breaker_open", "cache_trusted", "build_info"):
            check("kv" not in samples(world, gauge), gauge + " of a dead pool")
        for pool in ("kv", "hello"):
            world[pool].start()
        equal(up(world), {"kv": 1, "hello": 1, "ops": 1}, "when they were started again")


@test("pools that are meant to run are down before they ever came up, when their configuration is wrong, and when they are stopped")
def meant_to_run(stage):
    with stage.world(["kv", "hello"], {"TRIVET_WATCH_POOLS": "sql, kv ops"}) as world:
        equal(up(world), {"sql": 0, "kv": 1, "hello": 1, "ops": 1}, "sql never came up")
        stop(world, "kv")
        stop(world, "hello")
        equal(up(world), {"sql": 0, "kv": 0, "ops": 1}, "kv is meant to run, hello is not")
        os.unlink(os.path.join(world.directory, "run", "watch", "kv.board"))
        world["kv"].start({"TRIVET_KV_PROCESSES": "none"}, wait=False)
        does_not_start(world, "kv", "kv.processes")
        equal(up(world), {"sql": 0, "kv": 0, "ops": 1}, "kv did not come up")
        world["kv"].start({"TRIVET_KV_PROCESSES": "1"})
        equal(up(world), {"sql": 0, "kv": 1, "ops": 1}, "kv has come up")
        with open(os.path.join(world.directory, "run", "watch", "sql.board"), "wb") as file:
            file.write(b"of another version")
        equal(up(world), {"kv": 1, "ops": 1}, "nothing is said of a pool whose board cannot be read")


@test("what systemd has enabled is meant to run, as it is at the moment")
def meant_by_units(stage):
    units = stage.scratch.directory("trivet.target.wants")
    enabled = [os.path.join(units, name) for name in ("trivet@kv.service", "trivet@doc.service", "trivet-push.service",
                                                      "trivet@Bad\\x2dname.service", "trivet@.service", "nginx.service")]
    for path in enabled:
        os.symlink("/usr/lib/systemd/system/nothing", path)
    with stage.world(["kv", "hello"], {"TRIVET_WATCH_POOLS": units}) as world:
        equal(up(world), {"kv": 1, "doc": 0, "hello": 1, "ops": 1}, "doc is enabled and does not run")
        stop(world, "kv")
        equal(up(world), {"kv": 0, "doc": 0, "hello": 1, "ops": 1}, "kv is stopped")
        for path in enabled[:2]:
            os.unlink(path)
        equal(up(world), {"hello": 1, "ops": 1}, "both are disabled")


@test("a pool is up all the time while one master hands over to the next on the same socket")
def hand_over(stage):
    env = {"TRIVET_WATCH_POOLS": "kv", "TRIVET_REDIS_CONNECT_TIMEOUT": "25s", "TRIVET_REDIS_QUERY_TIMEOUT": "25s"}
    with stage.world(["kv", "hello"], env, held=["kv"]) as world:
        with world.http.connect() as link:  # a long request, so that the old master has something to finish
            world.stores["redis"].pause()
            try:
                link.sendall(b"GET /kv/ping HTTP/1.1\r\nHost: t\r\n\r\n")
                until(lambda: world.status("kv")["workers"]["busy"] == 1, "a worker is busy")
                old = world["kv"].hand_over()
                world["kv"].wait_started()
                until(lambda: world.status("kv")["master"] == world["kv"].pid, "the new master has the board")
                check(old.running(), "the old one still drains")
                equal(up(world)["kv"], 1, "the pool while both are there")
            finally:
                world.stores["redis"].resume()
            check(link.recv(4096).startswith(b"HTTP/1.1 200"), "what was under way is answered")
        equal(world["kv"].reap_leaving(), [], "how the old one ended")
        equal(up(world), {"kv": 1, "hello": 1, "ops": 1}, "the pool after the old one's end")


@test("names that could be none are refused", needs=("ops",))
def refused_names(stage):
    with stage.world([]) as world:
        stop(world, "ops")
        world["ops"].start({"TRIVET_WATCH_POOLS": 'sql "doc"'}, wait=False)
        does_not_start(world, "ops", "watch.pools")
        world["ops"].start({"TRIVET_WATCH_POOLS": ""})
