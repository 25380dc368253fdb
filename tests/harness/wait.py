"""wait.py: waiting for a condition, never for a time."""

import time


def until(condition, seconds=10.0, what=None, step=0.01):
    """Waits until condition() is true and gives what it gave. Fails the test after `seconds`."""
    began = time.monotonic()
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() - began > seconds:
            raise AssertionError("%s: not within %g s (last seen: %.500r)"
                                 % (what or getattr(condition, "__name__", "the condition"), seconds, got))
        time.sleep(step)


class Watch:
    """A stopwatch: `with Watch() as watch: ...`, then watch.seconds."""

    def __enter__(self):
        self.began = time.monotonic()
        self.seconds = 0.0
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.began

    def now(self):
        return time.monotonic() - self.began
