"""checks_kept.py: kept connections to the workers. The drain of a worker process rests on what is proven here: bytes after
the end of an answer make nginx drop the connection, and idle connections go after keepalive_timeout, so that a process
which waits for both loses no request."""

import json
import os
import socket
import subprocess
import sys
import time

from harness import AT_ONCE, Tap, note, wait_until

LOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "load.py")


def check(nginx, backend):
    pool = backend.pools["sql"]
    one_by_one(nginx, pool)
    every_size(nginx, pool)
    without_body(nginx, pool)
    idle(nginx, pool)
    once(nginx, pool)
    marks_under_load(nginx, pool)
    drain_under_load(nginx, pool)
    cut_under_load(nginx, backend)


def client(nginx):
    """A kept HTTP connection: ask(behave, method) returns the body's length and, where it is JSON, what was told."""
    link = socket.create_connection(("127.0.0.1", nginx.port), 60)
    file = link.makefile("rb")

    def ask(behave="echo", method="GET"):
        body = b"Content-Length: 3\r\n\r\nabc" if method == "POST" else b"\r\n"
        link.sendall(b"%s /sql/x HTTP/1.1\r\nHost: h\r\nX-Behave: %s\r\n" % (method.encode(), behave.encode()) + body)
        status, chunked, length = int(file.readline()[9:12]), False, 0
        while True:
            line = file.readline()
            chunked = chunked or b"chunked" in line
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            if line == b"\r\n":
                break
        out = file.read(length) if length and method != "HEAD" else b""
        while chunked and method != "HEAD":
            size = int(file.readline(), 16)
            out += file.read(size + 2)[:size]
            if size == 0:
                break
        return status, out
    return ask


def gone(connection):
    return wait_until(lambda: connection.closed_at is not None)


def one_by_one(nginx, pool):
    ask = client(nginx)
    told = [json.loads(ask(method=m)[1]) for m in ("GET", "POST") * 10]
    Tap.equal(len({t["connection"] for t in told}), 1, "20 answers without the mark: one connection")
    for method in ("GET", "POST"):
        told = [json.loads(ask("mark", method)[1]) for _ in range(10)]
        numbers = [t["connection"] for t in told]
        Tap.ok(len(set(numbers[1:])) == 9 and [t["request"] for t in told[1:]] == [1] * 9,
               "%s: answers with the mark are whole, and each is its connection's last" % method, told)
        Tap.ok(all(gone(pool.connections[n]) for n in numbers), "%s: nginx closes the marked connections" % method)
        took = [pool.connections[n].closed_at - pool.connections[n].last_answer_at for n in numbers]
        note("%s: a marked connection is closed %.1f ms after the answer at most" % (method, 1000 * max(took)))
    Tap.equal(pool.served_after_mark, 0, "no request came on a marked connection")


def every_size(nginx, pool):
    """Wherever the end of the answer falls in nginx's buffers (16 KiB, then 64 KiB each)."""
    ask = client(nginx)
    sizes = list(range(0, 40)) + list(range(16384 - 420, 16384 + 20)) + list(range(16384 + 65536 - 440, 16384 + 65536 + 20)) + \
        list(range(16384 + 2 * 65536 - 440, 16384 + 2 * 65536 + 20, 3))

    def sweep(behave, method):
        """The sizes that came wrong, and how many connections were made."""
        wrong, before = [], len(pool.connections)
        for size in sizes:
            status, body = ask("size=%d%s" % (size, behave), method)
            if (status, len(body)) != (200, size):
                wrong.append((size, status, len(body)))
        return wrong, len(pool.connections) - before

    for what, behave, method in (("GET", "", "GET"), ("GET with Content-Length", ",length", "GET"), ("POST", "", "POST")):
        wrong, made = sweep(behave, method)
        Tap.ok(not wrong and made <= 1, "%s: %d sizes of answer without the mark: all whole, one connection"
               % (what, len(sizes)), (wrong, made))
        wrong, made = sweep(behave + ",mark", method)
        Tap.ok(not wrong and made >= len(sizes) - 1, "%s: the same sizes with the mark: all whole, a connection each" % what,
               (wrong, made))
    Tap.equal(pool.served_after_mark, 0, "no request came on a marked connection")


def without_body(nginx, pool):
    """nginx itself drops the connection after an answer that has no body, before the worker has ended it: a worker must
    not take that for a client that left."""
    for what, method, behave in (("HEAD", "HEAD", "echo"), ("204", "GET", "status=204 No Content"),
                                 ("304", "GET", "status=304 Not Modified")):
        ask = client(nginx)
        before = len(pool.connections)
        statuses = [ask(behave, method)[0] for _ in range(6)]
        Tap.equal(set(statuses), {int(what) if what.isdigit() else 200}, "%s: answers without a body" % what)
        note("%s: 6 requests, %d new connections to the worker" % (what, len(pool.connections) - before))
        statuses = [ask("mark," + behave, method)[0] for _ in range(6)]
        Tap.equal(len(set(statuses)), 1, "%s: the same with the mark" % what)
    Tap.equal(pool.served_after_mark, 0, "no request came on a marked connection")


def idle(nginx, pool):
    client(nginx)()  # the longest that a drain can take: nothing comes that could be marked
    Tap.ok(len(pool.open_connections()) >= 1, "an idle connection is kept")
    Tap.ok(wait_until(lambda: not pool.open_connections()), "and closed by nginx", len(pool.open_connections()))
    took = max(c.closed_at - c.last_answer_at for c in pool.connections[-1:])
    Tap.ok(2.5 < took < AT_ONCE, "after the 3 s of keepalive_timeout", took)


def once(nginx, pool):
    """A kept connection that breaks after the worker has the request: nginx's default would send all but POST again."""
    for method in ("GET", "PUT", "DELETE", "POST"):
        ask = client(nginx)
        ask()
        before, served = len(pool.connections), pool.served
        status, _ = ask("die", method)
        Tap.equal((status, pool.served - served, len(pool.connections) - before), (503, 1, 0),
                  "%s: a broken kept connection is 503, and the request was sent once" % method)


def load(nginx, seconds, connections=32, requests=0):
    return subprocess.Popen([sys.executable, "-B", LOAD, str(nginx.port), "/sql/x", str(connections), str(seconds), str(requests)],
                            stdout=subprocess.PIPE, text=True)


def begun_load(nginx, pool, *how, **more):
    """The same, once it is under way."""
    served = pool.served
    running = load(nginx, *how, **more)
    wait_until(lambda: pool.served > served + 10)
    return running


def errors_since(nginx, line):
    return [text for text in nginx.log("error.log")[line:] if "[info]" not in text and "[notice]" not in text]


def marks_under_load(nginx, pool):
    for probability in (0.1, 0.5, 1.0):
        pool.mark_probability = probability
        logged, made = len(nginx.log("error.log")), len(pool.connections)
        result = json.loads(load(nginx, 3, requests=200).communicate()[0])
        Tap.ok(not result["failed"] and result["requests"] >= 200, "load, %d %% of answers marked: no request fails"
               % (100 * probability), result)
        note("%d requests, %d connections" % (result["requests"], len(pool.connections) - made))
        Tap.equal(pool.served_after_mark, 0, "no request came on a marked connection")
        Tap.equal(errors_since(nginx, logged), [], "the error log has nothing above info")
    pool.mark_probability = 0.0


def drain_under_load(nginx, pool):
    """What a reload does: a new process accepts, the old one answers what still comes on its connections, marked, and has
    left when nginx has closed the last of them."""
    logged = len(nginx.log("error.log"))
    running = begun_load(nginx, pool, 12, requests=500)
    took = []
    for _ in range(4):
        begun = time.monotonic()
        pool.generation += 1
        Tap.ok(wait_until(lambda: not pool.open_connections(pool.generation - 1)), "the draining process is left alone")
        took.append(time.monotonic() - begun)
        time.sleep(0.3)
    result = json.loads(running.communicate()[0])
    Tap.ok(not result["failed"] and result["requests"] >= 500, "four reloads under load: no request fails", result)
    Tap.equal((pool.served_after_mark, errors_since(nginx, logged)), (0, []), "nothing came on a marked connection, no error")
    note("drains took %s s, %d requests" % (", ".join("%.2f" % t for t in took), result["requests"]))
    # Many connections, and one client left: each of its requests takes another of them, and ends it.
    json.loads(load(nginx, 1).communicate()[0])
    kept = len(pool.open_connections())
    running, begun = begun_load(nginx, pool, 5, 1), time.monotonic()
    pool.generation += 1
    wait_until(lambda: not pool.open_connections(pool.generation - 1))
    took.append(time.monotonic() - begun)
    result = json.loads(running.communicate()[0])
    Tap.ok(not result["failed"] and kept > 10,
           "a reload with %d idle connections and one busy client: no request fails" % kept, result)
    Tap.ok(max(took) < AT_ONCE, "a drain takes no longer than keepalive_timeout", took)
    note("with idle connections it took %.2f s" % took[-1])


def cut_under_load(nginx, backend):
    """A process that is killed: requests inside it fail, and none is ever sent twice."""
    pool = backend.pools["sql"]
    pool.tokens = {}
    running = begun_load(nginx, pool, 4)
    cuts = 0
    for _ in range(5):
        def cut():
            for connection in pool.open_connections():
                connection.transport.abort()
        backend.loop.call_soon_threadsafe(cut)
        cuts += 1
        time.sleep(0.4)
    result = json.loads(running.communicate()[0])
    twice = [token for token, times in pool.tokens.items() if times > 1]
    pool.tokens = None
    Tap.equal(twice, [], "connections cut %d times under load: no request is sent twice" % cuts)
    Tap.ok(all(status in (503, 200, 0) for _, status, _ in result["failed"]) and len(result["failed"]) <= 32 * cuts,
           "and each cut fails no more than the requests under way", result)
    note("%d requests, %d failed in %d cuts of 32 clients" % (result["requests"], len(result["failed"]), cuts))
