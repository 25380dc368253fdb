"""ports.py: free TCP ports of loopback. Imports nothing of the harness, so that suites which have one of their own can use it."""

import socket


def free_ports(count):
    """Free now; whoever binds one later must bear that somebody was faster."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
