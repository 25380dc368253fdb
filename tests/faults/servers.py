"""servers.py: what answers at a store's address is no store, or only seems to be one: nobody, a door that swallows, a door that
slams, nonsense; or it is one behind a door that takes its time."""

import contextlib
import os
import socket
import threading
import time

from dialects import DOC, EACH, KV
from harness import check, equal, expect, note, test, until
from harness.ports import free_ports
from harness.wait import AT_ONCE, Watch
from stores import CONNECT_TIMEOUT, ENV, back, refused_fast, until_open


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
        check(max(first) < CONNECT_TIMEOUT + AT_ONCE, "none waits much longer than connecting may take", first)


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


class SlowDoor:
    """A way to a real store on which every new connection waits before its first byte gets through. Shut, it turns all away, those
    that are through already too."""

    def __init__(self, store, seconds=0.8):
        self.store, self.seconds = store, seconds
        self.shut, self.count, self.links = False, 0, []

    def take(self, link):
        self.count += 1
        if self.shut:
            link.close()
        else:
            threading.Thread(target=self._lead, args=(link,), daemon=True).start()

    def _lead(self, link):
        time.sleep(self.seconds)
        with contextlib.suppress(OSError):
            inside = socket.socket(socket.AF_UNIX)
            inside.connect(self.store.socket_path())
            self.links += [link, inside]
            threading.Thread(target=self._carry, args=(inside, link), daemon=True).start()
            self._carry(link, inside)

    @staticmethod
    def _carry(source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
        for link in (source, sink):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.shut = True
        for link in self.links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def open(self):
        self.shut = False


def store_up(world, store):
    """What /metrics says of it; None before trivet-ops has looked."""
    for line in world.ops.get("/metrics").text.splitlines():
        if line.startswith('trivet_store_up{store="%s"} ' % store):
            return int(line.split()[1])
    return None


def slow_to_connect(stage, dialect):
    """The time that connecting may take is a long one: that a breaker opens and a store is down must come of the door alone."""
    way = SlowDoor(stage.stores[dialect.store])
    with door(way.take) as port:
        name = "TRIVET_%s_" % dialect.store.upper()
        env = {**ENV, "TRIVET_WATCH_LOOK": "100ms", name + "CONNECT_TIMEOUT": "20s", name + "QUERY_TIMEOUT": "20s",
               name + "URL": url(dialect, port)}
        with stage.world([dialect.pool], env) as world:
            def looked(times):
                """So many more connections came, of which those that are not a request's own are looks."""
                before, said = way.count, set()
                until(lambda: said.add(store_up(world, dialect.store)) or way.count - before > times, "trivet-ops looks")
                return said - {None}
            for _ in range(20):
                expect(dialect.read(world.http), 200)
            until(lambda: store_up(world, dialect.store) is not None, "trivet-ops has looked once")
            equal(looked(10), {1}, "store_up while the store takes long and answers")
            # It asks the stores itself, and has less time for that than this door may take on a slow machine.
            until(lambda: world.ops.get("/readyz").status == 200, "it is ready")
            way.close()
            until_open(world, dialect)
            refused_fast(world, dialect)
            until(lambda: store_up(world, dialect.store) == 0, "store_up says that it is away")
            way.open()
            note("%s: used %.2f s after its door has opened, which takes %.1f s of each" % (dialect, back(world, dialect), way.seconds))
            until(lambda: store_up(world, dialect.store) == 1, "store_up says that it is back")
            equal(looked(10), {1}, "store_up from then on")


for _dialect in EACH:
    def _slow(stage, dialect=_dialect):
        slow_to_connect(stage, dialect)
    _slow.__name__ = "slow_to_connect_%s" % _dialect
    test("%s: a store that takes long to connect is up, and found again when it was away" % _dialect,
         needs=("ops", _dialect.pool))(_slow)


@test("a probe that hangs holds up neither the looks at other stores nor the end of its pool", needs=("ops", "kv", "doc"))
def hanging_probe(stage):
    """All that hangs may take 50 seconds; nothing else may wait for that."""
    answers = [slam]
    with door(lambda link: answers[0](link)) as port:
        env = {**ENV, "TRIVET_WATCH_LOOK": "100ms", "TRIVET_MONGO_CONNECT_TIMEOUT": "50s", "TRIVET_MONGO_URL": url(DOC, port)}
        with stage.world(["doc", "kv"], env) as world:
            until_open(world, DOC)
            until(lambda: store_up(world, "mongo") == 0, "trivet-ops cannot reach MongoDB")
            answers[0] = silence
            until(lambda: world.breaker("doc", "mongo") == "half-open", "a probe hangs")
            stage.stores["redis"].stop()
            try:
                until(lambda: store_up(world, "redis") == 0, "trivet-ops sees that Redis is away", seconds=2 * AT_ONCE)
                until_open(world, KV)
            finally:
                stage.stores["redis"].start()
            until(lambda: store_up(world, "redis") == 1, "and that it is back", seconds=2 * AT_ONCE)
            until(lambda: world.breaker("kv", "redis") == "closed", "which its own pool sees too", seconds=2 * AT_ONCE)
            with Watch() as watch:
                equal(world["doc"].stop(), 0, "the exit status")
            check(watch.seconds < AT_ONCE, "the pool does not wait for its probe", watch.seconds)
            with Watch() as watch:
                equal(world["ops"].stop(), 0, "the exit status")
            check(watch.seconds < AT_ONCE, "nor trivet-ops for its looks", watch.seconds)
            world["doc"].server = world["ops"].server = None
