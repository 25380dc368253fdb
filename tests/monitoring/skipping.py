"""skipping.py: a suite whose tests may find out that something cannot be checked here. It is counted and says what was not checked."""

from harness import Suite


class Skip(Exception):
    """Raised by a test with the reason."""


class SkippingSuite(Suite):
    def _run_one(self, one, fixture):
        reasons = []

        def function(given):
            try:
                one.function(given)
            except Skip as reason:
                reasons.append(str(reason))

        # The line of a skipped test replaces that of the passed one.
        printed = self._line

        def line(good, title, reason="", seconds=None):
            if good and reasons:
                self._skip(title, reasons[0])
            else:
                printed(good, title, reason, seconds)

        self._line = line
        try:
            super()._run_one(_Wrapped(one, function), fixture)
        finally:
            del self._line


class _Wrapped:
    def __init__(self, one, function):
        self.title, self.area, self.function = one.title, one.area, function
