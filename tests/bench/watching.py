"""watching.py: what it costs to be seen: the same pool asked the same with its log and its traces off and on, in turns. Meters
cannot be switched off; what they cost is in both. It measures; main.py says when."""

import contextlib
import http.server
import os
import statistics
import threading

import measure

NAME = "watching"
CASE = "point"  # one row by key, past the cache
OFF, ON = "dark", "watched"
LIMIT = 1.06


class Sink(http.server.BaseHTTPRequestHandler):
    """Takes what is pushed and forgets it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def sink():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        server.taken = 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


class Watching:
    def __init__(self, bench, case, ports):
        self.bench, self.case, self.ports = bench, case, ports
        self.rows = []

    def start(self, server):
        """Both sides with the stores that run already. One in a hundred requests is traced, as a busy service would."""
        otel = ["OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:%d" % server.server_address[1],
                "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.01"]
        settings = {OFF: ["TRIVET_LOG_REQUESTS=none"], ON: otel}
        for side, (port, ops_port) in self.ports.items():
            self.bench.stack("pool", self.case.pool, side, *settings[side])
            self.bench.stack("nginx", side, str(port), str(ops_port))
        self.bench.stack("push", ON, *otel)

    @contextlib.contextmanager
    def apart(self):
        """The pools have a processor to themselves and all others the rest. Otherwise a request costs a third more or less by who
        happens to run beside whom, and a few per cent would not be seen."""
        all_of_them = os.sched_getaffinity(0)
        own, rest = {max(all_of_them)}, all_of_them - {max(all_of_them)} or all_of_them
        try:
            os.sched_setaffinity(0, rest)
            for group, root in ((group, root) for side in self.ports for group, roots in self.roots(side).items() for root in roots):
                measure.pin(root, own if group == "program" else rest)
            for store in self.case.stores:
                measure.pin(self.bench.pid(store, "pid"), rest)
            yield
        finally:
            os.sched_setaffinity(0, all_of_them)

    def roots(self, side):
        groups = {"nginx": [self.bench.pid("nginx-" + side, "master.pid")],
                  "program": [self.bench.pid(side, self.case.pool + ".pid")]}
        if side == ON:
            groups["push"] = [self.bench.pid(side, "push.pid")]
        return groups

    def measure(self, script, connections, rounds, seconds):
        """Adds a row for each number of connections."""
        with sink() as server:
            self.start(server)
            urls = {side: "http://127.0.0.1:%d%s" % (ports[0], self.case.path) for side, ports in self.ports.items()}
            with self.apart():
                for url in urls.values():
                    measure.wrk(url, script, connections[-1], 0.4)
                for count in connections:
                    taken = {side: [] for side in urls}
                    for number in range(rounds):
                        for side in sorted(urls, reverse=number % 2):  # neither is always first
                            taken[side].append(measure.run(urls[side], script, count, seconds, self.roots(side)))
                    self.rows.append({"title": self.case.title, "connections": count, **compare(taken)})
            if not server.taken:
                raise measure.Failure("%s: nothing was pushed" % NAME)


def compare(taken):
    """What others do on the machine only ever adds: the quieter quarter of the runs is nearest to what it costs."""
    off = [run["program_us"] for run in taken[OFF]]
    on = [run["program_us"] + run["push_us"] for run in taken[ON]]
    return {"off_us": quiet(off), "on_us": quiet(on), "push_us": quiet([run["push_us"] for run in taken[ON]]),
            "ratio": quiet(on) / quiet(off), "runs": {"off_us": off, "on_us": on}}


def quiet(values):
    """The mean of the lowest quarter."""
    return statistics.mean(sorted(values)[:max(1, len(values) // 4)])
