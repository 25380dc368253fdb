#!/usr/bin/env python3
"""load: HTTP requests from a few threads until told to stop (standard input closes) or the server takes no more; then one JSON line
with what became of them. A request is lost when it was on its way to a server that had taken the connection, and no whole
good answer came back. That nobody listens any more is the end, not a loss.

usage: load.py HOST PORT THREADS once|kept PATH...     once: a connection for each request; kept: as HTTP/1.1 keeps them"""

import http.client
import json
import sys
import threading
import time

host, port, threads, kept = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "kept"
paths = sys.argv[5:]
stop = threading.Event()
lock = threading.Lock()
counts = {"good": 0, "lost": 0, "statuses": {}, "what": [], "slowest_ms": 0}


def note(status, what=None, took=0.0):
    with lock:
        if status == 200:
            counts["good"] += 1
        else:
            counts["lost"] += 1
            counts["statuses"][str(status)] = counts["statuses"].get(str(status), 0) + 1
            if len(counts["what"]) < 5:
                counts["what"].append(str(what))
        counts["slowest_ms"] = max(counts["slowest_ms"], round(took * 1000, 1))


def client(number):
    turn, connection = number, None
    while not stop.is_set():
        turn += 1
        fresh = connection is None
        if fresh:
            connection = http.client.HTTPConnection(host, port, timeout=30)
            try:
                connection.connect()
            except OSError:
                return  # nobody takes connections any more
        began = time.monotonic()
        try:
            connection.request("GET", paths[turn % len(paths)], headers={} if kept else {"Connection": "close"})
            answer = connection.getresponse()
            body = answer.read()
            note(answer.status, body[:200], time.monotonic() - began)
            if not kept or answer.will_close:
                connection.close()
                connection = None
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            connection = None
            # A kept connection that was idle may be closed just as it is used again: HTTP lets a client repeat that, and all do.
            if not fresh and isinstance(error, (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)):
                continue
            note(0, "%r" % error)


workers = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(threads)]
for worker in workers:
    worker.start()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
for worker in workers:
    worker.join()
print(json.dumps(counts))
