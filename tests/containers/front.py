#!/usr/bin/env python3
"""front: trivet-front as it is, with the real nginx and its rendered configuration on ports of its own. It asks for the page for
people, which nginx has itself, so no worker is needed. TAP lines on standard output; nothing of it outlives a run.

usage: front.py BIN SCRATCH     BIN: the programs; SCRATCH: a directory of its own"""

import contextlib
import ctypes
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

BIN, SCRATCH = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
HERE = os.path.dirname(os.path.realpath(__file__))
SRC = os.environ.get("TRIVET_SRC", os.path.join(HERE, "../.."))
sys.path.append(os.path.join(SRC, "tests/harness"))
from ports import free_ports  # noqa: E402
from tried import AT_ONCE, PATIENCE, Logged, check, children, equal, halt, run_all, test, until  # noqa: E402

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27  # x86-64 and arm64
IN_USE = re.compile(r"Address (already )?in use")  # as glibc and musl say it
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:" + os.environ["PATH"])
REQUEST = b"GET / HTTP/1.1\r\nHost: front\r\nConnection: close\r\n\r\n"
QUEUED, ROUNDS, CLIENTS = 40, 10, 8


def alive(pid):
    with contextlib.suppress(OSError), open("/proc/%d/stat" % pid, encoding="latin-1") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
    return False


class Server(Logged):
    """One nginx, behind trivet-front or, for comparison, as it is (front=False). trivet-front listens where nginx does, or where
    `listen` says, with the ports {port}, {ops} and {other}; it starts `program` instead of nginx."""

    own = "front"
    count = 0

    def __init__(self, front=True, listen=("127.0.0.1:{port}", "127.0.0.1:{ops}"), program=None, prepare=None):
        Server.count += 1
        self.directory = os.path.join(SCRATCH, "n%d" % Server.count)
        os.mkdir(self.directory)
        self.front, self.listen, self.program, self.prepare = front, listen, program, prepare
        self.access_log, self.log_file = os.path.join(self.directory, "state/access.log"), os.path.join(self.directory, "log")
        self.port = self.ops_port = self.other = 0
        self.process, self.stopped = None, 0.0

    def command(self):
        """On ports that are free now."""
        self.port, self.ops_port, self.other = free_ports(3)
        conf, state = os.path.join(self.directory, "nginx.conf"), os.path.join(self.directory, "state")
        subprocess.run([SRC + "/nginx/render", "--run-dir", self.directory, "--state-dir", state, "--out", conf, "--workers", "2",
                        "--port", str(self.port), "--ops-port", str(self.ops_port), "--log-level", "notice",
                        *(["--user", "root"] if os.geteuid() == 0 else [])], check=True)
        listen = [one.format(port=self.port, ops=self.ops_port, other=self.other) for one in self.listen]
        return (([BIN + "/trivet-front", *listen, "--"] if self.front else []) +
                (self.program or [NGINX, "-p", state, "-e", "stderr", "-c", conf, "-g", "daemon off;"]))

    def __enter__(self):
        # Between our look for ports and their use somebody else may have taken one.
        for _ in range(3):
            command = self.command()
            with open(self.log_file, "wb") as log:
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self.prepare)
            try:
                until(lambda: self.listens() or self.ended(), "it has its ports")
            except AssertionError:
                self.process.kill()
                raise
            if self.listens() or not IN_USE.search(self.text()):
                break
        return self

    def listens(self):
        """trivet-front says so; nginx that has ports of its own has workers then."""
        if self.front and "{other}" not in "".join(self.listen):
            return any(line["level"] == "info" for line in self.lines("start"))
        return self.master() and self.workers()

    def ended(self):
        return self.process.poll() is not None

    def __exit__(self, *_):
        if self.process.poll() is None:
            for pid in [one for master, _ in children(self.process.pid) for one in [master] + [pid for pid, _ in children(master)]]:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGCONT)
            self.process.terminate()
            self.process.wait(PATIENCE)
        self.check_sanitizers()

    def master(self):
        return self.process.pid if not self.front else next((pid for pid, _ in children(self.process.pid)), 0)

    def workers(self):
        return [pid for pid, _ in children(self.master())]

    def ready(self):
        until(lambda: self.ended() or len(self.workers()) == 2 and get(self.port) == 200, "nginx answers")
        check(not self.ended(), "it has ended: " + self.text()[-600:])
        return self

    def tell(self, number):
        if number == signal.SIGQUIT:
            self.stopped = time.monotonic()
        self.process.send_signal(number)

    def since_stop(self):
        return time.monotonic() - self.stopped

    def status(self):
        return self.process.wait(PATIENCE)

    @contextlib.contextmanager
    def held(self):
        """nginx's workers stand still, so what is connected waits in the sockets' queues."""
        workers = self.workers()
        halt(*workers)
        try:
            yield
        finally:
            for pid in workers:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGCONT)


def get(port):
    """The status of the page; 0 when it cannot be had."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as link:
            link.sendall(REQUEST)
            return answer(link)
    except OSError:
        return 0


def answer(link):
    """The status of a whole answer on a connection that the server closes after it."""
    data = b""
    while piece := link.recv(65536):
        data += piece
    return int(data[9:12]) if data.startswith(b"HTTP/1.1 ") and data.rstrip().endswith((b"</html>", b"0")) else 0


def answers(links):
    """How many are answered with 200, and what became of the others."""
    good, others = 0, []
    for link in links:
        try:
            status = answer(link)
            good += status == 200
            others += [] if status == 200 else [status]
        except OSError as error:
            others.append(repr(error))
        link.close()
    return good, others


def queued(port):
    """Connections that ask and that nobody has taken."""
    links = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(QUEUED)]
    for link in links:
        link.settimeout(PATIENCE)
        link.sendall(REQUEST)
    return links


def begin(port):
    """A connection that is being begun."""
    link = socket.socket()
    link.setblocking(False)
    link.connect_ex(("127.0.0.1", port))
    return link


def deaf(link, whether=True):
    """The kernel throws away what comes for this socket, as a lossy network does; or does so no more."""
    if not whether:
        link.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        return
    nothing = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # return 0: not a byte of it
    link.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(nothing)))


def outcome(link, seconds):
    """What came of it: 0, the error's number, or None when nothing did yet."""
    ready = select.select([], [link], [], seconds)[1]
    return link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if ready else None


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False  # thrown away without a word, as during a stop
    return False


def sockets(state, ports):
    """The fields of all sockets in this state at these ports, as the kernel lists them."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        fields = [line.split() for line in file.readlines()[1:]]
    return [one for one in fields if one[3] == state and int(one[1].rpartition(":")[2], 16) in ports]


def begun(port):
    """Handshakes at this port that are begun and not ended."""
    return sockets("03", {port})


def half(port):
    """A request that nginx has taken and that is not whole yet."""
    link = socket.create_connection(("127.0.0.1", port), 5)
    link.settimeout(PATIENCE)
    link.sendall(REQUEST[:-2])
    return link


class Load:
    """load.py, as tests of compose use it."""

    def __init__(self, port, kind="once"):
        self.process = subprocess.Popen([sys.executable, HERE + "/load.py", "127.0.0.1", str(port), str(CLIENTS), kind, "/"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end(self):
        """Also when nobody listens any more: whoever is still there is told to stop."""
        return json.loads(self.process.communicate(timeout=PATIENCE)[0])


    @staticmethod
    def flows(server, requests=300):
        """There is load: nginx has counted so many requests."""
        def counted():
            with socket.create_connection(("127.0.0.1", server.ops_port), PATIENCE) as link:
                link.sendall(REQUEST.replace(b"/ ", b"/nginx_status ", 1))
                return int(link.makefile().read().split("\n")[-3].split()[2])
        until(lambda: counted() > requests, "load")


def note(text):
    print("# " + text, flush=True)


# --- the sockets ------------------------------------------------------------------------------------------------------------------

def listening(ports):
    """The inodes of all sockets that listen on these ports."""
    return {int(one[9]) for one in sockets("0A", ports)}


def held_by(pid, inodes):
    """descriptor: inode, of those that a process has open."""
    found = {}
    for name in os.listdir("/proc/%d/fd" % pid):
        with contextlib.suppress(OSError):
            inode = re.fullmatch(r"socket:\[(\d+)\]", os.readlink("/proc/%d/fd/%s" % (pid, name)))
            if inode and int(inode[1]) in inodes:
                found[name] = int(inode[1])
    return found


@test("nginx takes the sockets that trivet-front has opened and opens none: the same, as nginx would have made them")
def inherited():
    with Server() as server:
        server.ready()
        inodes = listening({server.port, server.ops_port})
        equal(len(inodes), 2, "sockets that listen")
        for pid in [server.process.pid, server.master(), *server.workers()]:
            held = held_by(pid, inodes)
            equal(set(held.values()), inodes, "sockets of process %d" % pid)
            for name in held:
                with open("/proc/%d/fdinfo/%s" % (pid, name), encoding="ascii") as file:
                    flags = int(re.search(r"flags:\s*(\d+)", file.read())[1], 8)
                check(flags & os.O_NONBLOCK, "accept(2) on it may block")
        check('using inherited sockets from "' in server.text(), "nginx says so")
        backlog = subprocess.run(["ss", "-Hltn", "sport = :%d" % server.port], capture_output=True, text=True, check=True).stdout.split()
        equal(backlog[2], "511", "the length of the queue")


@test("addresses that nginx does not have: it listens on its own, or does not start when they stand in its way")
def mismatch():
    with Server(listen=["127.0.0.1:{other}"]) as server:
        server.ready()
        with socket.create_connection(("127.0.0.1", server.other), 2) as link:
            link.settimeout(0.3)
            link.sendall(REQUEST)
            with contextlib.suppress(socket.timeout):
                check(not link.recv(1), "somebody answers")
                check(False, "somebody closed it")
        check(not held_by(server.workers()[0], listening({server.other})), "nginx kept what it has no use for")
        server.tell(signal.SIGQUIT)
        equal(server.status(), 0, "the exit status")
    with Server(listen=["*:{port}", "*:{ops}"]) as server:
        equal(server.status(), 1, "nginx's exit status")
        check(IN_USE.search(server.text()), server.text()[-400:])


@test("all ways to write an address; wrong arguments are a mistake, a port that is taken is said")
def arguments():
    def run(*words):
        return subprocess.run([BIN + "/trivet-front", *words], capture_output=True, text=True, timeout=PATIENCE, check=False)

    def run_on_free(program, *addresses):
        for _ in range(3):
            port, = free_ports(1)
            done = run(*[one % port for one in addresses], "--", program)
            if not IN_USE.search(done.stderr):
                break
        return done

    for address in ["*:%d", "0.0.0.0:%d", "127.0.0.1:%d"] + (["[::1]:%d", "[::]:%d"] if os.path.exists("/proc/net/tcp6") else []):
        done = run_on_free("/usr/bin/env", address)
        equal((done.returncode, "NGINX=3;" in done.stdout.splitlines()), (0, True), address + " " + done.stderr)
    done = run_on_free("/usr/bin/env", "127.0.0.1:%d", "127.0.0.2:%d")
    check("NGINX=3;4;" in done.stdout.splitlines(), done.stdout + done.stderr)
    for words in ((), ("--",), ("--", "/bin/true"), ("127.0.0.1:80",), ("127.0.0.1:80", "--")):
        equal(run(*words).returncode, 2, repr(words))
    for address in ("localhost:80", "127.0.0.1", ":80", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:8x", "127.0.0.1: 80",
                    "[::1:80", "::1:80", "[]:80", "x" * 100 + ":80", "*:{taken}"):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = run(address.format(taken=taken.getsockname()[1]), "--", "/bin/true")
        equal(done.returncode, 1, address)
        equal(json.loads(done.stderr)["level"], "error", address)
    check(run(*["127.0.0.1:%d" % one for one in free_ports(9)], "--", "/bin/true").returncode == 1, "more than there is room for")
    check("Usage:" in run("--help").stdout, "help")
    done = run_on_free("/nowhere/nginx", "127.0.0.1:%d")
    equal((done.returncode, "/nowhere/nginx" in done.stderr), (127, True), "a program that is not there")


# --- stop -------------------------------------------------------------------------------------------------------------------------

class Stalled(AssertionError):
    """The machine did not come to it for longer than trivet-front waits, so nothing was tried."""


def as_often_as_it_takes(attempt):
    """Makes an attempt, and another when the machine stalled. One that fails without is a failure; so are five that stalled."""
    for left in reversed(range(5)):
        try:
            return attempt()
        except Stalled as stalled:
            if left == 0:
                raise
            note("the machine stalled: %s" % stalled)


@contextlib.contextmanager
def unless_stalled(stalled):
    """A failure in here is a stall when stalled() says of what happened that it was one."""
    try:
        yield
    except (AssertionError, OSError) as error:
        if stalled():
            raise Stalled(repr(error)) from error
        raise


def gave_up(server):
    """trivet-front waits two seconds for nginx, and so long it was."""
    return server.lines("stop.late") and server.since_stop() > 1.9


@test("connections that wait in the queue when QUIT comes are all answered, those too that ask only later; then the ports refuse")
def queue():
    as_often_as_it_takes(queue_once)


def queue_once():
    with Server() as server, unless_stalled(lambda: gave_up(server)):
        server.ready()
        with server.held():
            links = queued(server.port)
            silent = socket.create_connection(("127.0.0.1", server.port), 5)
            server.tell(signal.SIGQUIT)
            said = until(lambda: server.lines("stop"), "the stop is noted")[0]["text"]
            equal(said, "%d connections wait for nginx" % (QUEUED + 1), "what is noted")
            late = begin(server.port)
            equal(outcome(late, 0.1), None, "a connection that is begun during the stop")
            check(not server.lines("stop.nginx"), "nginx was told before it took what waited")
        until(lambda: server.lines("stop.nginx"), "nginx is told")
        equal(answers(links), (QUEUED, []), "answers")
        silent.settimeout(PATIENCE)
        silent.sendall(REQUEST)
        equal(answers([silent]), (1, []), "the one that asked after nginx was told")
        equal(outcome(late, PATIENCE), 111, "the late one is refused")
        late.close()
        equal(server.status(), 0, "the exit status")
        check(not server.lines("stop.late"), "something was late")
        check(refused(server.port) and refused(server.ops_port), "a port takes connections")


@test("for comparison, nginx alone: told to stop in the same moment; what it loses is told, not judged")
def queue_plain():
    with Server(front=False) as server:
        server.ready()
        with server.held():
            links = queued(server.port)
            server.tell(signal.SIGQUIT)
            time.sleep(0.2)
        good, others = answers(links)
        note("nginx alone lost %d of %d that waited: %s" % (len(others), QUEUED, others[:1]))
        equal(good + len(others), QUEUED, "all are told of")
        equal(server.status(), 0, "the exit status")


def stops_under_load(front):
    """Requests, lost ones, and the stops that lost one."""
    asked = lost = stops = 0
    for _ in range(ROUNDS):
        said = as_often_as_it_takes(lambda: stop_under_load(front))
        asked, lost, stops = asked + said["good"] + said["lost"], lost + said["lost"], stops + (said["lost"] > 0)
    return asked, lost, stops


def stop_under_load(front):
    with Server(front=front) as server, unless_stalled(lambda: gave_up(server)):
        server.ready()
        load = Load(server.port)
        load.flows(server)
        server.tell(signal.SIGQUIT)
        equal(server.status(), 0, "the exit status")
        said = load.end()
        check(said["good"] > 0, "there was load: %s" % said)
        check(not front or said["lost"] == 0, "lost: %s" % said)
    return said


@test("%d stops while %d clients open a connection for each request: none is lost" % (ROUNDS, CLIENTS))
def load_stop():
    note("%d requests, %d lost in %d stops" % stops_under_load(True))


@test("for comparison, as many stops of nginx alone; what it loses is told, not judged")
def load_plain():
    note("nginx alone: %d requests, %d lost in %d stops" % stops_under_load(False))


@test("what is under way is finished; a second QUIT, or TERM, ends it at once")
def under_way():
    with Server() as server:
        server.ready()
        link = half(server.port)
        server.tell(signal.SIGQUIT)
        until(lambda: server.lines("stop.nginx"), "nginx is told")
        until(lambda: refused(server.port), "the port refuses")
        check(server.process.poll() is None, "it has ended with a request under way")
        link.sendall(REQUEST[-2:])
        equal(answers([link]), (1, []), "the answer")
        equal(server.status(), 0, "the exit status")
    for number in (signal.SIGQUIT, signal.SIGTERM, signal.SIGINT):
        with Server() as server:
            server.ready()
            link = half(server.port)
            server.tell(signal.SIGQUIT)
            until(lambda server=server: server.lines("stop.nginx"), "nginx is told")
            began = time.monotonic()
            server.tell(number)
            equal(server.status(), 0, "the exit status")
            check(time.monotonic() - began < AT_ONCE, "it took %.1f s" % (time.monotonic() - began))
            equal(answers([link])[0], 0, "what was under way")
    with Server() as server, Server() as other:
        server.ready()
        other.ready()
        # Before nginx was told at all.
        with server.held():
            queued(server.port)
            server.tell(signal.SIGQUIT)
            until(lambda: server.lines("stop"), "the stop is noted")
            server.tell(signal.SIGQUIT)
            until(lambda: server.lines("stop.now"), "it ends at once")
        equal(server.status(), 0, "the exit status")
        began = time.monotonic()
        other.tell(signal.SIGTERM)
        equal(other.status(), 0, "the exit status after TERM alone")
        check(not other.lines("stop"), "TERM waits for nothing")
        check(time.monotonic() - began < AT_ONCE, "it took %.1f s" % (time.monotonic() - began))


@test("a handshake that was begun before the stop and ends late is waited for, and its request answered")
def late_handshakes():
    as_often_as_it_takes(late_handshake)


def late_handshake():
    # The kernel repeats its answer after a second, when it must be heard, and trivet-front waits for half a second more.
    heard = ended = 0.0
    with Server() as server, socket.socket() as link, unless_stalled(lambda: heard > 0.9 or ended > 1.4):
        server.ready()
        deaf(link)
        link.setblocking(False)
        began = time.monotonic()
        link.connect_ex(("127.0.0.1", server.port))
        until(lambda: begun(server.port), "the handshake is begun")
        server.tell(signal.SIGQUIT)
        until(lambda: server.lines("stop"), "the stop is noted")
        deaf(link, False)
        heard = time.monotonic() - began
        became = outcome(link, PATIENCE)
        ended = server.since_stop()
        equal(became, 0, "what became of the connection")
        link.settimeout(PATIENCE)
        link.sendall(REQUEST)
        equal(answers([link]), (1, []), "the answer")
        equal(server.status(), 0, "the exit status")


@test("connections that nginx does not take are waited for, but not for ever")
def bounded():
    with Server() as server:
        server.ready()
        with server.held():
            links = queued(server.port)
            began = time.monotonic()
            server.tell(signal.SIGQUIT)
            until(lambda: server.lines("stop.late"), "the end of the wait")
            took = time.monotonic() - began
            check(1.9 < took < AT_ONCE, "it took %.1f s" % took)
        equal(server.status(), 0, "the exit status")
        for link in links:
            link.close()


@test("a kernel that takes no filter: one line says so, and nginx finishes as it always did")
def no_filter():
    def refuse_filters():
        """A seccomp filter: setsockopt(2) with SO_ATTACH_FILTER (26) is refused; the numbers are x86-64's and arm64's."""
        number = {"x86_64": 54, "aarch64": 208}[os.uname().machine]
        steps = [(0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 32), (0x15, 0, 1, 26), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
        program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
        libc = ctypes.CDLL(None, use_errno=True)
        described = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program)))
        if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, described, 0, 0):
            raise OSError(ctypes.get_errno(), "seccomp")

    with Server(prepare=refuse_filters) as server:
        server.ready()
        link = half(server.port)
        server.tell(signal.SIGQUIT)
        until(lambda: server.lines("stop.nginx"), "nginx is told")
        link.sendall(REQUEST[-2:])
        equal(answers([link]), (1, []), "the answer")
        equal(server.status(), 0, "the exit status")
        equal([line["level"] for line in server.lines("stop.filter")], ["warn"], "what is said")


# --- other signals and deaths -------------------------------------------------------------------------------------------------------

@test("HUP reloads, USR1 opens the logs anew, neither loses a request; WINCH means nothing")
def reload():
    with Server() as server:
        server.ready()
        loads = [Load(server.port, kind) for kind in ("once", "kept")]
        seen = set(server.workers())
        for turn in range(3):
            Load.flows(server, 500 * (turn + 1))
            server.tell(signal.SIGHUP)
            until(lambda: len(set(server.workers()) - seen) == 2, "new workers")
            seen |= set(server.workers())
        os.rename(server.access_log, server.access_log + ".1")
        server.tell(signal.SIGUSR1)
        until(lambda: os.path.exists(server.access_log), "a new log")
        until(lambda: len(server.workers()) == 2, "the old workers are gone")
        before = sorted(server.workers())
        server.tell(signal.SIGWINCH)
        time.sleep(0.3)
        said = []
        for load in loads:
            load.process.stdin.close()
            load.process.stdin = None
            said.append(load.end())
        note("%s requests over three reloads" % " and ".join(str(one["good"]) for one in said))
        equal([one["lost"] for one in said], [0, 0], "lost: %s" % said)
        equal(sorted(server.workers()), before, "workers after WINCH")
        inodes = listening({server.port, server.ops_port})
        equal(set(held_by(server.process.pid, inodes).values()), inodes, "the sockets are the old ones")
        server.tell(signal.SIGQUIT)
        equal(server.status(), 0, "the exit status")


@test("a signal that comes before nginx knows it is kept for it")
def early():
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT, signal.SIGTERM):
        with Server() as server:
            until(lambda server=server: server.lines("start"), "the start is noted")
            server.tell(number)
            if number in (signal.SIGHUP, signal.SIGUSR1):
                server.ready()
                server.tell(signal.SIGQUIT)
            equal(server.status(), 0, "the exit status after %s: %s" % (number, server.text()[-400:]))


@test("nginx that ends by itself ends it with its status, nginx that is killed with 128 and the signal; no worker is left")
def nginx_ends():
    with Server() as server:
        server.ready()
        master, workers = server.master(), server.workers()
        os.kill(master, signal.SIGKILL)
        equal(server.status(), 128 + signal.SIGKILL, "the exit status")
        check("killed by signal 9" in server.lines("nginx.died")[0]["text"], server.text()[-400:])
        until(lambda: not any(map(alive, workers)), "the workers are gone")
        check(refused(server.port), "the port takes connections")
    with Server() as server:
        server.ready()
        os.kill(server.master(), signal.SIGQUIT)
        equal(server.status(), 0, "the exit status of one that was told to end")
    with open(os.path.join(SCRATCH, "broken.conf"), "w", encoding="ascii") as file:
        file.write("nonsense;\n")
    with Server(program=[NGINX, "-e", "stderr", "-c", file.name]) as server:
        equal(server.status(), 1, "the exit status with a configuration that is wrong")


@test("kill -9 of trivet-front ends nginx, which finishes what is under way")
def front_killed():
    with Server() as server:
        server.ready()
        everyone = [server.master(), *server.workers()]
        link = half(server.port)
        server.process.kill()
        equal(server.status(), -signal.SIGKILL, "the exit status")
        until(lambda: refused(server.port), "the port refuses")
        link.sendall(REQUEST[-2:])
        equal(answers([link]), (1, []), "the answer")
        until(lambda: not any(map(alive, everyone)), "nginx has ended")


@test("orphans are taken in")
def orphans():
    # Each is there for as long as its file: signals are blocked for what trivet-front starts. The parent of the two ends at once.
    program, others = os.path.join(SCRATCH, "program"), os.path.join(SCRATCH, "orphans")
    for path in (program, others):
        with open(path, "wb"):
            pass
    script = 'stay() { while [ -e "$1" ]; do sleep 0.05; done; }; (stay %s & stay %s &) & stay %s' % (others, others, program)
    with Server(program=["/bin/sh", "-c", script]) as server:
        try:
            until(lambda: len(children(server.process.pid)) == 3, "two orphans beside the program")
            os.unlink(others)
            until(lambda: len(children(server.process.pid)) == 1, "they are taken in")
        finally:
            os.unlink(program)
        equal(server.status(), 0, "the exit status")


sys.exit(run_all())
