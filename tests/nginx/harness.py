"""harness.py: what the checks of nginx's configuration share: TAP lines, a private nginx, a client that sends exactly the
bytes it is given. Decides nothing about what is right."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

SRC = os.environ["TRIVET_SRC"]
# Not the package: it is for suites that run workers.
sys.path.append(os.path.join(SRC, "tests/harness"))
from ports import free_ports  # noqa: E402
from wait import AT_ONCE, until  # noqa: E402,F401

NGINX = os.environ.get("TRIVET_NGINX", "nginx")
# For nginx/render: let nginx stay who started this.
AS_US = ["--user", "root"] if os.geteuid() == 0 else []


class Tap:
    """Counts and prints. A failed check says what was seen, and the run goes on."""
    passed = failed = 0

    @classmethod
    def ok(cls, good, what, seen=None):
        number = cls.passed + cls.failed + 1
        if good:
            cls.passed += 1
            print("ok %d - %s" % (number, what), flush=True)
        else:
            cls.failed += 1
            print("not ok %d - %s" % (number, what), flush=True)
            print("# seen: %.2000r" % (seen,), flush=True)
        return good

    @classmethod
    def equal(cls, got, want, what):
        return cls.ok(got == want, what, {"got": got, "want": want})

    @classmethod
    def skip(cls, what, why):
        cls.passed += 1
        print("ok %d - %s # SKIP %s" % (cls.passed + cls.failed, what, why), flush=True)


def note(text):
    print("# " + text, flush=True)


def wait_until(condition):
    """until(), for checks that say themselves what did not come: whether it came."""
    try:
        return bool(until(condition))
    except AssertionError:
        return False


class Response:
    def __init__(self, raw, body_expected=True):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        found = re.match(r"HTTP/1\.\d (\d+)", lines[0])
        self.status = int(found.group(1)) if found else 0
        self.headers = [(n.strip().lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines[1:])]
        if self.header("transfer-encoding") == "chunked" and body_expected:
            self.body = unchunk(self.body)

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def header(self, name):
        found = self.all(name)
        return found[0] if found else None

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __repr__(self):
        return "<%d %r %r>" % (self.status, self.headers, self.body[:400])


def unchunk(data):
    out = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        count = int(size or b"0", 16)
        if count == 0:
            return out
        out, data = out + data[:count], data[count + 2:]


class Nginx:
    """A private nginx from the rendered file. `extra` are further options of nginx/render."""

    def __init__(self, directory, run, extra=(), become=None, source=None):
        self.directory = directory
        self.state = os.path.join(directory, "state")
        self.conf = os.path.join(directory, "nginx.conf")
        self.port, self.ops_port = free_ports(2)
        self.become = become  # (uid, gid) to start nginx as
        os.makedirs(self.state, exist_ok=True)
        render = os.path.join(source or SRC, "nginx/render")
        subprocess.run([render, "--run-dir", run, "--port", str(self.port), "--ops-port", str(self.ops_port),
                        "--state-dir", self.state, "--out", self.conf, *extra], check=True)
        if become:
            os.chown(self.state, *become)
        self.process = None

    def _command(self, *more):
        return [NGINX, "-p", self.state, "-c", self.conf, "-e", os.path.join(self.state, "start.log"), *more]

    def _demote(self):
        if self.become:
            os.setgroups([])
            os.setgid(self.become[1])
            os.setuid(self.become[0])

    def test(self):
        """What `nginx -t` says, and whether it is content."""
        done = subprocess.run(self._command("-t"), stderr=subprocess.PIPE, text=True, preexec_fn=self._demote)
        return done.returncode, done.stderr

    def start(self, output=None):
        for _ in range(3):
            self.process = subprocess.Popen(self._command("-g", "daemon off;"), stdout=output, stderr=output,
                                            preexec_fn=self._demote)
            if wait_until(lambda: self._listens() or self.process.poll() is not None) and self._listens():
                return self
            self.stop()
            self._move()
        raise RuntimeError("nginx does not start: " + self.test()[1].strip())

    def _move(self):
        """To other ports: between our look for one and nginx's use of it someone else may have taken it."""
        with open(self.conf, encoding="utf-8") as file:
            conf = file.read()
        ports = dict(zip(map(str, (self.port, self.ops_port)), map(str, free_ports(2))))
        conf = re.sub(r"(?<=:)(%s)(?=[; ])" % "|".join(ports), lambda found: ports[found[0]], conf)
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(conf)
        self.port, self.ops_port = map(int, ports.values())

    def _listens(self):
        """It says who it is when it has its ports; whether somebody listens there would not tell who."""
        try:
            with open(os.path.join(self.state, "nginx.pid"), encoding="ascii") as file:
                return file.read().strip() == str(self.process.pid)
        except FileNotFoundError:
            return False

    def workers(self):
        """The ids of nginx's worker processes."""
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid), encoding="ascii") as file:
            return file.read().split()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def raw(self, data, port=None, timeout=60.0, head_only=False):
        """Sends these bytes on a connection of its own and reads until nginx closes it."""
        with socket.create_connection(("127.0.0.1", port or self.port), timeout) as link:
            try:
                link.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all was sent: the answer still comes
            out = b""
            while True:
                try:
                    piece = link.recv(65536)
                except ConnectionResetError:
                    break
                if not piece:
                    break
                out += piece
        return Response(out, not head_only)

    def ask(self, path, method="GET", headers=None, body=None, port=None, timeout=60.0):
        """A plain request for a raw path (bytes or text), which is sent as it is."""
        path = path if isinstance(path, bytes) else path.encode("latin-1")
        lines = [method.encode() + b" " + path + b" HTTP/1.1", b"Host: 127.0.0.1:%d" % self.port, b"Connection: close"]
        for name, value in (headers or {}).items():
            lines.append(("%s: %s" % (name, value)).encode("latin-1"))
        if body is not None:
            lines.append(b"Content-Length: %d" % len(body))
        return self.raw(b"\r\n".join(lines) + b"\r\n\r\n" + (body or b""), port, timeout, method == "HEAD")

    def log(self, name="access.log"):
        try:
            # Of the two the access log has to be valid UTF-8; nginx puts raw bytes into its error log.
            errors = "strict" if name == "access.log" else "replace"
            with open(os.path.join(self.state, name), encoding="utf-8", errors=errors) as file:
                return file.read().split("\n")[:-1]
        except FileNotFoundError:
            return []

    def logged(self, request_id):
        """The access log's line of a request (lines are written within a second)."""
        found = []

        def look():
            found[:] = [line for line in self.log() if '"request_id":"%s"' % request_id in line]
            return bool(found)
        wait_until(look)
        return found[0] if found else None
