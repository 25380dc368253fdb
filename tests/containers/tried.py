"""tried.py: what the tests of the programs in containers share: a list of tests, TAP lines, waiting, looking at processes. It knows no
program; pools.py and front.py run as they are, without the harness of the suites that drive workers."""

import contextlib
import json
import os
import signal
import sys
import traceback

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../harness"))
from still import has_taken, stands_still  # noqa: E402,F401
from wait import AT_ONCE, PATIENCE, until  # noqa: E402,F401

TESTS = []


def test(what):
    def note(function):
        TESTS.append((what, function))
        return function
    return note


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def equal(found, wanted, what):
    check(found == wanted, "%s: %r, not %r" % (what, found, wanted))


def halt(*pids):
    """SIGSTOP; they stand still when it returns."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        until(lambda pid=pid: stands_still(pid), "process %d stands still" % pid)


def children(pid):
    """(pid, state) of each."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError), open("/proc/%s/stat" % entry, encoding="latin-1") as file:
                fields = file.read().rpartition(")")[2].split()
                if int(fields[1]) == pid:
                    found.append((int(entry), fields[0]))
    return found


class Logged:
    """A program that logs into self.log_file, as the pool `own` unless it says otherwise."""

    own = None

    def text(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    def lines(self, event, pool=None):
        """Its lines of one event, as objects."""
        found = []
        for line in self.text().splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if entry["event"] == event and entry["pool"] == (pool or self.own):
                    found.append(entry)
        return found

    def check_sanitizers(self):
        faults = [line for line in self.text().splitlines() if "Sanitizer" in line or "runtime error" in line]
        check(not faults, "a sanitizer reported: %s" % faults[:1])


def run_all():
    """Runs every test; the exit status."""
    failed = 0
    for what, function in TESTS:
        try:
            function()
            print("ok - %s" % what, flush=True)
        except Exception:  # whatever it is, it is this test's failure
            failed += 1
            print("".join("# %s\n" % line for line in traceback.format_exc().splitlines()), end="")
            print("not ok - %s" % what, flush=True)
    return failed != 0
