"""cases.py: what is asked in the bench, of Trivet and of the floor alike. A case is a request; nothing here measures."""

import json
from collections import namedtuple

# pool: the worker that answers; None: nginx alone. stores: whose CPU time is counted. cache: what X-Trivet-Cache must say.
# same: the floor must answer the same JSON.
Case = namedtuple("Case", "name title pool path stores method headers body cache same")


def case(name, title, pool, path, stores=(), method="GET", headers=None, body=None, cache=None, same=True):
    return Case(name, title, pool, path, stores, method, headers or {}, body, cache, same)


FIND_ONE = json.dumps({"dataSource": "mongodb-atlas", "database": "shop", "collection": "reviews",
                       "filter": {"_id": "review-001"}}, separators=(",", ":"))
READ = {"Cache-Control": "no-store"}  # of the store, not of the cache

CASES = [
    case("static", "nginx: a file", None, "/hello.json"),
    case("hello", "empty answer", "hello", "/hello", same=False),
    case("point", "sql: one row by key", "sql", "/sql/product?id=eq.1", ("mysql", "redis"), headers=READ, cache="bypass"),
    case("cached", "sql: the same, cached", "sql", "/sql/product?id=eq.1", ("mysql", "redis"), cache="hit"),
    case("rows", "sql: 100 rows", "sql", "/sql/product?order=id&limit=100", ("mysql", "redis"), headers=READ,
         cache="bypass"),
    case("doc", "doc: findOne by _id", "doc", "/doc/action/findOne", ("mongo", "redis"), "POST",
         {"Content-Type": "application/json", **READ}, FIND_ONE, "bypass"),
    case("kv", "kv: get", "kv", "/kv/get/shop:name", ("redis",)),
]

# Where the floor's stand-in for Trivet's cache looks: main.py puts the row there.
FLOOR_CACHE_KEY = "floor:product:1"


def wrk_script(asked):
    """The Lua that makes wrk ask this and print its numbers as one JSON line. Its request never changes, so wrk builds it once."""
    lines = ['wrk.method = "%s"' % asked.method]
    lines += ['wrk.headers["%s"] = "%s"' % pair for pair in asked.headers.items()]
    if asked.body is not None:
        lines.append("wrk.body = [==[%s]==]" % asked.body)
    lines.append("""
function done(summary, latency)
    local e = summary.errors
    io.write(string.format('{"requests":%d,"us":%d,"bytes":%d,"p50":%d,"p99":%d,"connect":%d,"read":%d,"write":%d,'
        .. '"status":%d,"timeout":%d}\\n', summary.requests, summary.duration, summary.bytes,
        latency:percentile(50), latency:percentile(99), e.connect, e.read, e.write, e.status, e.timeout))
end""")
    return "\n".join(lines) + "\n"
