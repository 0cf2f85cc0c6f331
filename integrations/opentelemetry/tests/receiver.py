"""Starts rotel, an OTLP receiver, and prints what it passes on, decoded by the official Python messages.

The first line is the address to push to. Then each export is one line of JSON: a list of metrics with their points. It ends
with its input.
"""

import gzip
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import rotel
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

PROBE = "probe"
passed_on = threading.Event()


def points(metric):
    kind = metric.WhichOneof("data")
    for point in getattr(metric, kind).data_points:
        found = {"attributes": {it.key: it.value.string_value for it in point.attributes}}
        if kind == "histogram":
            found |= {"count": point.count, "sum": point.sum, "bounds": list(point.explicit_bounds)}
        else:
            found["value"] = getattr(point, point.WhichOneof("value"))
        yield found


def decoded(request):
    for resource in ExportMetricsServiceRequest.FromString(request).resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                is_counter = kind == "sum" and metric.sum.is_monotonic
                yield {
                    "name": metric.name,
                    "unit": metric.unit,
                    "help": metric.description,
                    "kind": "counter" if is_counter else "up_down_counter" if kind == "sum" else kind,
                    "points": list(points(metric)),
                }


class Sink(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        metrics = [metric for metric in decoded(body) if metric["name"] != PROBE]
        if metrics:
            print(json.dumps(metrics), flush=True)
        else:
            passed_on.set()
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def free_address():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % one.getsockname()[1]


def push_probe(url):
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=PROBE)
    metric.gauge.data_points.add(as_int=1)
    headers = {"content-type": "application/x-protobuf"}
    # Another server may have the port, and never answer.
    urllib.request.urlopen(urllib.request.Request(url, request.SerializeToString(), headers), timeout=2).close()


def started(address, pid_file):
    """A rotel that passes on what is sent to this address; nothing if it ended before, as when the address was taken."""
    agent = subprocess.Popen(
        [
            pathlib.Path(rotel.__file__).parent / "rotel-agent", "start",
            "--pid-file", pid_file,
            "--otlp-http-endpoint", address,
            "--otlp-grpc-endpoint", free_address(),
            "--exporter", "otlp",
            "--otlp-exporter-protocol", "http",
            "--otlp-exporter-endpoint", "http://127.0.0.1:%d" % sink.server_address[1],
        ],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    # Ready is who passes on what was sent.
    while agent.poll() is None:
        if passed_on.wait(0.1):
            return agent
        try:
            push_probe("http://%s/v1/metrics" % address)
        except OSError:
            pass


sink = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
threading.Thread(target=sink.serve_forever, daemon=True).start()
with tempfile.TemporaryDirectory() as folder:
    for _ in range(10):
        address = free_address()
        if agent := started(address, os.path.join(folder, "pid")):
            break
    else:
        sys.exit("rotel did not start")
    print("http://%s/v1/metrics" % address, flush=True)
    sys.stdin.read()
    agent.terminate()
    agent.wait()
