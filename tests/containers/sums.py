#!/usr/bin/env python3
"""sums: what docs/deploy.md says of connections and memory under compose, worked out anew from what compose makes of the project, as
it comes and with each of the page's own commands. A reload by HUP has old and new processes beside each other: everything twice. TAP
lines on standard output.

usage: sums.py PROJECT DEPLOY.md"""

import json
import os
import re
import shlex
import subprocess
import sys

PROJECT, PAGE = sys.argv[1:]
with open(PAGE, encoding="utf-8") as file:
    TEXT = file.read()
with open(PROJECT + "/containers/compose/redis/redis.conf", encoding="utf-8") as file:
    REDIS = int(re.search(r"^maxclients (\d+)$", file.read(), re.M).group(1))
# The stores that a worker connects to, as in tests/kubernetes/budget.py, where the running pools' own words are held against it.
POOLS = {"sql": ("mysql", "redis"), "doc": ("mongo", "redis"), "kv": ("redis",),
         "ops": ("mysql", "mongo", "redis"), "hello": ("mysql", "mongo", "redis")}
RELOAD = 2
MIB = 2**20
failed = 0


def check(what, right, seen):
    global failed
    if not right:
        print("# %s" % (seen,))
    print("%s - sums: %s" % ("ok" if right else "not ok", what))
    failed += not right


def says(what, words):
    """The page has these words, whatever its lines' ends."""
    check(what, " ".join(words.split()) in " ".join(TEXT.split()), "docs/deploy.md lacks: " + words)


def configured(settings):
    done = subprocess.run(["docker", "compose", "--project-directory", PROJECT, "config", "--format", "json"], check=True,
                          env={**os.environ, **settings}, capture_output=True, text=True)
    return json.loads(done.stdout)["services"]


def size(text):
    text = str(text)
    return int(text[:-1]) * {"k": 2**10, "m": MIB, "g": 2**30}[text[-1]] if text[-1] in "kmg" else int(text)


def workers(services, pool):
    said = services["app"]["environment"]
    return int(said["TRIVET_%s_PROCESSES" % pool.upper()]) * int(said["TRIVET_%s_WORKERS_MAX" % pool.upper()])


def connections(services, store, extra=0):
    """While a reload lasts; extra: workers of sql beside those configured."""
    return RELOAD * (extra + sum(workers(services, pool) for pool, stores in POOLS.items() if store in stores))


def limits(services):
    command = " ".join(services["mysql"]["command"])
    return {"mysql": int(re.search(r"--max-connections=(\d+)", command).group(1)), "redis": REDIS}


def memory(services):
    """What app may come to need, in MiB."""
    busy = sum(workers(services, pool) for pool in ("sql", "doc", "kv"))
    return (RELOAD * busy * size(services["app"]["environment"]["TRIVET_LIMITS_MEMORY"]) >> 20) + 128


def holds(name, settings):
    services = configured(settings)
    need, have = memory(services), size(services["app"]["deploy"]["resources"]["limits"]["memory"]) >> 20
    check("%s: app's memory holds all workers at their limit, in a reload too" % name, need <= have, "%d of %d MiB" % (need, have))
    for store, limit in limits(services).items():
        sum_, room = connections(services, store), limit - limit // 10
        check("%s: %s has the connections, a tenth left to others" % (name, store), sum_ <= room, "%d of %d" % (sum_, room))
    return services


plain = holds("as it comes", {})
says("the memory that the page works out", "As it comes, %d MiB." % memory(plain))
says("the limits that the page names", "MySQL takes %(mysql)d here, Redis %(redis)d." % limits(plain))
for store, name in (("mysql", "MySQL"), ("mongo", "MongoDB"), ("redis", "Redis")):
    row = re.search(r"^\| %s \|.*= \*\*(\d+)\*\* \|$" % name, TEXT, re.M)
    check("the page's row of " + name, row and RELOAD * int(row.group(1)) == connections(plain, store),
          "%s; all in all %d" % (row and row.group(0), connections(plain, store) // RELOAD))

# sql alone, as far as MySQL goes, in multiples of what it comes with.
own, room = workers(plain, "sql"), limits(plain)["mysql"] * 9 // 10
times = next(times for times in range(100, 0, -1) if connections(plain, "mysql", (times - 1) * own) <= room)
says("how often sql fits into MySQL", "sql may have %d times the workers it comes with (%d)" % (times, times * own))
check("and Redis then has room", connections(plain, "redis", (times - 1) * own) <= REDIS * 9 // 10, "no")

commands = re.findall(r"^# sql: (\d+) processes × (\d+) workers = (\d+) connections, (\d+) while HUP reloads\n(.*) docker compose up", TEXT, re.M)
check("the page has commands that scale", len(commands) >= 2, commands)
for *said, words in commands:
    settings = dict(word.split("=", 1) for word in shlex.split(words))
    environment = holds(words, settings)["app"]["environment"]
    processes, each = int(environment["TRIVET_SQL_PROCESSES"]), int(environment["TRIVET_SQL_WORKERS_MAX"])
    check(words + ": what the page says of it", [int(number) for number in said] == [
        processes, each, processes * each, RELOAD * processes * each], said)
check("no command that scales goes unlooked at", len(re.findall(r"^TRIVET_\w+=.* docker compose up -d app$", TEXT, re.M)) == len(commands),
      "a command without its sum")
sys.exit(failed != 0)
