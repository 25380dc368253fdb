"""dialects.py: for each dialect one read and one write, its store, and what its 503 looks like."""

import itertools

from harness import check, equal

SHOP = {"dataSource": "mongodb-atlas", "database": "shop"}

_numbers = itertools.count(1)


class Dialect:
    def __init__(self, pool, store, keys):
        self.pool, self.store, self.keys = pool, store, keys

    def __str__(self):
        return self.pool

    def read(self, client):
        """Past the cache: the store itself must answer."""
        fresh = {"Cache-Control": "no-cache"}
        if self.pool == "sql":
            return client.get("/sql/product?id=eq.1", fresh)
        if self.pool == "kv":
            return client.get("/kv/get/shop:name")
        wanted = {"filter": {"_id": "review-001"}, "collection": "reviews", **SHOP}
        return client.post("/doc/action/findOne", json=wanted, headers=fresh)

    def write(self, client):
        mark = "faults-%d" % next(_numbers)
        if self.pool == "sql":
            return client.post("/sql/traffic_mark", json={"mark": mark})
        if self.pool == "kv":
            return client.post("/kv", json=["SET", "faults:" + mark, mark])
        return client.post("/doc/action/insertOne", json={"document": {"mark": mark}, "collection": "faults", **SHOP})

    def refused(self, answer):
        """A 503 of the dialect that says when to come again."""
        equal(answer.status, 503, "%r: the status" % answer)
        equal((answer.header("content-type") or "").partition(";")[0], "application/json", "the type")
        equal(set(answer.json()), self.keys, "the keys of the body")
        check((answer.header("Retry-After") or "").isdigit(), "Retry-After", answer.headers)
        if self.pool == "sql":
            check(answer.json()["code"].startswith("PGRST0"), "the code", answer)
        if self.pool == "doc":
            equal(answer.json()["error_code"], "ServiceUnavailable", "the code")

    def failed(self, answer):
        """A 503 or 504 of the dialect: the store did not answer, or not in time."""
        check(answer.status in (503, 504), "503 or 504", answer)
        equal(set(answer.json()), self.keys, "the keys of the body")


SQL = Dialect("sql", "mysql", {"code", "message", "details", "hint"})
DOC = Dialect("doc", "mongo", {"error", "error_code", "link"})
KV = Dialect("kv", "redis", {"error"})
EACH = (SQL, DOC, KV)
