"""backend.py: a FastCGI program for the tests of nginx's configuration. It answers with what it was told, as JSON, or
misbehaves as the X-Behave header of a request asks. It knows nothing of Trivet's dialects."""

import asyncio
import hashlib
import json
import os
import random
import struct
import threading
import time

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR = 1, 2, 3, 4, 5, 6, 7
UNKNOWN_TYPE = 11
# What a draining worker writes after the end of its answer: a management record of which nothing follows.
LAST_MARK = struct.pack("!BBHHBB", 1, UNKNOWN_TYPE, 0, 8, 0, 0) + bytes(8)


def record(kind, content, padding=0):
    return struct.pack("!BBHHBB", 1, kind, 1, len(content), padding, 0) + content + bytes(padding)


def stream(kind, content):
    """Records of one stream, as large as they may be, without the empty one that ends it."""
    return b"".join(record(kind, content[i:i + 65528]) for i in range(0, len(content), 65528))


END = record(STDOUT, b"") + record(END_REQUEST, struct.pack("!IB3x", 0, 0))


def parse_params(data):
    """Name-value pairs in order, so that a name that comes twice is seen."""
    pairs, at = [], 0
    while at < len(data):
        lengths = []
        for _ in range(2):
            if data[at] < 128:
                lengths.append(data[at])
                at += 1
            else:
                lengths.append(struct.unpack_from("!I", data, at)[0] & 0x7FFFFFFF)
                at += 4
        name = data[at:at + lengths[0]].decode("latin-1")
        at += lengths[0]
        pairs.append((name, data[at:at + lengths[1]].decode("latin-1")))
        at += lengths[1]
    return pairs


class Connection(asyncio.Protocol):
    """One connection of nginx's: reads requests one after the other, each answered when it is whole."""

    def __init__(self, pool):
        self.pool = pool
        self.generation = pool.generation  # as of the accept: what drains is the generation before
        self.requests = 0
        self.marked = False
        self.closed_at = None
        self.last_answer_at = None
        self.input = bytearray()
        self.params, self.body = bytearray(), bytearray()

    def connection_made(self, transport):
        self.transport = transport
        self.number = len(self.pool.connections)
        self.pool.connections.append(self)

    def connection_lost(self, _error):
        self.closed_at = time.monotonic()

    def data_received(self, data):
        self.input += data
        while len(self.input) >= 8:
            _version, kind, _id, length, padding, _ = struct.unpack_from("!BBHHBB", self.input)
            if len(self.input) < 8 + length + padding:
                return
            content = bytes(self.input[8:8 + length])
            del self.input[:8 + length + padding]
            if kind == PARAMS:
                self.params += content
            elif kind == STDIN and content:
                self.body += content
            elif kind == STDIN:
                pairs, body = parse_params(self.params), bytes(self.body)
                self.params, self.body = bytearray(), bytearray()
                self.answer(pairs, body)

    def answer(self, pairs, body):
        self.requests += 1
        self.pool.served += 1
        if self.marked:
            self.pool.served_after_mark += 1
        params = dict(pairs)
        token = params.get("HTTP_X_TOKEN")
        if self.pool.tokens is not None and token:
            self.pool.tokens[token] = self.pool.tokens.get(token, 0) + 1
        behave = dict(part.partition("=")[::2] for part in params.get("HTTP_X_BEHAVE", "echo").split(","))
        if "slow" in behave:
            asyncio.get_running_loop().call_later(float(behave["slow"]), self.send, behave, pairs, body)
        else:
            self.send(behave, pairs, body)

    def send(self, behave, pairs, body):
        write, params = self.transport.write, dict(pairs)
        if self.transport.is_closing():
            self.pool.abandoned += 1
            return
        if "die" in behave:
            self.transport.close()
            return
        if "garbage" in behave:
            write(b"HTTP/1.1 200 this is not FastCGI\r\n\r\n" * 4)
            return
        if "size" in behave:
            text = b"x" * int(behave["size"])
        else:
            told = {"pool": self.pool.name, "connection": self.number, "request": self.requests, "params": params,
                    "names": [name for name, _ in pairs], "body_length": len(body),
                    "body_sha256": hashlib.sha256(body).hexdigest(), "token": params.get("HTTP_X_TOKEN", "")}
            text = json.dumps(told).encode()
        head = "Status: %s\r\nContent-Type: application/json\r\n" % behave.get("status", "200 OK")
        head += "X-Request-Id: from-the-worker\r\nX-Frame-Options: from-the-worker\r\nX-Worker: kept\r\n"
        if "accel" in behave:
            head += "X-Accel-Redirect: /nginx_status\r\n"
        if "bighead" in behave:
            head += "X-Big: %s\r\n" % ("b" * int(behave["bighead"]))
        if behave.get("status", "").startswith(("204", "304")):
            text = b""
        if "length" in behave or params.get("REQUEST_METHOD") == "POST":
            head += "Content-Length: %d\r\n" % len(text)  # nginx counts along; without it, it waits for the end
        out = stream(STDOUT, head.encode() + b"\r\n" + text)
        if "die-late" in behave:
            write(out[:len(out) // 2])
            self.transport.close()
            return
        last = "mark" in behave or self.generation != self.pool.generation or \
            random.random() < self.pool.mark_probability
        self.marked = self.marked or last
        self.last_answer_at = time.monotonic()
        write(out + END + (LAST_MARK if last else b""))


class Pool:
    """One socket and what happened on it. `generation` stands for the process that accepts: adding one makes all
    connections so far those of a process that drains."""

    def __init__(self, name):
        self.name = name
        self.generation = 0
        self.mark_probability = 0.0
        self.connections = []
        self.tokens = None  # a dict while requests are to be counted by their X-Token
        self.served = self.served_after_mark = self.abandoned = 0

    def open_connections(self, generation=None):
        return [c for c in self.connections
                if c.closed_at is None and (generation is None or c.generation == generation)]


class Backend:
    """All pools on one event loop in a thread of its own."""

    def __init__(self, directory, names=("sql", "doc", "kv", "hello", "ops")):
        self.directory = directory
        self.pools = {name: Pool(name) for name in names}
        self.servers = {}
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        for name in names:
            self.open(name)

    def open(self, name):
        path = os.path.join(self.directory, name + ".sock")

        async def listen():
            server = await self.loop.create_unix_server(lambda: Connection(self.pools[name]), path, backlog=1024)
            os.chmod(path, 0o666)
            return server
        self.servers[name] = self.call(listen())

    def close(self, name):
        """As when the program has ended: the socket's file stays, nobody listens, connections are cut."""
        async def end():
            self.servers.pop(name).close()
            for connection in self.pools[name].open_connections():
                connection.transport.abort()
            await asyncio.sleep(0.05)
        self.call(end())

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
