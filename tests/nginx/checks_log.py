"""checks_log.py: one line of valid JSON for each request, and no secret in it."""

import json
import os
import signal

from harness import Tap, wait_until

FIELDS = ["time", "request_id", "trace_id", "remote", "method", "path", "status", "bytes", "request_time",
          "upstream_time", "upstream_status", "upstream_addr", "pool"]


def check(nginx, backend):
    count = 0

    def line_of(path, method="GET", headers=None):
        nonlocal count
        count += 1
        given = "log-line-%d" % count
        answer = nginx.ask(path, method, {"X-Request-Id": given, **(headers or {})})
        return json.loads(nginx.logged(answer.header("x-request-id")) or "{}"), answer

    line, answer = line_of("/kv/get/k?_token=s3cret&x=1")
    Tap.equal(list(line), FIELDS, "the line has its fields")
    Tap.equal((line["remote"], line["method"], line["path"], line["status"], line["upstream_status"], line["pool"]),
              ("127.0.0.1", "GET", "/kv/get/k", 200, "200", "kv"), "the line says what was asked and answered")
    Tap.ok(line["upstream_addr"].endswith("/kv.sock") and line["bytes"] > len(answer.body) and
           isinstance(line["request_time"], float), "addr, bytes and time", line)
    line, _ = line_of("/kv/set/session/s3cret-value/ex/10")
    Tap.equal(line["path"], "/kv/set/session", "of a /kv path only command and key are logged")
    trace = "0af7651916cd43dd8448eb211c80319c"
    line, _ = line_of("/kv/get/k", headers={"traceparent": "00-%s-b7ad6b7169203331-01" % trace})
    Tap.equal(line["trace_id"], trace, "the client's trace is named")
    line, _ = line_of("/kv/get/k", headers={"traceparent": "00-%s-b7ad6b7169203331-01" % trace.upper()})
    Tap.equal(line["trace_id"], "", "unless it is none")
    line, _ = line_of("/rest/v1/product?apikey=s3cret")
    Tap.equal((line["path"], line["pool"]), ("/rest/v1/product", "sql"), "no query string")
    line, _ = line_of("/nowhere/a%2Fb")
    Tap.equal((line["path"], line["status"], line["upstream_status"], line["pool"]), ("/nowhere/a%2Fb", 404, "", ""),
              "a 404 of nginx's own")
    line, _ = line_of("/sql/\xff\xfe")
    Tap.equal(line["path"], "/sql/", "bytes that are not ASCII end the path")
    line, _ = line_of('/sql/a"b\\c')
    Tap.equal(line["path"], '/sql/a"b\\c', "quotes are escaped")
    line, _ = line_of("/sql/" + "x" * 3000)
    Tap.equal(len(line["path"]), 256, "a long path is cut")
    line, _ = line_of("/kv/get/%zz?_token=s3cret")
    Tap.equal((line["path"], line["status"], line["pool"]), ("/kv/get/%zz", 400, "kv"), "a malformed request has its line")
    line, _ = line_of("/hello", headers={"X-Behave": "die"})
    Tap.equal((line["status"], line["upstream_status"]), (503, "502"), "503 for the client, 502 from the worker")

    before = len(nginx.log())
    nginx.raw(b"GET /hello\r\n")
    nginx.raw(b"\x00\xff\r\n\r\n")
    nginx.raw(b"GET /kv/get/\"\x1b[31m HTTP/1.1\r\n\r\n")
    Tap.ok(wait_until(lambda: len(nginx.log()) >= before + 3), "what is no request has its line too", nginx.log()[before:])
    broken = []
    for text in nginx.log():
        try:
            if list(json.loads(text)) != FIELDS:
                broken.append(text)
        except ValueError:
            broken.append(text)
    Tap.ok(not broken and len(nginx.log()) > count, "every line of the log is valid JSON", broken[:3])
    Tap.ok(not [text for text in nginx.log() if "s3cret" in text], "no token, value or query string is in the access log")

    def reopened():
        """By whom: the master makes the file, the worker that writes comes later."""
        return [text for text in nginx.log("error.log") if "reopening logs" in text]
    before = len(reopened())
    os.rename(nginx.state + "/access.log", nginx.state + "/access.log.1")
    nginx.process.send_signal(signal.SIGUSR1)
    Tap.ok(wait_until(lambda: os.path.exists(nginx.state + "/access.log") and len(reopened()) >= before + 1 + len(nginx.workers())),
           "USR1 reopens the log", reopened())
    line, _ = line_of("/kv/get/k")
    Tap.equal(line.get("path"), "/kv/get/k", "and it is written to")
