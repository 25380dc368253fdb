"""checks_errors.py: nginx's own errors: the status, and the shape of the dialect that was asked."""

import re
import time

from harness import AT_ONCE, Tap

ASKED = {"sql": "/sql/x", "rest": "/rest/v1/x", "doc": "/doc/action/find", "app": "/app/i/endpoint/data/v1/action/find",
         "kv": "/kv/get/k", "hello": "/hello", "ops": "/healthz"}
SQL_CODE = {400: "PGRST100", 404: "PGRST125", 405: "PGRST117", 413: "PGRST102", 414: "PGRST100", 431: "PGRST100",
            500: "PGRSTX00", 503: "PGRST000", 504: "PGRST003", 505: "PGRSTX00"}


def shaped(answer, dialect, status):
    """Whether an answer is nginx's own error of this status in the dialect's shape."""
    body = answer.json()
    request_id = answer.header("x-request-id")
    if answer.status != status or answer.header("content-type") != "application/json" or not request_id or \
            not isinstance(body, dict) or answer.header("x-worker") or answer.header("x-content-type-options") != "nosniff":
        return False
    if (answer.header("retry-after") == "1") != (status == 503) or (answer.header("allow") is None) != (status != 405):
        return False
    if dialect in ("sql", "rest"):
        return list(body) == ["code", "message", "details", "hint"] and body["code"] == SQL_CODE[status] and \
            isinstance(body["message"], str)
    if dialect in ("doc", "app"):
        return list(body) == ["error", "error_code", "link"] and body["link"] == request_id and \
            re.fullmatch(r"[A-Za-z]+", body["error_code"]) is not None
    if dialect == "kv":
        return list(body) == ["error"] and body["error"].startswith("ERR ")
    return list(body) == ["error"]


def check(nginx, backend):
    before_a_location(nginx)
    missing_paths(nginx)
    workers_away(nginx, backend)
    workers_astray(nginx)
    methods(nginx)


def before_a_location(nginx):
    """nginx refuses these before it knows the address; the request line says which dialect was asked."""
    for dialect, path in ASKED.items():
        raw = path.encode()
        for what, data in (
                ("malformed percent-encoding", b"GET %s%%zz HTTP/1.1\r\nHost: h\r\n\r\n" % raw),
                ("a cut percent-encoding", b"GET %s%%2 HTTP/1.1\r\nHost: h\r\n\r\n" % raw),
                ("an encoded NUL", b"GET %s/%%00 HTTP/1.1\r\nHost: h\r\n\r\n" % raw),
                ("a raw NUL", b"GET %s/\0 HTTP/1.1\r\nHost: h\r\n\r\n" % raw),
                ("a control character", b"GET %s/\x01 HTTP/1.1\r\nHost: h\r\n\r\n" % raw),
                ("a space in the path", b"GET %s/a b HTTP/1.1\r\nHost: h\r\n\r\n" % raw),
                ("no Host", b"GET %s HTTP/1.1\r\n\r\n" % raw),
                ("two Hosts", b"GET %s HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" % raw),
                ("a bad Content-Length", b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n" % raw),
                ("Content-Length and chunks", b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % raw),
                ("a path above the root", b"GET %s/../../../../../../../../x HTTP/1.1\r\nHost: h\r\n\r\n" % raw)):
            answer = nginx.raw(data)
            Tap.ok(shaped(answer, dialect, 400), "%s: %s is 400" % (path, what), answer)
        answer = nginx.raw(b"GET %s HTTP/9.0\r\nHost: h\r\n\r\n" % raw)
        Tap.ok(shaped(answer, dialect, 505), "%s: HTTP/9.0 is 505" % path, answer)
    answer = nginx.raw(b"GET http://h:80/kv/get/%zz HTTP/1.1\r\nHost: h\r\n\r\n")
    Tap.ok(shaped(answer, "kv", 400), "the absolute form tells the dialect too", answer)
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", b"GET\r\n\r\n", b"get /kv HTTP/1.1\r\nHost: h\r\n\r\n",
                 b"GET /x%zz HTTP/1.1\r\nHost: h\r\n\r\n", b"GET ?x HTTP/1.1\r\nHost: h\r\n\r\n", b"\r\n\r\n\0\0\r\n"):
        answer = nginx.raw(data)
        Tap.ok(answer.status == 400 and "error" in (answer.json() or {}) and answer.header("x-request-id"),
               "%r is 400 in JSON" % data[:24], answer)


def missing_paths(nginx):
    for dialect, path in (("doc", "/doc/x"), ("doc", "/doc"), ("app", "/app/i/endpoint/data/v1/x"), ("other", "/x"),
                          ("other", "/status"), ("ops", "/metrics")):
        for method in ("GET", "POST", "DELETE"):
            answer = nginx.ask(path, method, body=b"{}" if method == "POST" else None)
            Tap.ok(shaped(answer, dialect, 404), "%s %s is 404" % (method, path), answer)
    for dialect, path in (("sql", "/sql/../x/../sql/y"), ("sql", "/sql/%2e"), ("kv", "/kv/get/.."),
                          ("doc", "/doc/action/./find")):
        answer = nginx.ask(path)
        Tap.ok(shaped(answer, dialect, 400), "%s is 400" % path, answer)
    answer = nginx.ask("/doc/x", "HEAD")
    Tap.ok(answer.status == 404 and not answer.body, "HEAD of an error has no body", answer)
    answer = nginx.ask("/doc/x", headers={"X-Request-Id": "id-of-mine"})
    Tap.equal(answer.json()["link"], "id-of-mine", "the link of a doc error is the request id")


def workers_away(nginx, backend):
    for name in ("sql", "doc", "kv", "hello", "ops"):
        backend.close(name)
    try:
        for dialect, path in ASKED.items():
            for method in ("GET", "POST"):
                begun = time.monotonic()
                answer = nginx.ask(path, method, body=b"{}" if method == "POST" else None)
                Tap.ok(shaped(answer, dialect, 503) and b"was not carried out" in answer.body and
                       time.monotonic() - begun < AT_ONCE, "no worker: %s %s is 503 at once" % (method, path), answer)
    finally:
        for name in ("sql", "doc", "kv", "hello", "ops"):
            backend.open(name)
    Tap.equal([nginx.ask(path).status for path in ASKED.values()], [200] * len(ASKED), "back at once when the workers are")


def workers_astray(nginx):
    for dialect, path in ASKED.items():
        for what in ("die", "garbage", "bighead=20000"):
            answer = nginx.ask(path, headers={"X-Behave": what})
            Tap.ok(shaped(answer, dialect, 503) and b"may have been carried out" in answer.body,
                   "a worker that answers with %r: %s is 503" % (what, path), answer)
    answer = nginx.ask("/kv", headers={"X-Behave": "size=3000,die-late"})
    Tap.ok(answer.status == 200 and not answer.body.endswith(b"0\r\n\r\n") and len(answer.body) < 3000,
           "a worker that dies in its answer: the transfer is cut, not a short answer", answer)
    answer = nginx.ask("/kv", headers={"X-Behave": "bighead=12000"})
    Tap.equal((answer.status, len(answer.header("x-big"))), (200, 12000), "12,000 bytes of an answer's headers pass")


def methods(nginx):
    for dialect, path, allow in (("sql", "/sql/x", "OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE"),
                                 ("doc", "/doc/action/find", "POST"), ("kv", "/kv", "HEAD, GET, POST, PUT"),
                                 ("hello", "/hello", "GET, HEAD"), ("other", "/", "GET, HEAD")):
        answer = nginx.ask(path, "TRACE")
        Tap.ok(shaped(answer, dialect, 405) and answer.header("allow") == allow, "TRACE %s is 405 with Allow" % path, answer)
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
        told = nginx.ask("/sql/x", method).json()
        Tap.equal((told or {}).get("params", {}).get("REQUEST_METHOD"), method, "%s is the worker's to judge" % method)
