"""main.py: runs the bench. Starts the stack, asks each case of Trivet and of the floor in turn, takes medians, prints the table.

Times are reported and compared with the targets, never asserted: only an answer that is wrong, missing or an error, and a
process that ends, make the run fail."""

import argparse
import concurrent.futures
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

import measure
import scraping
import table
import watching
from cases import CASES, FLOOR_CACHE_KEY, wrk_script

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "harness"))
from ports import free_ports  # noqa: E402

DIR = os.environ["BENCH_DIR"]
CONNECTIONS = (4, 32)
PROCESSES, WORKERS = 2, 4
POOLS = ("hello", "sql", "doc", "kv", "ops")
WARM_UP = 0.4


class Bench:
    def __init__(self, options):
        self.cases = [case for case in CASES if not options.only or case.name in options.only]
        self.rounds, self.seconds, limit = (1, 0.7, 56) if options.quick else (5, 1, 225)
        self.deadline = time.monotonic() + limit
        self.idle, self.rows, self.memory = [], [], []
        self.rounds_done = self.rounds
        self.load = os.getloadavg()[0]  # what the machine did for others; it makes all times longer
        self.watches = not options.only or watching.NAME in options.only
        self.scrapes = not options.only or scraping.NAME in options.only
        self.scraped = []
        ports = free_ports(9)
        self.port = {"trivet": ports[0], "floor": ports[1], "static": ports[2]}
        self.ops_ports = ports[3:5]
        point = next(case for case in CASES if case.name == watching.CASE)
        self.watching = watching.Watching(self, point, {watching.OFF: ports[5:7], watching.ON: ports[7:]})

    # --- the stack ------------------------------------------------------------------------------------------------------

    def stack(self, *words):
        environment = dict(os.environ, BENCH_PROCESSES=str(PROCESSES), BENCH_WORKERS=str(WORKERS))
        done = subprocess.run([os.path.join(HERE, "stack"), *words], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise measure.Failure("%s: %s" % (" ".join(words), done.stdout.strip()))

    def pid(self, *path):
        with open(os.path.join(DIR, *path), encoding="ascii") as file:
            return int(file.read())

    def start(self):
        os.makedirs(DIR, exist_ok=True)
        os.chmod(DIR, 0o755)
        self.stack("floor-build")
        scraping_pools = {"hello", "ops"} if self.scrapes else set()
        pools = sorted({case.pool for case in self.cases if case.pool} | scraping_pools, key=POOLS.index)
        asked = self.cases + ([self.watching.case] if self.watches else [])
        stores = [store for store in ("mysql", "mongo", "redis") if any(store in case.stores for case in asked)]
        with concurrent.futures.ThreadPoolExecutor() as threads:
            list(threads.map(lambda store: self.stack("store", store), stores))
        for pool in POOLS:
            if pool in pools or pool == "ops":
                self.measure_idle(pool)
        for pool in pools:
            self.stack("pool", pool)
            if pool != "ops":
                self.stack("floor", pool)
        self.stack("nginx", "trivet", str(self.port["trivet"]), str(self.ops_ports[0]), str(self.port["static"]))
        self.stack("nginx", "floor", str(self.port["floor"]), str(self.ops_ports[1]))

    def measure_idle(self, pool):
        """Each alone, so that no other pool shares the libraries' pages with it."""
        self.stack("pool", pool)
        root = self.pid("trivet", pool + ".pid")
        end = time.monotonic() + 5
        while self.threads(root) < PROCESSES * (1 + WORKERS) + 1 and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.2)
        processes = measure.memory(root)
        self.idle.append({"name": "trivet-" + pool, "processes": processes, "threads": self.threads(root),
                          "pss": sum(process["pss"] for process in processes)})
        self.stack("pool-stop", pool)

    @staticmethod
    def threads(root):
        return sum(len(os.listdir("/proc/%d/task" % pid)) for pid in measure.tree(root))

    def roots(self, case, side):
        """Whose CPU time is whose."""
        if case.pool is None:
            return {"nginx": [self.pid("nginx-trivet", "master.pid")]}
        groups = {"nginx": [self.pid("nginx-" + side, "master.pid")], "program": [self.pid(side, case.pool + ".pid")]}
        if case.stores:
            groups["store"] = [self.pid(store, name) for store in case.stores for name in ("pid", "engine.pid")
                               if os.path.exists(os.path.join(DIR, store, name))]
        return groups

    # --- one case ---------------------------------------------------------------------------------------------------------

    def url(self, case, side):
        return "http://127.0.0.1:%d%s" % (self.port[side if case.pool else "static"], case.path)

    def ask(self, case, side):
        body = case.body.encode() if case.body is not None else None
        # urllib names itself otherwise, and asks for text of any kind: like wrk, say nothing
        asked = urllib.request.Request(self.url(case, side), data=body, headers=case.headers, method=case.method)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            raise measure.Failure("%s answers %d: %s" % (self.url(case, side), error.code,
                                                         error.read().decode(errors="replace"))) from None
        except OSError as error:
            raise measure.Failure("%s: %s" % (self.url(case, side), error)) from None

    def check(self, case):
        """Both sides answer, alike, and from where they should; a cached answer is cached by that."""
        for _ in range(20):
            body, headers = self.ask(case, "trivet")
            if headers.get("X-Trivet-Cache") == case.cache:
                break
            time.sleep(0.05)  # the first is a miss, and what it leaves may come a moment after its answer
        if case.cache and headers.get("X-Trivet-Cache") != case.cache:
            raise measure.Failure("%s: X-Trivet-Cache is %s, not %s" % (self.url(case, "trivet"),
                                                                        headers.get("X-Trivet-Cache"), case.cache))
        if case.pool is None:
            return
        if case.cache == "hit":
            subprocess.run(["redis-cli", "-s", self.redis_socket(), "-x", "SET", FLOOR_CACHE_KEY], input=body, check=True,
                           stdout=subprocess.DEVNULL)
        floor, _ = self.ask(case, "floor")
        if case.same and json.loads(floor) != json.loads(body):
            raise measure.Failure("%s: the floor answers something else:\n%s\n%s"
                                  % (case.name, floor[:600].decode(), body[:600].decode()))

    @staticmethod
    def redis_socket():
        with open(os.path.join(DIR, "redis", "socket"), encoding="utf-8") as file:
            return file.read().strip()

    @staticmethod
    def script(case):
        path = os.path.join(DIR, case.name + ".lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(wrk_script(case))
        return path

    def measure_watching(self):
        case = self.watching.case
        self.watching.measure(self.script(case), CONNECTIONS, 2 if self.rounds == 1 else 16, self.seconds)
        progress("  %s, log and traces off and on" % case.title)

    def measure_scraping(self):
        case = next(case for case in CASES if case.name == scraping.CASE)
        self.scraped = scraping.rows(self.pid("trivet", "ops.pid"), self.ops_ports[0], self.url(case, "trivet"), self.script(case),
                                     CONNECTIONS[0])
        progress("  scrapes of /metrics under load")

    def measure(self, case):
        script = self.script(case)
        self.check(case)
        sides = ("trivet", "floor") if case.pool else ("trivet",)
        for side in sides:
            measure.wrk(self.url(case, side), script, CONNECTIONS[-1], WARM_UP)
        taken = {(side, count): [] for side in sides for count in CONNECTIONS}
        for done in range(self.rounds):
            if done and time.monotonic() + self.left(case, done) > self.deadline:
                self.rounds_done = min(self.rounds_done, done)
                break
            for count in CONNECTIONS:
                for side in sides:
                    taken[side, count].append(measure.run(self.url(case, side), script, count, self.seconds,
                                                          self.roots(case, side)))
        for count in CONNECTIONS:
            self.add_row(case, count, {side: medians(taken[side, count]) for side in sides})
        progress("  %s" % case.title)

    def left(self, case, done):
        """Seconds that this round and the first rounds of what follows will take."""
        runs = 2 * len(CONNECTIONS) * (len(self.cases) - self.cases.index(case))
        return runs * (self.seconds + 0.2)

    def add_row(self, case, count, sides):
        trivet, floor = sides["trivet"], sides.get("floor")
        for side in sides.values():
            for key in ("program_us", "store_us"):
                side.setdefault(key, None)
        ratio = trivet["program_us"] / floor["program_us"] if floor and floor["program_us"] else None
        self.rows.append({"case": case.name, "title": case.title, "connections": count, "trivet": trivet, "floor": floor,
                          "ratio": ratio})

    # --- all ----------------------------------------------------------------------------------------------------------------

    def measure_memory(self):
        names = [("nginx", ("nginx-trivet", "master.pid"))]
        for pool in sorted({case.pool for case in self.cases if case.pool}, key=POOLS.index):
            names += [("trivet-" + pool, ("trivet", pool + ".pid")), ("floor-" + pool, ("floor", pool + ".pid"))]
        self.memory = [{"name": name, "processes": measure.memory(self.pid(*path))} for name, path in names]

    def find(self, name, key):
        """The worse of the two numbers of connections."""
        values = [entry["ratio"] if key == "ratio" else entry["trivet"][key] for entry in self.rows
                  if entry["case"] == name]
        values = [value for value in values if value is not None]
        return max(values) if values else None

    def targets(self):
        idle = max(entry["pss"] for entry in self.idle) / table.MIB if self.idle else None
        watched = max((row["ratio"] for row in self.watching.rows), default=None)
        rows = [("empty answer, Trivet's CPU per request", self.find("hello", "program_us"), 20, "\u00b5s"),
                ("sql: one row by key, Trivet's CPU per request", self.find("point", "ratio"), 1.35, "x the floor's"),
                ("the same, log and traces of 1 % on", watched, watching.LIMIT, "x off"),
                ("a scrape of /metrics under load", max((row["ms"] for row in self.scraped), default=None), scraping.LIMIT_MS, "ms of CPU"),
                ("the largest idle pool, %d processes of %d workers" % (PROCESSES, WORKERS), idle, 20, "MiB")]
        return [{"what": what, "measured": measured, "limit": limit, "unit": unit,
                 "met": None if measured is None else measured <= limit} for what, measured, limit, unit in rows]

    def result(self, began):
        about = ("%d CPUs, load %.1f before, Linux %s; wrk with one thread and nginx with one process on the same "
                 "machine; pools of %d x %d; %s of %g s; %d s in all"
                 % (os.cpu_count(), self.load, platform.release(), PROCESSES, WORKERS,
                    "one run" if self.rounds_done == 1 else "medians of %d runs" % self.rounds_done, self.seconds,
                    time.monotonic() - began))
        return {"about": about, "rounds": self.rounds_done, "seconds": self.seconds, "rows": self.rows,
                "watching": self.watching.rows, "scraping": self.scraped, "memory": self.memory, "idle": self.idle, "targets": self.targets()}


def medians(runs):
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def progress(text):
    print(text, file=sys.stderr, flush=True)


def arguments():
    names = [case.name for case in CASES] + [watching.NAME, scraping.NAME]
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measures Trivet and, beside it, the floor.")
    parser.add_argument("--json", metavar="FILE", help="write the same for programs")
    parser.add_argument("--quick", action="store_true", help="one short run of each, in less than a minute")
    parser.add_argument("--only", metavar="CASE,...", type=lambda text: text.split(","),
                        help="some cases: " + ",".join(names))
    options = parser.parse_args()
    unknown = set(options.only or ()) - set(names)
    if unknown:
        parser.error("no such case: " + ", ".join(sorted(unknown)))
    return options


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    bench = Bench(options)
    try:
        progress("starting stores, workers and nginx")
        bench.start()
        progress("measuring (%d x %g s each)" % (bench.rounds, bench.seconds))
        for case in bench.cases:
            bench.measure(case)
        if bench.watches:
            bench.measure_watching()
        if bench.scrapes:
            bench.measure_scraping()
        bench.measure_memory()
    except measure.Failure as failure:
        progress("bench: FAILED: %s" % failure)
        return 1
    result = bench.result(began)
    sys.stdout.reconfigure(encoding="utf-8")
    print(table.text(result))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
