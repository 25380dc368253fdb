"""wait.py: waiting for a condition, never for a time. Imports nothing of the harness, so that suites which have one of their own
can use it."""

import time

# Seconds. A bound here tells what hangs from what goes on, never what is fast from what is slow: machines that build and test many
# things at once may be ten times slower than a quiet one. Only a test that fails waits so long.
PATIENCE = 60.0
# Seconds, for the same reason. What does not wait for something takes less on any machine; that something lasts at least twice as
# long in the tests that use this.
AT_ONCE = 10.0


def until(condition, what=None, seconds=PATIENCE, step=0.01):
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
