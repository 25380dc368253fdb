"""pressure.py: more than a pool can do, clients that read slowly, clients that leave, many connections; and what an idle pool
costs."""

import os
import signal
import socket
import struct
import time

from harness import check, equal, expect, note, test, until
from harness.load import Crowd, median
from harness.process import memory
from harness.wait import Watch

NEEDS = ("kv", "ops")

ONE_WORKER = {"TRIVET_KV_PROCESSES": "1", "TRIVET_KV_WORKERS": "1"}
MIB = 1 << 20


def send(world, path, body=None):
    """A request whose answer is not waited for."""
    link = world.http.connect()
    head = b"%s %s HTTP/1.1\r\nHost: t\r\n" % (b"GET" if body is None else b"POST", path.encode())
    link.sendall(head + (b"\r\n" if body is None else b"Content-Length: %d\r\n\r\n%s" % (len(body), body)))
    return link


def answer(link):
    got = link.recv(65536)
    link.close()
    return got


def busy(world):
    return world.status("kv")["workers"]["busy"]


def key_exists(world, key):
    return expect(world.http.get("/kv/exists/" + key), 200).json()["result"]


@test("requests that waited longer than their budget are refused with 503 and not carried out")
def queue_budget(stage):
    with stage.world(["kv"], {**ONE_WORKER, "TRIVET_LIMITS_QUEUE_BUDGET": "1s", "TRIVET_REDIS_QUERY_TIMEOUT": "20s"}) as world:
        expect(world.http.get("/kv/ping"), 200)  # connected: from now on a hanging Redis means a hanging command
        before = world.counter("kv", "shed_queue")
        world.stores["redis"].pause()
        try:
            first = send(world, "/kv/set/shed:first/x")
            until(lambda: busy(world) == 1, 5, "the one worker is busy")
            waiting = [send(world, "/kv/set/shed:%d" % number, b"x") for number in range(5)]
            time.sleep(1.5)
            expect(world.http.get("/healthz"), 200)
            check(world.ops.get("/status").seconds < 1, "operations answer meanwhile")
        finally:
            world.stores["redis"].resume()
        check(answer(first).startswith(b"HTTP/1.1 200"), "the first one is answered")
        for link in waiting:
            got = answer(link)
            check(got.startswith(b"HTTP/1.1 503"), "503", got)
            check(b"\r\nRetry-After: 1\r\n" in got and b'{"error":"ERR ' in got, "Retry-After and the dialect's body", got)
        equal(world.counter("kv", "shed_queue") - before, 5, "shed_queue")
        equal([key_exists(world, "shed:%d" % number) for number in range(5)], [0] * 5, "the keys of those")
        equal(key_exists(world, "shed:first"), 1, "the key of the first")


@test("requests whose client has left are not carried out")
def clients_gone(stage):
    with stage.world(["kv"], {**ONE_WORKER, "TRIVET_REDIS_QUERY_TIMEOUT": "20s"}) as world:
        expect(world.http.get("/kv/ping"), 200)
        before = world.counter("kv", "shed_gone")
        world.stores["redis"].pause()
        try:
            first = send(world, "/kv/ping")
            until(lambda: busy(world) == 1, 5, "the one worker is busy")
            for number in range(5):
                send(world, "/kv/set/gone:%d" % number, b"x").close()
            stays = send(world, "/kv/set/gone:stays", b"x")
            time.sleep(0.5)
        finally:
            world.stores["redis"].resume()
        check(answer(first).startswith(b"HTTP/1.1 200"), "the first one is answered")
        check(answer(stays).startswith(b"HTTP/1.1 200"), "one that stayed is answered")
        until(lambda: world.counter("kv", "shed_gone") - before == 5, 5, "shed_gone")
        equal([key_exists(world, "gone:%d" % number) for number in range(5)], [0] * 5, "the keys of those")


def slow_reader(world, path):
    """Asks for much and reads little, over a small window."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.settimeout(30)
    link.connect(("127.0.0.1", world.front.port))
    link.sendall(b"GET %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" % path.encode())
    return link


def big_value(world, size):
    expect(world.http.post("/kv/set/pressure:big", body=b"x" * size), 200)
    return "/kv/get/pressure:big"


@test("a slow reader of a large answer holds one worker and nobody else")
def slow_client(stage):
    with stage.world(["kv"], {"TRIVET_KV_PROCESSES": "1", "TRIVET_KV_WORKERS": "2", "TRIVET_LIMITS_WRITE_TIME": "30s"}) as world:
        size = 8 * MIB
        link = slow_reader(world, big_value(world, size))
        until(lambda: busy(world) == 1, 5, "a worker waits for the reader")
        took = []
        for _ in range(100):
            took.append(expect(world.http.get("/kv/ping"), 200).seconds)
        note("beside a slow reader: median %.1f ms, most %.1f ms" % (median(took) * 1000, max(took) * 1000))
        check(max(took) < 1, "others do not wait", max(took))
        until(lambda: busy(world) == 1, 2, "only that worker still waits")
        got = b""
        while piece := link.recv(1 << 20):
            got += piece
        check(got.endswith(b'x"}') and got.count(b"x" * size) == 1, "it gets everything in the end", len(got))
        until(lambda: busy(world) == 0, 5, "the worker is free")


@test("readers that do not read at all are cut off after a while, visibly")
def stalled_clients(stage):
    with stage.world(["kv"], {"TRIVET_KV_PROCESSES": "1", "TRIVET_KV_WORKERS": "2", "TRIVET_LIMITS_WRITE_TIME": "1s"}) as world:
        path = big_value(world, 8 * MIB)
        links = [slow_reader(world, path) for _ in range(2)]
        until(lambda: busy(world) == 2, 5, "every worker waits for a reader")
        with Watch() as watch:
            expect(world.http.get("/kv/ping"), 200)
        note("behind two readers that stall: %.2f s (write_time is 1 s)" % watch.seconds)
        check(watch.seconds < 5, "others wait no longer than write_time", watch.seconds)
        until(lambda: busy(world) == 0, 5, "both have been cut off")
        for link in links:
            got = b""
            try:
                while piece := link.recv(1 << 20):
                    got += piece
            except ConnectionResetError:
                pass
            check(got.startswith(b"HTTP/1.1 200") and len(got) < 8 * MIB, "less than announced", len(got))
            length = int(got.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
            check(length > 8 * MIB, "so that the client can see it", length)
            link.close()


@test("clients that leave in the middle of a large answer free their workers at once")
def early_leavers(stage):
    with stage.world(["kv"], {"TRIVET_KV_PROCESSES": "1", "TRIVET_KV_WORKERS": "2", "TRIVET_LIMITS_WRITE_TIME": "30s"}) as world:
        path = big_value(world, 8 * MIB)
        for _ in range(20):
            link = slow_reader(world, path)
            link.recv(1000)
            # A reset, as a browser does it that is closed.
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link.close()
        with Watch() as watch:
            until(lambda: busy(world) == 0, 5, "all workers are free")
        note("free %.2f s after the last of 20 left" % watch.seconds)
        check(expect(world.http.get("/kv/ping"), 200).seconds < 1, "others are served")


@test("300 connections ask at once, five times and once while Redis hangs, and all are answered")
def many_connections(stage):
    with stage.world(["kv"], {"TRIVET_REDIS_QUERY_TIMEOUT": "20s"}) as world:
        links = [world.http.connect(60) for _ in range(300)]
        try:
            for turn in range(6):
                if turn == 5:
                    world.stores["redis"].pause()
                with Watch() as watch:
                    for number, link in enumerate(links):
                        link.sendall(b"GET /kv/echo/t%dn%d HTTP/1.1\r\nHost: t\r\n\r\n" % (turn, number))
                    if turn == 5:
                        until(lambda: (now := world.status("kv"))["peers"] + now["queue"]["waiting"] >= 300, 5,
                              "all of them wait at the pool")
                        world.stores["redis"].resume()
                    for number, link in enumerate(links):
                        got = link.recv(4096)
                        check(got.startswith(b"HTTP/1.1 200"), "200", got)
                        check(got.endswith(b'{"result":"t%dn%d"}' % (turn, number)), "the answer", got)
                note("300 at once: %.0f ms" % (watch.seconds * 1000))
        finally:
            world.stores["redis"].resume()
            for link in links:
                link.close()


@test("300 idle connections to the pool's socket hold up nobody, and are given back")
def idle_peers(stage):
    with stage.world(["kv"]) as world:
        def descriptors():
            return sum(len(os.listdir("/proc/%d/fd" % pid)) for pid in world["kv"].children())
        expect(world.http.get("/kv/ping"), 200)
        links = []
        try:
            for number in range(300):
                link = socket.socket(socket.AF_UNIX)
                link.connect(world["kv"].socket_path)
                if number % 3 == 0:
                    link.sendall(b"\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x01\x00")  # the beginning of a request
                links.append(link)
            until(lambda: world.status("kv")["peers"] >= 300, 5, "they are all taken")
            took = [expect(world.http.get("/kv/ping"), 200).seconds for _ in range(100)]
            note("beside 300 silent connections: median %.1f ms, most %.1f ms" % (median(took) * 1000, max(took) * 1000))
            check(max(took) < 1, "others do not wait", max(took))
            full = descriptors()
        finally:
            for link in links:
                link.close()
        until(lambda: descriptors() <= full - 290, 10, "their descriptors are given back")


@test("workers grow in number while requests wait, and go again when it is quiet")
def window(stage):
    with stage.world(["kv"], {"TRIVET_KV_WORKERS_MIN": "1", "TRIVET_KV_WORKERS_MAX": "4", "TRIVET_KV_PROCESSES": "2"}) as world:
        began, trace = time.monotonic(), []

        def look():
            now = world.status("kv")["workers"]["now"]
            if not trace or trace[-1][1] != now:
                trace.append((time.monotonic() - began, now))
            return now
        equal(look(), 2, "workers at the start")
        slow = ["EVAL", "for i = 1, 200000 do end return 1", 0]

        def ask(crowd):
            with world.http.kept() as kept:
                while not crowd.stopped():
                    expect(kept.post("/kv", json=slow), 200)

        # A connection that nginx keeps stays with the process that took it, so one may have little to do.
        def processes():
            look()
            return [(one["workers"], one["peers"]) for one in world.status("kv")["processes"]]
        with Crowd(*[ask] * 16):
            until(lambda: any(workers == 4 for workers, _ in processes()), 10, "as many workers as a process may have", step=0.02)
            time.sleep(1)
            note("(workers, connections) of each process: %s" % processes())
        peak = max(now for _, now in trace)
        for _ in range(3):
            expect(world.http.get("/kv/ping"), 200)
        until(lambda: look() < peak, 20, "fewer workers when it is quiet", step=0.1)
        until(lambda: look() == 2, 60, "as many as at the start", step=0.1)
        note("workers: " + ", ".join("%d after %.1f s" % (now, at) for at, now in trace))
        equal(sum(one["workers"] for one in world.status("kv")["processes"]), 2, "the sum over its processes")


@test("a crowd of short requests and then silence leaves no worker busy and no request unanswered")
def bursts(stage):
    with stage.world(["kv", "hello"], {"TRIVET_KV_WORKERS_MAX": "2"}) as world:
        def ask(crowd):
            for number in range(150):
                expect(world.http.get("/kv/echo/%d" % number), 200, {"result": str(number)})
        for _ in range(3):
            with Crowd(*[ask] * 12) as crowd:
                crowd.wait(0)
        until(lambda: busy(world) == 0, 5, "no worker is busy")
        status = world.status("kv")
        equal(status["counters"]["requests_2xx"], 3 * 12 * 150, "requests counted")
        equal((status["queue"]["waiting"], status["processes_with_waiting_requests"]), (0, 0), "requests that wait")


@test("an answer that is cut by a dead process is seen as cut")
def cut_answer(stage):
    with stage.world(["kv"], {"TRIVET_KV_PROCESSES": "1", "TRIVET_KV_WORKERS": "1", "TRIVET_LIMITS_WRITE_TIME": "30s"}) as world:
        link = slow_reader(world, big_value(world, 8 * MIB))
        got = link.recv(1)
        world.may_die("kv")
        os.kill(world["kv"].children()[0], signal.SIGKILL)
        try:
            while piece := link.recv(1 << 20):
                got += piece
        except ConnectionResetError:
            pass
        check(len(got) < 8 * MIB and not got.endswith(b'"}'), "no whole answer", len(got))
        link.close()
        until(lambda: world.http.get("/kv/ping").status == 200, 5, "the next process answers")


@test("a pool that is asked for too much for its memory answers with an error and lives", needs=("kv", "ops"))
def memory_bound(stage):
    with stage.world(["kv"], {"TRIVET_REDIS_REPLY_MAX": "1m"}) as world:
        children = world["kv"].children()
        path = big_value(world, 4 * MIB)
        for _ in range(5):
            answered = world.http.get(path)
            check(answered.status == 413 and "reply_max" in answered.text, "an error that names the bound", answered)
        expect(world.http.get("/kv/ping"), 200)
        equal(world["kv"].children(), children, "the processes")


@test("what an idle pool of 2 processes and 4 workers each costs", needs=("kv", "ops"))
def idle_memory(stage):
    pools = [pool for pool in ("sql", "doc", "kv", "hello") if pool in stage.built]
    env = {"TRIVET_%s_WORKERS" % pool.upper(): "4" for pool in pools}
    with stage.world(pools, env) as world:
        until(lambda: all(world.status(pool)["workers"]["now"] == 8 for pool in pools), 10, "all workers are there")
        for pool in pools:
            processes = [world[pool].pid, *world[pool].children()]
            proportional, resident = map(sum, zip(*map(memory, processes)))
            note("%s, idle: %.1f MiB proportional, %.1f MiB resident in %d processes"
                 % (pool, proportional / 1024, resident / 1024, len(processes)))
            check(proportional > 0, "a size")
