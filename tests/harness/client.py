"""client.py: an HTTP client that sends paths and headers as they are given, and raw bytes where even that is too polite."""

import http.client
import json as json_module
import socket
import time


class Broken(Exception):
    """The connection ended without a whole answer."""


class Answer:
    def __init__(self, asked, status, headers, body, seconds):
        self.asked, self.status, self.headers, self.body, self.seconds = asked, status, headers, body, seconds

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        found = self.all(name)
        return found[0] if found else None

    @property
    def text(self):
        return self.body.decode("utf-8")

    def json(self):
        try:
            return json_module.loads(self.body)
        except ValueError as error:
            raise AssertionError("%s: the body is no JSON (%s): %.500r" % (self.asked, error, self.body)) from None

    def __repr__(self):
        return "<%s -> %d %.300r>" % (self.asked, self.status, self.body)


def _read(link, asked, method, began):
    response = http.client.HTTPResponse(link, method=method)
    try:
        response.begin()
        body = response.read()
    finally:
        response.close()
    return Answer(asked, response.status, response.getheaders(), body, time.monotonic() - began)


class Client:
    """Asks one port. Every request has a connection of its own; kept() gives one that stays."""

    def __init__(self, port, timeout=30.0):
        self.port, self.timeout = port, timeout

    def kept(self, timeout=None):
        return Kept(self.port, timeout or self.timeout)

    def request(self, method, path, body=None, headers=None, json=None, timeout=None):
        with Kept(self.port, timeout or self.timeout) as kept:
            return kept.request(method, path, body, {"Connection": "close", **(headers or {})}, json)

    def get(self, path, headers=None, **more):
        return self.request("GET", path, headers=headers, **more)

    def post(self, path, json=None, headers=None, body=None, **more):
        return self.request("POST", path, body, headers, json, **more)

    def connect(self, timeout=None):
        """A bare socket to the port."""
        return socket.create_connection(("127.0.0.1", self.port), timeout or self.timeout)

    def raw(self, data, timeout=None, method=None):
        """Sends these bytes as they are and reads one answer."""
        asked = "%.80r" % data.split(b"\r\n", 1)[0].decode("latin-1")
        with self.connect(timeout) as link:
            began = time.monotonic()
            try:
                link.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all was sent: the answer still comes
            try:
                return _read(link, asked, method or data.split(b" ", 1)[0].decode("latin-1"), began)
            except (http.client.HTTPException, OSError) as error:
                raise Broken("%s: %r" % (asked, error)) from error

    def raw_path(self, path, method="GET", headers=(), body=None):
        """An otherwise ordinary request for a path of any bytes; headers are lines of bytes."""
        lines = [b"%s %s HTTP/1.1" % (method.encode(), path), b"Host: 127.0.0.1:%d" % self.port, b"Connection: close", *headers]
        if body is not None:
            lines.append(b"Content-Length: %d" % len(body))
        return self.raw(b"\r\n".join(lines) + b"\r\n\r\n" + (body or b""))


class Kept:
    """One connection that stays open. One thread at a time."""

    def __init__(self, port, timeout):
        self.port = port
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.link.close()

    def request(self, method, path, body=None, headers=None, json=None):
        headers = dict(headers or {})
        if json is not None:
            body = json_module.dumps(json).encode()
            headers.setdefault("Content-Type", "application/json")
        asked = "%s %.200s" % (method, path)
        began = time.monotonic()
        try:
            # Nothing is added but Host and Content-Length, nothing is changed.
            self.link.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                self.link.putheader(name, value)
            if body is not None:
                self.link.putheader("Content-Length", str(len(body)))
            try:
                self.link.endheaders(body)
            except (BrokenPipeError, ConnectionResetError):
                if body is None:
                    raise
                # refused while the body was on its way: the answer is there
            response = self.link.getresponse()
            content = response.read()
        except (http.client.HTTPException, OSError) as error:
            self.link.close()
            raise Broken("%s after %.3f s: %r" % (asked, time.monotonic() - began, error)) from error
        return Answer(asked, response.status, response.getheaders(), content, time.monotonic() - began)

    def get(self, path, headers=None):
        return self.request("GET", path, headers=headers)

    def post(self, path, json=None, headers=None, body=None):
        return self.request("POST", path, body, headers, json)
