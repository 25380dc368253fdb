"""receiver.py: a receiver of OTLP/HTTP on a free port, in a thread. It can be away, slow, or in a bad mood. What it takes is decoded
here from protobuf or JSON, by field numbers and names of opentelemetry-proto, written down anew: an encoder that were wrong in
the same way would have to be wrong twice."""

import contextlib
import gzip
import http.server
import json
import socket
import struct
import threading
import time

# -- protobuf: message -> {number: (name, kind)}; a kind that is a name is a message, [kind] a list

SCHEMAS = {
    "Traces": {1: ("resourceSpans", ["ResourceSpans"])},
    "ResourceSpans": {1: ("resource", "Resource"), 2: ("scopeSpans", ["ScopeSpans"])},
    "Resource": {1: ("attributes", ["KeyValue"])},
    "KeyValue": {1: ("key", "string"), 2: ("value", "AnyValue")},
    "AnyValue": {1: ("stringValue", "string"), 2: ("boolValue", "bool"), 3: ("intValue", "int64"), 4: ("doubleValue", "double")},
    "ScopeSpans": {1: ("scope", "Scope"), 2: ("spans", ["Span"])},
    "Scope": {1: ("name", "string"), 2: ("version", "string")},
    "Span": {1: ("traceId", "id"), 2: ("spanId", "id"), 3: ("traceState", "string"), 4: ("parentSpanId", "id"),
             5: ("name", "string"), 6: ("kind", "int32"), 7: ("startTimeUnixNano", "fixed64"), 8: ("endTimeUnixNano", "fixed64"),
             9: ("attributes", ["KeyValue"]), 15: ("status", "Status"), 16: ("flags", "fixed32")},
    "Status": {2: ("message", "string"), 3: ("code", "int32")},
    "Metrics": {1: ("resourceMetrics", ["ResourceMetrics"])},
    "ResourceMetrics": {1: ("resource", "Resource"), 2: ("scopeMetrics", ["ScopeMetrics"])},
    "ScopeMetrics": {1: ("scope", "Scope"), 2: ("metrics", ["Metric"])},
    "Metric": {1: ("name", "string"), 2: ("description", "string"), 3: ("unit", "string"), 5: ("gauge", "Gauge"), 7: ("sum", "Sum"),
               9: ("histogram", "Histogram")},
    "Gauge": {1: ("dataPoints", ["Number"])},
    "Sum": {1: ("dataPoints", ["Number"]), 2: ("aggregationTemporality", "int32"), 3: ("isMonotonic", "bool")},
    "Histogram": {1: ("dataPoints", ["HistogramPoint"]), 2: ("aggregationTemporality", "int32")},
    "Number": {2: ("startTimeUnixNano", "fixed64"), 3: ("timeUnixNano", "fixed64"), 4: ("asDouble", "double"),
               6: ("asInt", "sfixed64"), 7: ("attributes", ["KeyValue"]), 8: ("flags", "int32")},
    "HistogramPoint": {2: ("startTimeUnixNano", "fixed64"), 3: ("timeUnixNano", "fixed64"), 4: ("count", "fixed64"),
                       5: ("sum", "double"), 6: ("bucketCounts", "fixed64s"), 7: ("explicitBounds", "doubles"),
                       9: ("attributes", ["KeyValue"])},
}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def scalar(kind, wire, value):
    wanted = {"string": 2, "id": 2, "fixed64s": 2, "doubles": 2, "int32": 0, "int64": 0, "bool": 0, "double": 1, "fixed64": 1,
              "sfixed64": 1, "fixed32": 5}[kind]
    if wire != wanted:
        raise ValueError("wire type %d for %s" % (wire, kind))
    if kind == "string":
        return value.decode("utf-8")
    if kind == "id":
        return value.hex()
    if kind == "fixed64s":
        return [number for number, in struct.iter_unpack("<Q", value)]
    if kind == "doubles":
        return [number for number, in struct.iter_unpack("<d", value)]
    if kind == "bool":
        return bool(value)
    if kind == "int64" and value >= 1 << 63:
        return value - (1 << 64)
    if kind in ("double", "fixed64", "sfixed64", "fixed32"):
        return struct.unpack({"double": "<d", "fixed64": "<Q", "sfixed64": "<q", "fixed32": "<I"}[kind], value)[0]
    return value


def decode(name, data):
    found, at, schema = {}, 0, SCHEMAS[name]
    while at < len(data):
        tag, at = varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = varint(data, at)
        else:
            length, at = varint(data, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
            if at + length > len(data):
                raise ValueError("%s: a field that ends beyond its message" % name)
            value, at = data[at:at + length], at + length
        field, kind = schema[number]  # a number that is not there is a mistake of ours
        if isinstance(kind, list):
            found.setdefault(field, []).append(decode(kind[0], value))
        elif kind in SCHEMAS:
            found[field] = decode(kind, value)
        else:
            found[field] = scalar(kind, wire, value)
    return found


def of_json(value, key=""):
    """The same shapes from JSON: 64-bit numbers are texts there, and must be."""
    if isinstance(value, dict):
        return {name: of_json(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [of_json(inner, key) for inner in value]
    if key in ("startTimeUnixNano", "endTimeUnixNano", "timeUnixNano", "intValue", "asInt", "count", "bucketCounts"):
        if not isinstance(value, str):
            raise ValueError("%s is no text: %r" % (key, value))
        return int(value)
    return value


def attributes(pairs):
    """As a dict; a value of two kinds, or a key that comes twice, is a mistake."""
    found = {}
    for pair in pairs:
        (value,) = pair["value"].values()
        if pair["key"] in found:
            raise ValueError("%s comes twice" % pair["key"])
        found[pair["key"]] = value
    return found


class Receiver:
    def __init__(self):
        self.lock = threading.Lock()
        self.requests = []   # (path, headers) of everything that was asked
        self.raw = []        # accepted bodies, unpacked
        self.spans = []
        self.metrics = []    # one dict of metrics by name a batch
        self.resources = []
        self.errors = []
        self.mood = None     # (status, headers): what is answered instead
        self.answer = b""    # the body of 200
        self.delay = 0.0
        self.blind = False   # what is sent is accepted unread: reading takes this process' own time
        self.server = None
        self.links = set()
        self.times = []      # (path, when it came by the monotonic clock)
        self.port = 0

    def start(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                with receiver.lock:
                    receiver.links.add(self.connection)

            def finish(self):
                with receiver.lock:
                    receiver.links.discard(self.connection)
                super().finish()

            def do_POST(self):
                receiver.take(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that left

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        """Away: nobody listens, and connections that are kept end too."""
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None
            with self.lock:
                for link in self.links:
                    with contextlib.suppress(OSError):
                        link.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def take(self, handler, body):
        with self.lock:
            self.requests.append((handler.path, dict(handler.headers)))
            self.times.append((handler.path, time.monotonic()))
            mood, delay = self.mood, self.delay
        if delay:
            time.sleep(delay)
        status, headers = mood or (200, {})
        if status == 200 and not self.blind:
            try:
                self.accept(handler, body)
            except Exception as error:  # said by the test that looks
                self.errors.append("%s: %r" % (handler.path, error))
                status = 400
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        answer = self.answer if status == 200 else b""
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    def accept(self, handler, body):
        if handler.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        signal = "Traces" if handler.path.endswith("traces") else "Metrics"
        if handler.headers["Content-Type"] == "application/json":
            message = of_json(json.loads(body))
        elif handler.headers["Content-Type"] == "application/x-protobuf":
            message = decode(signal, body)
        else:
            raise ValueError("the type %s" % handler.headers["Content-Type"])
        with self.lock:
            self.raw.append(body)
            for resource in message["resourceSpans" if signal == "Traces" else "resourceMetrics"]:
                self.resources.append(attributes(resource["resource"]["attributes"]))
                for scope in resource["scopeSpans" if signal == "Traces" else "scopeMetrics"]:
                    if signal == "Traces":
                        self.spans += [{**span, "attributes": attributes(span.get("attributes", []))} for span in scope["spans"]]
                    else:
                        self.metrics.append({metric["name"]: metric for metric in scope["metrics"]})

    def forget(self):
        with self.lock:
            self.requests, self.times, self.raw, self.spans, self.metrics, self.resources = [], [], [], [], [], []

    def trace(self, trace_id):
        with self.lock:
            return [span for span in self.spans if span["traceId"] == trace_id]

    def count(self, path):
        with self.lock:
            return sum(one == path for one, _ in self.requests)
