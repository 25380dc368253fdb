"""front.py: nginx in front, from the project's own template, on two free ports."""

import json
import os
import shutil
import signal
import socket
import subprocess

from .places import ROOT, SERVER_USER, SRC
from .ports import free_ports
from .process import Server, children
from .wait import until


class Front:
    def __init__(self, directory, run, extra=()):
        self.directory, self.run, self.extra = directory, run, extra
        self.state = os.path.join(directory, "nginx")
        self.server = None
        self.port = self.ops_port = None

    def start(self):
        # A copy: nginx's workers cannot read a checkout that is closed to them.
        files = os.path.join(self.directory, "nginx-files")
        shutil.copytree(os.path.join(SRC, "nginx"), files, dirs_exist_ok=True)
        os.makedirs(self.state, exist_ok=True)
        if ROOT:
            shutil.chown(self.state, SERVER_USER, SERVER_USER)
        for attempt in range(3):
            self.port, self.ops_port = free_ports(2)
            if self._try():
                return self
        raise RuntimeError("nginx does not start: " + self.errors()[-2000:])

    def _try(self):
        conf = os.path.join(self.state, "nginx.conf")
        subprocess.run([os.path.join(self.directory, "nginx-files/render"), "--run-dir", self.run, "--port", str(self.port),
                        "--ops-port", str(self.ops_port), "--state-dir", self.state, "--out", conf,
                        *(["--user", SERVER_USER] if ROOT else []), *self.extra], check=True)
        self.server = Server(["nginx", "-p", self.state, "-e", os.path.join(self.state, "error.log"), "-c", conf,
                              "-g", "daemon off;"],
                             os.path.join(self.state, "master.pid"), os.path.join(self.state, "start.log"),
                             {"PATH": os.environ["PATH"]}, as_server=False)
        # Between our look for a port and nginx's use of it someone else may have taken it, and listen there. nginx has children
        # when it has its ports, and ends when it does not get them.
        until(lambda: not self.server.running() or children(self.server.pid) and all(map(self._listens, (self.port, self.ops_port))),
              "nginx listens")
        return self.server.running()

    @staticmethod
    def _listens(port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.server:
            self.server.stop(signal.SIGQUIT, 10)

    def end(self):
        if self.server and self.server.running():
            self.server.kill()

    def statuses(self):
        """Of all requests in nginx's access log, which lags behind by a second."""
        with open(os.path.join(self.state, "access.log"), "rb") as file:
            return [json.loads(line)["status"] for line in file.read().split(b"\n")[:-1]]

    def errors(self):
        """nginx's error log."""
        try:
            with open(os.path.join(self.state, "error.log"), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""
