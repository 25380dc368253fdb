"""main.py: runs the parts, those that wait for different things beside each other, and counts. The parts say what is right."""

import signal
import sys
import threading
import time
import traceback

import checks_double
import checks_lint
import checks_mock
import checks_places
import checks_static
from harness import Tap, note

# Each lane is a thread: the double mostly waits, the mocks and the linters mostly compute.
LANES = [[("double", checks_double)], [("static", checks_static), ("places", checks_places), ("lint", checks_lint), ("mock", checks_mock)]]


def run_lane(parts):
    for name, part in parts:
        began = time.monotonic()
        try:
            part.check()
        except Exception:  # pylint: disable=broad-except
            Tap.ok(False, "part %s runs to its end" % name, traceback.format_exc())
        note("part %s: %d s" % (name, time.monotonic() - began))


def main(wanted):
    known = [name for lane in LANES for name, _ in lane]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit("no such part: %s (there are: %s)" % (" ".join(unknown), " ".join(known)))
    lanes = [[part for part in lane if not wanted or part[0] in wanted] for lane in LANES]
    threads = [threading.Thread(target=run_lane, args=(lane,), daemon=True) for lane in lanes if lane]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("1..%d" % (Tap.passed + Tap.failed + Tap.skipped))
    print("%d passed, %d failed, %d skipped" % (Tap.passed, Tap.failed, Tap.skipped), flush=True)
    return 1 if Tap.failed or not Tap.passed else 0


def stopped(*_):
    print("# stopped by a signal", flush=True)
    sys.exit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stopped)
    signal.signal(signal.SIGINT, stopped)
    sys.exit(main(sys.argv[1:]))
