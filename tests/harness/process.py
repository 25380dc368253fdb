"""process.py: starting servers as the servers' user, looking at processes, ending those that we started and no others."""

import os
import signal
import subprocess
import time

from .places import ROOT, SERVER_USER
from .wait import PATIENCE, until


def birth(pid):
    """When a process began, in clock ticks: with the pid it names one process for good. None: gone, or a zombie."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def children(pid):
    """The pids of a process's living children."""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as file:
            return [child for child in map(int, file.read().split()) if birth(child) is not None]
    except OSError:
        return []


def alive(pid):
    return birth(pid) is not None


def threads(pid):
    try:
        return len(os.listdir("/proc/%d/task" % pid))
    except OSError:
        return 0


def processor_seconds(*pids):
    """Of user and system time that they have taken so far; in ticks of 10 ms."""
    total = 0
    for pid in pids:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            total += sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """Proportional and resident memory in KiB."""
    sums = {"Pss": 0, "Rss": 0}
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
        for line in file:
            name = line.partition(":")[0]
            if name in sums:
                sums[name] = int(line.split()[1])
    return sums["Pss"], sums["Rss"]


class Server:
    """A server process that we started. Leaves PIDFILE and PIDFILE.birth, by which the runner ends it should we die first."""

    def __init__(self, command, pidfile, log, env, stdin=subprocess.DEVNULL, as_server=True):
        user = {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []} if ROOT and as_server else {}
        with open(log, "ab") as output:
            self.process = subprocess.Popen(command, stdin=stdin, stdout=output, stderr=output, env=env, cwd="/",
                                            start_new_session=True, **user)
        self.pid = self.process.pid
        self.pidfile = pidfile
        with open(pidfile + ".birth", "w", encoding="ascii") as file:
            file.write("%s\n" % (birth(self.pid) or "-"))
        with open(pidfile, "w", encoding="ascii") as file:
            file.write("%d\n" % self.pid)

    def running(self):
        return self.process.poll() is None

    def tell(self, number):
        if self.running():
            self.process.send_signal(number)

    def wait(self, seconds=PATIENCE):
        """The exit status; negative: the signal that ended it. Fails when it is still there."""
        until(lambda: not self.running(), "process %d ends" % self.pid, seconds=seconds)
        self._forget()
        return self.process.returncode

    def stop(self, number=signal.SIGTERM, seconds=40.0):
        """Asks it to end and, in the end, insists. The exit status."""
        self.tell(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget()
        return self.process.returncode

    def kill(self):
        """SIGKILL, and what it leaves of its session."""
        self.tell(signal.SIGKILL)
        self.process.wait()
        end_session(self.pid)
        self._forget()

    def _forget(self):
        for path in (self.pidfile, self.pidfile + ".birth"):
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass


def session(leader):
    """The living processes of a session; a session's number is its leader's pid and is not given away while any is left."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and fields[3] == str(leader):
            found.append(int(name))
    return found


def end_session(leader):
    deadline = time.monotonic() + 10
    while (left := session(leader)) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)
