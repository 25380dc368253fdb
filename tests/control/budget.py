"""budget.py: scaling up is refused when the stores would not bear it: real servers with low limits (run says which)."""

import contextlib
import json
import re

from harness import check, equal, note, test, until
from tool import done, refused, tool

NEEDS = ("kv", "ops")
# sql: 2 x 4 = 8 of MySQL's 24, of which 2 are kept. kv and sql's cache: 8 + 8 of Redis' 60, of which 6 are kept.
SMALL = {"TRIVET_SQL_PROCESSES": "2", "TRIVET_SQL_WORKERS_MAX": "4", "TRIVET_KV_PROCESSES": "2", "TRIVET_KV_WORKERS_MAX": "4"}


def limit(store, by):
    store.admin("-e", "SET GLOBAL max_connections = %d" % by)


@test("scale up is refused beyond MySQL's max_connections less the reserve, and says the sum", needs=("sql", "ops"))
def mysql(stage):
    with stage.world(["sql"], SMALL) as world:
        children = world["sql"].children()
        message = refused(world, "scale", "sql", "=6")
        for part in ("6 processes x 4 workers", "24 connections", "takes 24 (max_connections)", "2 are kept in reserve", "--force"):
            check(part in message, "the message says " + part, message)
        in_use = int(re.search(r"(\d+) are in use now", message).group(1))
        check(1 <= in_use < 24, "connections in use", message)
        message = refused(world, "scale", "sql", "workers", "=12")
        check("2 processes x 12 workers" in message, "the sum", message)
        message = refused(world, "scale", "sql", "+1", "--pods", "2")
        check("12 connections, in 2 pods 24" in message, "the sum over pods", message)
        equal(world["sql"].children(), children, "the processes")
        equal(world.status("sql")["workers"]["max"], 8, "most workers")
        check("5 processes serve" in done(world, "scale", "sql", "=5"), "5 x 4 = 20 is borne")
        check("1 to 2 workers" in done(world, "scale", "sql", "workers", "=2"), "less is never asked about")
        check("1 to 4 workers" in done(world, "scale", "sql", "workers", "+2"), "back to 20")
        refused(world, "scale", "sql", "+1")
        check("6 processes serve" in done(world, "scale", "sql", "+1", "--force"), "--force does not ask")
        check("1 process serves" in done(world, "scale", "sql", "=1"), "scaling down from beyond the limit")


@test("the pool's own budget of connections is part of the sum", needs=("sql", "ops"))
def own_budget(stage):
    with stage.world(["sql"], {**SMALL, "TRIVET_SQL_CONNECTIONS": "10"}) as world:
        printed = done(world, "scale", "sql", "workers", "=30")
        check("budget of connections leaves it 5" in printed, "what is printed", printed)
        equal(world.status("sql")["workers"]["max"], 10, "most workers")


@test("an account's own limit counts, and a server that is full refuses", needs=("sql", "ops"))
def mysql_account(stage):
    store = stage.stores["mysql"]
    with stage.world(["sql"], SMALL) as world:
        store.sql("ALTER USER trivet_authenticator@'%' WITH MAX_USER_CONNECTIONS 13")
        try:
            check("1 to 5 workers" in done(world, "scale", "sql", "workers", "=5"), "10 of 13 less 2 are borne")
            message = refused(world, "scale", "sql", "workers", "=6")
            check("takes 13 (max_user_connections)" in message, "the account's limit", message)
            store.sql("ALTER USER trivet_authenticator@'%' WITH MAX_USER_CONNECTIONS 1")
            with world.http.kept() as kept:
                until(lambda: kept.get("/sql/product?id=eq.1", {"Cache-Control": "no-cache"}).status == 200,
                      "the only connection is in use")
                message = refused(world, "scale", "sql", "workers", "=6")
                check("takes no more connections now" in message, "it is full", message)
        finally:
            store.sql("ALTER USER trivet_authenticator@'%' WITH MAX_USER_CONNECTIONS 0")


@test("scale up is refused beyond Redis' maxclients, over all pools that use it", needs=("sql", "kv", "ops"))
def redis(stage):
    with stage.world(["sql", "kv"], SMALL) as world:
        check("11 processes serve" in done(world, "scale", "kv", "=11"), "11 x 4 + 8 of the cache = 52 of 54")
        message = refused(world, "scale", "kv", "+1")
        for part in ("12 processes x 4 workers", "56 connections", "takes 60 (maxclients)", "6 are kept"):
            check(part in message, "the message says " + part, message)
        message = refused(world, "scale", "sql", "+1")
        check("Redis" in message and "56 connections" in message, "sql's cache is part of the sum", message)
        done(world, "scale", "kv", "=2")
        check("3 processes serve" in done(world, "scale", "sql", "+1"), "and borne when kv has less")


@contextlib.contextmanager
def redis_user(store, *rules):
    store.redis("ACL", "SETUSER", "modest", "on", ">pass", "~*", "+@all", *rules)
    try:
        yield store.url.replace("?db=0", "?db=0&user=modest&password=pass")
    finally:
        store.redis("ACL", "DELUSER", "modest")


@test("a limit that the login may not see is said to be unknown, and does not refuse")
def redis_unknown(stage):
    with stage.world(["kv"], SMALL) as world:
        with redis_user(stage.stores["redis"], "-info", "-config") as url:
            ran = tool(world, "scale", "kv", "=14", env={"TRIVET_REDIS_URL": url})
            equal(ran.returncode, 0, "the exit status")
            check("is not known" in ran.stderr and "56" in ran.stderr and "14 processes" in ran.stdout, "it is said", ran)
        with redis_user(stage.stores["redis"], "-config") as url:
            message = refused(world, "scale", "kv", "+1", env={"TRIVET_REDIS_URL": url})
            check("maxclients" in message, "INFO tells it, too", message)
        for env, part in [({"TRIVET_REDIS_URL": ""}, "not in this configuration"),
                          ({"TRIVET_REDIS_URL": "redis://127.0.0.1:1"}, "cannot be reached")]:
            ran = tool(world, "scale", "kv", "+1", env=env)
            equal(ran.returncode, 0, "the exit status with %s" % env)
            check(part in ran.stderr, "why it is not known", ran.stderr)


@test("a cache with a Redis of its own is asked apart", needs=("sql", "kv", "ops"))
def cache_apart(stage):
    cache = stage.stores["redis"].url.replace("db=0", "db=1")
    with stage.world(["sql", "kv"], {**SMALL, "TRIVET_CACHE_URL": cache}) as world:
        env = {"TRIVET_CACHE_URL": cache}
        check("13 processes serve" in done(world, "scale", "kv", "=13", env=env), "13 x 4 = 52 of 54 without sql")
        refused(world, "scale", "kv", "+1", env=env)
        check("3 processes serve" in done(world, "scale", "sql", "+1", env=env), "and sql's cache alone")
        message = refused(world, "scale", "sql", "=14", "--json", env={**env, "TRIVET_MYSQL_URL": ""})
        check("the cache's Redis" in message and "56 connections" in message, "it has a limit as well", message)


@test("what MongoDB says of its connections is taken, or said to be unknown", needs=("doc", "ops"))
def mongo(stage):
    with stage.world(["doc"], {**SMALL, "TRIVET_CACHE_ENABLED": "false"}) as world:
        ran = tool(world, "scale", "doc", "+1", "--pods", "90000")
        note(ran.stderr.strip() or ran.stdout.strip())
        if ran.returncode == 0:
            check("how many connections MongoDB takes is not known" in ran.stderr, "it is said", ran)
        else:
            check("more than MongoDB bears" in ran.stderr and "net.maxIncomingConnections" in ran.stderr, "it is said", ran)
        answer = json.loads(done(world, "scale", "doc", "=3", "--json"))
        equal(answer["processes"], 3, "processes")
