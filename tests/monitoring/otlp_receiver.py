"""otlp_receiver.py PORT FILE: receives OTLP/HTTP (protobuf and JSON, gzip or not) and decodes it with opentelemetry-proto, an
implementation that shares nothing with Trivet's. Each request becomes one line of JSON in FILE; what does not decode gets a 400 and a
line that says why. Runs in the environment of devtools/monitoring.sh otlp-python; asserts nothing."""

import base64
import gzip
import http.server
import json
import re
import sys
import threading

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

REQUESTS = {"/v1/traces": trace_service_pb2.ExportTraceServiceRequest, "/v1/metrics": metrics_service_pb2.ExportMetricsServiceRequest}
ANSWERS = {"/v1/traces": trace_service_pb2.ExportTraceServiceResponse, "/v1/metrics": metrics_service_pb2.ExportMetricsServiceResponse}
# OTLP's JSON differs from protobuf's own in one thing: ids are hexadecimal, not base64.
ID_LENGTHS = {"traceId": 32, "spanId": 16, "parentSpanId": 16}


def _ids_as_protobuf(value):
    if isinstance(value, list):
        return [_ids_as_protobuf(one) for one in value]
    if not isinstance(value, dict):
        return value
    changed = {}
    for key, one in value.items():
        if key in ID_LENGTHS and one != "":
            if not isinstance(one, str) or not re.fullmatch("[0-9a-fA-F]{%d}" % ID_LENGTHS[key], one):
                raise ValueError("%s is no id of %d hexadecimal digits: %r" % (key, ID_LENGTHS[key], one))
            one = base64.b64encode(bytes.fromhex(one)).decode()
        changed[key] = _ids_as_protobuf(one)
    return changed


def decode(path, kind, body):
    request = REQUESTS[path]()
    if kind == "application/json":
        # Unknown fields are an error here: a misspelt one would be silently lost in a real APM.
        json_format.ParseDict(_ids_as_protobuf(json.loads(body)), request, ignore_unknown_fields=False)
    elif kind == "application/x-protobuf":
        request.ParseFromString(body)
    else:
        raise ValueError("the type %r is none of OTLP's" % kind)
    return request


def _value(value):
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, which) if which else None


def attributes(pairs):
    return {pair.key: _value(pair.value) for pair in pairs}


def spans(request):
    """Flat, with the resource that each belongs to."""
    for resource in request.resource_spans:
        of = attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield {"trace": span.trace_id.hex(), "span": span.span_id.hex(), "parent": span.parent_span_id.hex(),
                       "name": span.name, "kind": span.kind, "start": span.start_time_unix_nano, "end": span.end_time_unix_nano,
                       "status": span.status.code, "message": span.status.message, "attributes": attributes(span.attributes),
                       "events": [event.name for event in span.events], "resource": of, "scope": scope.scope.name,
                       "flags": span.flags, "trace_state": span.trace_state}


def metrics(request):
    """Each metric with what Prometheus must know of it, and its points' sum."""
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                data = getattr(metric, kind)
                points = list(data.data_points)
                numbers = [point.count if kind == "histogram" else getattr(point, point.WhichOneof("value")) for point in points]
                yield {"name": metric.name, "kind": kind, "unit": metric.unit, "points": len(points), "sum": sum(numbers),
                       "cumulative": getattr(data, "aggregation_temporality", 0) == 2, "monotonic": getattr(data, "is_monotonic", False),
                       "labels": sorted({pair.key for point in points for pair in point.attributes}),
                       "bounds": sorted({bound for point in points if kind == "histogram" for bound in point.explicit_bounds}),
                       "resource": attributes(resource.resource.attributes)}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock, file = threading.Lock(), None

    def _body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _remember(self, line):
        with self.lock:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()

    def do_POST(self):
        body = self._body()
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip()
        try:
            if self.path not in REQUESTS:
                raise ValueError("the path %r is none of OTLP's" % self.path)
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            request = decode(self.path, kind, body)
            if not request.ListFields():
                raise ValueError("an empty envelope")
            line = {"path": self.path, "type": kind, "bytes": len(body)}
            if self.path == "/v1/traces":
                line["spans"] = list(spans(request))
            else:
                line["metrics"] = list(metrics(request))
        except Exception as error:
            self._remember({"path": self.path, "type": kind, "error": "%s: %.500s" % (type(error).__name__, error)})
            self._answer(400, "text/plain", str(error).encode())
            return
        self._remember(line)
        answer = ANSWERS[self.path]()
        if kind == "application/json":
            self._answer(200, kind, json_format.MessageToJson(answer).encode())
        else:
            self._answer(200, kind, answer.SerializeToString())

    def _answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    Handler.file = open(sys.argv[2], "a", encoding="utf-8")
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
