"""orders.py: scale, reload, drain and level, each under load: done when it says so, and nothing is lost."""

import json
import os
import re
import signal
import subprocess
import threading
import time

from harness import check, equal, expect, note, test, until
from harness.busy import busy
from harness.load import Crowd
from harness.logs import events
from harness.places import ROOT, SERVER_USER
from harness.traffic import Traffic
from harness.wait import AT_ONCE, Watch
from tool import Lock, done, order, refused, tool

NEEDS = ("kv", "ops")
DIALECTS = ("sql", "doc", "kv", "hello")


def slow(world, milliseconds, tag="t"):
    return world.http.post("/kv", json=busy(milliseconds / 1000, tag))


def running(world, pool):
    return [one["pid"] for one in world.status(pool)["processes"] if one["state"] == "running"]


@test("scale changes the number of processes under load: it is so when it says so, and nothing is lost", needs=("kv", "ops"))
def scale_processes(stage):
    with stage.world(DIALECTS) as world:
        pools = [pool for pool in DIALECTS if pool in world.pools]
        with Traffic(world, pools) as traffic:
            for pool, by, wanted in [("kv", "+2", 4), ("hello", "=5", 5), ("kv", "-3", 1), ("sql", "+1", 3), ("hello", "=1", 1),
                                     ("doc", "=1", 1), ("kv", "=3", 3), ("sql", "-1", 2)]:
                if pool not in pools:
                    continue
                with Watch() as watch:
                    printed = done(world, "scale", pool, by, "--force")
                note("scale %s %s: %s (%.2f s)" % (pool, by, printed.strip(), watch.seconds))
                equal(printed, "%s: %d process%s\n" % (pool, wanted, " serves" if wanted == 1 else "es serve"), "what is printed")
                equal(world.status(pool)["processes_wanted"], wanted, "processes wanted")
                equal(len(running(world, pool)), wanted, "processes that run")
                equal(len(world[pool].children()), wanted, "children of the master: those that leave have left")
        note(traffic.summary())
        equal(traffic.failures, [], "failed requests")
        traffic.verify()


@test("scale changes the window of workers in processes that run; the lower end follows")
def scale_workers(stage):
    with stage.world(["kv"], {"TRIVET_KV_WORKERS_MIN": "2", "TRIVET_KV_WORKERS_MAX": "3"}) as world:
        children = set(world["kv"].children())
        for by, least, most in [("=1", 1, 1), ("+5", 2, 6), ("-2", 2, 4), ("=64", 2, 64), ("=3", 2, 3)]:
            answer = json.loads(done(world, "scale", "kv", "workers", by, "--force", "--json"))
            equal((answer["workers_min"], answer["workers_max"]), (least, most), "the window after " + by)
            equal(world.status("kv")["workers"]["max"], 2 * most, "workers at most in /status")
            for one in world.status("kv")["processes"]:
                check(one["workers"] <= most, "no process has more workers when it says that it is done", one)
        equal(set(world["kv"].children()), children, "the processes: they are the same")


@test("workers that were added serve, and those that are let go finish what they have")
def workers_come_and_go(stage):
    # The locked statements and those that wait for a worker last as long as all that is done meanwhile.
    env = {"TRIVET_SQL_PROCESSES": "1", "TRIVET_SQL_WORKERS_MAX": "2", "TRIVET_MYSQL_QUERY_TIMEOUT": "25s",
           "TRIVET_LIMITS_QUEUE_BUDGET": "25s"}
    if "sql" not in stage.built:
        return
    with stage.world(["sql"], env) as world:
        expect(world.http.get("/sql/product?id=eq.1"), 200)  # the schema is known
        with Lock(stage.stores["mysql"], ["product"]) as lock:
            answers, threads = [], []
            for number in range(6):
                def ask(number=number):
                    answers.append(world.http.get("/sql/product?id=eq.%d" % (number + 1), {"Cache-Control": "no-cache"}))
                threads.append(threading.Thread(target=ask))
            for thread in threads:
                thread.start()
            until(lambda: world.status("sql")["workers"]["busy"] == 2, "both workers are busy")
            done(world, "scale", "sql", "workers", "=6")
            until(lambda: world.status("sql")["workers"]["busy"] == 6, "six workers are busy, in the process that ran")
            with Watch() as watch:
                message = refused(world, "scale", "sql", "workers", "=1", "--timeout", "0.5")
            check("goes on with it" in message and watch.seconds < AT_ONCE, "it says that it is not done yet", message)
            equal(world.status("sql")["workers"]["busy"], 6, "busy workers: none was cut")
            lock.release()
        for thread in threads:
            thread.join()
        equal([answer.status for answer in answers], [200] * 6, "the answers")
        done(world, "scale", "sql", "workers", "=1")
        until(lambda: world.status("sql")["workers"]["now"] == 1, "one worker")  # as of the process's last tick


def moved(world, pool):
    """How many workers a pool has added and let go since it began."""
    text = expect(world.ops.get("/metrics"), 200).text
    return [int(float(re.search(r'^trivet_window_changes_total\{pool="%s",direction="%s"\} (\S+)$' % (pool, way), text, re.M).group(1)))
            for way in ("grow", "shrink")]


@test("workers that are to leave when they are done are counted once, however long that takes; a wider limit keeps them")
def leaving(stage):
    env = {"TRIVET_SQL_PROCESSES": "1", "TRIVET_SQL_WORKERS": "6", "TRIVET_MYSQL_QUERY_TIMEOUT": "25s"}
    if "sql" not in stage.built:
        return
    with stage.world(["sql"], env) as world:
        expect(world.http.get("/sql/product?id=eq.1"), 200)  # the schema is known

        def ask(_):
            expect(world.http.get("/sql/product?id=eq.1", {"Cache-Control": "no-cache"}), 200)
        for limits, now, changes in ((("=1", "=6"), 6, [5, 5]), (("=1",), 1, [0, 5])):
            before = moved(world, "sql")
            with Lock(stage.stores["mysql"], ["product"]) as lock, Crowd(*[ask] * 6):
                until(lambda: world.status("sql")["workers"]["busy"] == 6, "all are busy")
                for _ in range(3):  # longer than the time after which a process looks at its window anew
                    refused(world, "scale", "sql", "workers", limits[0], "--timeout", "0.7")
                for limit in limits[1:]:
                    done(world, "scale", "sql", "workers", limit)
                    until(lambda: moved(world, "sql")[0] > before[0], "the process has seen it")
                lock.release()
            done(world, "scale", "sql", "workers", limits[-1])
            until(lambda: world.status("sql")["workers"]["idle"] == now, "workers that are left")
            equal(world.status("sql")["workers"]["now"], now, "all of them")
            equal([after - was for was, after in zip(before, moved(world, "sql"))], changes, "workers that were added and let go")


@test("reload answers when the new processes serve; nothing is lost")
def reload(stage):
    with stage.world(DIALECTS) as world:
        pools = [pool for pool in DIALECTS if pool in world.pools]
        with Traffic(world, pools) as traffic:
            for pool in pools:
                old = set(running(world, pool))
                printed = done(world, "reload", pool)
                check(printed.startswith("%s: generation 2 serves" % pool), "what is printed", printed)
                equal(world.status(pool)["generation"], 2, "the generation")
                equal(len(set(running(world, pool)) - old), 2, "new processes that run")
            printed = done(world, "reload", "all")
            equal(sorted(line.split(":")[0] for line in printed.splitlines()), sorted(world.pools), "pools that were reloaded")
        note(traffic.summary())
        equal(traffic.failures, [], "failed requests")
        traffic.verify()


@test("a reload that is refused says why, changes nothing and keeps what was scaled")
def reload_refused(stage):
    path = os.path.join(stage.scratch.path, "control.conf")

    def write(text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)
    write("[kv]\nprocesses = 2\n")
    with stage.world(["kv"], config=path) as world:
        done(world, "scale", "kv", "=3")
        children = world["kv"].children()
        write("[kv]\nprocesses = many\n")
        message = refused(world, "reload", "kv")
        check("the old configuration stays" in message and "many" in message, "the reason", message)
        equal(world["kv"].children(), children, "the processes")
        equal(world.status("kv")["processes_wanted"], 3, "processes wanted")
        write("[kv]\nprocesses = 1\n")
        done(world, "reload", "kv")
        equal(world.status("kv")["processes_wanted"], 1, "processes wanted: the configuration's again")


def files_limit(pid, number):
    """Sets how many files a process may have open, as its own user: root may not everywhere. What it was."""
    with open("/proc/%d/limits" % pid, encoding="ascii") as file:
        before = next(line.split()[3] for line in file if line.startswith("Max open files"))
    as_user = {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []} if ROOT else {}
    subprocess.run(["prlimit", "--pid", str(pid), "--nofile=%s:" % number], check=True, **as_user)
    return before


@test("a reload whose processes do not start is undone, and says so")
def reload_undone(stage):
    with stage.world(["kv"]) as world:
        done(world, "scale", "kv", "=3")
        done(world, "level", "kv", "debug")
        children, master = world["kv"].children(), world["kv"].pid
        # Room for the client of the control socket, not for what a new process opens.
        highest = max(int(name) for name in os.listdir("/proc/%d/fd" % master))
        before = files_limit(master, highest + 2)
        world.may_die("kv", 3)
        message = refused(world, "reload", "kv")
        check("do not start" in message and "status 1" in message, "the reason", message)
        files_limit(master, before)
        until(lambda: world["kv"].children() == children, "the processes are those of before")
        status = world.status("kv")
        equal((status["processes_wanted"], status["generation"]), (3, 1), "what is wanted, and the generation")
        equal(order(world, "kv", "processes =3")["level"], "debug", "the log level")
        expect(world.http.get("/kv/ping"), 200)
        done(world, "reload", "kv")
        equal(world.status("kv")["generation"], 2, "the generation after a reload that goes well")


@test("reloads asked for at once are all answered")
def reloads_at_once(stage):
    with stage.world(["kv"]) as world:
        answers = []

        def ask(_):
            answers.append(order(world, "kv", "reload"))
        with Crowd(*[ask] * 6):
            pass
        equal([answer["done"] for answer in answers], [True] * 6, "the answers")
        until(lambda: len(world["kv"].children()) == 2, "two processes")
        check(world.status("kv")["generation"] >= 2, "the generation", world.status("kv")["generation"])


@test("drain answers when the pool has stopped; what was under way is answered, what came meanwhile waits for the next one")
def drain(stage):
    with stage.world(["kv"], {"TRIVET_LIMITS_QUEUE_BUDGET": "60s"}, held=["kv"]) as world:
        with Traffic(world, ["kv"]) as traffic:
            time.sleep(0.3)
            with Watch() as watch:
                printed = done(world, "drain", "kv")
            equal(printed, "kv: stopped\n", "what is printed")
            equal(world["kv"].server.wait(), 0, "the status")
            equal(world.status("kv")["state"], "stopped", "the state")
            check("kv.control" not in os.listdir(os.path.join(world.directory, "run", "watch")), "the socket is gone")
            note("drained in %.2f s" % watch.seconds)
            message = refused(world, "scale", "kv", "+1", "--force")
            check("no control socket" in message, "the next order is refused", message)
            world["kv"].start()
        note(traffic.summary())
        equal(traffic.failures, [], "failed requests")
        traffic.verify()


@test("while a pool stops, a second drain waits with the first, and other orders are refused")
def orders_while_stopping(stage):
    env = {"TRIVET_REDIS_CONNECT_TIMEOUT": "28s", "TRIVET_REDIS_QUERY_TIMEOUT": "28s"}
    with stage.world(["kv"], env) as world, world.away("redis", "pause"):
        link = world.http.connect()
        link.sendall(b"GET /kv/get/shop:name HTTP/1.1\r\nHost: t\r\n\r\n")
        until(lambda: world.status("kv")["workers"]["busy"] >= 1, "the request is in a worker")
        answers = []
        drains = [threading.Thread(target=lambda: answers.append(order(world, "kv", "drain"))) for _ in range(2)]
        for thread in drains:
            thread.start()
        until(lambda: events(world["kv"].lines(), "stop"), "the pool stops")
        until(lambda: sum("drain (" in line for line in world["kv"].lines()) == 2, "both orders were heard")
        for text in ("processes +1", "workers +1", "reload", "level debug"):
            equal(order(world, "kv", text)["error"], "the pool is stopping", "the answer to " + text)
        equal(answers, [], "answers to drain so far")
        check(world["kv"].running(), "the second drain does not end it at once")
        world["kv"].tell(signal.SIGTERM)
        for thread in drains:
            thread.join(60)
        equal([answer["text"] for answer in answers], ["stopped at once"] * 2, "the answers to drain")
        link.close()
        world["kv"].server.wait()
        world["kv"].start()


@test("level changes what master and processes log, those to come as well, until it is taken back")
def level(stage):
    with stage.world(["kv"]) as world:
        pool = world["kv"]

        def levels(pids):
            return {event["pid"] for event in events(pool.lines(), "log.level") if event["text"].endswith("debug on")} >= set(pids)

        def requests():
            expect(world.http.get("/kv/ping"), 200)
            return len(events(pool.lines(), "request"))
        equal(done(world, "level", "kv", "debug"), "kv: lines from level debug on\n", "what is printed")
        until(lambda: levels([pool.pid, *pool.children()]), "master and processes say so")
        done(world, "level", "kv", "error")
        until(lambda: len(events(pool.lines(), "log.level")) == 6, "master and processes say so again")
        done(world, "scale", "kv", "+2")
        before = requests()
        for _ in range(30):
            expect(world.http.get("/kv/ping"), 200)
        equal(requests(), before, "lines of requests at level error, from old and new processes")
        equal(done(world, "level", "kv", "default"), "kv: lines from level info on\n", "what is printed")
        until(lambda: requests() > before, "lines of requests at the configured level")
        # USR2 toggles, and says to each process which way.
        pool.tell(signal.SIGUSR2)
        until(lambda: order(world, "kv", "level debug")["level"] == "debug", "debug")
        pool.tell(signal.SIGUSR2)
        until(lambda: order(world, "kv", "processes =4")["level"] == "info", "info again")
        done(world, "level", "all", "warn")
        done(world, "reload", "all")
        equal(order(world, "kv", "processes =2")["level"], "info", "the level after a reload")


@test("what cannot be understood ends with status 2, what cannot be done with status 1; both say why")
def wrong_words(stage):
    with stage.world(["kv"]) as world:
        children = world["kv"].children()
        for words, part in [
                (["scale"], "expected POOL"), (["scale", "kv"], "expected POOL"), (["scale", "kv", "2"], "+N, -N or =N"),
                (["scale", "kv", "+"], "+N, -N or =N"), (["scale", "kv", "+x"], "+N, -N or =N"),
                (["scale", "kv", "=1.5"], "+N, -N or =N"), (["scale", "kv", "+-2"], "+N, -N or =N"),
                (["scale", "kv", "=99999999999999999999"], "+N, -N or =N"), (["scale", "kv", "threads", "+1"], "workers"),
                (["scale", "kv", "+1", "--pods", "0"], "--pods"), (["scale", "kv", "+1", "--pods"], "--pods wants N"),
                (["scale", "kv", "+1", "--force=yes"], "takes no value"), (["scale", "kv", "+1", "--once"], "no option --once"),
                (["reload"], "expected POOL|all"), (["reload", "kv", "ops"], "expected POOL|all"),
                (["reload", "kv", "--timeout", "soon"], "--timeout"), (["drain"], "expected POOL"),
                (["level", "kv"], "expected POOL"), (["level", "kv", "loud"], "is no level"), (["level", "kv", ""], "is no level"),
                (["top", "kv"], "expected no words"), (["top", "--interval", "0"], "--interval"),
                (["status", "kv", "ops"], "expected [POOL]"), (["workers", "--nonsense"], "no option --nonsense"),
                (["top"], "wants a terminal")]:
            check(part in refused(world, *words, status=2), "%s says %s" % (words, part), tool(world, *words).stderr)
        for words, part in [
                (["scale", "kv", "=0"], "0 processes: a pool has 1 to 32 (now 2)"), (["scale", "kv", "-2"], "0 processes"),
                (["scale", "kv", "=33"], "1 to 32"), (["scale", "kv", "workers", "=65"], "1 to 64"),
                (["scale", "kv", "workers", "-4"], "1 to 64"), (["scale", "nosuch", "+1"], "no pool nosuch"),
                (["reload", "nosuch"], "there are"), (["drain", "../kv"], "no pool"), (["status", "nosuch"], "there are"),
                (["level", "nosuch", "debug"], "no pool nosuch"), (["status", "--watch", "/nonexistent"], "No such file"),
                (["reload", "all", "--watch", "/tmp"], "no pool runs"), (["status", "--config", "/nonexistent"], "No such file")]:
            env = {"TRIVET_CONFIG": ""}
            check(part in refused(world, *words, env=env), "%s says %s" % (words, part), tool(world, *words).stderr)
        equal(world["kv"].children(), children, "the processes")
        for command in ("status", "workers", "top", "scale", "reload", "drain", "level"):
            check("Usage: trivet-ops " + command in done(world, command, "--help"), "%s --help" % command)
            check(command in done(world, "help"), "help names " + command)
            check(command in done(world, "--help"), "--help names " + command)
