"""harness: what the suites that drive the real binaries through nginx share: private stores, pools, nginx, a client, TAP lines.

Decides nothing about what is right; that is in the suites. A test is a function that takes a world:

    from harness import expect, test

    @test("a key that was set can be read")
    def set_and_get(world):
        expect(world.http.post("/kv", json=["SET", "k", "v"]), 200, json={"result": "OK"})
        expect(world.http.get("/kv/get/k"), 200, json={"result": "v"})

Python's standard library alone, 3.11 and later.
"""

from .check import check, equal, expect
from .client import Broken, Client
from .stage import Stage
from .store import Store, Stores, stores_of
from .suite import Suite, note, test
from .wait import until
from .world import World

__all__ = ["Broken", "Client", "Stage", "Store", "Stores", "Suite", "World", "check", "equal", "expect", "note", "stores_of",
           "test", "until"]
