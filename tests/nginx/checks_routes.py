"""checks_routes.py: which path reaches which pool, and exactly what a worker is told."""

import base64
import hashlib
import random
import re
import time

from harness import Tap

ROUTES = [  # raw path, pool, TRIVET_PATH
    ("/sql", "sql", "/"),
    ("/sql/", "sql", "/"),
    ("/sql/product", "sql", "/product"),
    ("/sql/rpc/add", "sql", "/rpc/add"),
    ("/rest/v1", "sql", "/"),
    ("/rest/v1/", "sql", "/"),
    ("/rest/v1/product?id=eq.1", "sql", "/product"),
    ("/sql?x=1", "sql", "/"),
    ("/doc/action/find", "doc", "/action/find"),
    ("/doc/action/", "doc", "/action/"),
    ("/app/data-abcde/endpoint/data/v1/action/findOne", "doc", "/action/findOne"),
    ("/app/x/endpoint/data/beta/action/find?secret=1", "doc", "/action/find"),
    ("/kv", "kv", "/"),
    ("/kv?_token=t", "kv", "/"),
    ("/kv/", "kv", "/"),
    ("/kv/get/k", "kv", "/get/k"),
    ("/kv/pipeline", "kv", "/pipeline"),
    ("/kv/get/a%2Fb", "kv", "/get/a%2Fb"),
    ("/kv/get/%2f%2F", "kv", "/get/%2f%2F"),
    ("/kv/set/sp%20ace/a%2Fb%3Fc%23d", "kv", "/set/sp%20ace/a%2Fb%3Fc%23d"),
    ("/kv/set/emp//", "kv", "/set/emp//"),
    ("/kv//get/k", "kv", "//get/k"),
    ("/kv/get/k?", "kv", "/get/k"),
    ("/kv/get/a+b;c=d&e,f:g@h!$'()*~", "kv", "/get/a+b;c=d&e,f:g@h!$'()*~"),
    ("/kv/get/...", "kv", "/get/..."),
    ("/kv/get/.a/b.", "kv", "/get/.a/b."),
    ("/kv/get/%C3%BC", "kv", "/get/%C3%BC"),
    ("/kv/get/\xff\xc3\xbc", "kv", "/get/\xff\xc3\xbc"),
    ("/kv/get/a%0Ab", "kv", "/get/a%0Ab"),
    ("/kv/get/k?next=../../x", "kv", "/get/k"),
    ("/hello", "hello", "/hello"),
    ("/hello?name=x", "hello", "/hello"),
    ("/healthz", "ops", "/healthz"),
    ("/readyz", "ops", "/readyz"),
]

NOWHERE = ["/x", "/sqlx", "/sql.php", "/rest", "/rest/v2/x", "/doc", "/doc/", "/doc/find", "/doc/action", "/app", "/app/x/y",
           "/app/x/endpoint/data/v1", "/app//endpoint/data/v1/action/find", "/kvx", "/hello/", "/hello/x", "/healthz/",
           "/status", "/metrics", "/nginx_status", "/index.html", "/nginx.conf", "/_error", "/favicon.ico", "//sql/x",
           "//kv/get/k", "/rest//v1/x", "/SQL/x", "/a/../b"]

SMUGGLES = ["/kv/../sql/x", "/sql/../kv/get/k", "/kv/%2e%2e/sql/x", "/kv/.%2E/sql/x", "/kv/..%2Fsql%2Fx", "/kv/get/..%2f..%2fx",
            "/kv/get/..", "/kv/get/.", "/kv/./get/k", "/kv/get/%2e%2E", "/kv/get/%2e?x=1", "/x/../sql/x", "/x/..%2Fkv/get/k",
            "/%73ql/x", "/k%76/get/k", "/rest%2Fv1/x", "/kv%2Fget%2Fk", "/rest/%76%31/x", "/sql/x#y", "/kv/get/k#/../..",
            "/app/x/endpoint/data/v1%2Faction/find", "/doc%2Faction/find", "/doc/x/../action/find", "/kv%0A", "/hell%6F",
            "/app/x%2F..%2Fy/endpoint/data/v1/action/find", "/sql/../../sql/x", "/../sql/x", "/kv/a/..", "/sql%00/x"]


def check(nginx, backend):
    routes(nginx)
    refusals(nginx)
    random_paths(nginx, backend)
    parameters(nginx)
    request_ids(nginx)
    operations(nginx, backend)
    page(nginx)


def routes(nginx):
    for raw, pool, path in ROUTES:
        told = nginx.ask(raw).json() or {"params": {}}
        seen = (told.get("pool"), told["params"].get("TRIVET_PATH"), told["params"].get("QUERY_STRING"))
        Tap.equal(seen, (pool, path, raw.partition("?")[2]), "%r goes to %s as %r" % (raw, pool, path))
    told = nginx.raw(b"GET http://example.org/kv/get/a%2Fb?x=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").json()
    Tap.equal((told["pool"], told["params"]["TRIVET_PATH"]), ("kv", "/get/a%2Fb"), "the absolute form is a path too")


def refusals(nginx):
    for raw in NOWHERE:
        answer = nginx.ask(raw)
        Tap.ok(answer.status == 404 and "error" in str(answer.json()) or "PGRST125" in str(answer.json()),
               "%r is nowhere: 404 in JSON" % raw, answer)
    for raw in SMUGGLES:
        answer = nginx.ask(raw)
        Tap.ok(answer.status in (400, 404) and answer.header("x-worker") is None, "%r reaches no worker" % raw, answer)


def random_paths(nginx, backend):
    """Whatever is asked: what reaches a pool is that pool's prefix followed by TRIVET_PATH, byte for byte."""
    prefix = {"sql": r"/(?:sql|rest/v1)", "doc": r"/doc(?=/action/)|/app/[^/]+/endpoint/data/[^/]+(?=/action/)",
              "kv": r"/kv", "hello": r"(?=/hello$)", "ops": r"(?=/(?:healthz|readyz)$)"}
    pieces = ["/", "/", "/", "..", ".", "%2e", "%2E%2e", "%2F", "%2f..", "sql", "kv", "rest", "v1", "doc", "action", "app",
              "endpoint", "data", "hello", "healthz", "%73ql", "k%76", "get", "a", "%25", "%3F", "?", "#", ";", "//", "\xe9"]
    starts = ["/sql", "/kv", "/rest/v1", "/doc/action/", "/app/i/endpoint/data/v1/action/", "/", "/hello", "/healthz"]
    rng = random.Random(20250930)
    wrong, reached = [], 0
    for _ in range(3000):
        raw = rng.choice(starts) + "".join(rng.choice(pieces) for _ in range(rng.randrange(7)))
        answer = nginx.ask(raw)
        if answer.header("x-worker") is None:
            if answer.status not in (200, 400, 404) or (answer.status == 200 and not re.match(r"/(\?|$)", raw)):
                wrong.append((raw, answer))
            continue
        reached += 1
        told, path = answer.json(), raw.partition("?")[0]
        match = re.match(prefix[told["pool"]], path)
        want = (path[match.end():] or "/") if match else None
        if told["params"]["TRIVET_PATH"] != want or re.search(r"(^|/|%2f)(\.|%2e){1,2}(/|%2f|$)", path, re.I):
            wrong.append((raw, told["pool"], told["params"]["TRIVET_PATH"]))
    Tap.ok(not wrong and reached > 500, "3000 random paths: every worker is told the raw path below its prefix", (reached, wrong))


def parameters(nginx):
    before = time.time()
    answer = nginx.ask("/sql/product?a=%20&b=1", "POST", {
        "Content-Type": "application/json", "Proxy": "http://evil/", "Trivet-Path": "/evil", "TRIVET_PATH": "/evil",
        "TRIVET_REQUEST_ID": "evil-evil", "Trivet_Start": "0", "X-Trivet-Path": "/evil", "Range": "0-9", "Accept-Profile": "p",
        "Remote-Addr": "6.6.6.6", "X-Request-Id": "bad id"}, b'{"a":1}')
    told = answer.json()
    params = told["params"]
    ours = {name for name in told["names"] if not name.startswith("HTTP_")}
    Tap.equal(ours, {"REQUEST_METHOD", "REQUEST_URI", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH", "REMOTE_ADDR",
                     "SERVER_PROTOCOL", "TRIVET_PATH", "TRIVET_START", "TRIVET_REQUEST_ID"},
              "a worker is told our parameters and the client's headers, nothing else")
    Tap.equal(len(told["names"]), len(set(told["names"])), "no parameter comes twice")
    Tap.equal([params[n] for n in ("REQUEST_METHOD", "REQUEST_URI", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH",
                                   "REMOTE_ADDR", "SERVER_PROTOCOL", "TRIVET_PATH")],
              ["POST", "/sql/product?a=%20&b=1", "a=%20&b=1", "application/json", "7", "127.0.0.1", "HTTP/1.1", "/product"],
              "the parameters are what the client sent, raw")
    Tap.ok(abs(float(params["TRIVET_START"]) - before) < 5 and re.fullmatch(r"\d+\.\d{3}", params["TRIVET_START"]),
           "TRIVET_START is now, in seconds with milliseconds", params["TRIVET_START"])
    Tap.equal((params.get("HTTP_RANGE"), params.get("HTTP_ACCEPT_PROFILE")), ("0-9", "p"), "headers of the dialect arrive")
    Tap.equal([n for n in told["names"] if n in ("HTTP_PROXY", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH",
                                                 "HTTP_X_REQUEST_ID", "HTTP_TRIVET_REQUEST_ID")], [],
              "Proxy and the headers that have a checked parameter are not passed, headers with _ are dropped")
    Tap.equal((params.get("HTTP_TRIVET_PATH"), params.get("HTTP_REMOTE_ADDR")), ("/evil", "6.6.6.6"),
              "a header that looks like ours stays an HTTP_ one")
    Tap.ok(answer.all("x-worker") == ["kept"] and answer.all("x-request-id") == [params["TRIVET_REQUEST_ID"]]
           and answer.all("x-frame-options") == ["DENY"], "the worker's own X-Request-Id is replaced, other headers pass", answer)

    body = bytes(range(256)) * 4096
    head = b"POST /kv HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 9999]), body[i:i + 9999]) for i in range(0, len(body), 9999))
    told = nginx.raw(head + chunks + b"0\r\n\r\n").json()
    Tap.equal((told["params"]["CONTENT_LENGTH"], told["body_length"], told["body_sha256"]),
              (str(len(body)), len(body), hashlib.sha256(body).hexdigest()), "a chunked body arrives whole, with CONTENT_LENGTH")
    told = nginx.ask("/kv/get/k").json()
    Tap.equal((told["params"]["CONTENT_LENGTH"], told["body_length"]), ("", 0), "no body, no CONTENT_LENGTH")
    for status in ("201 Created", "206 Partial Content", "404 Not Found", "405 Method Not Allowed", "416 Range Not Satisfiable",
                   "500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"):
        answer = nginx.ask("/sql/x", headers={"X-Behave": "status=" + status})
        Tap.ok(answer.status == int(status[:3]) and answer.header("x-worker") == "kept" and answer.json()["pool"] == "sql"
               and answer.header("retry-after") is None, "a worker's %s passes as it is" % status, answer)
    answer = nginx.ask("/sql/x", headers={"X-Behave": "accel"})
    Tap.ok(answer.status == 200 and answer.json()["pool"] == "sql", "X-Accel-Redirect of a worker leads nowhere", answer)


def request_ids(nginx):
    for path in ("/kv/get/k", "/nowhere", "/", "/kv/get/%zz"):
        for given, taken in (("abcdefgh", True), ("A.b_c-9" * 9, True), ("x" * 64, True), ("short12", False), ("x" * 65, False),
                             ("has space", False), ('quo"te-quote', False), ("n\xfcchtern!", False), ("", False)):
            answer = nginx.ask(path, headers={"X-Request-Id": given})
            ids = answer.all("x-request-id")
            if path.endswith("%zz"):  # refused before the headers are read
                taken = False
            good = ids == [given] if taken else len(ids) == 1 and re.fullmatch(r"[0-9a-f]{32}", ids[0])
            if path == "/kv/get/k":
                good = good and answer.json()["params"]["TRIVET_REQUEST_ID"] == ids[0]
            Tap.ok(good, "%s: X-Request-Id %r is %s" % (path, given, "taken" if taken else "replaced"), answer)


def operations(nginx, backend):
    port = nginx.ops_port
    for path in ("/status", "/metrics", "/healthz", "/readyz"):
        told = nginx.ask(path, port=port).json()
        Tap.equal((told["pool"], told["params"]["TRIVET_PATH"]), ("ops", path), "operations port: %s is answered by ops" % path)
    answer = nginx.ask("/nginx_status", port=port)
    Tap.ok(answer.status == 200 and b"Active connections" in answer.body, "operations port: stub_status", answer)
    for path in ("/", "/sql/x", "/kv", "/hello", "/status/"):
        answer = nginx.ask(path, port=port)
        Tap.ok(answer.status == 404 and answer.json(), "operations port: %s is nowhere" % path, answer)


def page(nginx):
    answer = nginx.ask("/")
    text = answer.body.decode()
    Tap.ok(answer.status == 200 and answer.header("content-type") == "text/html; charset=utf-8", "/ is the page", answer)
    policy = answer.header("content-security-policy") or ""
    styles = re.findall(r"<style>(.*?)</style>", text, re.S)
    Tap.equal((len(styles), text.count("<style")), (1, 1), "the page has one style")
    style = styles[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    Tap.ok("style-src 'sha256-%s'" % digest in policy, "the page's policy (nginx/headers.conf) has the hash of its style, "
           "sha256-" + digest, policy)
    Tap.ok("default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy,
           "the policy is closed", policy)
    Tap.ok(not re.search(r"<script|\son\w+=|\sstyle=|src=|url\(|@import|javascript:", text, re.I)
           and re.findall(r'href="([^"]*)"', text)[0].startswith("data:"), "no script, no inline handler, nothing loaded", text)
    Tap.ok('lang="en"' in text and "<title>" in text and text.count("<h1") == 1 and "<main>" in text, "language, title, heading")
    Tap.ok("curl 'http://127.0.0.1:%d/sql/product?id=eq.1'" % nginx.port in text and "<!--#" not in text,
           "its curl lines name the address it was asked under", text)
    for host in ("x'$(id)", 'a"b', "a`id`", "a&b"):
        answer = nginx.raw(b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host.encode())
        Tap.ok(answer.status == 400 or b"'http://127.0.0.1:%d/kv'" % nginx.port in answer.body,
               "a Host of %r does not reach a shell" % host, answer)
    for link in re.findall(r'href="(/[^"]*)"', text):
        Tap.ok(nginx.ask(link).status == 200, "its link %s leads somewhere" % link)
    answer = nginx.ask("/kv")
    Tap.ok(answer.header("content-security-policy") is None and answer.header("x-content-type-options") == "nosniff"
           and answer.header("x-frame-options") == "DENY" and answer.header("referrer-policy") == "no-referrer"
           and answer.header("server") == "nginx", "workers' answers: security headers, no policy, no version", answer)
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = nginx.ask("/", method)
        Tap.ok(answer.status == 405 and answer.header("allow") == "GET, HEAD" and answer.json(), "%s / is 405" % method, answer)
    Tap.equal(nginx.ask("/", "HEAD").status, 200, "HEAD / is answered")
