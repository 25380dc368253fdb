"""suite.py: registers tests, runs them in any order, prints TAP lines, counts. Knows nothing of what is tested.

A suite's `run` names its areas (modules with tests) and says how its fixture is made; the fixture lives for the whole run.
"""

import argparse
import faulthandler
import importlib
import os
import random
import signal
import sys
import time
import traceback

from .places import BIN, Scratch
from .world import POOLS

_tests = []


class _Test:
    def __init__(self, title, function, needs):
        self.title, self.function, self.needs = title, function, needs
        self.area = function.__module__
        self.name = function.__name__


def test(title, needs=None):
    """Registers a test. needs: pools without which it is skipped when they are left out by --pools (default: NEEDS of its
    module)."""
    def register(function):
        wanted = needs if needs is not None else getattr(sys.modules[function.__module__], "NEEDS", ())
        _tests.append(_Test(title, function, (wanted,) if isinstance(wanted, str) else tuple(wanted)))
        return function
    return register


def note(text):
    """A line for people."""
    for line in str(text).splitlines():
        print("# " + line, flush=True)


class Suite:
    """name: tests/NAME. areas: modules beside its run. The options that all suites have are in self.options."""

    def __init__(self, name, areas, describe=""):
        self.name, self.areas = name, areas
        self.passed = self.failed = self.skipped = 0
        self.parser = argparse.ArgumentParser(prog="tests/%s/run" % name, description=describe)
        self.parser.add_argument("area", nargs="*", help="only these: " + " ".join(areas))
        self.parser.add_argument("--mysql", choices=("mariadb", "mysql97"), help="the store behind /sql",
                                 default=os.environ.get("TRIVET_TEST_MYSQL") or "mariadb")
        self.parser.add_argument("--pools", default=",".join(POOLS),
                                 help="pools that are built; tests that need others are skipped")
        self.parser.add_argument("-k", metavar="WORD", help="only tests with WORD in their title or function's name")
        self.parser.add_argument("--shuffle", metavar="SEED", nargs="?", const="", help="in a random order")
        self.parser.add_argument("--keep", action="store_true", help="keep logs and data")
        self.parser.add_argument("--list", action="store_true", help="name the tests and end")
        self.options = None

    # -- one line a test

    def _line(self, good, title, reason="", seconds=None):
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        number = self.passed + self.failed + self.skipped
        took = "" if seconds is None else " (%d ms)" % round(seconds * 1000)
        print("%sok %d - %s%s" % ("" if good else "not ", number, title, took), flush=True)
        if reason:
            note(reason)

    def _skip(self, title, why):
        self.skipped += 1
        print("ok %d - %s # SKIP %s" % (self.passed + self.failed + self.skipped, title, why), flush=True)

    def _run_one(self, one, fixture):
        title = "%s: %s" % (one.area, one.title)
        began = time.monotonic()
        reason = ""
        try:
            one.function(fixture)
        except AssertionError as error:
            frames = traceback.extract_tb(error.__traceback__)
            where = [frame for frame in frames if "/harness/" not in frame.filename][-2:]
            said = [str(error), *getattr(error, "__notes__", ())]
            reason = "\n".join(said + ["  %s:%d %s" % (f.filename, f.lineno, f.line) for f in where])
        except Exception:
            reason = traceback.format_exc()
        took = time.monotonic() - began
        try:
            problems = fixture.problems()
        except Exception:
            problems = [traceback.format_exc()]
        if problems:
            reason = "\n".join(filter(None, [reason, *problems]))
        self._line(not reason, title, reason, took)

    def _chosen(self):
        options = self.options
        built = options.pools.split(",")
        tests = [one for one in _tests if not options.area or one.area in options.area]
        if options.k:
            tests = [one for one in tests if options.k in one.title or options.k in one.name]
        if options.shuffle is not None:
            seed = options.shuffle or str(random.randrange(1 << 30))
            note("order: --shuffle %s" % seed)
            random.Random(seed).shuffle(tests)
        return [(one, [pool for pool in one.needs if pool not in built]) for one in tests]

    def _run_all(self, fixture):
        for one, missing in self._chosen():
            if missing:
                self._skip("%s: %s" % (one.area, one.title), "without " + " ".join(missing))
            else:
                self._run_one(one, fixture)
        problems = fixture.stop()
        self._line(not problems, "everything stops in order and left nothing in the logs", "\n".join(problems))

    # -- a run

    def parse(self, words=None):
        self.options = self.parser.parse_args(words)
        for area in self.options.area:
            if area not in self.areas:
                self.parser.error("there is no area %s; there are %s" % (area, " ".join(self.areas)))
        for area in self.areas:
            importlib.import_module(area)
        return self.options

    def run(self, make):
        """make(suite, scratch): a context manager that gives the fixture, which has problems(), asked after each test, and
        stop(), asked after the last one for what was not as it should be. The exit status."""
        if self.options is None:
            self.parse()
        if self.options.list:
            print("\n".join("%s: %s" % (one.area, one.title) for one in _tests))
            return 0
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(143))
        faulthandler.enable()
        faulthandler.register(signal.SIGUSR2, all_threads=True)
        scratch = Scratch(self.name)
        note("binaries %s, scratch %s" % (BIN, scratch.path))
        try:
            began = time.monotonic()
            with make(self, scratch) as fixture:
                note("everything is up after %.1f s" % (time.monotonic() - began))
                self._run_all(fixture)
        except Exception:
            print("Bail out! " + traceback.format_exc().replace("\n", "\n# "), flush=True)
            self.failed += 1
        finally:
            if scratch.own and (self.failed or self.options.keep):
                note("left for a look: " + scratch.path)
            elif not self.options.keep:
                scratch.remove()
        print("1..%d" % (self.passed + self.failed + self.skipped))
        counts = "%d passed, %d failed" % (self.passed, self.failed)
        print(counts + (", %d skipped" % self.skipped if self.skipped else ""))
        return 1 if self.failed else 0
