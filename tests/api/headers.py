"""headers.py: headers that are ours and that no client may pose as."""

import re

from harness import check, equal, expect, test, until

NEEDS = ("ops", "hello", "kv")

MADE_BY_NGINX = re.compile(r"[0-9a-f]{32}")


@test("every answer has one X-Request-Id, errors of nginx too")
def request_id_everywhere(world):
    asked = [world.http.get(path) for path in ("/hello", "/healthz", "/readyz", "/kv/ping", "/kv/nosuchcommand", "/nothing", "/")]
    asked.append(world.http.request("TRACE", "/hello"))
    asked.append(world.http.raw(b"GET /%zz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"))
    asked.append(world.http.raw(b"nonsense\r\n\r\n"))
    asked += [world.ops.get(path) for path in ("/status", "/metrics", "/nothing")]
    seen = set()
    for answer in asked:
        equal(len(answer.all("X-Request-Id")), 1, "%r: the number of request ids" % answer)
        check(MADE_BY_NGINX.fullmatch(answer.header("X-Request-Id")), "an id", answer.headers)
        seen.add(answer.header("X-Request-Id"))
    equal(len(seen), len(asked), "different ids")


@test("every dialect's answers have it as well", needs=("sql", "doc", "kv"))
def request_id_of_dialects(world):
    for answer in (world.http.get("/sql/product?limit=1"), world.http.get("/rest/v1/nosuch"),
                   world.http.post("/doc/action/find", json={}), world.http.post("/kv", json=["GET", "k"])):
        equal(len(answer.all("X-Request-Id")), 1, "%r: the number of request ids" % answer)


@test("a harmless X-Request-Id of the client is kept, and stands in the worker's log")
def request_id_kept(world):
    for name in ("abcd1234", "A-b_c.D-0123456789", "x" * 64):
        answer = world.http.get("/kv/ping", {"X-Request-Id": name})
        equal(answer.header("X-Request-Id"), name, "the id")
        # The line follows the answer.
        until(lambda: any('"request_id":"%s"' % name in line for line in world["kv"].lines()), "the log knows " + name)


@test("an X-Request-Id that could hurt is replaced")
def request_id_replaced(world):
    for name in ("short", "x" * 65, "a b c d e f", 'a"b"c"d"e', "<script>alert(1)", "%0d%0aabcdef", "abcdefgh;i",
                 "\u00e4bcdefghij"):
        answer = world.http.get("/kv/ping", {"X-Request-Id": name.encode("latin-1")})
        check(MADE_BY_NGINX.fullmatch(answer.header("X-Request-Id")), "%r is replaced" % name, answer.headers)


@test("two X-Request-Id headers do no harm")
def request_id_twice(world):
    answer = world.http.raw(b"GET /hello HTTP/1.1\r\nHost: t\r\nX-Request-Id: aaaaaaaa\r\nX-Request-Id: bbbbbbbb\r\n"
                            b"Connection: close\r\n\r\n")
    expect(answer, 200)
    equal(len(answer.all("X-Request-Id")), 1, "request ids")


@test("a client's TRIVET_* headers and parameters do not become ours")
def no_posing(world):
    world.http.post("/kv", json=["SET", "headers:mine", "mine"])
    world.http.post("/kv", json=["SET", "headers:other", "other"])
    posing = {"Trivet-Path": "/get/headers:other", "TRIVET_PATH": "/get/headers:other", "Trivet_Path": "/get/headers:other",
              "X-Trivet-Path": "/get/headers:other", "TRIVET-REQUEST-ID": "posing-as-another",
              "TRIVET_REQUEST_ID": "posing-as-another",
              "TRIVET_START": "1.000", "Trivet-Start": "1.000", "Request-Method": "DELETE", "REQUEST_METHOD": "DELETE",
              "Query-String": "_token=x", "QUERY_STRING": "x"}
    answer = expect(world.http.get("/kv/get/headers:mine", posing), 200, {"result": "mine"})
    check(MADE_BY_NGINX.fullmatch(answer.header("X-Request-Id")), "the id is nginx's own", answer.headers)


@test("TRIVET_START of a client cannot make its request look old or young")
def start_is_nginx_own(world):
    before = world.counter("kv", "shed_queue")
    for value in ("0.000", "1.000", "99999999999.999", "-1"):
        expect(world.http.get("/kv/ping", {"TRIVET_START": value, "TRIVET-START": value}), 200)
    equal(world.counter("kv", "shed_queue"), before, "requests shed")


@test("Proxy does not reach the workers")
def proxy(world):
    expect(world.http.get("/hello", {"Proxy": "http://127.0.0.1:9/"}), 200)
    expect(world.http.post("/kv", json=["PING"], headers={"Proxy": "http://127.0.0.1:9/"}), 200, {"result": "PONG"})


@test("Content-Length cannot be said twice")
def content_length_twice(world):
    answer = world.http.raw(b"POST /kv HTTP/1.1\r\nHost: t\r\nContent-Length: 8\r\nContent-Length: 9\r\n\r\n[\"PING\"]x")
    equal(answer.status, 400, "the status")


@test("security headers are on every answer")
def security_headers(world):
    for answer in (world.http.get("/hello"), world.http.get("/kv/ping"), world.http.get("/nothing"), world.http.get("/")):
        equal(answer.header("X-Content-Type-Options"), "nosniff", answer.asked)
        equal(answer.header("X-Frame-Options"), "DENY", answer.asked)
        equal(answer.header("Referrer-Policy"), "no-referrer", answer.asked)
        check("/" not in (answer.header("Server") or ""), "no version in Server", answer.headers)


@test("chunked bodies arrive whole")
def chunked(world):
    answer = world.http.raw(b"POST /kv HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                            b"4\r\n[\"EC\r\n10\r\nHO\",\"in pieces\"]\r\n0\r\n\r\n")
    expect(answer, 200, {"result": "in pieces"})


@test("Expect: 100-continue is answered")
def expect_continue(world):
    with world.http.connect(5) as link:
        link.sendall(b"POST /kv HTTP/1.1\r\nHost: t\r\nContent-Length: 8\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        check(link.recv(100).startswith(b"HTTP/1.1 100"), "100 Continue")
        link.sendall(b'["PING"]')
        check(b'{"result":"PONG"}' in link.recv(4096), "PONG")


@test("HTTP/1.0 and kept connections work")
def versions(world):
    expect(world.http.raw(b"GET /kv/ping HTTP/1.0\r\n\r\n"), 200, {"result": "PONG"})
    with world.http.kept() as kept:
        for number in range(20):
            expect(kept.get("/kv/echo/%d" % number), 200, {"result": str(number)})


@test("pipelined requests are answered in order")
def pipelined(world):
    with world.http.connect(5) as link:
        link.sendall(b"".join(b"GET /kv/echo/n%d HTTP/1.1\r\nHost: t\r\n%s\r\n" % (n, b"Connection: close\r\n" if n == 9 else b"")
                              for n in range(10)))
        got = b""
        while piece := link.recv(65536):
            got += piece
    equal(re.findall(rb'"result":"n(\d)"', got), [b"%d" % n for n in range(10)], "the answers")
