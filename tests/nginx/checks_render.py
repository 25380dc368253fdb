"""checks_render.py: nginx/render and the file it writes: as root and as a plain user, from a read-only place, to files and
to standard output; and what it refuses."""

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import threading

from harness import AS_US, SRC, Nginx, Tap, wait_until


def check(nginx, backend):
    status, said = nginx.test()
    Tap.ok(status == 0 and "warn" not in said and "emerg" not in said and "alert" not in said, "nginx -t: no warning", said)
    users(nginx, backend)
    read_only_place(nginx, backend)
    standard_output(nginx, backend)
    no_secret_collected(nginx, backend)
    stopping(nginx, backend)
    refusals(nginx)


def folder(nginx, name):
    path = os.path.join(nginx.directory, name)
    os.mkdir(path)
    os.chmod(path, 0o755)
    return path


def works(server, what, user=None):
    """Who its workers are; when `user` is given, as soon as they are that."""
    status, said = server.test()
    Tap.ok(status == 0 and "warn" not in said, what + ": nginx -t without warnings", said)
    server.start()
    try:
        big = b"x" * 600000  # more than is held in memory: needs the body directory
        told = server.ask("/kv", "POST", body=big).json() or {}
        Tap.equal(told.get("body_length"), len(big), what + ": a large POST passes")
        Tap.equal(server.ask("/").status, 200, what + ": the page is readable")
        # A worker is root for a moment, until it has become the user.
        def who():
            return {pwd.getpwuid(os.stat("/proc/" + pid).st_uid).pw_name for pid in server.workers()}
        if user:
            wait_until(lambda: who() == {user})
        return who()
    finally:
        server.stop()


def readable_by_others(*paths):
    """Whether a user who is neither owner nor group may come to these paths."""
    for path in paths:
        while path != "/":
            if not os.stat(path).st_mode & (stat.S_IXOTH if os.path.isdir(path) else stat.S_IROTH):
                return False
            path = os.path.dirname(path)
    return True


def users(nginx, backend):
    if os.geteuid() != 0:
        Tap.skip("started as root: workers run as the user named", "needs root")
        return
    if not readable_by_others(os.path.join(SRC, "nginx/html/index.html"), nginx.directory):
        Tap.skip("workers run as the user named", "checkout or scratch directory is closed to other users")
        return
    server = Nginx(folder(nginx, "rooted"), backend.directory, ["--user", "nobody"])
    Tap.equal(works(server, "started as root with --user nobody", "nobody"), {"nobody"}, "its workers run as nobody")
    nobody = pwd.getpwnam("nobody")
    server = Nginx(folder(nginx, "plain"), backend.directory, become=(nobody.pw_uid, nobody.pw_gid))
    Tap.equal(works(server, "started as a plain user", "nobody"), {"nobody"}, "it stays that user")


def read_only_place(nginx, backend):
    place = os.path.join(folder(nginx, "installed"), "share, trivet")
    shutil.copytree(os.path.join(SRC, "nginx"), os.path.join(place, "nginx"))
    for directory, _, files in os.walk(place):
        os.chmod(directory, 0o555)
        for name in files:
            os.chmod(os.path.join(directory, name), 0o555 if name == "render" else 0o444)
    def tree():
        return {os.path.join(d, f): os.stat(os.path.join(d, f)).st_mtime_ns for d, _, fs in os.walk(place) for f in fs}
    before = tree()
    link = os.path.join(nginx.directory, "installed", "render-link")
    os.symlink(os.path.join(place, "nginx/render"), link)
    server = Nginx(folder(nginx, "from installed"), backend.directory, AS_US, source=place)
    by_link = subprocess.run([link, "--run-dir", backend.directory, "--port", str(server.port), "--ops-port",
                              str(server.ops_port), "--state-dir", server.state, "--out", server.conf, *AS_US])
    Tap.equal(by_link.returncode, 0, "render runs through a link")
    works(server, "from a read-only installed place")
    Tap.equal(tree(), before, "nothing was written there")
    for directory, _, _ in os.walk(place):
        os.chmod(directory, 0o755)


def standard_output(nginx, backend):
    server = Nginx(folder(nginx, "stdout"), backend.directory,
                   ["--log", "stdout", "--log-level", "info", "--workers", "1", *AS_US])
    server.start(output=subprocess.PIPE)
    server.ask("/kv/get/k?_token=t", headers={"X-Request-Id": "to-standard-output"})
    server.stop()
    out, errors = (stream.decode() for stream in server.process.communicate())
    lines = [json.loads(line) for line in out.splitlines()]
    Tap.ok("to-standard-output" in [line["request_id"] for line in lines], "--log stdout: the access log is there", lines)
    Tap.ok("start worker process" in errors, "and the error log on standard error", errors)
    made = [name for name in ("access.log", "error.log") if os.path.exists(os.path.join(server.state, name))]
    Tap.equal(made, [], "and no log file is made")


def no_secret_collected(nginx, backend):
    """What a log collector takes, while everything fails that can: pools away, pools that do not answer as they should."""
    server = Nginx(folder(nginx, "collected"), backend.directory, ["--log", "stdout", "--workers", "1", *AS_US])
    server.start(output=subprocess.PIPE)
    backend.close("kv")
    away = server.ask("/kv/get/k?_token=kept-secret")
    backend.open("kv")
    broken = server.ask("/sql/x?password=eq.kept-secret", headers={"X-Behave": "die"})
    os.rename(os.path.join(backend.directory, "hello.sock"), os.path.join(backend.directory, "hello.away"))
    missing = server.ask("/hello?token=kept-secret")
    os.rename(os.path.join(backend.directory, "hello.away"), os.path.join(backend.directory, "hello.sock"))
    server.stop()
    said = b"".join(server.process.communicate()).decode()
    Tap.equal([answer.status for answer in (away, broken, missing)], [503] * 3, "three requests fail")
    Tap.equal(said.count('"status":503'), 3, "and are in what is collected")
    Tap.ok("kept-secret" not in said, "without what was secret in them", said)


def stopping(nginx, backend):
    """QUIT: nginx answers what is under way. HUP: it goes on with a fresh file."""
    server = Nginx(folder(nginx, "quit"), backend.directory, AS_US).start()
    try:
        before = set(server.workers())
        server.reload()
        renewed = wait_until(lambda: server.workers() and not before & set(server.workers()))
        Tap.equal((renewed, server.ask("/kv").status), (True, 200), "HUP: the file can be read again")
        pool = backend.pools["sql"]
        served = pool.served

        def end():
            wait_until(lambda: pool.served > served)
            server.process.send_signal(signal.SIGQUIT)
        threading.Thread(target=end, daemon=True).start()
        answer = server.ask("/sql/x", headers={"X-Behave": "slow=3"})
        Tap.equal(answer.status, 200, "QUIT: a request under way is answered")
        Tap.ok(wait_until(lambda: server.process.poll() is not None), "and nginx ends")
    finally:
        server.stop()


def refusals(nginx):
    good = {"--run-dir": "/run/x", "--state-dir": os.path.join(nginx.directory, "refused"), "--port": "18080",
            "--ops-port": "18081", "--out": os.path.join(nginx.directory, "refused/nginx.conf")}
    for name, value, word in (
            ("--port", "x", "port"), ("--port", "0", "port"), ("--port", "65536", "port"), ("--port", "18081", "differ"),
            ("--run-dir", "/run/$uri", "characters"), ("--run-dir", "/run/x;y", "characters"),
            ("--run-dir", "/" + "r" * 97, "too long"), ("--state-dir", "", "needed"), ("--user", "a b", "user"),
            ("--user", "root;", "user"), ("--listen", "127.0.0.1;", "address"), ("--log", "syslog", "files"),
            ("--log-level", "loud", "level"), ("--workers", "-1", "workers"), ("--wat", "x", "unknown")):
        options = [word for pair in {**good, name: value}.items() for word in pair]
        done = subprocess.run([os.path.join(SRC, "nginx/render"), *options], stderr=subprocess.PIPE, text=True)
        Tap.ok(done.returncode != 0 and word in done.stderr and done.stderr.count("\n") == 1 and
               not os.path.exists(good["--out"]), "render %s %.20r is refused in one sentence" % (name, value), done)
    done = subprocess.run([os.path.join(SRC, "nginx/render"), "--port"], stderr=subprocess.PIPE, text=True)
    Tap.ok(done.returncode != 0 and "needs a value" in done.stderr, "an option without its value is refused", done)
    done = subprocess.run([os.path.join(SRC, "nginx/render"), "--help"], stdout=subprocess.PIPE, text=True)
    Tap.ok(done.returncode == 0 and "--ops-listen" in done.stdout, "--help shows the options", done)
    options = [word for pair in {**good, "--listen": "[::1]", "--ops-listen": "*"}.items() for word in pair]
    subprocess.run([os.path.join(SRC, "nginx/render"), *options], check=True)
    with open(good["--out"], encoding="utf-8") as file:
        text = file.read()
    Tap.ok("listen [::1]:18080;" in text and "listen *:18081;" in text, "addresses are as given", text)
