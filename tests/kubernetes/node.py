"""node.py: the network of a node with pods: a bridge in this process's own network namespace, and a namespace with an address
for each pod. Addresses are of a range that no network routes; nothing of it is seen outside."""

import ctypes
import os
import signal
import subprocess

import network
import tools
from harness import until

BRIDGE = "pods"
ADDRESS = "198.18.0.1"
PR_SET_PDEATHSIG = 1


class PodNetwork:
    """A network namespace, held by a process that sleeps; path: what podman's --network ns: takes."""

    def __init__(self, node, number):
        self.address = "198.18.0.%d" % (10 + number)
        libc = ctypes.CDLL(None)
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL,
                                       preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        self.path = "/proc/%d/ns/net" % self.holder.pid
        until(lambda: os.readlink(self.path) != os.readlink("/proc/self/ns/net"), "the pod has a network")
        link = "pod%d" % number
        tools.run(["ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(self.holder.pid)])
        tools.run(["ip", "link", "set", link, "master", BRIDGE, "up"])
        inside = ["nsenter", "--target", str(self.holder.pid), "--net", "ip"]
        tools.run([*inside, "addr", "add", self.address + "/24", "dev", "eth0"])
        tools.run([*inside, "link", "set", "eth0", "up"])
        tools.run([*inside, "link", "set", "lo", "up"])

    def end(self):
        self.holder.kill()
        self.holder.wait()


class Node:
    def __init__(self):
        if not network.own():
            raise AssertionError("a bridge is not for the machine's own network")
        # With an address of its own: else a bridge takes the lowest of its ports', and each new pod would make the others lose it.
        tools.run(["ip", "link", "add", BRIDGE, "address", "02:00:00:00:00:01", "type", "bridge"])
        tools.run(["ip", "addr", "add", ADDRESS + "/24", "dev", BRIDGE])
        tools.run(["ip", "link", "set", BRIDGE, "up"])
        self._networks = []

    def pod(self):
        self._networks.append(PodNetwork(self, len(self._networks)))
        return self._networks[-1]

    def close(self):
        for one in self._networks:
            one.end()
