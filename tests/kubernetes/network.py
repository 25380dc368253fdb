"""network.py: a network of our own. As root this process, and all that it starts, leaves the machine's network for a new one
with a loopback and nothing else, which ends with the last process in it. No port of the machine is taken or reached."""

import ctypes
import os

import tools

CLONE_NEWNET = 0x40000000
_left = False


def leave():
    global _left
    if os.geteuid() != 0 or _left:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise tools.Unavailable("no network of our own: " + os.strerror(ctypes.get_errno()))
    tools.run(["ip", "link", "set", "lo", "up"])
    _left = True


def own():
    """Whether this process has a network of its own."""
    return _left
