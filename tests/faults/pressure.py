"""pressure.py: more than a pool can do, clients that read slowly, clients that leave, many connections; and what an idle pool
costs."""

import json
import os
import signal
import socket
import struct
import time

from harness import check, equal, expect, note, test, until
from harness.load import Crowd, median
from harness.process import memory, processor_seconds
from harness.wait import AT_ONCE, Watch

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


def waiting(world):
    """What says that requests wait in /kv, in /metrics and in /status: for the pool, for each process, and counted."""
    gauge = [line.split()[1] for line in world.ops.get("/metrics").text.splitlines()
             if line.startswith('trivet_requests_waiting{pool="kv"} ')]
    status = world.status("kv")
    return (int(gauge[0]), [process["request_waiting"] for process in status["processes"]],
            status["processes_with_waiting_requests"])


def request_lines(world):
    return [line for line in map(json.loads, world["kv"].lines()) if line["event"] == "request"]


def key_exists(world, key):
    return expect(world.http.get("/kv/exists/" + key), 200).json()["result"]


@test("requests that waited longer than their budget are refused with 503 and not carried out")
def queue_budget(stage):
    with stage.world(["kv"], {**ONE_WORKER, "TRIVET_LIMITS_QUEUE_BUDGET": "2s", "TRIVET_REDIS_QUERY_TIMEOUT": "20s"}) as world:
        expect(world.http.get("/kv/ping"), 200)  # connected: from now on a hanging Redis means a hanging command
        before = world.counter("kv", "shed_queue")
        world.stores["redis"].pause()
        try:
            first = send(world, "/kv/set/shed:first/x")
            until(lambda: busy(world) == 1, "the one worker is busy")
            waiting = [send(world, "/kv/set/shed:%d" % number, b"x") for number in range(5)]
            time.sleep(4)  # the budget, from the moment that nginx has read them
            expect(world.http.get("/healthz"), 200)
            check(world.ops.get("/status").seconds < AT_ONCE, "operations answer meanwhile")
        finally:
            world.stores["redis"].resume()
        check(answer(first).startswith(b"HTTP/1.1 200"), "the first one is answered")
        for link in waiting:
            got = answer(link)
            check(got.startswith(b"HTTP/1.1 503"), "503", got)
            check(b"\r\nRetry-After: 1\r\n" in got and b'{"error":"ERR ' in got, "Retry-After and the dialect's body", got)
        until(lambda: world.counter("kv", "shed_queue") - before == 5, "shed_queue")  # counted after the answer
        shed = until(lambda: len(said := [line for line in request_lines(world) if line["status"] == 503]) == 5 and said, "their lines")
        check(all(2000 < line["queue_ms"] <= line["total_ms"] and line["slow"] for line in shed), "the wait is part of the whole", shed)
        equal([key_exists(world, "shed:%d" % number) for number in range(5)], [0] * 5, "the keys of those")
        equal(key_exists(world, "shed:first"), 1, "the key of the first")


@test("requests that wait for a pool that may not grow show while they wait, and cost nothing meanwhile")
def waiting_shows(stage):
    with stage.world(["kv"], {**ONE_WORKER, "TRIVET_REDIS_QUERY_TIMEOUT": "60s", "TRIVET_LIMITS_TIME": "60s",
                              "TRIVET_LIMITS_QUEUE_BUDGET": "60s"}) as world:
        expect(world.http.get("/kv/ping"), 200)
        until(lambda: waiting(world) == (0, [False], 0), "nobody waits at rest")  # as of the process's last look, which may be old
        world.stores["redis"].pause()
        try:
            links = [send(world, "/kv/ping")]
            until(lambda: busy(world) == 1, "the one worker is busy")
            time.sleep(1)
            equal(waiting(world), (0, [False], 0), "busy, but nobody waits")
            links += [send(world, "/kv/ping") for _ in range(5)]
            until(lambda: waiting(world) == (1, [True], 1), "it shows that requests wait")
            child = world["kv"].children()[0]
            before = processor_seconds(child)
            time.sleep(3)
            used = processor_seconds(child) - before
            check(used < 1, "nobody spins while they wait", used)
            equal(waiting(world), (1, [True], 1), "they still wait")
        finally:
            world.stores["redis"].resume()
        for link in links:
            check(answer(link).startswith(b"HTTP/1.1 200"), "each is answered")
        until(lambda: waiting(world) == (0, [False], 0), "and then nobody waits")


@test("requests whose client has left are not carried out")
def clients_gone(stage):
    with stage.world(["kv"], {**ONE_WORKER, "TRIVET_REDIS_QUERY_TIMEOUT": "20s"}) as world:
        expect(world.http.get("/kv/ping"), 200)
        before = world.counter("kv", "shed_gone")
        world.stores["redis"].pause()
        try:
            first = send(world, "/kv/ping")
            until(lambda: busy(world) == 1, "the one worker is busy")
            for number in range(5):
                send(world, "/kv/set/gone:%d" % number, b"x").close()
            stays = send(world, "/kv/set/gone:stays", b"x")
            until(lambda: world.front.statuses().count(499) == 5, "nginx has seen them leave")
        finally:
            world.stores["redis"].resume()
        check(answer(first).startswith(b"HTTP/1.1 200"), "the first one is answered")
        check(answer(stays).startswith(b"HTTP/1.1 200"), "one that stayed is answered")
        until(lambda: world.counter("kv", "shed_gone") - before == 5, "shed_gone")
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
        until(lambda: busy(world) == 1, "a worker waits for the reader")
        took = []
        for _ in range(100):
            took.append(expect(world.http.get("/kv/ping"), 200).seconds)
        note("beside a slow reader: median %.1f ms, most %.1f ms" % (median(took) * 1000, max(took) * 1000))
        check(max(took) < AT_ONCE, "others do not wait", max(took))
        until(lambda: busy(world) == 1, "only that worker still waits")
        got = b""
        while piece := link.recv(1 << 20):
            got += piece
        check(got.endswith(b'x"}') and got.count(b"x" * size) == 1, "it gets everything in the end", len(got))
        until(lambda: busy(world) == 0, "the worker is free")


@test("readers that do not read at all are cut off after a while, visibly")
def stalled_clients(stage):
    with stage.world(["kv"], {"TRIVET_KV_PROCESSES": "1", "TRIVET_KV_WORKERS": "2", "TRIVET_LIMITS_WRITE_TIME": "1s"}) as world:
        path = big_value(world, 8 * MIB)
        links = [slow_reader(world, path) for _ in range(2)]
        until(lambda: busy(world) == 2, "every worker waits for a reader")
        with Watch() as watch:
            expect(world.http.get("/kv/ping"), 200)
        note("behind two readers that stall: %.2f s (write_time is 1 s)" % watch.seconds)
        until(lambda: busy(world) == 0, "both have been cut off")
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
        before = world.counter("kv", "shed_gone")
        for _ in range(20):
            link = slow_reader(world, path)
            link.recv(1000)
            # A reset, as a browser does it that is closed.
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link.close()
        with Watch() as watch:
            until(lambda: busy(world) == 0, "all workers are free")
        note("free %.2f s after the last of 20 left" % watch.seconds)
        check(expect(world.http.get("/kv/ping"), 200).seconds < AT_ONCE, "others are served")
        until(lambda: world.counter("kv", "shed_gone") - before == 20, "all of them have left")
        equal(world.counter("kv", "requests_5xx"), 0, "requests that failed: none of it was our failure")
        left = until(lambda: len(said := [line for line in request_lines(world) if line.get("unread")]) == 20 and said, "their lines")
        equal([line for line in left if line["level"] == "error" or "broken" in line], [], "lines that call it one")


@test("300 connections ask at once, five times and once while Redis hangs, and all are answered")
def many_connections(stage):
    env = {"TRIVET_REDIS_CONNECT_TIMEOUT": "25s", "TRIVET_REDIS_QUERY_TIMEOUT": "25s", "TRIVET_LIMITS_QUEUE_BUDGET": "60s"}
    with stage.world(["kv"], env) as world:
        links = [world.http.connect(60) for _ in range(300)]
        try:
            for turn in range(6):
                if turn == 5:
                    world.stores["redis"].pause()
                with Watch() as watch:
                    for number, link in enumerate(links):
                        link.sendall(b"GET /kv/echo/t%dn%d HTTP/1.1\r\nHost: t\r\n\r\n" % (turn, number))
                    if turn == 5:
                        until(lambda: (now := world.status("kv"))["peers"] + now["queue"]["waiting"] >= 300,
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
    with stage.world(["kv"], {"TRIVET_LIMITS_READ_TIME": "60s"}) as world:  # none is cut while others are looked at
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
            until(lambda: world.status("kv")["peers"] >= 300, "they are all taken")
            took = [expect(world.http.get("/kv/ping"), 200).seconds for _ in range(100)]
            note("beside 300 silent connections: median %.1f ms, most %.1f ms" % (median(took) * 1000, max(took) * 1000))
            check(max(took) < AT_ONCE, "others do not wait", max(took))
            full = descriptors()
        finally:
            for link in links:
                link.close()
        until(lambda: descriptors() <= full - 290, "their descriptors are given back")


@test("a crowd of short requests and then silence leaves no worker busy and no request unanswered")
def bursts(stage):
    with stage.world(["kv", "hello"], {"TRIVET_KV_WORKERS_MAX": "2"}) as world:
        def ask(crowd):
            for number in range(150):
                expect(world.http.get("/kv/echo/%d" % number), 200, {"result": str(number)})
        for _ in range(3):
            with Crowd(*[ask] * 12) as crowd:
                crowd.wait(0)
        until(lambda: busy(world) == 0, "no worker is busy")
        status = world.status("kv")
        equal(status["counters"]["requests_2xx"], 3 * 12 * 150, "requests counted")
        equal(status["queue"]["waiting"], 0, "connections that wait")
        until(lambda: waiting(world) == (0, [False] * 2, 0), "no request waits")


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
        until(lambda: world.http.get("/kv/ping").status == 200, "the next process answers")


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
        until(lambda: all(world.status(pool)["workers"]["now"] == 8 for pool in pools), "all workers are there")
        for pool in pools:
            processes = [world[pool].pid, *world[pool].children()]
            proportional, resident = map(sum, zip(*map(memory, processes)))
            note("%s, idle: %.1f MiB proportional, %.1f MiB resident in %d processes"
                 % (pool, proportional / 1024, resident / 1024, len(processes)))
            check(proportional > 0, "a size")
