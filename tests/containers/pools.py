#!/usr/bin/env python3
"""pools: trivet-pools and trivet-probe as they are, with the real spawn-fcgi and real workers, behind which there is no store but what
stands in for one (held.py). TAP lines on standard output; nothing of it outlives a run.

usage: pools.py BIN SCRATCH     BIN: the programs; SCRATCH: a short directory of its own"""

import contextlib
import os
import re
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time

from held import Held
from tried import AT_ONCE, PATIENCE, Logged, check, children, halt, has_taken, run_all, test, until

BIN, SCRATCH = os.path.abspath(sys.argv[1]), sys.argv[2]


class Pools(Logged):
    """One trivet-pools in a run directory of its own."""

    own = "pools"
    count = 0

    def __init__(self, pools="hello ops", path=None, **more):
        Pools.count += 1
        self.directory = os.path.join(SCRATCH, "p%d" % Pools.count)
        os.mkdir(self.directory)
        self.log_file = os.path.join(self.directory, "log")
        self.environment = {"PATH": path or "%s:/usr/bin:/bin" % BIN, "TRIVET_POOLS": pools, "TRIVET_HELLO_PROCESSES": "2",
                            "TRIVET_OPS_PROCESSES": "1", "TRIVET_RUN_DIRECTORY": os.path.join(self.directory, "run")}
        self.environment.update({name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")})
        self.environment.update(more)
        self.process = None

    def __enter__(self):
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen([BIN + "/trivet-pools"], env=self.environment, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            everything = [self.process.pid] + [pid for pid, _ in children(self.process.pid)]
            for pid in everything:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGCONT)
            self.process.terminate()
            self.process.terminate()
            self.process.wait(PATIENCE)
        self.check_sanitizers()

    def socket(self, pool):
        return os.path.join(self.directory, "run", pool + ".sock")

    def health(self, *pools):
        return subprocess.run([BIN + "/trivet-pools", "--healthcheck", *pools], env=self.environment, capture_output=True,
                              text=True, timeout=PATIENCE, check=False)

    def ready(self):
        until(lambda: self.health().returncode == 0, "all pools answer: " + self.text()[-600:])
        return self

    def master(self, pool):
        """The pid of a pool's master, from the last line that tells of its start."""
        return int(re.search(r"^%s: process (\d+)" % pool,
                             [line["text"] for line in self.lines("program.start") if line["text"].startswith(pool + ":")][-1])[1])

    def refused(self):
        with self:
            status = self.process.wait(PATIENCE)
        return status, self.text()


# --- a FastCGI client as small as can be ------------------------------------------------------------------------------------------

def record(kind, content=b""):
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def pair(name, value):
    return bytes([len(name), len(value)]) + name.encode() + value.encode()


def request(path):
    return (record(1, b"\0\1\1\0\0\0\0\0") + record(4, pair("REQUEST_METHOD", "GET") + pair("TRIVET_PATH", path) +
                                                   pair("REQUEST_URI", path) + pair("QUERY_STRING", "")) + record(4) + record(5))


REQUEST = request("/hello")


def begin(path, what=REQUEST):
    """A request that is sent and not waited for: its connection, to read_answer from and to close."""
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(PATIENCE)
    peer.connect(path)
    peer.sendall(what)
    return peer


def ask(path):
    """One request on a connection of its own: the status line, or nothing."""
    with begin(path) as peer:
        return read_answer(peer)[0]


def read_answer(peer):
    """(text, whether the worker said that this is the connection's last answer); ('', True) when it broke."""
    data, text = b"", b""
    while True:
        while len(data) >= 8:
            _, kind, _, length, padding, _ = struct.unpack(">BBHHBB", data[:8])
            if len(data) < 8 + length + padding:
                break
            if kind == 6:
                text += data[8:8 + length]
            data = data[8 + length + padding:]
            if kind == 3:
                return text.decode(), bool(data)
        with contextlib.suppress(ConnectionError):
            more = peer.recv(65536)
            if more:
                data += more
                continue
        return "", True


def kv_on(redis, **more):
    """A pool whose requests are under way for as long as a test wants."""
    return Pools("kv", TRIVET_REDIS_URL=redis.url, TRIVET_REDIS_QUERY_TIMEOUT="300s", TRIVET_LIMITS_TIME="300s",
                 TRIVET_KV_DRAIN="300s", TRIVET_GUARD_ANONYMOUS_ROLE="none", **more)


def held_request(pools, redis):
    """A request that is in a worker, which waits for its store."""
    before = redis.holds
    peer = begin(pools.socket("kv"), request("/echo/held"))
    until(lambda: redis.holds == before + 1, "the request is with the store")
    return peer


# --- starting and asking -----------------------------------------------------------------------------------------------------------

@test("pools start, with sockets for the group, scoreboards in a directory of their own, and the health check agrees")
def starts():
    with Pools() as pools:
        pools.ready()
        for pool in ("hello", "ops"):
            mode = os.stat(pools.socket(pool)).st_mode
            check(stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660, "%s.sock has mode %o" % (pool, mode))
        check(os.path.isdir(pools.directory + "/run/watch"), "no directory for scoreboards")
        check("200" in ask(pools.socket("hello")) or "greeting" in ask(pools.socket("hello")), "/hello does not answer")


@test("what is for trivet-pools alone does not reach the workers, which take no variable that they do not know")
def environment():
    with Pools(TRIVET_POOLS_DRAIN="9s") as pools:
        pools.ready()
        with open("/proc/%d/environ" % pools.master("hello"), "rb") as file:
            found = dict(entry.decode().partition("=")[::2] for entry in file.read().split(b"\0") if entry)
        names = set(found)
        check(found.get("TRIVET_WATCH_POOLS") == "hello ops", "which pools are meant to be there: %s" % found)
        check(not names & {"TRIVET_POOLS", "TRIVET_POOLS_DRAIN", "TRIVET_RUN_DIRECTORY"}, "environment: %s" % names)
        check("TRIVET_WATCH_DIRECTORY" in names, "the scoreboards' place is not told")


@test("the health check names the pool that does not answer, and takes no longer than its patience")
def health_names():
    with Pools() as pools:
        pools.ready()
        stopped = [pools.master("hello")] + [pid for pid, _ in children(pools.master("hello"))]
        halt(*stopped)
        began = time.monotonic()
        answer = pools.health()
        check(answer.returncode == 1 and "hello: no answer in time" in answer.stderr, repr(answer))
        check(time.monotonic() - began < AT_ONCE, "it took %.1f s" % (time.monotonic() - began))
        check(pools.health("ops").returncode == 0, "ops answers all the same")
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        until(lambda: pools.health("hello").returncode == 0, "hello answers again")
        check(pools.health("kv").returncode == 1, "a pool without a socket is not well")
        check(pools.health("../x").returncode == 2, "a name that is none is a mistake of the caller's")


@test("a pool whose workers all wait for a store is well, however many wait for it; one of whose processes hangs is not")
def health_of_the_busy():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with Held() as redis, kv_on(redis, TRIVET_KV_WORKERS_MAX="2") as pools, contextlib.ExitStack() as requests:
        pools.ready()
        for _ in range(2 * 2):
            requests.enter_context(held_request(pools, redis))
        more = [requests.enter_context(begin(pools.socket("kv"), request("/echo/waits"))) for _ in range(4)]
        until(lambda: pools.health().returncode == 0, "busy, and well")
        with contextlib.suppress(BlockingIOError):
            while True:
                peer = requests.enter_context(socket.socket(socket.AF_UNIX))
                peer.setblocking(False)
                peer.connect(pools.socket("kv"))
        until(lambda: pools.health().returncode == 0, "its backlog is full, and it is well")
        process, _ = (pid for pid, _ in children(pools.master("kv")))
        halt(process)
        answer = pools.health()
        check(answer.returncode == 1 and "kv: no answer in time" in answer.stderr, "hanging: %r" % answer)
        os.kill(process, signal.SIGCONT)
        until(lambda: pools.health().returncode == 0, "well again")
        redis.release()
        check(all("waits" in read_answer(peer)[0] for peer in more), "those that waited are answered")


@test("the health check of ops is GET /healthz: a socket behind which something else answers is not well")
def health_of_something_else():
    with Pools("hello") as pools:
        pools.ready()
        os.rename(pools.socket("hello"), pools.socket("ops"))
        answer = pools.health("ops")
        check(answer.returncode == 1 and "ops:" in answer.stderr, repr(answer))


# --- refusing what cannot work -------------------------------------------------------------------------------------------------------

@test("a pool that nobody made is refused at once, by name")
def wrong_name():
    status, text = Pools("hello sqll").refused()
    check(status == 2 and "trivet-sqll" in text, "%d %s" % (status, text))


@test("names that are no names, named twice, or none at all are refused")
def bad_names():
    for names, said in (("hello ../ops", "not"), ("hello hello", "twice"), (" , ", "no pool"), ("a" * 40, "not")):
        status, text = Pools(names).refused()
        check(status == 2 and said in text, "%r: %d %s" % (names, status, text))


@test("without spawn-fcgi nothing is started")
def no_spawn():
    status, text = Pools(path=BIN).refused()
    check(status == 2 and "spawn-fcgi is not in PATH" in text, "%d %s" % (status, text))


@test("a drain time that is none, and a directory that cannot be written, are refused")
def bad_settings():
    for more, said in (({"TRIVET_POOLS_DRAIN": "soon"}, "TRIVET_POOLS_DRAIN"), ({"TRIVET_RUN_DIRECTORY": "/proc/x"}, "/proc/x"),
                       ({"TRIVET_RUN_DIRECTORY": "relative"}, "absolute"), ({"TRIVET_RUN_DIRECTORY": "/" + "x" * 120}, "TRIVET_RUN_DIRECTORY")):
        status, text = Pools(**more).refused()
        check(status == 2 and said in text, "%r: %d %s" % (more, status, text))


# --- keeping them running ---------------------------------------------------------------------------------------------------------------

@test("a pool that is killed is back at once; the others do not notice; no zombie is left")
def killed():
    with Pools() as pools:
        pools.ready()
        before, other = pools.master("hello"), pools.master("ops")
        os.kill(before, signal.SIGKILL)
        until(lambda: pools.master("hello") != before, "a new master")
        until(lambda: pools.health("hello").returncode == 0, "hello answers")
        check("greeting" in ask(pools.socket("hello")), "a request is answered")
        check(pools.master("ops") == other and os.path.exists("/proc/%d" % other), "ops was restarted too")
        died = pools.lines("program.died")
        check(len(died) == 1 and "signal 9" in died[0]["text"], str(died))
        # The old master's processes come to us, drain, and are taken from the kernel's list.
        until(lambda: sorted(pid for pid, _ in children(pools.process.pid)) == sorted([pools.master("hello"), other]), "orphans leave")


@test("what is under way in a pool whose master is killed is answered")
def killed_while_busy():
    with Held() as redis, kv_on(redis) as pools:
        for round_number in range(1, 5):
            redis.hold()
            pools.ready()
            with held_request(pools, redis) as peer:
                os.kill(pools.master("kv"), signal.SIGKILL)
                until(lambda wanted=round_number: len(pools.lines("program.start")) == wanted + 1, "a new master")
                pools.ready()  # by the new one's processes; the old ones have long taken what they were told
                redis.release()
                check("held" in read_answer(peer)[0], "round %d: the request is lost" % round_number)


@test("a process that is told again to leave finishes what it has all the same")
def told_again():
    with Held() as redis, kv_on(redis, TRIVET_KV_PROCESSES="1") as pools:
        pools.ready()
        process, = [pid for pid, _ in children(pools.master("kv"))]
        with held_request(pools, redis) as peer:
            for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGQUIT):
                os.kill(process, number)
                until(lambda one=number: has_taken(process, one), "it is heard")
            pools.ready()
            redis.release()
            check("held" in read_answer(peer)[0], "the request is lost")
        until(lambda: process not in [pid for pid, _ in children(pools.master("kv"))], "it leaves")


@test("a pool that dies again and again is started more and more slowly, but always")
def backs_off():
    with Pools("hello") as pools:
        pools.ready()
        for round_number in range(1, 5):
            until(lambda wanted=round_number: len(pools.lines("program.start")) == wanted, "start %d" % round_number)
            os.kill(pools.master("hello"), signal.SIGKILL)
        until(lambda: len(pools.lines("program.died")) == 4, "four deaths")
        pauses = [int(re.search(r"again in (\d+) ms", line["text"])[1]) for line in pools.lines("program.died")]
        check(pauses[0] <= 1 and 50 <= pauses[1] <= 130 and 150 <= pauses[2] <= 260 and 350 <= pauses[3] <= 510, "pauses: %s" % pauses)
        pools.ready()


@test("spawn-fcgi that vanishes is no reason to end: its pool comes back with it")
def vanishing():
    programs = os.path.join(SCRATCH, "programs")
    os.mkdir(programs)
    shutil.copy(shutil.which("spawn-fcgi"), programs)
    with Pools("hello", path="%s:%s" % (programs, BIN)) as pools:
        pools.ready()
        os.rename(programs + "/spawn-fcgi", programs + "/away")
        os.kill(pools.master("hello"), signal.SIGKILL)
        until(lambda: pools.lines("program.exec"), "a failed attempt in the log")
        check(pools.process.poll() is None, "trivet-pools ended")
        os.rename(programs + "/away", programs + "/spawn-fcgi")
        pools.ready()


@test("HUP reaches every pool; TTIN does not")
def forwards():
    with Pools() as pools:
        pools.ready()
        pools.process.send_signal(signal.SIGTTIN)
        pools.process.send_signal(signal.SIGHUP)
        for pool in ("hello", "ops"):
            until(lambda name=pool: pools.lines("reload.done", name), "%s reloads" % pool)
        check(not pools.lines("processes", "hello"), "a pool changed its number of processes")
        pools.ready()


@test("USR1 while a pool is still being started waits for it, and ends nothing")
def told_early():
    programs = os.path.join(SCRATCH, "early")
    os.mkdir(programs)
    begun, go = programs + "/begun", programs + "/go"
    with open(programs + "/spawn-fcgi", "w", encoding="ascii") as file:
        # Whatever keeps it: a slow disk, a busy machine.
        file.write("#!/bin/bash\necho >%s\nuntil [ -e %s ]; do sleep 0.05; done\nexec %s \"$@\"\n"
                   % (begun, go, shutil.which("spawn-fcgi")))
    os.chmod(programs + "/spawn-fcgi", 0o755)
    with Pools("hello", path="%s:%s:/usr/bin:/bin" % (programs, BIN)) as pools:
        until(lambda: os.path.exists(begun), "spawn-fcgi runs")
        for number in (signal.SIGUSR1, signal.SIGHUP):
            pools.process.send_signal(number)
        until(lambda: pools.lines("reload"), "both are passed on")
        open(go, "w", encoding="ascii").close()
        pools.ready()
        check(not pools.lines("program.died"), str(pools.lines("program.died")))
        until(lambda: pools.lines("reload.done", "hello"), "what was told is done")


@test("USR1 opens the log file anew, also that of trivet-push, and ends nothing")
def reopens():
    if not os.path.exists(BIN + "/trivet-push"):
        return  # this build has none
    log = os.path.join(SCRATCH, "reopened")

    def has_open(pool):
        fds = "/proc/%d/fd" % pools.master(pool)
        files = set()
        for name in os.listdir(fds):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                files.add(os.readlink(os.path.join(fds, name)))
        return log in files and log + ".1" not in files

    with http(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as port:
        with Pools("hello", TRIVET_LOG_FILE=log, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:%d" % port) as pools:
            pools.ready()
            until(lambda: all(map(has_open, ("hello", "push"))), "the log file is open")
            os.rename(log, log + ".1")
            pools.process.send_signal(signal.SIGUSR1)
            until(lambda: all(map(has_open, ("hello", "push"))), "the new one as well")
            os.kill(pools.master("push"), signal.SIGUSR2)
            pools.log_file, own = log, pools.log_file
            until(lambda: pools.lines("log.level", "push"), "USR2 raises the level of trivet-push")
            pools.log_file = own
            check(not pools.lines("program.died"), str(pools.lines("program.died")))


@test("trivet-push is kept running when there is somewhere to push to, and stopped after the pools")
def push():
    programs = os.path.join(SCRATCH, "push")
    os.mkdir(programs)
    told = os.path.join(programs, "told")
    with open(programs + "/trivet-push", "w", encoding="ascii") as file:
        # What a push program does, as far as this is about: it runs until TERM.
        file.write("#!/bin/bash\ntrap 'date +%%s.%%N >>%s; exit 0' TERM\necho start >>%s\nwhile :; do sleep 0.05; done\n" % (told, told))
    os.chmod(programs + "/trivet-push", 0o755)

    def lines():
        with contextlib.suppress(FileNotFoundError), open(told, encoding="ascii") as file:
            return file.read().split()
        return []

    path = "%s:%s:/usr/bin:/bin" % (programs, BIN)
    with Pools("hello", path=path) as pools:
        pools.ready()
        check(not lines(), "nothing is to be pushed, yet trivet-push runs")
    with Pools("hello", path=path, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:4318/v1/traces") as pools:
        pools.ready()
        until(lambda: lines() == ["start"], "trivet-push starts")
        os.kill(pools.master("push"), signal.SIGKILL)
        until(lambda: lines() == ["start", "start"], "trivet-push is started again")
        pools.process.terminate()
        check(pools.process.wait(PATIENCE) == 0, "the exit status")
        stopped = until(lambda: [line for line in pools.lines("stopped", "hello")], "hello stopped")[0]["time"]
        seconds = time.mktime(time.strptime(stopped[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float(stopped[19:23])
        check(len(lines()) == 3 and float(lines()[2]) >= seconds - 0.002, "push %s, hello %s" % (lines(), seconds))
    status, text = Pools("hello", OTEL_EXPORTER_OTLP_ENDPOINT="http://x").refused() if not os.path.exists(BIN + "/trivet-push") \
        else (2, "trivet-push is not in PATH")
    check(status == 2 and "trivet-push is not in PATH" in text, "%d %s" % (status, text))


# --- stopping ----------------------------------------------------------------------------------------------------------------------------

@test("TERM under load: every request that was sent is answered, then all ends with status 0")
def drains():
    with Pools("hello", TRIVET_HELLO_WORKERS_MAX="8") as pools:
        pools.ready()
        answered, broken = [0] * 6, [0] * 6

        def client(place):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(PATIENCE)
                peer.connect(pools.socket("hello"))
                last = False
                while not last:
                    peer.sendall(REQUEST)
                    text, last = read_answer(peer)
                    answered[place] += "greeting" in text
                    broken[place] += "greeting" not in text

        threads = [threading.Thread(target=client, args=(place,)) for place in range(6)]
        for thread in threads:
            thread.start()
        until(lambda: sum(answered) > 300 and min(answered) > 0, "load, from every client")
        pools.process.terminate()
        for thread in threads:
            thread.join(PATIENCE)
        check(pools.process.wait(PATIENCE) == 0, "the exit status")
        check(sum(broken) == 0 and sum(answered) > 300, "answered %s, broken %s" % (answered, broken))
        check(pools.lines("stopped")[0]["text"] == "all finished", str(pools.lines("stopped")))


@test("a pool that does not end is killed when the time to drain is over")
def deadline():
    with Pools(TRIVET_POOLS_DRAIN="1s") as pools:
        pools.ready()
        halt(pools.master("hello"))
        began = time.monotonic()
        pools.process.send_signal(signal.SIGQUIT)
        check(pools.process.wait(PATIENCE) == 0, "the exit status")
        check(0.9 < time.monotonic() - began < AT_ONCE, "it took %.1f s" % (time.monotonic() - began))
        check(pools.lines("stop.kill"), "nothing in the log")


def with_push(directory, does):
    """A PATH with a trivet-push that, told to stop, does something before it ends; and a file that is there when it can be told."""
    programs = os.path.join(SCRATCH, directory)
    os.mkdir(programs)
    with open(programs + "/trivet-push", "w", encoding="ascii") as file:
        file.write("#!/bin/bash\ntrap '%s' TERM\necho >%s/heeds\nwhile :; do sleep 0.05; done\n" % (does, programs))
    os.chmod(programs + "/trivet-push", 0o755)
    return "%s:%s:/usr/bin:/bin" % (programs, BIN), programs + "/heeds"


@test("trivet-push that does not end is killed alone: what a killed pool left goes on with what it has")
def push_late():
    path, heeds = with_push("endless", ":")
    more = {"path": path, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "TRIVET_POOLS_DRAIN": "300s"}
    with Held() as redis, kv_on(redis, **more) as pools:
        pools.ready()
        with held_request(pools, redis) as peer:
            os.kill(pools.master("kv"), signal.SIGKILL)
            until(lambda: len(pools.lines("program.start")) == 3, "a new master")
            pools.ready()
            push = pools.master("push")
            until(lambda: os.path.exists(heeds), "trivet-push heeds TERM")
            pools.process.terminate()
            until(lambda: not os.path.exists("/proc/%d" % push), "trivet-push is gone")
            check(pools.lines("stop.push") and not pools.lines("stop.kill"), pools.text()[-600:])
            check(pools.process.poll() is None, "it waits for what is under way")
            redis.release()
            check("held" in read_answer(peer)[0], "the request is lost")
        check(pools.process.wait(PATIENCE) == 0, "the exit status")


@test("trivet-push has no more than what is left of the time to drain")
def push_cut():
    done = os.path.join(SCRATCH, "done")
    path, heeds = with_push("cut", "sleep 4; echo >%s; exit" % done)  # less than it would have by itself
    with Pools("hello", path=path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", TRIVET_POOLS_DRAIN="1s") as pools:
        pools.ready()
        until(lambda: os.path.exists(heeds), "trivet-push heeds TERM")
        pools.process.terminate()
        check(pools.process.wait(PATIENCE) == 0, "the exit status")
        check([line["text"] for line in pools.lines("stop.kill")] == ["the time to drain is over"], pools.text()[-600:])
        check(not os.path.exists(done), "it was given more")


@test("a second TERM ends it at once")
def twice():
    with Pools() as pools:
        pools.ready()
        halt(pools.master("hello"))
        pools.process.terminate()
        until(lambda: pools.lines("stop"), "the first one is heard")
        began = time.monotonic()
        pools.process.terminate()
        check(pools.process.wait(PATIENCE) == 0 and time.monotonic() - began < AT_ONCE, "it took %.1f s" % (time.monotonic() - began))


@test("TERM while a pool waits to be started again ends it as well")
def stop_while_waiting():
    with Pools("hello") as pools:
        pools.ready()
        for _ in range(3):
            before = len(pools.lines("program.died"))
            os.kill(pools.master("hello"), signal.SIGKILL)
            until(lambda seen=before: len(pools.lines("program.died")) > seen, "its death is noticed")
            if _ < 2:
                until(lambda seen=before: len(pools.lines("program.start")) > seen + 1, "the next start")
        pools.process.terminate()
        check(pools.process.wait(PATIENCE) == 0, "the exit status")


# --- trivet-probe ---------------------------------------------------------------------------------------------------------------------------

def probe(*arguments):
    return subprocess.run([BIN + "/trivet-probe", *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE, check=False)


@contextlib.contextmanager
def http(answer):
    """A server that says one thing to everyone who asks; nothing: it is silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    kept.append(peer)
                    if answer:
                        peer.recv(4096)
                        peer.sendall(answer)
                        peer.close()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@test("trivet-probe: 200 is well; another status, silence, nonsense and nobody are not; wrong arguments are a mistake")
def probes():
    for answer, status in ((b"HTTP/1.1 200 OK\r\n\r\n", 0), (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", 1), (b"HTTP/1.1 2", 1),
                           (b"SSH-2.0-OpenSSH\r\n", 1), (b"", 1)):
        with http(answer) as port:
            began = time.monotonic()
            check(probe(port, "/healthz").returncode == status, "%r" % answer)
            check(time.monotonic() - began < AT_ONCE, "it took too long")
    check(probe(port, "/").returncode == 1, "nobody listens there any more")
    for arguments in ((), (80,), ("x", "/"), (0, "/"), (65536, "/"), (80, "x"), (80, "/a b"), (80, "/", 1)):
        check(probe(*arguments).returncode == 2, repr(arguments))


sys.exit(run_all())
