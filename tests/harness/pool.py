"""pool.py: one pool of workers behind its socket, started as sysadmins start it: by spawn-fcgi, or, where a test restarts it
without closing the door, with a listening socket that the harness holds."""

import os
import shutil
import signal
import socket

from .places import BIN, ROOT, SERVER_USER
from .process import Server, alive, children, threads
from .wait import until

PROGRAM = "trivet-%s"


class Pool:
    def __init__(self, name, directory, env, held=False, config=None):
        """directory: holds run/ and logs/. env: the whole environment of the workers."""
        self.name, self.directory, self.held, self.config = name, directory, held, config
        self.env = dict(env)
        self.socket_path = os.path.join(directory, "run", name + ".sock")
        self.log = os.path.join(directory, "logs", name + ".log")
        self.listener = self._listen() if held else None
        self.server = None  # the master that serves
        self.leaving = []   # masters that were told to stop while another took over
        self._masters = 0
        self._log_seen = 0

    def _listen(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self.socket_path)
        if ROOT:
            shutil.chown(self.socket_path, SERVER_USER, SERVER_USER)
        os.chmod(self.socket_path, 0o660)
        listener.listen(1024)
        return listener

    # -- starting and stopping

    def start(self, env=None, wait=True):
        """env: changes that stay."""
        self.env.update(env or {})
        program = os.path.join(BIN, PROGRAM % self.name)
        if not os.access(program, os.X_OK):
            raise RuntimeError("%s is missing; build it, or leave the pool out with --pools" % program)
        command = [program] + (["--config", self.config] if self.config else [])
        if not self.held:
            command = ["spawn-fcgi", "-n", "-s", self.socket_path, "-M", "0660", "-b", "1024", "--", *command]
        self._masters += 1
        pidfile = os.path.join(self.directory, "run", "%s.%d.pid" % (self.name, self._masters))
        self.server = Server(command, pidfile, self.log, self.env, **({"stdin": self.listener} if self.held else {}))
        if wait:
            self.wait_started()
        return self

    def wait_started(self):
        def started():
            if not self.server.running():
                raise RuntimeError("the pool %s does not start: %s" % (self.name, self.tail()))
            return self.children()
        until(started, "the pool %s starts" % self.name)

    def stop(self, number=signal.SIGTERM):
        """The master's exit status; fails when it must be killed."""
        number_of_master = self.server.pid
        family = [number_of_master, *self.children()]
        try:
            self.server.tell(number)
            return self.server.wait()
        finally:
            if self.server.running():
                self.server.kill()
            until(lambda: not any(map(alive, family)), "the processes of %s are gone" % self.name)

    def hand_over(self):
        """TERM to the master and, at once, another one on the same socket (held pools). Gives the old one."""
        old = self.server
        old.tell(signal.SIGTERM)
        self.leaving.append(old)
        self.start(wait=False)
        return old

    def reap_leaving(self):
        """Waits for the masters that were told to stop. What was not as it should be."""
        found = []
        for old in self.leaving:
            status = old.wait()
            if status != 0:
                found.append("%s: an older master ended with status %d: %s" % (self.name, status, self.tail()))
        self.leaving = []
        return found

    def end(self):
        """Whatever is left, at once. For the end of a run; says nothing about how it went."""
        for server in [*self.leaving, self.server]:
            if server and server.running():
                server.kill()
        if self.listener:
            self.listener.close()

    # -- looking at it

    @property
    def pid(self):
        return self.server.pid

    def running(self):
        return self.server is not None and self.server.running()

    def children(self):
        return children(self.server.pid) if self.running() else []

    def threads(self):
        return sum(threads(pid) for pid in self.children())

    def tell(self, number):
        self.server.tell(number)

    def lines(self):
        """Its log so far, as text lines; not one that is just being written."""
        return self._whole_lines(0)[0]

    def new_lines(self):
        """Lines since the last call."""
        lines, self._log_seen = self._whole_lines(self._log_seen)
        return lines

    def _whole_lines(self, since):
        """The lines from this byte on, and where the next one begins."""
        try:
            with open(self.log, "rb") as file:
                file.seek(since)
                data = file.read()
        except FileNotFoundError:
            return [], since
        whole = data.rfind(b"\n") + 1
        return data[:whole].decode("utf-8", "replace").splitlines(), since + whole

    def tail(self):
        return " | ".join(self.lines()[-4:])
