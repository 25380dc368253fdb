#!/usr/bin/env python3
"""startup: how long after its start the app container gives the first 200 through nginx, three times, by two clocks: since the engine
said that it started, which Engine 28 says before it joins the container to its networks (some 40 ms for each) and runs the first
program; and since that program ran, which is what is ours of it. Both are told beside the target, which by its words is for the
first. The best time is what the container can do, the others what this machine was doing beside.

usage: startup.py PORT CONTAINER"""

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../harness"))
from wait import until  # noqa: E402

PORT, CONTAINER = int(sys.argv[1]), sys.argv[2]
PATHS = ("/hello", "/sql/product?id=eq.1")
TARGET_MS = 150


def docker(*arguments):
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


def seconds_of(text):
    # Docker leaves out zeros at the end, of a whole second the point as well.
    whole, fraction = re.fullmatch(r"([^.]*?)(?:\.(\d+))?Z", text).groups()
    return datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc).timestamp() + float("0." + (fraction or "0"))


def started():
    """When the engine says that the container started, and when its first program says so."""
    said = json.loads(docker("inspect", CONTAINER))[0]["State"]["StartedAt"]
    return seconds_of(said), seconds_of(until(lambda: first_word(said), "the first program's word is in the log"))


def first_word(since):
    lines = [json.loads(line) for line in docker_logs(since) if '"pool":"pools"' in line]
    return next((line["time"] for line in lines if line["event"] == "start"), None)


def docker_logs(since):
    return subprocess.run(["docker", "logs", "--since", since, CONTAINER], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True).stdout.splitlines()


def first_good(path, found):
    deadline = time.time() + 120
    while time.time() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                found[path] = time.time()
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.003)


def milliseconds(values):
    return ", ".join("%.0f" % (value * 1000) for value in values) + " ms"


engine, ours, all_ = [], {path: [] for path in PATHS}, {path: [] for path in PATHS}
for _ in range(3):
    docker("stop", CONTAINER)
    found = {}
    askers = [threading.Thread(target=first_good, args=(path, found)) for path in PATHS]
    for asker in askers:
        asker.start()
    docker("start", CONTAINER)
    for asker in askers:
        asker.join()
    container, program = started()
    engine.append(program - container)
    for path in PATHS:
        ours[path].append(found[path] - program)
        all_[path].append(found[path] - container)


def best(results):
    """Of the slower path."""
    return "%.0f" % (max(min(times) for times in results.values()) * 1000)


print("from the engine's word that the container started to its first program's: %s" % milliseconds(engine))
for path in PATHS:
    print("%s: first 200 %s after the engine's word, %s after the first program's" % (path, milliseconds(all_[path]), milliseconds(ours[path])))
print("best=%s ms after the engine's word, %s ms after the first program's, the slower of the two paths; the target is %d ms" % (
    best(all_), best(ours), TARGET_MS))
