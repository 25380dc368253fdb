"""servers.py: what answers at a store's address is no store, or only seems to be one: nobody, a door that swallows, a door that
slams, nonsense."""

import contextlib
import os
import socket
import threading

from dialects import EACH
from harness import check, note, test
from harness.front import free_ports
from stores import CONNECT_TIMEOUT, ENV, refused_fast, until_open


def url(dialect, port):
    return {"mysql": "mysql://trivet_authenticator:trivet@127.0.0.1:%d/shop", "mongo": "mongodb://127.0.0.1:%d/",
            "redis": "redis://127.0.0.1:%d/0"}[dialect.store] % port


@contextlib.contextmanager
def door(answer):
    """A server on a free port that does answer(link) with each connection."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        links, closing = [], threading.Event()

        def serve():
            while not closing.is_set():
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                links.append(link)
                with contextlib.suppress(OSError):
                    answer(link)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            closing.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for link in links:
                link.close()


@contextlib.contextmanager
def full_house():
    """A port at which connecting neither succeeds nor fails: its queue is full and nobody takes from it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            link = stack.enter_context(socket.socket())
            link.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                link.connect(listener.getsockname())
        yield listener.getsockname()[1]


def slam(link):
    link.close()


def reset(link):
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    link.close()


def nonsense(link):
    link.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" * 20)


def noise(link):
    link.sendall(os.urandom(5000))
    link.close()


def silence(link):
    """Takes what comes and says nothing."""


def tried(stage, dialect, port, what):
    with stage.world([dialect.pool], {**ENV, "TRIVET_%s_URL" % dialect.store.upper(): url(dialect, port)}) as world:
        first = until_open(world, dialect)
        fast = refused_fast(world, dialect)
        note("%s, %s: %d requests until the breaker opened, the slowest %.0f ms; then refused in %.1f ms"
             % (dialect, what, len(first), max(first) * 1000, fast))
        check(max(first) < 3 * CONNECT_TIMEOUT, "none waits much longer than connecting may take", first)


for _dialect in EACH:
    for _what, _door in (("a door that slams", slam), ("a door that resets", reset), ("nonsense", nonsense), ("noise", noise),
                         ("silence", silence)):
        def _at_a_door(stage, dialect=_dialect, what=_what, answer=_door):
            with door(answer) as port:
                tried(stage, dialect, port, what)
        _at_a_door.__name__ = "%s_%s" % (_door.__name__, _dialect)
        test("%s: at its store's address is %s: the breaker opens" % (_dialect, _what), needs=("ops", _dialect.pool))(_at_a_door)

    def _nobody(stage, dialect=_dialect):
        tried(stage, dialect, free_ports(1)[0], "nobody")
    test("%s: at its store's address is nobody: the breaker opens" % _dialect, needs=("ops", _dialect.pool))(_nobody)

    def _full(stage, dialect=_dialect):
        with full_house() as port:
            tried(stage, dialect, port, "a full queue")
    test("%s: at its store's address nobody opens: the breaker opens" % _dialect, needs=("ops", _dialect.pool))(_full)
