"""scaled.py: the project's rules and routes with every duration divided, so that what takes five minutes on duty takes five seconds
here. Names of recorded series keep their `rate5m`; thresholds and expressions are untouched. Reads files, gives text."""

import re

SCALE = 60
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WAITS = re.compile(r"^(\s*(?:- )?(?:for|interval|keep_firing_for|group_wait|group_interval|repeat_interval|resolve_timeout): )"
                    r"(\d+)([smhd])$", re.MULTILINE)
_WINDOWS = re.compile(r"(\[|\boffset )(\d+)([smhd])\b")


def seconds(number, unit, scale=SCALE):
    """At least two: a rate needs two samples, and they come every second."""
    return max(2, round(int(number) * UNITS[unit] / scale))


def durations(text):
    return _WAITS.findall(text) + _WINDOWS.findall(text)


def scaled(text, scale=SCALE):
    def shorter(found):
        if int(found.group(2)) == 0:
            return found.group(0)
        return "%s%ds" % (found.group(1), seconds(found.group(2), found.group(3), scale))
    return _WINDOWS.sub(shorter, _WAITS.sub(shorter, text))
