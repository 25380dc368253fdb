"""otlp.py: the receiver of OTLP as a process of ours, and what it got."""

import json
import os
import socket

from harness.ports import free_ports
from harness.process import Server
from harness.wait import until
from tools import otlp_python, read

HERE = os.path.dirname(os.path.realpath(__file__))


class Receiver:
    def __init__(self, directory):
        self.directory = directory
        self.file = os.path.join(directory, "received")
        self.port = free_ports(1)[0]
        self.server = None
        self._seen, self._lines = 0, []

    def start(self):
        self.server = Server([otlp_python(), "-B", os.path.join(HERE, "otlp_receiver.py"), str(self.port), self.file],
                             os.path.join(self.directory, "pid"), os.path.join(self.directory, "log"),
                             {"PATH": os.environ["PATH"]}, as_server=False)
        until(lambda: self._listens() or not self.server.running(), "the receiver of OTLP listens")
        if not self.server.running():
            raise RuntimeError("the receiver of OTLP does not start: " + read(os.path.join(self.directory, "log"))[-1500:])
        return self

    def _listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def end(self):
        if self.server and self.server.running():
            self.server.kill()

    def lines(self):
        """One object a request. Read on from where the last call ended: there are many, and tests look often."""
        if os.path.exists(self.file):
            with open(self.file, "rb") as file:
                file.seek(self._seen)
                new = file.read()
            whole = new[:new.rfind(b"\n") + 1]
            self._seen += len(whole)
            self._lines += [json.loads(line) for line in whole.splitlines()]
        return self._lines

    def errors(self):
        return [line for line in self.lines() if "error" in line]

    def spans(self, trace=None):
        """All spans, or those of one trace."""
        return [span for line in self.lines() for span in line.get("spans", ()) if trace in (None, span["trace"])]
