"""one_by_one.py: each signal by itself, and what a sysadmin may rely on."""

import os
import signal
import time

from harness import check, equal, expect, note, test, until
from harness.logs import events
from harness.process import alive, birth
from harness.still import has_taken
from harness.traffic import Traffic
from harness.wait import AT_ONCE, Watch

NEEDS = ("kv", "ops")
# While Redis is paused a request hangs as long as this, whether its worker was connected before or not.
HANGS = {"TRIVET_REDIS_CONNECT_TIMEOUT": "25s", "TRIVET_REDIS_QUERY_TIMEOUT": "25s"}


def hang(world, path="/kv/get/shop:name"):
    """A request that is sent and not waited for; close the socket to give it up."""
    link = world.http.connect()
    link.sendall(b"GET %s HTTP/1.1\r\nHost: t\r\n\r\n" % path.encode())
    return link


def write_config(stage, text):
    path = os.path.join(stage.scratch.path, "trivet.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o644)
    return path


@test("TERM stops an idle pool within seconds, with status 0; QUIT and INT as well")
def stop_idle(stage):
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
        with stage.world(["kv"]) as world:
            expect(world.http.get("/kv/ping"), 200)  # nginx keeps this connection
            with Watch() as watch:
                equal(world["kv"].stop(number), 0, "the status")
            note("%s: %.1f s with a kept connection of nginx" % (signal.Signals(number).name, watch.seconds))
            # Longer than what waits for nothing: nginx keeps its connection for a while. The drain time is 30 s.
            check(watch.seconds < 20, "it takes seconds", watch.seconds)
            world["kv"].server = None


@test("a second TERM ends at once, whatever is under way")
def second_term(stage):
    with stage.world(["kv"], HANGS) as world, world.away("redis", "pause"):
        link = hang(world)
        until(lambda: world.status("kv")["workers"]["busy"] >= 1, "the request is in a worker")
        family = [world["kv"].pid, *world["kv"].children()]
        world["kv"].tell(signal.SIGTERM)
        time.sleep(0.5)
        check(alive(world["kv"].pid), "the first TERM waits for what is under way")
        with Watch() as watch:
            world["kv"].tell(signal.SIGTERM)
            equal(world["kv"].server.wait(), 0, "the status")
        check(watch.seconds < AT_ONCE, "at once", watch.seconds)
        until(lambda: not any(map(alive, family)), "the children as well")
        check(b" 503 " in link.recv(4096)[:20], "the request under way gets a 503")
        link.close()
        world["kv"].start()


@test("a request that is under way when TERM comes is answered")
def finishes_requests(stage):
    with stage.world(["kv"], HANGS, held=["kv"]) as world:
        world.stores["redis"].pause()
        try:
            links = [hang(world, "/kv/echo/n%d" % number) for number in range(4)]
            until(lambda: world.status("kv")["workers"]["busy"] >= 4, "the requests are in workers")
            world["kv"].tell(signal.SIGTERM)
            time.sleep(1)
        finally:
            world.stores["redis"].resume()
        for number, link in enumerate(links):
            got = link.recv(4096)
            check(got.startswith(b"HTTP/1.1 200") and b'"n%d"' % number in got, "the answer", got)
            link.close()
        equal(world["kv"].server.wait(), 0, "the status")
        world["kv"].start()


@test("a drain takes no longer than its deadline")
def drain_deadline(stage):
    env = {**HANGS, "TRIVET_KV_DRAIN": "1s"}
    with stage.world(["kv"], env) as world, world.away("redis", "pause"):
        link = hang(world)
        until(lambda: world.status("kv")["workers"]["busy"] >= 1, "the request is in a worker")
        with Watch() as watch:
            equal(world["kv"].stop(), 0, "the status")
        note("drain = 1s: stopped after %.2f s with a request that hangs" % watch.seconds)
        check(0.8 < watch.seconds < AT_ONCE, "about the deadline", watch.seconds)
        check(events(world["kv"].lines(), "process.cut"), "the log says that connections were cut")
        link.close()
        world["kv"].start()


@test("HUP starts processes with the new configuration, then lets the old ones go")
def reload(stage):
    path = write_config(stage, "[kv]\nprocesses = 2\n")
    with stage.world(["kv"], config=path) as world:
        old = set(world["kv"].children())
        write_config(stage, "[kv]\nprocesses = 3\n")
        with Traffic(world, ["kv"]) as traffic:
            world["kv"].tell(signal.SIGHUP)
            until(lambda: len(set(world["kv"].children()) - old) == 3, "three new processes")
            until(lambda: not old & set(world["kv"].children()), "the old ones are gone")
        equal(traffic.failures, [], "failed requests")
        traffic.verify()
        status = world.status("kv")
        equal((status["generation"], status["processes_wanted"]), (2, 3), "generation and processes in /status")


@test("HUP with a broken configuration keeps the old one")
def reload_refused(stage):
    path = write_config(stage, "[kv]\nprocesses = 2\n")
    with stage.world(["kv"], config=path) as world:
        for broken in ("[kv]\nprocesses = many\n", "[kv]\nno_such_option = 1\n", "[redis]\nurl = nonsense://\n[kv\n",
                       "[kv]\nworkers_min = 9\nworkers_max = 3\n", "just words\n", "[log]\nlevel = loud\n"):
            old = world["kv"].children()
            write_config(stage, broken)
            refusals = len(events(world["kv"].lines(), "reload.refused"))
            world["kv"].tell(signal.SIGHUP)
            until(lambda: len(events(world["kv"].lines(), "reload.refused")) == refusals + 1, "%r is refused" % broken)
            equal(world["kv"].children(), old, "the processes")
            expect(world.http.get("/kv/ping"), 200)
        reasons = [event["text"] for event in events(world["kv"].lines(), "reload.refused")]
        check(all("the old configuration stays" in text and len(text) > 35 for text in reasons), "reasons", reasons)
        os.unlink(path)
        world["kv"].tell(signal.SIGHUP)
        until(lambda: len(events(world["kv"].lines(), "reload.refused")) == len(reasons) + 1, "a file that is gone is refused")
        write_config(stage, "[kv]\nprocesses = 1\n")
        world["kv"].tell(signal.SIGHUP)
        until(lambda: world.status("kv")["processes_wanted"] == 1 and len(world["kv"].children()) == 1,
              "a right one is taken")
        equal(world.status("kv")["generation"], 2, "the generation")


@test("many HUPs in a row end in one whole pool")
def many_reloads(stage):
    with stage.world(["kv"]) as world:
        with Traffic(world, ["kv"]) as traffic:
            for _ in range(30):
                world["kv"].tell(signal.SIGHUP)
                time.sleep(0.01)
            until(lambda: len(world["kv"].children()) == 2 and world.status("kv")["generation"] > 1, "two processes")
        equal(traffic.failures, [], "failed requests")


@test("TTIN and TTOU add and remove a process, never the last one")
def number_of_processes(stage):
    with stage.world(["kv"]) as world:
        def tell(number):
            world["kv"].tell(number)
            until(lambda: has_taken(world["kv"].pid, number), "the signal is taken")  # equal ones that wait are one
        for _ in range(3):
            tell(signal.SIGTTIN)
        until(lambda: len(world["kv"].children()) == 5, "five processes")
        for _ in range(9):
            tell(signal.SIGTTOU)
        until(lambda: len(world["kv"].children()) == 1, "one process")
        equal(world.status("kv")["processes_wanted"], 1, "processes wanted")
        expect(world.http.get("/kv/ping"), 200)


@test("a process that dies is replaced, at first at once, then slower and slower, but always")
def replaced(stage):
    with stage.world(["kv"]) as world:
        took = []
        for _ in range(5):
            # The one that came last: the death of one that has lived for long counts as a first one.
            victim = max(world["kv"].children(), key=lambda pid: int(birth(pid)))
            world.may_die("kv")
            with Watch() as watch:
                os.kill(victim, signal.SIGKILL)
                until(lambda: len(now := set(world["kv"].children())) == 2 and victim not in now, "two processes")
            took.append(watch.seconds)
            expect(world.http.get("/kv/ping"), 200)
        note("replaced after " + ", ".join("%.2f s" % seconds for seconds in took))
        check(min(took[:3]) < took[4] and took[4] > 0.5, "the fifth one later than the first ones", took)
        equal(world.status("kv")["restarts"], 5, "restarts in /status")


@test("children of a master that is dead finish what they have and leave")
def master_dies(stage):
    with stage.world(["kv"], held=["kv"]) as world:
        pool = world["kv"]
        with Traffic(world, ["kv"]) as traffic:
            time.sleep(0.3)
            children = pool.children()
            with Watch() as watch:
                os.kill(pool.pid, signal.SIGKILL)
                pool.server.process.wait()
                state = world.status("kv")["state"]
                pool.start()
                until(lambda: not any(map(alive, children)), "the children are gone")
            time.sleep(0.3)
        equal(state, "dead", "the pool's state in /status")
        note("children of a dead master left after %.1f s" % watch.seconds)
        equal(traffic.failures, [], "failed requests")
        traffic.verify()
        equal(world.status("kv")["state"], "running", "the state of the pool that took over")


@test("a request that is under way when the master is killed is answered, however often its process is told to leave")
def orphan_finishes(stage):
    with stage.world(["kv"], HANGS, held=["kv"]) as world:
        pool = world["kv"]
        world.stores["redis"].pause()
        try:
            link = hang(world, "/kv/echo/orphan")
            until(lambda: world.status("kv")["workers"]["busy"] >= 1, "the request is in a worker")
            children = pool.children()
            os.kill(pool.pid, signal.SIGKILL)  # the kernel tells its processes
            pool.server.process.wait()
            for _ in range(2):
                for child in filter(alive, children):
                    os.kill(child, signal.SIGTERM)  # and so may whatever keeps the pool
                until(lambda: all(has_taken(child, signal.SIGTERM) for child in children), "it is heard")
        finally:
            world.stores["redis"].resume()
        got = link.recv(4096)
        check(got.startswith(b"HTTP/1.1 200") and b"orphan" in got, "the answer", got)
        link.close()
        until(lambda: not any(map(alive, children)), "the processes leave")
        pool.start()


def lines(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


@test("USR1 opens the log file anew, in every process")
def reopen_log(stage):
    path = os.path.join(stage.scratch.directory("log", servers=True), "kv.json")
    with stage.world(["kv"], {"TRIVET_LOG_FILE": path}) as world:
        expect(world.http.get("/kv/ping", {"X-Request-Id": "before-0007"}), 200)
        until(lambda: any("before-0007" in line for line in lines(path)), "its line is written")
        expect(world.http.get("/kv/ping", {"X-Request-Id": "meanwhile-0008"}), 200)
        os.rename(path, path + ".1")
        world["kv"].tell(signal.SIGUSR1)

        def reopened(pid):
            fds = "/proc/%d/fd" % pid
            try:
                files = [os.readlink(os.path.join(fds, name)) for name in os.listdir(fds)]
            except FileNotFoundError:  # one was closed since it was listed
                return False
            return path in files and path + ".1" not in files
        until(lambda: all(map(reopened, [world["kv"].pid, *world["kv"].children()])), "every process has the new file open")
        size = os.path.getsize(path + ".1")
        for _ in range(20):
            world.http.get("/kv/ping")
        equal(os.path.getsize(path + ".1"), size, "the old file's size")
        check(any("before-0007" in line for line in lines(path + ".1")), "the old lines are in the old file")
        # A line is written after its answer.
        until(lambda: len(events(lines(path + ".1") + lines(path), "request")) == 22, "none is lost")
        check(len(events(lines(path), "request")) in (20, 21), "the new ones are in the new file", lines(path))


@test("signals that mean nothing to a pool do nothing to it")
def other_signals(stage):
    with stage.world(["kv"]) as world:
        children = world["kv"].children()
        for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH):
            world["kv"].tell(number)
            for child in children:
                os.kill(child, number)
        for child in children:
            os.kill(child, signal.SIGHUP)  # as a terminal does to the whole group
        time.sleep(0.3)
        expect(world.http.get("/kv/ping"), 200)
        equal(world["kv"].children(), children, "the processes")


@test("a request that comes while a pool is away waits for it, or is told so")
def stopped_pool(stage):
    with stage.world(["kv", "hello"], held=["kv"]) as world:
        equal(world["kv"].stop(), 0, "the status")
        link = hang(world, "/kv/echo/waited")
        time.sleep(0.5)
        world["kv"].start()
        got = link.recv(4096)
        check(got.startswith(b"HTTP/1.1 200") and b"waited" in got, "the answer", got)
        link.close()
        if "hello" in world.pools:
            equal(world["hello"].stop(), 0, "the status")
            answer = expect(world.http.get("/hello"), 503, type="application/json", headers={"Retry-After": "1"})
            check("was not carried out" in answer.json()["error"], "the answer says so", answer)
            world["hello"].start()
            expect(world.http.get("/hello"), 200)
