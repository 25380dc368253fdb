"""look.py: what trivet-ops shows: status, workers and top, in a pipe and in a terminal, against what really happens."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness import check, equal, expect, note, test, until
from harness.load import Crowd
from harness.traffic import Traffic
from tool import PROGRAM, Lock, done, environment, table
from orders import slow

NEEDS = ("kv", "ops")
SECRET = "Zq7-secret-value"


@test("status is a row a pool and agrees with /status; --json is the same document")
def status(stage):
    with stage.world(["sql", "doc", "kv", "hello"]) as world:
        for _ in range(7):
            expect(world.http.get("/kv/ping"), 200)
        expect(world.http.get("/kv/nosuchcommand"), 400)
        found = {}

        def shown():
            """A process runs a moment after it is there, and a request is counted after its answer was sent."""
            found.update({row["POOL"]: row for row in table(done(world, "status"))})
            return found["kv"]["REQUESTS"] == "8" and all(row["PROCESSES"] == "2/2" for row in found.values()) and found
        rows = until(shown, "all processes run and all requests are counted")
        equal(set(rows), set(world.pools), "the pools")
        for pool, row in rows.items():
            truth = world.status(pool)
            equal(row["STATE"], "running", pool)
            equal((row["MASTER"], row["GEN"], row["RESTARTS"]), (str(world[pool].pid), "1", "0"), pool)
            equal(row["PROCESSES"], "2/2", pool + ": processes")
            equal(row["WORKERS"].split("/")[2], str(truth["workers"]["max"]), pool + ": most workers")
            equal(row["QUEUE"], "0/1024", pool + ": the queue")
            equal(row["CONNECTIONS"].split("/")[1], str(truth["store_connections_max"]), pool + ": most connections")
        equal((rows["kv"]["REQUESTS"], rows["kv"]["5XX"], rows["kv"]["SHED"]), ("8", "0", "0"), "kv's requests")
        equal(rows["kv"]["BREAKERS"], "closed", "kv's breakers")
        equal(rows["hello"]["BREAKERS"], "-", "hello's breakers: it uses no store")
        equal([row["POOL"] for row in table(done(world, "status", "kv"))], ["kv"], "status kv")
        document = json.loads(done(world, "status", "--json"))
        equal(set(document["pools"]), set(world.pools), "pools in JSON")
        equal(set(document["pools"]["kv"]), set(world.status("kv")), "the members are /status'")
        equal(set(json.loads(done(world, "status", "kv", "--json"))["pools"]), {"kv"}, "status kv --json")
        with world.away("redis"):
            until(lambda: world.http.get("/kv/ping").status == 503 and
                  "redis open" in table(done(world, "status", "kv"))[0]["BREAKERS"], "an open breaker is shown")


def seconds_of(text):
    """As the tool writes a time: 1.25ms, 312ms, 1.4s."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]


def hang_on_redis(world, name):
    """A request that waits for Redis (which is paused), with a value that nobody is to see."""
    link = world.http.connect()
    link.sendall(b"GET /kv/get/%s HTTP/1.1\r\nHost: t\r\nX-Request-Id: %s\r\n\r\n" % (SECRET.encode(), name.encode()))
    return link


@test("workers shows what each worker is at, without a value; so do /status/workers and /status?full")
def workers(stage):
    env = {"TRIVET_REDIS_QUERY_TIMEOUT": "28s", "TRIVET_KV_PROCESSES": "1", "TRIVET_KV_WORKERS": "1"}
    with stage.world(["kv"], env) as world:
        expect(world.http.get("/kv/ping"), 200)  # it is connected
        rows = [row for row in table(done(world, "workers")) if row["POOL"] == "kv"]
        equal({row["STATE"] for row in rows}, {"idle"}, "states at first")
        equal({int(row["PROCESS"]) for row in rows}, set(world["kv"].children()), "processes")
        with world.away("redis", "pause"):
            link = hang_on_redis(world, "seen-from-outside-1")
            until(lambda: world.status("kv")["workers"]["busy"] == 1, "the request is in a worker")
            time.sleep(0.3)
            printed = done(world, "workers", "kv")
            busy = [row for row in table(printed) if row["STATE"] == "busy"]
            equal(len(busy), 1, "busy workers")
            row = busy[0]
            equal((row["METHOD"], row["PHASE"], row["REQUEST-ID"]), ("GET", "store", "seen-from-outside-1"), "the request")
            check("GET" in row["STATEMENT"], "the statement's shape", row)
            check(row["ROUTE"].startswith("/"), "the route's template", row)
            check(seconds_of(row["ELAPSED"]) >= 0.3, "the time so far", row)
            full = world.ops.get("/status?full")
            listed = expect(world.ops.get("/status/workers"), 200, type="application/json", headers={"Cache-Control": "no-store"})
            for text in (printed, done(world, "workers", "--json"), full.text, listed.text):
                check(SECRET not in text and "secret" not in text, "no value is shown", text)
                check("seen-from-outside-1" in text, "the request's id is", text)
            one = [one for one in listed.json()["workers"] if one["pool"] == "kv" and one["state"] == "busy"][0]
            equal((one["method"], one["phase"], one["request_id"]), ("GET", "store", "seen-from-outside-1"), "in JSON")
            check(300 <= one["elapsed_ms"] < 28000 and one["pid"] in world["kv"].children() and one["worker"] >= 1, "in JSON", one)
            activity = full.json()["pools"]["kv"]["activity"]
            equal([worker["request_id"] for worker in activity if worker["state"] == "busy"], ["seen-from-outside-1"], "?full")
            check("activity" not in world.status("kv"), "/status alone stays as it was")
            equal(world.http.get("/status/workers").status, 404, "/status/workers on the public port")
        link.close()
        until(lambda: world.status("kv")["workers"]["busy"] == 0, "it is done")
        idle = [one for one in json.loads(done(world, "workers", "kv", "--json"))["workers"]]
        check(all("request_id" not in one and "statement" not in one for one in idle), "idle ones are at nothing", idle)
        equal(sum(one["requests"] for one in idle), 2, "requests so far")


@test("a worker that waits for its first connection is shown to wait for the store")
def connecting(stage):
    env = {"TRIVET_SQL_PROCESSES": "1", "TRIVET_SQL_WORKERS": "1", "TRIVET_MYSQL_CONNECT_TIMEOUT": "20s"}
    with stage.world(["sql"], env) as world:
        with world.away("mysql", "pause"):
            link = world.http.connect()
            link.sendall(b"GET /sql/product?id=eq.1 HTTP/1.1\r\nHost: t\r\n\r\n")

            def phase():
                workers = json.loads(done(world, "workers", "sql", "--json"))["workers"]
                return [one.get("phase") for one in workers if one["state"] == "busy"]
            until(lambda: phase() == ["store"], "the request is in a worker that waits for the store")
        link.close()


@test("top --once prints a table of rates; --json lines that agree with the clients' own count")
def top_once(stage):
    with stage.world(["sql", "doc", "kv", "hello"]) as world:
        pools = [pool for pool in ("sql", "doc", "kv", "hello") if pool in world.pools]
        with Traffic(world, pools) as traffic:
            time.sleep(0.5)
            rows = {row["POOL"]: row for row in table(done(world, "top", "--once", "--interval", "1"))}
            equal(set(rows), set(world.pools), "the pools")
            for pool in pools:
                check(float(rows[pool]["REQ/S"]) > 1, pool + ": requests a second", rows[pool])
                for head in ("P50", "P95", "P99"):
                    check(re.fullmatch(r"[\d.]+(us|ms|s)", rows[pool][head]), "%s: %s" % (pool, head), rows[pool])
                busy, now, most = map(int, rows[pool]["WORKERS"].split("/"))
                check(busy <= now <= most == 8, pool + ": workers", rows[pool])
                equal((rows[pool]["PROC"], rows[pool]["5XX%"], rows[pool]["SHED/S"]), ("2/2", "0.0", "0.0"), pool)
                check(re.fullmatch(r"-|([a-z]+:\. ?)+", rows[pool]["BREAKERS"]), pool + ": breakers", rows[pool])
            if "sql" in pools:
                check(float(rows["sql"]["HIT%"]) >= 0, "the cache's share", rows["sql"])
            before, began = traffic.count(), time.monotonic()
            found = json.loads(done(world, "top", "--once", "--json", "--interval", "2"))
            rate = (traffic.count() - before) / (time.monotonic() - began)
        shown = sum(found["pools"][pool]["requests_per_s"] for pool in pools)
        note("the clients count %.0f requests a second, top %.0f" % (rate, shown))
        check(0.6 * rate < shown < 1.6 * rate, "the rates agree", (rate, shown))
        for pool in pools:
            one = found["pools"][pool]
            check(0 < one["p50_ms"] <= one["p95_ms"] <= one["p99_ms"], pool + ": percentiles rise", one)
            equal(one["store_connections"]["max"], world.status(pool)["store_connections_max"], pool + ": most connections")
            check(all(state == "closed" for state in one["breakers"].values()), pool + ": breakers", one)
        equal(traffic.failures, [], "failed requests")


FAST, SLOW = 60, 300  # milliseconds, at the beginning of buckets of 50 to 100 and 250 to 500
BOUNDS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000]


def in_bucket(shown, least, most):
    """Does it lie in the buckets that these times, as a client saw them, are counted into? The worker may see a little less."""
    low = max([0] + [bound for bound in BOUNDS if bound < 0.9 * least])
    return low < shown <= min(bound for bound in BOUNDS if bound >= most)


def as_known(found, took):
    """Nine fast requests and a slow one: p50 in the bucket of the fast ones, p95 and p99 in that of the slow one. A machine that is
    busy makes all of them longer, so their times are those that were measured."""
    took = sorted(1000 * seconds for seconds in took)
    return (9.5 < found["requests_per_s"] * found["seconds"] < 10.5 and in_bucket(found["p50_ms"], took[3], took[5]) and
            in_bucket(found["p95_ms"], took[9], took[9]) and in_bucket(found["p99_ms"], took[9], took[9]))


@test("top's percentiles are those of requests whose time is known")
def percentiles(stage):
    # One worker, so that requests do not wait for each other within Redis.
    with stage.world(["kv"], {"TRIVET_KV_PROCESSES": "1", "TRIVET_KV_WORKERS": "1"}) as world:
        slow(world, 1)
        with subprocess.Popen([PROGRAM, "top", "--json", "--interval", "15"], env=environment(world), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
            try:
                for _ in range(6):
                    program.stdout.readline()  # an interval begins
                    answers = [slow(world, SLOW if number == 9 else FAST) for number in range(10)]
                    equal([answer.status for answer in answers], [200] * 10, "the answers")
                    took = [answer.seconds for answer in answers]
                    found = json.loads(program.stdout.readline())["pools"]["kv"]
                    if as_known(found, took):  # else not all of them fell into this interval
                        break
                later = json.loads(program.stdout.readline())["pools"]["kv"]
            finally:
                program.terminate()
        note("9 x %d ms and 1 x %d ms: p50 %.1f ms, p95 %.1f ms, p99 %.1f ms"
             % (FAST, SLOW, found["p50_ms"], found["p95_ms"], found["p99_ms"]))
        check(as_known(found, took), "the percentiles are those of the requests", (found, took))
        equal((later["p50_ms"], later["p99_ms"], later["failed_share"]), (None, None, None), "after it: nothing")
        equal(later["requests_per_s"], 0, "after it: no requests")


class Screen:
    """A program in a terminal of its own, and what a simple VT would show of it."""

    def __init__(self, world, *words, lines=24, columns=100):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(PROGRAM, [PROGRAM, *words], environment(world, TERM="vt100"))
        self.size(lines, columns)
        self.before = termios.tcgetattr(self.fd)
        self.raw = b""
        self.status = None

    def size(self, lines, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self):
        while select.select([self.fd], [], [], 0)[0]:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:  # the other side is closed
                piece = b""
            if not piece:
                break
            self.raw += piece
        return self.raw

    def last(self):
        """The lines of the last whole frame."""
        frames = self.read().split(b"\x1b[H")
        whole = [frame for frame in frames if frame.endswith(b"\x1b[J") or b"\x1b[J" in frame]
        text = whole[-1].partition(b"\x1b[J")[0].decode("ascii") if whole else ""
        return [line.rstrip("\r").removesuffix("\x1b[K") for line in text.split("\n")]

    def shows(self, text):
        return any(text in line for line in self.last())

    def ended(self):
        if self.status is None:
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None

    def restored(self):
        """The terminal is as it was, on the first screen, with a cursor."""
        text = self.read()
        equal(termios.tcgetattr(self.fd), self.before, "the terminal's settings")
        equal((text.count(b"\x1b[?1049h"), text.count(b"\x1b[?1049l")), (1, 1), "to another screen and back")
        check(text.rindex(b"\x1b[?25h") > text.rindex(b"\x1b[?25l"), "the cursor is shown")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


@test("top in a terminal shows a request that sleeps among the slowest, with its shape and without its values", needs=("sql", "kv", "ops"))
def top_live(stage):
    with stage.world(["sql", "kv"], {"TRIVET_MYSQL_QUERY_TIMEOUT": "25s"}) as world:
        expect(world.http.get("/sql/product?id=eq.1"), 200)
        with Screen(world, "top", "--interval", "0.3", columns=200) as screen:
            until(lambda: screen.shows("No request is being answered") or screen.shows("/status"), "the first frame")
            check(any(line.startswith("POOL") for line in screen.last()), "the pools' table", screen.last())
            with Lock(stage.stores["mysql"], ["product"]) as lock:
                link = world.http.connect()
                link.sendall(b"GET /sql/product?select=id&name=eq.%s HTTP/1.1\r\nHost: t\r\nX-Request-Id: sleeper-77\r\n\r\n" % SECRET.encode())

                def elapsed():
                    return next((line.split()[0] for line in screen.last() if "sleeper-77" in line), None)
                first = until(elapsed, "the request is shown")
                until(lambda: elapsed() not in (None, first), "its time goes on")
                frame = screen.last()
                head = next(number for number, line in enumerate(frame) if line.startswith("ELAPSED"))
                row = frame[head + 1]
                check("sleeper-77" in row, "it is the slowest", frame)
                words = row.split()
                equal(words[1:4], ["sql", "store", "GET"], "pool, phase and method")
                check(re.search(r"select .*product", row, re.IGNORECASE), "the statement's shape", row)
                check("?" in row, "with marks in the place of values", row)
                lock.release()
            check(b" 200 " in link.recv(4096)[:20], "the request is answered")
            link.close()
            until(lambda: not screen.shows("sleeper-77"), "it is not shown any more")
            check(SECRET.encode() not in screen.raw and b"secret" not in screen.raw, "its value was never shown")
            os.write(screen.fd, b"q")
            until(screen.ended, "q ends it")
            equal(screen.status, 0, "the exit status")
            screen.restored()


@test("top keeps within the terminal's size, also when that changes, and gives it back however it ends")
def top_ends(stage):
    with stage.world(["sql", "doc", "kv", "hello"]) as world:
        for how, end in [("q", lambda screen: os.write(screen.fd, b"q")), ("Ctrl-C", lambda screen: os.write(screen.fd, b"\x03")),
                         ("Ctrl-\\", lambda screen: os.write(screen.fd, b"\x1c")),
                         ("TERM", lambda screen: os.kill(screen.pid, signal.SIGTERM)),
                         ("HUP", lambda screen: os.kill(screen.pid, signal.SIGHUP))]:
            with Screen(world, "top", "--interval", "5") as screen:
                until(lambda: any(line.startswith("hello") for line in screen.last()), "a frame")
                for lines, columns in ((10, 40), (50, 160), (3, 20), (1, 1), (24, 80)):
                    seen = len(screen.read())
                    screen.size(lines, columns)
                    os.kill(screen.pid, signal.SIGWINCH)  # a terminal says so itself to its foreground group
                    until(lambda: b"\x1b[J" in screen.read()[seen:], "drawn anew at once")
                    until(lambda: len(screen.last()) <= lines, "%d lines" % lines)
                    check(all(len(line) <= columns for line in screen.last()), "%d columns" % columns, screen.last())
                end(screen)
                until(screen.ended, how + " ends it")
                equal(screen.status, 0, "the exit status after " + how)
                screen.restored()


@test("top is given back to the shell while it is suspended, and goes on after")
def top_suspended(stage):
    with stage.world(["kv"]) as world, Screen(world, "top", "--interval", "0.2") as screen:
        until(lambda: screen.shows("kv"), "a frame")
        os.write(screen.fd, b"\x1a")

        def stopped():
            with open("/proc/%d/stat" % screen.pid, encoding="ascii") as file:
                return file.read().rpartition(")")[2].split()[0] == "T"
        until(stopped, "it is stopped")
        screen.restored()
        seen = len(screen.read())
        os.kill(screen.pid, signal.SIGCONT)
        until(lambda: screen.read()[seen:].count(b"\x1b[J") >= 2, "it draws again")
        check(b"\x1b[?1049h" in screen.raw[seen:], "on its own screen")
        os.write(screen.fd, b"q")
        until(screen.ended, "q ends it")


@test("top follows pools that are scaled, stopped, killed and started while it looks")
def top_follows(stage):
    with stage.world(["kv"], held=["kv"]) as world, Screen(world, "top", "--interval", "0.2", columns=160) as screen:
        def row():
            return next((line.split() for line in screen.last() if line.startswith("kv")), [])
        until(lambda: row()[1:2] == ["2/2"], "two processes")
        done(world, "scale", "kv", "=3", "--force")
        until(lambda: row()[1:2] == ["3/3"], "three processes")
        done(world, "drain", "kv")
        until(lambda: row()[1:2] == ["(stopped)"], "it is stopped")
        world["kv"].server.wait()
        world["kv"].start()
        until(lambda: row()[1:2] == ["2/2"], "two processes again")

        def ask(crowd):
            while not crowd.stopped():
                expect(world.http.get("/kv/ping"), 200)
        with Crowd(ask):
            until(lambda: float(row()[3]) > 0, "requests of the new pool")
        os.write(screen.fd, b"q")
        until(screen.ended, "q ends it")
