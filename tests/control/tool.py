"""tool.py: trivet-ops as a person runs it, and the control socket as a program speaks to it."""

import json
import os
import re
import socket
import subprocess

from harness import equal
from harness.places import BIN, SRC
from harness.world import PASSED_ON

PROGRAM = os.path.join(BIN, "trivet-ops")


def environment(world, **changes):
    """What the pools have: the tool reads the same configuration."""
    found = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
    found.update(world.stores.environment(), TRIVET_WATCH_DIRECTORY=directory(world), **changes)
    return found


def directory(world):
    return os.path.join(world.directory, "run", "watch")


def tool(world, *words, env=None, seconds=90, **more):
    """seconds: more than the tool itself waits (60), so that its own word on it is heard."""
    return subprocess.run([PROGRAM, *words], env={**environment(world), **(env or {})}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds, check=False, **more)


def done(world, *words, **more):
    """What it printed; fails when its exit status is not 0."""
    ran = tool(world, *words, **more)
    if ran.returncode != 0:
        raise AssertionError("trivet-ops %s ended with %d: %s" % (" ".join(words), ran.returncode, ran.stderr))
    return ran.stdout


def refused(world, *words, status=1, **more):
    """What it said on stderr; fails when it was not refused with that status."""
    ran = tool(world, *words, **more)
    equal(ran.returncode, status, "the exit status of %s (%s%s)" % (" ".join(words), ran.stdout, ran.stderr))
    equal(ran.stdout, "", "stdout of " + " ".join(words))
    return ran.stderr


def table(text, first="POOL"):
    """Rows of a table in printed text, as dictionaries by their heads: cells are two blanks or more apart."""
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(first))
    heads = [(found.group(), found.start(), found.end()) for found in re.finditer(r"\S+(?: \S+)*", lines[at])]
    rows = []
    for line in lines[at + 1:]:
        if not line.strip():
            break
        row = {}
        for cell in re.finditer(r"\S+(?: \S+)*", line):
            # A cell lies under or over its head, whichever side it is aligned to.
            name = min(heads, key=lambda head: max(head[1] - cell.end(), cell.start() - head[2], 0))[0]
            row[name] = cell.group()
        rows.append(row)
    return rows


class Control:
    """One connection to a pool's control socket."""

    def __init__(self, world, pool, seconds=30.0):
        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.link.connect(os.path.join(directory(world), pool + ".control"))  # blocking: waits while many want in
        self.link.settimeout(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.close()

    def send(self, data):
        try:
            self.link.sendall(data)
        except BrokenPipeError:
            pass  # refused before all was sent: the answer is there
        return self

    def answer(self):
        """All until the other side closes; None when there was nothing."""
        got = b""
        try:
            while piece := self.link.recv(4096):
                got += piece
        except ConnectionResetError:
            pass  # closed while more of ours was on its way
        return json.loads(got) if got else None


def order(world, pool, text):
    with Control(world, pool) as control:
        return control.send(text.encode() + b"\n").answer()


class Lock:
    """Tables of MySQL that someone else has locked, until the block ends or release() is called."""

    def __init__(self, store, tables):
        self.client = subprocess.Popen(
            [os.path.join(SRC, "devtools/store"), "admin", store.directory, "shop", "--batch", "--skip-column-names",
             "--unbuffered"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.client.stdin.write("LOCK TABLES %s; SELECT 'locked';\n" % ", ".join(one + " WRITE" for one in tables))
        self.client.stdin.flush()

    def __enter__(self):
        equal(self.client.stdout.readline(), "locked\n", "what the client says")
        return self

    def release(self):
        if self.client.poll() is None:
            self.client.communicate("UNLOCK TABLES;\n")

    def __exit__(self, *_):
        self.release()
