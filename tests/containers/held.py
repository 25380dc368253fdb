"""held.py: what stands in for Redis while a test keeps requests under way: it greets at once and answers ECHO only when the test says
so. It knows nothing of pools."""

import socket
import threading


class Held:
    """Listens on an address of its own: url. ECHO waits for release(); what comes afterwards does not wait any more."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "redis://127.0.0.1:%d/0" % self.listener.getsockname()[1]
        self.released = threading.Event()
        self.lock = threading.Lock()
        self.holds = 0  # commands that wait now

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def hold(self):
        self.released = threading.Event()

    def release(self):
        self.released.set()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            with peer, peer.makefile("rb") as commands:
                while True:
                    words = _read(commands)
                    if not words:
                        return
                    peer.sendall(self._answer(words))
        except OSError:
            pass  # a process that ended

    def _answer(self, words):
        verb = words[0].upper()
        if verb == b"PING":
            return b"+PONG\r\n"
        if verb == b"INFO":
            return _bulk(b"redis_version:7.2.0\r\n")
        if verb != b"ECHO":
            return b"+OK\r\n"
        self._wait()
        return _bulk(words[1])

    def _wait(self):
        released = self.released
        with self.lock:
            self.holds += 1
        released.wait()
        with self.lock:
            self.holds -= 1


def _read(commands):
    """The words of one command; none at the end."""
    head = commands.readline()
    words = []
    for _ in range(int(head[1:]) if head else 0):
        length = int(commands.readline()[1:])
        words.append(commands.read(length + 2)[:-2])
    return words


def _bulk(data):
    return b"$%d\r\n%s\r\n" % (len(data), data)
