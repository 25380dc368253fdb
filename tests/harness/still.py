"""still.py: whether a signal has done what it does: SIGSTOP brought a process to a stop, another one was taken by it. Imports nothing of
the harness, so that suites which have one of their own can use it."""

import glob
import re


def stands_still(pid):
    """All its threads do. The signal alone does not say so: a thread that runs on another processor finishes what it is at."""
    for path in glob.glob("/proc/%d/task/*/stat" % pid):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                if file.read().rpartition(") ")[2][:1] != "T":
                    return False
        except OSError:  # a thread that has ended
            pass
    return True


def has_taken(pid, number):
    """Nothing is left of a signal that was sent to a process which takes it from a descriptor; or nothing of the process."""
    try:
        with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as file:
            return not int(re.search(r"^ShdPnd:\s*(\w+)", file.read(), re.M)[1], 16) & 1 << number - 1
    except OSError:
        return True
