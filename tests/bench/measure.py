"""measure.py: the numbers: wrk's for one run, and from /proc what processes cost. It starts wrk alone."""

import json
import os
import signal
import subprocess
import time

TICK_US = 1000000 / os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """The run cannot be trusted; the text says why."""


def _stat(pid):
    """State, parent and so on: the fields after the command's name, which may hold anything."""
    with open("/proc/%d/stat" % pid, encoding="latin-1") as file:
        return file.read().rpartition(")")[2].split()


def tree(root):
    """A process and all below it."""
    below = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                below.setdefault(int(_stat(int(name))[1]), []).append(int(name))
            except OSError:
                pass
    found, left = [], [root]
    while left:
        pid = left.pop()
        found.append(pid)
        left += below.get(pid, [])
    return found


def _own_cpu_us(pid):
    """By the clock of that process (clock_getcpuclockid(3)), which has nanoseconds where /proc has ticks of 10 ms."""
    return time.clock_gettime_ns(~pid << 3 | 2) / 1000


def cpu_us(roots):
    """User and system time that the processes below these have taken, those that ended and were waited for included."""
    total = 0
    for root in roots:
        for pid in tree(root):
            try:
                total += _own_cpu_us(pid)
                if pid == root:
                    total += (int(_stat(pid)[13]) + int(_stat(pid)[14])) * TICK_US
            except OSError:
                continue
    return total


def pin(root, processors):
    """Keeps a process, all below it and what they will start to these processors."""
    for pid in tree(root):
        for thread in os.listdir("/proc/%d/task" % pid):
            os.sched_setaffinity(int(thread), processors)


def memory(root):
    """[{pid, name, rss, pss}] in bytes of a process and all below it."""
    out = []
    for pid in sorted(tree(root)):
        kib = {}
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
            for line in file:
                words = line.split()
                if words[0] in ("Rss:", "Pss:"):
                    kib[words[0]] = int(words[1])
        with open("/proc/%d/comm" % pid, encoding="utf-8", errors="replace") as file:
            out.append({"pid": pid, "name": file.read().strip(), "rss": kib.get("Rss:", 0) * 1024,
                        "pss": kib.get("Pss:", 0) * 1024})
    return out


def wrk(url, script, connections, seconds):
    """One run of wrk; a warm-up when seconds is no whole number, which wrk itself does not know."""
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", "%ds" % (int(seconds) + 1 if seconds % 1 else seconds),
               "-s", script, url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        if seconds % 1:
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=seconds + 15)
    except BaseException:
        process.kill()
        process.wait()
        raise
    last = output.strip().rpartition("\n")[2]
    try:
        numbers = json.loads(last)
    except ValueError:
        raise Failure("wrk said: " + output.strip()) from None
    errors = {key: numbers[key] for key in ("connect", "read", "write", "status", "timeout") if numbers[key]}
    if errors:
        raise Failure("%s at %d connections: errors %s among %d requests"
                      % (url, connections, ", ".join("%s %d" % pair for pair in errors.items()), numbers["requests"]))
    if not numbers["requests"]:
        raise Failure("%s at %d connections: no request was answered" % (url, connections))
    return numbers


def run(url, script, connections, seconds, groups):
    """One measured run. groups: {"nginx": [pid, ...], ...}; gives requests/s, ms, and CPU microseconds a request of each."""
    for name, roots in groups.items():
        if not all(os.path.exists("/proc/%d" % root) for root in roots):
            raise Failure("%s: a process of %s has ended" % (url, name))
    before_pids = {name: set(sum((tree(root) for root in roots), [])) for name, roots in groups.items()}
    before = {name: cpu_us(roots) for name, roots in groups.items()}
    numbers = wrk(url, script, connections, seconds)
    after = {name: cpu_us(roots) for name, roots in groups.items()}
    for name in ("nginx", "program"):
        if name in groups and set(sum((tree(root) for root in groups[name]), [])) != before_pids[name]:
            raise Failure("%s: a process of %s ended or was started during the run" % (url, name))
    out = {"rps": numbers["requests"] * 1e6 / numbers["us"], "p50_ms": numbers["p50"] / 1000,
           "p99_ms": numbers["p99"] / 1000}
    for name in groups:
        out[name + "_us"] = (after[name] - before[name]) / numbers["requests"]
    return out
