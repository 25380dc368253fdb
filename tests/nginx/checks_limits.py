"""checks_limits.py: what is too long, too large or too slow, and what long things still pass."""

import hashlib
import os
import socket
import time

from checks_errors import ASKED, shaped
from harness import AS_US, AT_ONCE, SRC, Nginx, Tap


def check(nginx, backend):
    addresses(nginx)
    headers(nginx)
    bodies(nginx)
    answers(nginx)
    timeouts(nginx, backend)


def addresses(nginx):
    for dialect, path in ASKED.items():
        answer = nginx.ask(path + "?q=" + "a" * 70000)
        Tap.ok(shaped(answer, dialect, 414), "%s: a URL of 70 kB is 414" % path, answer)
    for path, long in (("/kv/set/k/", True), ("/sql/product?id=in.(", False)):
        raw = path + "1" * 60 * 1024
        told = nginx.ask(raw).json()
        got = told["params"]["TRIVET_PATH"] if long else told["params"]["QUERY_STRING"]
        Tap.ok(raw.endswith(got) and len(got) > 60000, "%s...: 60 KiB of it reach the worker" % path, len(got))
        Tap.equal(told["params"]["REQUEST_URI"], raw[:1024], "REQUEST_URI is cut at 1,024 bytes")
    raw = "/sql/" + "x" * 1019
    Tap.equal(nginx.ask(raw).json()["params"]["REQUEST_URI"], raw, "a URI of 1,024 bytes is whole")


def headers(nginx):
    for dialect, path in ASKED.items():
        answer = nginx.ask(path, headers={"X-Long-%d" % n: "a" * 60000 for n in range(6)})
        Tap.ok(shaped(answer, dialect, 431), "%s: 360 kB of headers are 431" % path, answer)
        answer = nginx.ask(path, headers={"X-Long": "a" * 66000})
        Tap.ok(shaped(answer, dialect, 431), "%s: a header of 66 kB is 431" % path, answer)
        answer = nginx.ask(path, headers={"X-Long": "a" * 40000, "X-Longer": "a" * 40000})
        Tap.ok(shaped(answer, dialect, 431), "%s: 80 kB of headers are 431" % path, answer)
    answer = nginx.ask("/sql/x", headers={"X-Long-%d" % n: "a" * 15000 for n in range(4)})
    Tap.equal(answer.status, 200, "60 kB of headers pass")
    # From the largest that passes to the smallest that does not there is no gap in which nginx fails instead.
    statuses = {}
    for size in range(62500, 65600, 50):
        statuses[size] = nginx.ask("/kv", headers={"X-Long": "a" * (size - 100), "Accept": "*/*"}).status
    Tap.equal(set(statuses.values()), {200, 431}, "around 63,000 bytes of headers it is 200 or 431, never 500")
    many = {"X-H%d" % n: "a" * 580 for n in range(100)}
    Tap.equal(nginx.ask("/kv?" + "q" * 2600, headers=many).status, 200, "a hundred headers up to the limit pass")
    # Hundreds of short headers grow on their way: the one case that is nginx's to fail.
    answer = nginx.ask("/doc/action/find?" + "q" * 1010, headers={"H%03d" % n: "a" * 56 for n in range(950)})
    Tap.ok(shaped(answer, "doc", 500), "950 headers that fit here but not in FastCGI: 500 in the dialect's shape", answer)
    answer = nginx.ask("/doc/action/find", headers={"H%04d" % n: "" for n in range(6900)})
    Tap.ok(shaped(answer, "doc", answer.status) and answer.status in (431, 500), "6,900 headers are refused in that shape", answer)


def bodies(nginx):
    body = os.urandom(1 << 20) * 8
    told = nginx.ask("/sql/x", "POST", body=body).json()
    Tap.equal((told["body_length"], told["body_sha256"]), (len(body), hashlib.sha256(body).hexdigest()),
              "a body of 8 MiB passes")
    over = bytes(9 << 20)
    for dialect, path in ASKED.items():
        answer = nginx.ask(path, "POST", body=over)
        Tap.ok(shaped(answer, dialect, 413), "%s: a body of 9 MiB is 413" % path, answer)
        if dialect == "kv":
            Tap.equal(answer.json()["error"], "ERR max request size exceeded", "kv says it in that dialect's words")
    head = b"POST /kv HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    answer = nginx.raw(head + (b"100000\r\n" + bytes(1 << 20) + b"\r\n") * 9 + b"0\r\n\r\n")
    Tap.ok(shaped(answer, "kv", 413), "9 MiB in chunks are 413 too", answer)
    answer = nginx.raw(b"POST /sql/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9437184\r\n\r\n")
    Tap.ok(shaped(answer, "sql", 413), "a client that waits for 100-continue gets the 413 first", answer)


def answers(nginx):
    def link_of(path):
        try:
            return os.readlink(path)
        except FileNotFoundError:
            return ""  # closed meanwhile

    def files():
        """What nginx has open below its fastcgi_temp_path; such a file has no name any more."""
        links = [link_of(entry.path) for pid in nginx.workers() for entry in os.scandir("/proc/%s/fd" % pid)]
        return [link for link in links if link.startswith(os.path.join(nginx.state, "fastcgi"))]

    for size in (0, 1, 16000, 100000, 3 << 20):
        answer = nginx.ask("/sql/x", headers={"X-Behave": "size=%d" % size})
        Tap.equal((answer.status, len(answer.body)), (200, size), "an answer of %d bytes is whole" % size)
    with socket.create_connection(("127.0.0.1", nginx.port)) as slow:  # a reader that stops reading
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"GET /sql/x HTTP/1.1\r\nHost: h\r\nX-Behave: size=%d\r\n\r\n" % (20 << 20))
        time.sleep(0.5)
        Tap.equal(files(), [], "no answer goes to a file for a slow reader")


def timeouts(nginx, backend):
    """The real file with its timeouts divided, since a test that waits 65 s is not run."""
    with open(os.path.join(SRC, "nginx/fastcgi_trivet.conf"), encoding="utf-8") as file:
        text = file.read()
    Tap.ok("fastcgi_connect_timeout 2s;" in text and "fastcgi_send_timeout 30s;" in text and "fastcgi_read_timeout 65s;" in text,
           "timeouts are 2 s to connect, 30 s to send, 65 s to read")
    directory = os.path.join(nginx.directory, "hasty")
    os.mkdir(directory)
    hasty = Nginx(directory, backend.directory, ["--workers", "1", *AS_US])
    with open(os.path.join(directory, "fastcgi_hasty.conf"), "w", encoding="utf-8") as file:
        file.write(text.replace("fastcgi_read_timeout 65s", "fastcgi_read_timeout 1s"))
    with open(hasty.conf, encoding="utf-8") as file:
        conf = file.read()
    conf = conf.replace(os.path.join(SRC, "nginx/fastcgi_trivet.conf"), os.path.join(directory, "fastcgi_hasty.conf"))
    conf = conf.replace("client_header_timeout 15s", "client_header_timeout 1s")
    conf = conf.replace("client_body_timeout 30s", "client_body_timeout 1s")
    with open(hasty.conf, "w", encoding="utf-8") as file:
        file.write(conf)
    hasty.start()
    try:
        for dialect, path in ASKED.items():
            pool = backend.pools[{"rest": "sql", "app": "doc"}.get(dialect, dialect)]
            served = pool.served
            answer = hasty.ask(path, "PUT", {"X-Behave": "slow=3"}, b"{}")
            Tap.ok(shaped(answer, dialect, 504) and b"may have been carried out" in answer.body and pool.served == served + 1,
                   "%s: a worker that takes too long is 504, and is asked once" % path, answer)
        for what, data in (("the request line", b"GET /sql"), ("the headers", b"GET /sql/x HTTP/1.1\r\nHost: h\r\n"),
                           ("the body", b"POST /sql/x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")):
            served, begun = backend.pools["sql"].served, time.monotonic()
            answer = hasty.raw(data)
            Tap.ok(answer.status in (0, 408) and time.monotonic() - begun < AT_ONCE and backend.pools["sql"].served == served,
                   "a client that stops in %s is dropped, no worker is asked" % what, answer)
    finally:
        hasty.stop()
