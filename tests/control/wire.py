"""wire.py: the control socket itself: whose it is, what it takes, and that nobody who misuses it costs the pool anything."""

import os
import pwd
import signal
import stat
import subprocess
import time

from harness import check, equal, expect, note, test, until
from harness.places import ROOT, SERVER_USER
from harness.process import alive
from harness.still import stands_still
from harness.wait import AT_ONCE, Watch
from tool import PROGRAM, Control, directory, done, environment, order, refused

NEEDS = ("kv", "ops")


def socket_of(world, pool):
    return os.path.join(directory(world), pool + ".control")


@test("the socket belongs to the pool's user alone, and root")
def owner(stage):
    with stage.world(["kv"]) as world:
        found = os.stat(socket_of(world, "kv"))
        check(stat.S_ISSOCK(found.st_mode), "it is a socket", oct(found.st_mode))
        equal(stat.S_IMODE(found.st_mode), 0o600, "its mode")
        equal(found.st_uid, os.stat("/proc/%d" % world["kv"].pid).st_uid, "its owner")
        if not ROOT:
            return
        os.chmod(directory(world), 0o755)  # let others see what is there
        os.chmod(os.path.join(world.directory, "run"), 0o755)
        for words in (["reload", "kv"], ["scale", "kv", "+1", "--force"], ["drain", "kv"]):
            message = refused(world, *words, user="nobody")
            check("only the user that runs kv, and root" in message, "%s by nobody" % words, message)
        check("kv" in done(world, "status", user="nobody"), "others may look where they may enter")
        printed = done(world, "scale", "kv", "=3", "--force", user=SERVER_USER, group=SERVER_USER, extra_groups=[])
        check("3 processes serve" in printed, "the pool's own user may", printed)
        said = [line for line in world["kv"].lines() if '"control"' in line]
        check("user %d" % pwd.getpwnam(SERVER_USER).pw_uid in said[-1], "the log says who asked", said)


@test("a line that is no order is refused with what is allowed; half a line is not taken for a whole one")
def wrong_lines(stage):
    with stage.world(["kv"]) as world:
        children = world["kv"].children()
        for line, part in [
                (b"\n", "is no order"), (b"processes\n", "expected +N, -N or =N"), (b"processes 3\n", "expected +N"),
                (b"processes =\n", "expected +N"), (b"processes =-1\n", "expected +N"), (b"processes +0\n", "expected +N"),
                (b"processes =0x10\n", "expected +N"), (b"processes =9999999999999999999999\n", "expected +N"),
                (b"processes =0\n", "a pool has 1 to 32"), (b"processes =33\n", "a pool has 1 to 32"),
                (b"workers =65\n", "a pool has 1 to 64"), (b"workers -4\n", "a pool has 1 to 64"),
                (b"reload now\n", "expected nothing"), (b"drain kv\n", "expected nothing"), (b"level\n", "expected error"),
                (b"level loud\n", "expected error"), (b"level defaultdefaultdefault\n", "expected error"),
                (b"RELOAD\n", "is no order"), (b"reload\0\n", "is no order"), (b"\xff\xfe\x00\n", "is no order"),
                (b"GET / HTTP/1.1\r\n\r\n", "is no order"), (b"x" * 128, "one line of at most 127 bytes"),
                (b"x" * 100000, "one line of at most 127 bytes")]:
            with Control(world, "kv") as control:
                answer = control.send(line).answer()
            equal(answer["done"], False, "done, for %r" % line[:40])
            check(part in answer["error"], "the error for %r" % line[:40], answer)
        for torn in (b"processes =1", b"drain", b"reload"):
            with Control(world, "kv") as control:
                control.send(torn).link.shutdown(1)
                check("one line" in control.answer()["error"], "%r without its end is refused" % torn)
            with Control(world, "kv") as control:
                control.send(torn)
        for line, text in [(b"  workers   =5  \n", "1 to 5 workers"), (b"reload\r\n", None), (b"processes =2\nprocesses =9\n", "2 processes")]:
            with Control(world, "kv") as control:
                answer = control.send(line).answer()
            check(answer["done"] is (text is not None), "done, for %r" % line, answer)
            check(text is None or text in answer["text"], "the text for %r" % line, answer)
        with Control(world, "kv") as control:
            for byte in b"workers =4\n":
                control.send(bytes([byte]))
                time.sleep(0.01)
            equal(control.answer()["workers_max"], 4, "workers, asked for byte by byte")
        equal(world["kv"].children(), children, "the processes")


@test("silent, slow and crowding clients cost nothing: requests and orders go on")
def crowd(stage):
    with stage.world(["kv"]) as world:
        silent = [Control(world, "kv") for _ in range(8)]
        for one in silent[::2]:
            one.send(b"proc")
        try:
            with Watch() as watch:
                for _ in range(20):
                    expect(world.http.get("/kv/ping"), 200)
                equal(order(world, "kv", "processes =2")["done"], True, "an order beside eight silent clients")
                check("2 processes" in done(world, "scale", "kv", "=2", "--force"), "and one by the tool")
            check(watch.seconds < AT_ONCE, "without delay", watch.seconds)
            more = [Control(world, "kv") for _ in range(12)]
            silent += more
            with Watch() as watch:
                equal(order(world, "kv", "workers =4")["done"], True, "an order after twelve more")
            check(watch.seconds < AT_ONCE, "without delay", watch.seconds)
            answers = [one.answer() for one in silent[-3:]]
            check(all("no order within" in answer["error"] for answer in answers if answer), "who stays silent is told", answers)
            descriptors = len(os.listdir("/proc/%d/fd" % world["kv"].pid))
            check(descriptors < 30, "the master keeps few descriptors", descriptors)
        finally:
            for one in silent:
                one.link.close()
        until(lambda: order(world, "kv", "processes =2")["done"], "all is well after they left")


@test("orders that wait fill the socket's places until they are done; a client that leaves takes nothing back")
def waiting_places(stage):
    env = {"TRIVET_REDIS_CONNECT_TIMEOUT": "28s", "TRIVET_REDIS_QUERY_TIMEOUT": "28s", "TRIVET_KV_PROCESSES": "1",
           "TRIVET_KV_WORKERS_MAX": "2"}
    with stage.world(["kv"], env) as world:
        with world.away("redis", "pause"):
            links = [world.http.connect() for _ in range(2)]
            for link in links:
                link.sendall(b"GET /kv/get/shop:name HTTP/1.1\r\nHost: t\r\n\r\n")
            until(lambda: world.status("kv")["workers"]["busy"] == 2, "both workers are busy")
            # One worker is too many now, and cannot leave yet.
            waiting = [Control(world, "kv").send(b"workers =1\n") for _ in range(8)]
            until(lambda: world["kv"].lines()[-1].count("1 to 1 workers") and
                  sum("workers =1 (" in line for line in world["kv"].lines()) == 8, "eight orders are being carried out")
            check("8 orders are being carried out" in order(world, "kv", "level debug")["error"], "a ninth is refused")
            waiting.pop().link.close()
            until(lambda: order(world, "kv", "level default")["done"], "one left, another has its place")
            equal(order(world, "kv", "level info")["workers_max"], 1, "what the one who left asked for")
            expect(world.ops.get("/healthz"), 200)
        equal([one.answer()["text"] for one in waiting], ["1 to 1 workers in each of 1 process"] * 7, "the answers, when it is done")
        for link in links:
            link.close()
        until(lambda: world.status("kv")["workers"]["now"] == 1, "one worker")  # as of the process's last tick


@test("a master that is killed leaves no blockage: the next one takes the socket over, and its own end does not take it away")
def killed(stage):
    with stage.world(["kv"], held=["kv"]) as world:
        pool = world["kv"]
        old = pool.children()
        os.kill(pool.pid, signal.SIGKILL)
        pool.server.process.wait()
        with Watch() as watch:
            message = refused(world, "reload", "kv")
        check("does not run any more" in message and watch.seconds < AT_ONCE, "an order is refused at once", message)
        equal(world.status("kv")["state"], "dead", "the state")
        check("dead" in done(world, "status", "kv"), "status says so")
        pool.start()
        check("generation 2" in done(world, "reload", "kv"), "the next master takes orders")
        until(lambda: not any(map(alive, old)), "the children of the dead one leave")
        # Two masters: the older one ends after the younger one has begun.
        pool.hand_over()
        pool.wait_started()
        equal(pool.reap_leaving(), [], "how the older one ended")
        check("3 processes serve" in done(world, "scale", "kv", "=3", "--force"), "the younger one still takes orders")


@test("a file that stands in the socket's place, and a path too long for one, do not keep a pool from serving")
def no_socket(stage):
    with stage.world(["kv"]) as world:
        equal(world["kv"].stop(), 0, "the status")
        with open(socket_of(world, "kv"), "w", encoding="ascii") as file:
            file.write("in the way")
        world["kv"].start()
        equal(order(world, "kv", "processes =2")["done"], True, "an order: the file was replaced")
        equal(world["kv"].stop(), 0, "the status")
        deep = stage.scratch.directory("watch", "d" * 60, "e" * 60, servers=True)
        subprocess.run(["chmod", "755", os.path.dirname(deep), os.path.dirname(os.path.dirname(deep))], check=True)
        world["kv"].start({"TRIVET_WATCH_DIRECTORY": deep})
        expect(world.http.get("/kv/ping"), 200)
        check("too long for a socket" in world["kv"].tail() + "".join(world["kv"].lines()[-10:]), "the log says so")
        ran = subprocess.run([PROGRAM, "reload", "kv", "--watch", deep], env=environment(world), capture_output=True, text=True,
                             check=False)
        check(ran.returncode == 1 and "too long" in ran.stderr, "the tool says so", ran)


@test("a master that is stopped is given up on in time")
def stopped_master(stage):
    with stage.world(["kv"]) as world:
        world["kv"].tell(signal.SIGSTOP)
        until(lambda: stands_still(world["kv"].pid), "it stands still")
        try:
            with Watch() as watch:
                message = refused(world, "scale", "kv", "=2", "--force", "--timeout", "1")
            note("gave up after %.1f s" % watch.seconds)
            check(watch.seconds < AT_ONCE and "has not said" in message, "it is said", message)
            expect(world.http.get("/kv/ping"), 200)
        finally:
            world["kv"].tell(signal.SIGCONT)
        equal(order(world, "kv", "processes =2")["done"], True, "an order when it goes on")
