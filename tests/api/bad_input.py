"""bad_input.py: what each dialect says to input that is wrong, and that none of it reaches a store, least of all as code."""

import re
import urllib.parse

from harness import Broken, check, equal, expect, test

NEEDS = ("ops",)

MIB = 1 << 20
DIALECTS = ("sql", "doc", "kv")

# -- what an error looks like


def error_shape(dialect, answer):
    """The body is the dialect's, whole, and says something."""
    equal((answer.header("content-type") or "").partition(";")[0], "application/json", answer.asked + ": the type")
    body = answer.json()
    if dialect == "sql":
        equal(set(body), {"code", "message", "details", "hint"}, answer.asked + ": the keys of the body")
        check(re.fullmatch(r"PGRST[0-9A-Z]{3}|[0-9A-Z]{5}", body["code"]), "a code", body)
        said = body["message"]
    elif dialect == "doc":
        equal(set(body), {"error", "error_code", "link"}, answer.asked + ": the keys of the body")
        check(re.fullmatch(r"[A-Z][A-Za-z]+", body["error_code"]), "a code", body)
        equal(body["link"], answer.header("X-Request-Id"), answer.asked + ": the link")
        said = body["error"]
    else:
        equal(set(body), {"error"}, answer.asked + ": the keys of the body")
        said = body["error"]
    check(isinstance(said, str) and len(said) > 5, "a message", body)
    return body


def refused(dialect, answer, *statuses):
    check(answer.status in statuses, "status %s" % " or ".join(map(str, statuses)), answer)
    return error_shape(dialect, answer)


class Untouched:
    """The pool's store hears of nothing while the block runs."""

    def __init__(self, world, pool):
        self.world, self.pool = world, pool

    def __enter__(self):
        self.before = self.world.counter(self.pool, "store_calls")

    def __exit__(self, kind, *_):
        if kind is None:
            equal(self.world.counter(self.pool, "store_calls"), self.before, "the store's calls")


def each_dialect(title):
    """One test a dialect."""
    def register(function):
        for dialect in DIALECTS:
            def one(world, dialect=dialect):
                function(world, dialect)
            one.__name__ = "%s_%s" % (function.__name__, dialect)
            one.__module__ = function.__module__
            test("%s: %s" % (dialect, title), needs=("ops", dialect))(one)
        return function
    return register


# Where text of the URL's path and of its query string becomes a value.
IN_PATH = {"sql": b"/sql/%s", "doc": b"/doc/action/%s", "kv": b"/kv/set/bad/%s"}
IN_QUERY = {"sql": b"/sql/product?name=eq.%s", "kv": b"/kv/set/bad/x?EX=%s"}
SIMPLE = {"sql": b"/sql/product?limit=1", "doc": b"/doc/action/find", "kv": b"/kv/get/bad"}
METHOD = {"sql": "GET", "doc": "POST", "kv": "GET"}


def ask(world, dialect, path, headers=()):
    return world.http.raw_path(path, METHOD[dialect], headers, b"{}" if dialect == "doc" else None)


# -- the URL

MALFORMED = [b"%", b"%1", b"a%2", b"%zz", b"%u0041", b"%-1", b"%%", b"% 1".replace(b" ", b"+"), b"ok%G0", b"%0"]
OVERLONG = [b"%C0%AF", b"%C1%BF", b"%E0%80%AF", b"%F0%80%80%AF", b"%ED%A0%80", b"%F4%90%80%80", b"%FF", b"%C3", b"a%80",
            b"%FE%FE", b"%F8%88%80%80%80", b"\xc0\xaf", b"\xff", b"caf\xe9"]


@each_dialect("malformed percent-encoding is 400")
def malformed_encoding(world, dialect):
    with Untouched(world, dialect):
        for text in MALFORMED:
            refused(dialect, ask(world, dialect, IN_PATH[dialect] % text), 400)
            if dialect in IN_QUERY:
                refused(dialect, ask(world, dialect, IN_QUERY[dialect] % text), 400)


@each_dialect("NUL bytes in the URL are 400")
def nul_in_url(world, dialect):
    with Untouched(world, dialect):
        for text in (b"%00", b"a%00b", b"\x00", b"a\x00b"):
            refused(dialect, ask(world, dialect, IN_PATH[dialect] % text), 400)
            if dialect in IN_QUERY:
                refused(dialect, ask(world, dialect, IN_QUERY[dialect] % text), 400)


@each_dialect("overlong and broken UTF-8 in the URL is 4xx")
def overlong_in_url(world, dialect):
    with Untouched(world, dialect):
        for text in OVERLONG:
            # An action or a table of such a name is simply not there.
            refused(dialect, ask(world, dialect, IN_PATH[dialect] % text), *((400,) if dialect == "kv" else (400, 404)))
            if dialect in IN_QUERY:
                refused(dialect, ask(world, dialect, IN_QUERY[dialect] % text), 400)


@each_dialect("a path that could be read in two ways is 400")
def ambiguous_path(world, dialect):
    prefix = SIMPLE[dialect].split(b"?")[0]
    with Untouched(world, dialect):
        for path in (prefix + b"/../x", prefix + b"/%2e%2e/x", prefix + b"/./x", prefix + b"/%2E", prefix + b"/..%2fx"):
            answer = ask(world, dialect, path)
            check(answer.status in (400, 404), "refused", answer)
            error_shape(dialect, answer)


@each_dialect("a URL of 70 kB is 414, one that nearly fits is 431")
def long_url(world, dialect):
    with Untouched(world, dialect):
        for size, statuses in ((70000, (414,)), (1 << 20, (414,)), (63500, (431, 414))):
            path = SIMPLE[dialect].split(b"?")[0] + b"?x=" + b"y" * size
            try:
                refused(dialect, ask(world, dialect, path), *statuses)
            except Broken:
                # nginx reads no more than its buffers hold and may close on the rest.
                check(size > 100000, "an answer to %d bytes" % size)


@each_dialect("headers beyond the limit are 431")
def long_headers(world, dialect):
    with Untouched(world, dialect):
        refused(dialect, ask(world, dialect, SIMPLE[dialect], [b"X-A: " + b"a" * 40000, b"X-B: " + b"b" * 40000]), 431)


@test("kv: a key of 60 kB in the URL passes", needs=("kv", "ops"))
def long_key(world):
    expect(world.http.get("/kv/echo/" + "k" * 60000), 200, {"result": "k" * 60000})


# -- the body

BIG_PATH = {"sql": "/sql/category", "doc": "/doc/action/insertOne", "kv": "/kv/set/bad"}


@each_dialect("a body of 9 MiB is 413")
def big_body(world, dialect):
    with Untouched(world, dialect):
        for size in (9 * MIB, 8 * MIB + 1):
            answer = world.http.post(BIG_PATH[dialect], body=b"x" * size, headers={"Content-Type": "application/json"})
            refused(dialect, answer, 413)


@test("kv: a body of 8 MiB passes in and out", needs=("kv", "ops"))
def body_that_fits(world):
    expect(world.http.post("/kv/set/bad:big", body=b"x" * (8 * MIB)), 200, {"result": "OK"})
    equal(expect(world.http.get("/kv/get/bad:big"), 200).json()["result"], "x" * (8 * MIB), "the value")
    expect(world.http.get("/kv/del/bad:big"), 200)


@each_dialect("a chunked body of 9 MiB is 413")
def big_chunked_body(world, dialect):
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    head = (b"POST %s HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
            b"Connection: close\r\n\r\n")
    with Untouched(world, dialect):
        try:
            refused(dialect, world.http.raw(head % BIG_PATH[dialect].encode() + chunk * 144 + b"0\r\n\r\n"), 413)
        except Broken:
            pass  # nginx may close on the rest of the body; the answer can be lost with it


# What is wrong, and where: line and column of the byte at which it shows (None: any place).
BAD_JSON = [
    (b"[1,", (1, 4)),
    (b'["a" "b"]', (1, 6)),
    (b"\n\n  [1,]", (3, 6)),
    (b"[01]", None),
    (b'["\\x"]', None),
    (b'["\\ud800"]', None),
    (b'["a\nb"]', None),
    (b'["\xff"]', None),
    (b'["\xc0\xaf"]', None),
    (b"[NaN]", (1, 2)),
    (b"['a']", (1, 2)),
    (b"[1] x", (1, 5)),
    (b"[1.]", None),
    (b"[+1]", (1, 2)),
    (b"{1:2}", (1, 2)),
    (b'{"a":1,}', (1, 8)),
    (b'{"a" 1}', (1, 6)),
    (b"[" * 5000 + b"]" * 5000, None),
    (b"\xef\xbb\xbf[1]", None),
    (b"\x00", None),
    (b"", None),
    (b"   ", None),
]
# Where the JSON is put: as it is, or as the filter on a line of its own.
AROUND = {"sql": ("/sql/category", b"%s", 0), "kv": ("/kv", b"%s", 0),
          "doc": ("/doc/action/find",
                  b'{"dataSource":"mongodb-atlas","database":"shop","collection":"reviews","filter":\n%s}', 1)}


def position(answer):
    found = re.search(r"line (\d+), column (\d+)", answer.body.decode() + " " + (answer.header("X-Trivet-Details") or ""))
    return found and (int(found[1]), int(found[2]))


@each_dialect("bad JSON is 400 and the place is named")
def bad_json(world, dialect):
    path, around, lines = AROUND[dialect]
    with Untouched(world, dialect):
        for text, place in BAD_JSON:
            if lines and not text.strip(b" \x00[]{}x1"):
                continue  # with something around it, this is another text
            answer = world.http.post(path, body=around.replace(b"%s", text), headers={"Content-Type": "application/json"})
            refused(dialect, answer, 400)
            if place is not None:
                check(position(answer), "%r: a position" % text, answer)
                equal(position(answer), (place[0] + lines, place[1]), "%r: the position" % text)


@test("kv: a pipeline's bad JSON is 400 and the place is named", needs=("kv", "ops"))
def bad_pipeline(world):
    with Untouched(world, "kv"):
        for path in ("/kv/pipeline", "/kv/multi-exec"):
            for body in (b"", b"{}", b"[]", b'"x"', b"[1]", b"[[]", b'[["SET"],x]', b"[null]"):
                refused("kv", world.http.post(path, body=body), 400)
            answer = world.http.post(path, body=b'[["SET","a","b"],\n ["GET" "a"]]')
            refused("kv", answer, 400)
            equal(position(answer), (2, 9), "the position")


@test("kv: a command that is no array of words is 400", needs=("kv", "ops"))
def bad_command(world):
    with Untouched(world, "kv"):
        for body in (b"{}", b'"GET"', b"1", b"null", b"[]", b"[null]", b'["SET","k",null]'):
            refused("kv", world.http.post("/kv", body=body), 400)
        refused("kv", world.http.get("/kv"), 400)


@test("doc: a body that is no request is 400", needs=("doc", "ops"))
def bad_doc_request(world):
    where = {"dataSource": "mongodb-atlas", "database": "shop", "collection": "reviews"}
    with Untouched(world, "doc"):
        for body in ({}, [], "x", 1, None, {**where, "dataSource": 1}, {**where, "database": ""}, {**where, "collection": None},
                     {**where, "filter": []}, {**where, "filter": "x"}, {**where, "limit": -1}, {**where, "limit": "x"},
                     {**where, "limit": 50001}, {**where, "skip": -1}, {**where, "sort": 1}, {**where, "projection": "a"},
                     {**where, "dataSource": "another"}):
            refused("doc", world.http.post("/doc/action/find", json=body), 400)
        refused("doc", world.http.post("/doc/action/insertOne", json=where), 400)
        refused("doc", world.http.post("/doc/action/insertOne", json={**where, "document": []}), 400)
        refused("doc", world.http.post("/doc/action/insertOne", body=b"{}", headers={"Content-Type": "text/plain"}), 400)


# -- what is not there


@test("an unknown path is 404")
def unknown_path(world):
    for path in ("/nothing", "/sqlx", "/kvx/get/k", "/docs", "/doc", "/doc/", "/doc/find", "/app/x/endpoint/data/v1/find",
                 "/app/x", "/rest/v2/product", "/hello/", "/healthz/x", "/index.html", "/favicon.ico", "/.git/config",
                 "/nginx.conf"):
        answer = world.http.get(path)
        equal(answer.status, 404, path)
        dialect = "doc" if re.match(r"/(doc|app/[^/]+/endpoint)(/|$)", path) else ""
        error_shape(dialect, answer)


@test("sql: an unknown table is 404 PGRST205, a deeper path PGRST125", needs=("sql", "ops"))
def unknown_table(world):
    for prefix in ("/sql", "/rest/v1"):
        equal(refused("sql", world.http.get(prefix + "/nosuchtable"), 404)["code"], "PGRST205", "the code")
        equal(refused("sql", world.http.get(prefix + "/product/1"), 404)["code"], "PGRST125", "the code")
        equal(refused("sql", world.http.post(prefix + "/nosuchtable", json={"a": 1}), 404)["code"], "PGRST205", "the code")


@test("sql: tables that are not exposed are as unknown as others", needs=("sql", "ops"))
def hidden_table(world):
    for name in ("user", "mysql.user", "information_schema.tables", "mysql%2Fuser", "%60product%60", "product%20",
                 "shop.product"):
        refused("sql", world.http.get("/sql/" + name), 404)


@test("sql: an unknown column is 400", needs=("sql", "ops"))
def unknown_column(world):
    for query in ("nosuch=eq.1", "select=nosuch", "order=nosuch", "select=id,nosuch&id=eq.1"):
        refused("sql", world.http.get("/sql/product?" + query), 400)
    refused("sql", world.http.post("/sql/product", json={"nosuch": 1}), 400)


@test("doc: an unknown action is 404, an unknown collection is empty", needs=("doc", "ops"))
def unknown_action(world):
    for action in ("nosuch", "", "find/x", "Find", "%66ind%20"):
        refused("doc", world.http.post("/doc/action/" + action, json={}), 404)
    answer = world.http.post("/doc/action/find", json={"dataSource": "mongodb-atlas", "database": "shop", "collection": "nosuch"})
    expect(answer, 200, {"documents": []})


@test("kv: an unknown command is 400 in Redis' words", needs=("kv", "ops"))
def unknown_command(world):
    for answer in (world.http.post("/kv", json=["NOSUCH", "a"]), world.http.get("/kv/nosuch/a")):
        check(refused("kv", answer, 400)["error"].startswith("ERR unknown command"), "the message", answer)


# -- methods

WRONG_METHODS = {
    "sql": ("/sql/product", ("FOO", "TRACE", "PROPFIND"), {"OPTIONS", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}),
    "doc": ("/doc/action/find", ("GET", "PUT", "DELETE", "PATCH", "HEAD", "TRACE", "FOO"), {"POST"}),
    "kv": ("/kv/get/k", ("DELETE", "PATCH", "TRACE", "FOO"), {"HEAD", "GET", "POST", "PUT"}),
}


@each_dialect("a wrong method is 405 with Allow")
def wrong_method(world, dialect):
    path, methods, allowed = WRONG_METHODS[dialect]
    with Untouched(world, dialect):
        for method in methods:
            answer = world.http.request(method, path)
            equal(answer.status, 405, method)
            equal({name.strip() for name in (answer.header("Allow") or "").split(",")}, allowed, method + ": Allow")
            if method != "HEAD":
                error_shape(dialect, answer)


# -- HTTP itself


@test("malformed HTTP is refused with a body, and nginx stays up")
def malformed_http(world):
    for data, statuses in (
            (b"GET /kv/ping HTTP/1.1\r\n\r\n", (400,)),                                          # no Host
            (b"GET /kv/ping HTTP/9.9\r\nHost: t\r\n\r\n", (505,)),
            (b"GET kv/ping HTTP/1.1\r\nHost: t\r\n\r\n", (400,)),
            (b"G\x01T /kv/ping HTTP/1.1\r\nHost: t\r\n\r\n", (400,)),
            (b"POST /kv HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n", (400,)),
            (b"POST /kv HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999\r\n\r\n", (400,)),
            (b"POST /kv HTTP/1.1\r\nHost: t\r\nContent-Length: 1x\r\n\r\n", (400,)),
            (b"POST /kv HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\n", (501,)),
            (b"POST /kv HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nContent-Length: 8\r\n\r\n0\r\n\r\n", (400,)),
            (b"POST /kv HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", (400,)),
            (b"GET /kv/ping HTTP/1.1\r\nHost: t\r\nX-A: a\x00b\r\n\r\n", (400,)),
            (b"GET /kv/a b c HTTP/1.1\r\nHost: t\r\n\r\n", (400,)),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (400,))):                          # TLS to the wrong port
        answer = world.http.raw(data + b"\r\n\r\n" if not data.endswith(b"\n") else data)
        check(answer.status in statuses, "%r: status %s" % (data, statuses), answer)
        check("error" in answer.json() or "message" in answer.json(), "%r: a body" % data, answer)
    expect(world.http.get("/healthz"), 200)


@test("a body that ends too early is never acted on", needs=("kv", "ops"))
def cut_body(world):
    world.http.get("/kv/del/bad:cut")
    for sent in (0, 1, 100, 99999):
        with world.http.connect() as link:
            link.sendall(b"POST /kv/set/bad:cut HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n" + b"x" * sent)
    expect(world.http.get("/kv/exists/bad:cut"), 200, {"result": 0})


# -- values never become code

SQL_TRICKS = ["x' OR '1'='1", "x'; DROP TABLE orders; -- ", "\\", "\\' OR 1=1 -- ", "x' UNION SELECT user(),2,3 -- ", "%",
              "'", "\"", "`", "0x27", "x'/*", "\u02bc OR 1=1", "1;SELECT SLEEP(5)", "x\n'--", "x\x1a"]


@test("sql: values with quotes and comments are only compared", needs=("sql", "ops"))
def sql_values(world):
    look = "SELECT COUNT(*), SUM(price) FROM product; SELECT COUNT(*) FROM orders"
    before = world.stores["mysql"].sql(look)
    for text in SQL_TRICKS:
        quoted = urllib.parse.quote(text, safe="")
        expect(world.http.get("/sql/product?name=eq." + quoted), 200, [])
        listed = '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')
        expect(world.http.get("/sql/product?name=in.(%s)" % urllib.parse.quote(listed, safe="")), 200, [])
        refused("sql", world.http.get("/sql/product?id=eq." + quoted), 400, 404)
    equal(world.stores["mysql"].sql(look), before, "the tables")


@test("sql: names with quotes and comments are unknown names", needs=("sql", "ops"))
def sql_names(world):
    before = world.stores["mysql"].sql("SELECT COUNT(*), SUM(price) FROM product")
    for text in ("id`", "`id`", "id or 1=1", "id; DROP TABLE orders", "(select 1)", "id/**/", "name`,`price", "id` = 1 -- "):
        quoted = urllib.parse.quote(text, safe="")
        for query in ("%s=eq.1", "select=%s", "order=%s"):
            answer = world.http.get("/sql/product?" + query % quoted)
            # The grammar ignores what follows a name in some places; what it never does is to let it through.
            check(answer.status in (200, 400), "ignored or refused", answer)
        refused("sql", world.http.post("/sql/product", json={text: 1}), 400)
        refused("sql", world.http.get("/sql/" + quoted), 404)
    equal(world.stores["mysql"].sql("SELECT COUNT(*), SUM(price) FROM product"), before, "the table")


@test("sql: text goes in and comes out as it is", needs=("sql", "ops"))
def sql_text(world):
    for text in SQL_TRICKS:
        name = "bad_input %s" % text
        shown = {"Prefer": "return=representation"}
        number = expect(world.http.post("/sql/product", json={"name": name, "price": 1}, headers=shown), 201).json()[0]["id"]
        try:
            expect(world.http.get("/sql/product?select=name&id=eq.%d" % number), 200, [{"name": name}])
        finally:
            world.stores["mysql"].sql("DELETE FROM product WHERE id = %d" % number)


@test("doc: code and dangerous names are refused", needs=("doc", "ops"))
def doc_code(world):
    where = {"dataSource": "mongodb-atlas", "database": "shop", "collection": "reviews"}
    code = {"$function": {"body": "function() { return true; }", "args": [], "lang": "js"}}
    with Untouched(world, "doc"):
        for filter in ({"$where": "true"}, {"$and": [{"$or": [{"$where": "sleep(1000) || true"}]}]}, {"$expr": code},
                       {"a": {"$code": "function() {}"}}, {"a": {"$elemMatch": {"$where": "1"}}}):
            refused("doc", world.http.post("/doc/action/find", json={**where, "filter": filter}), 400)
            refused("doc", world.http.post("/doc/action/findOne", json={**where, "filter": filter}), 400)
        refused("doc", world.http.post("/doc/action/find", json={**where, "projection": {"x": code}}), 400)
        for document in ({"$where": 1}, {"a": {"$set": 1}}, {"a": {"$code": "1"}}):
            refused("doc", world.http.post("/doc/action/insertOne", json={**where, "document": document}), 400)
        for names in ({"database": "admin"}, {"database": "local"}, {"database": "config"}, {"collection": "system.users"},
                      {"collection": "$cmd"}, {"collection": "a\u0000b"}, {"database": "a\u0000b"}, {"database": "a b"},
                      {"database": "a/b"}, {"database": "a.b"}, {"collection": "a$b"}, {"collection": ""}):
            refused("doc", world.http.post("/doc/action/find", json={**where, **names}), 400, 403)


@test("doc: values are values", needs=("doc", "ops"))
def doc_values(world):
    where = {"dataSource": "mongodb-atlas", "database": "shop", "collection": "bad_input"}
    for text in SQL_TRICKS + ["$where", "$ne", "\u0000", "a.b"]:
        expect(world.http.post("/doc/action/insertOne", json={**where, "document": {"text": text}}), 201)
        wanted = {**where, "filter": {"text": text}, "projection": {"_id": 0}}
        expect(world.http.post("/doc/action/findOne", json=wanted), 200, {"document": {"text": text}})
