"""apiserver.py: a real kube-apiserver with etcd, on loopback, with nothing stored but what a test puts there. The judge of
manifests: schema, defaults, validation, Pod Security. No kubelet and no controller, so nothing is ever started."""

import contextlib
import http.client
import json
import os
import secrets
import subprocess

import yaml

import tools
from harness import until
from harness.ports import free_ports
from harness.process import Server


def _healthy(port):
    """Whether etcd says so of itself."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        link.request("GET", "/health")
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


class ApiServer:
    def __init__(self, directory):
        self.directory = directory
        self.token = secrets.token_hex(16)
        self.servers = []
        self.port = None

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _start(self, name, *words):
        server = Server([str(word) for word in words], self._path(name + ".pid"), self._path(name + ".log"),
                        {"PATH": os.environ["PATH"], "HOME": self.directory}, as_server=False)
        self.servers.append(server)
        return server

    def start(self):
        key = self._path("sa.key")
        tools.run(["openssl", "genrsa", "-out", key, "2048"])
        with open(self._path("tokens.csv"), "w", encoding="ascii") as file:
            file.write('%s,tester,tester,"system:masters"\n' % self.token)
        # The server ends itself when something of its start takes it too long, which is a matter of the machine.
        for attempt in range(3):
            if self._try(attempt, key):
                return self
            said = self.log()[-2000:]
            self.stop()
        raise RuntimeError("the API server ended: " + said)

    def _try(self, attempt, key):
        client, peer, self.port = free_ports(3)
        self.servers = []
        address = "http://127.0.0.1:%d"
        etcd = self._start("etcd", tools.etcd(), "--data-dir", self._path("etcd-%d" % attempt), "--unsafe-no-fsync", "--log-level", "warn",
                           "--listen-client-urls", address % client, "--advertise-client-urls", address % client,
                           "--listen-peer-urls", address % peer, "--initial-advertise-peer-urls", address % peer,
                           "--initial-cluster", "default=" + address % peer)
        until(lambda: not etcd.running() or _healthy(client), "etcd answers", seconds=180, step=0.05)
        server = self._start("apiserver", tools.kube_apiserver(), "--etcd-servers=" + address % client,
                             "--service-account-key-file=" + key, "--service-account-signing-key-file=" + key,
                             "--service-account-issuer=https://kubernetes.default.svc", "--token-auth-file=" + self._path("tokens.csv"),
                             "--authorization-mode=RBAC", "--cert-dir=" + self._path("certs"), "--secure-port=%d" % self.port,
                             "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--service-cluster-ip-range=10.0.0.0/24",
                             # As on EKS: who may be privileged is for Pod Security to say.
                             "--endpoint-reconciler-type=none", "--allow-privileged=true")
        until(lambda: not etcd.running() or not server.running() or self._ready(), "the API server is ready", seconds=180, step=0.2)
        return etcd.running() and server.running()

    def _ready(self):
        return self.kubectl("get", "--raw", "/readyz", check=False).returncode == 0

    def log(self):
        with open(self._path("apiserver.log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def kubectl(self, *words, text=None, check=True):
        return tools.run([tools.kubectl(), "--server", "https://127.0.0.1:%d" % self.port, "--insecure-skip-tls-verify",
                          "--token", self.token, "--cache-dir", self._path("cache"), *words], text, check,
                         env={"HOME": self.directory, "PATH": os.environ["PATH"], "KUBECONFIG": os.devnull},
                         **({"stdin": subprocess.DEVNULL} if text is None else {}))

    def define(self, path):
        """Makes the kinds of this file known. `kubectl wait` would not do: it fails on a definition that has no conditions yet, and
        one that is established comes before its schema, which kubectl asks for too."""
        with open(path, encoding="utf-8") as file:
            specs = [one["spec"] for one in yaml.safe_load_all(file) if one]
        self.kubectl("apply", "--server-side", "-f", path)
        until(lambda: self._serves(specs), "the server serves the kinds that it knows", step=0.1)

    def _serves(self, specs):
        kinds = self.kubectl("api-resources", "--cached=false", "--output=name", check=False)
        schemas = self.kubectl("get", "--raw", "/openapi/v3", check=False)
        if kinds.returncode != 0 or schemas.returncode != 0:
            return False
        paths = json.loads(schemas.stdout)["paths"]
        return all("%s.%s" % (spec["names"]["plural"], spec["group"]) in kinds.stdout.split() and
                   all("apis/%s/%s" % (spec["group"], version["name"]) in paths for version in spec["versions"]) for spec in specs)

    def stop(self):
        for server in reversed(self.servers):
            server.stop(seconds=20)

    def problems(self):
        return ["a server of the API ended by itself: " + self.log()[-1500:]
                for server in self.servers if not server.running()]


@contextlib.contextmanager
def running(scratch, name="apiserver"):
    server = ApiServer(scratch.directory(name))
    try:
        yield server.start()
    finally:
        server.stop()
