"""balancer.py: haproxy, standing in for the load balancer and the endpoints of a Service: requests go over kept connections to pods
that pass the readiness probe's question, and a pod that terminates gets no new ones from the moment its endpoint leaves. A request
that fails is never sent twice, so nothing is hidden."""

import csv
import os
import socket

import tools
from harness import until
from harness.process import Server

PORT = 80
CONF = """
global
    stats socket {directory}/admin.sock mode 600 level admin
    maxconn 2000
defaults
    mode http
    timeout connect 10s
    timeout check 10s
    timeout client 60s
    timeout server 60s
    retries 0
    option http-keep-alive
frontend public
    bind 127.0.0.1:{port}
    default_backend pods
backend pods
    balance leastconn
    http-reuse always
    option httpchk GET {path}
    default-server check port {check_port} inter 200ms fall 2 rise 1 init-addr none
{servers}
"""


class Balancer:
    SLOTS = 4

    def __init__(self, directory, path, check_port):
        self.directory = directory
        self._slots = {}
        servers = "".join("    server s%d 0.0.0.0:8080 disabled\n" % slot for slot in range(self.SLOTS))
        with open(os.path.join(directory, "haproxy.conf"), "w", encoding="ascii") as file:
            file.write(CONF.format(directory=directory, port=PORT, path=path, check_port=check_port, servers=servers))
        program = tools.program("podman_root", "usr/sbin/haproxy")
        self.server = Server([program, "-W", "-db", "-f", os.path.join(directory, "haproxy.conf")],
                             os.path.join(directory, "haproxy.pid"), os.path.join(directory, "haproxy.log"),
                             {"PATH": os.environ["PATH"]}, as_server=False)
        until(lambda: os.path.exists(os.path.join(directory, "admin.sock")) or not self.server.running(), "haproxy starts")

    def _tell(self, command):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(os.path.join(self.directory, "admin.sock"))
            link.sendall(command.encode() + b"\n")
            said = b""
            while data := link.recv(65536):
                said += data
        return said.decode()

    def add(self, pod):
        """A target more; it gets requests once it passes the health check, which is not waited for."""
        slot = next(number for number in range(self.SLOTS) if number not in self._slots.values())
        self._slots[pod.name] = slot
        self._tell("set server pods/s%d addr %s port 8080" % (slot, pod.network.address))
        self._tell("enable health pods/s%d" % slot)
        self._tell("set server pods/s%d state ready" % slot)

    def serves(self, pod):
        rows = csv.DictReader(self._tell("show stat").lstrip("# ").splitlines())
        wanted = "s%d" % self._slots[pod.name]
        return any(row["pxname"] == "pods" and row["svname"] == wanted and row["status"] == "UP" for row in rows)

    def trust(self, pod):
        """From now on it counts as well, whatever it answers."""
        self._tell("disable health pods/s%d" % self._slots[pod.name])

    def drain(self, pod):
        """The endpoint leaves: requests under way end, no new ones come."""
        self._tell("set server pods/s%d state drain" % self._slots[pod.name])

    def forget(self, pod):
        self._tell("set server pods/s%d state maint" % self._slots.pop(pod.name))

    def close(self):
        self.server.stop(seconds=10)
