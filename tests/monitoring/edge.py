"""edge.py: a load balancer before Trivet: nginx with TLS and a certificate that ends when the test wants, of an authority that the
prober trusts."""

import os
import shutil

from harness.places import ROOT, SERVER_USER
from harness.process import Server
from harness.wait import until
from tools import succeed, write

CONFIGURATION = """
worker_processes 1;
%(user)s
pid %(directory)s/nginx.pid;
events { worker_connections 128; }
http {
    access_log off;
    client_body_temp_path %(directory)s/body;
    proxy_temp_path %(directory)s/proxy;
    fastcgi_temp_path %(directory)s/fastcgi;
    uwsgi_temp_path %(directory)s/uwsgi;
    scgi_temp_path %(directory)s/scgi;
    server {
        listen 127.0.0.1:%(port)d ssl;
        ssl_certificate %(directory)s/edge.crt;
        ssl_certificate_key %(directory)s/edge.key;
        location / { proxy_pass http://127.0.0.1:%(behind)d; }
    }
}
"""


class Edge:
    def __init__(self, directory, port, behind):
        self.directory, self.port, self.behind, self.server = directory, port, behind, None
        os.makedirs(directory)
        if ROOT:
            shutil.chown(directory, SERVER_USER, SERVER_USER)
        self.authority = os.path.join(directory, "ca.crt")
        succeed("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "365",
                "-subj", "/CN=Tests of Trivet", "-keyout", self._path("ca.key"), "-out", self.authority)
        succeed("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                "/CN=127.0.0.1", "-keyout", self._path("edge.key"), "-out", self._path("edge.csr"))
        write(self._path("names"), "subjectAltName=IP:127.0.0.1\n")
        write(self._path("nginx.conf"), CONFIGURATION % {
            "directory": directory, "port": port, "behind": behind, "user": "user %s;" % SERVER_USER if ROOT else ""})

    def _path(self, name):
        return os.path.join(self.directory, name)

    def certificate(self, days):
        succeed("openssl", "x509", "-req", "-in", self._path("edge.csr"), "-CA", self.authority, "-CAkey", self._path("ca.key"),
                "-CAcreateserial", "-days", str(days), "-extfile", self._path("names"), "-out", self._path("edge.crt"))
        return self

    def start(self):
        self.server = Server(["nginx", "-p", self.directory, "-e", self._path("error.log"), "-c", self._path("nginx.conf"),
                              "-g", "daemon off;"], self._path("edge.pid"), self._path("start.log"),
                             {"PATH": os.environ["PATH"]}, as_server=False)
        until(lambda: os.path.exists(self._path("nginx.pid")) or not self.server.running(), "the load balancer starts")
        if not self.server.running():
            with open(self._path("error.log"), encoding="utf-8") as file:
                raise AssertionError("the load balancer does not start: " + file.read()[-1500:])
        return self

    def stop(self):
        if self.server and self.server.running():
            self.server.stop()

    def end(self):
        if self.server and self.server.running():
            self.server.kill()
