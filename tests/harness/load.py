"""load.py: several clients at once. A client that fails fails the test; none is left running."""

import threading
import time
import traceback


class Crowd:
    """Threads that each run function(crowd) until crowd.stopped() says so, or until the block ends.

        with Crowd(reader, reader, writer) as crowd: time.sleep(3)
    """

    def __init__(self, *functions):
        self._stop = threading.Event()
        self._errors = []
        self.lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(function,), daemon=True) for function in functions]

    def _run(self, function):
        try:
            function(self)
        except BaseException as error:
            with self.lock:
                self._errors.append("%s\n%s" % (error, traceback.format_exc()))
            self._stop.set()

    def stopped(self):
        return self._stop.is_set()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def wait(self, seconds):
        """Until the time is over or someone failed."""
        self._stop.wait(seconds)

    def __exit__(self, kind, *_):
        self._stop.set()
        deadline = time.monotonic() + 60
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            raise AssertionError("a client hangs")
        if self._errors and kind is None:
            raise AssertionError("a client failed: " + self._errors[0])


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else float("nan")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")
