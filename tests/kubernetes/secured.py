"""secured.py: a MySQL (or MariaDB) that lets nobody in without TLS, as Amazon's does, with a certificate of an authority of our own;
and MySQL's exporter, started with the rendered arguments and a login to try."""

import http.client
import os

import tools
from harness import until
from harness.ports import free_ports
from harness.process import Server
from harness.store import Store, _devtools

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def authority(directory, name):
    """An authority that signs for 127.0.0.1. Gives the path of its certificate; the key stands beside it."""
    path = os.path.join(directory, name + ".pem")
    tools.run(["openssl", "req", "-x509", *KEY, "-days", "30", "-subj", "/CN=" + name, "-keyout", path + ".key", "-out", path])
    return path


def certificate(directory, signer):
    """A server's certificate and its key."""
    paths = [os.path.join(directory, "server." + end) for end in ("crt", "key", "csr", "names")]
    made, key, request, names = paths
    with open(names, "w", encoding="ascii") as file:
        file.write("subjectAltName=IP:127.0.0.1\n")
    tools.run(["openssl", "req", "-new", *KEY, "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", request])
    tools.run(["openssl", "x509", "-req", "-in", request, "-CA", signer, "-CAkey", signer + ".key", "-CAcreateserial", "-days", "30",
               "-extfile", names, "-out", made])
    os.chmod(key, 0o644)  # the server runs as another user
    return made, key


class Secured(Store):
    def __init__(self, kind, directory, certificates):
        super().__init__("mysql", kind, directory)
        (self.port,) = free_ports(1)
        made, key = certificate(certificates, os.path.join(certificates, "ours.pem"))
        self.arguments = ("--require-secure-transport=ON", "--ssl-cert=" + made, "--ssl-key=" + key)

    def __enter__(self):
        _devtools("start", self.kind, self.directory, *self.arguments, env={**os.environ, "STORE_PORT": str(self.port)})
        return self

    def __exit__(self, *_):
        self.remove()


class Exporter:
    """program with the manifest's arguments, but a login and a port of the test's."""

    def __init__(self, program, arguments, directory, login):
        (port,) = free_ports(1)
        path = os.path.join(directory, "my.cnf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(login)
        ours = {"--config.my-cnf": path, "--web.listen-address": "127.0.0.1:%d" % port}
        words = ["%s=%s" % (name, ours.get(name, value)) if value else name
                 for name, _, value in (word.partition("=") for word in arguments)]
        self.log = os.path.join(directory, "exporter.log")
        self.port = port
        self.server = Server([program, *words], os.path.join(directory, "exporter.pid"), self.log, {}, as_server=False)

    def __enter__(self):
        until(lambda: self.metrics() or not self.server.running(), "the exporter answers")
        return self

    def __exit__(self, *_):
        self.server.stop()

    def metrics(self):
        """What it serves, each time asked of the store anew; nothing when it does not answer."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            link.request("GET", "/metrics")
            return link.getresponse().read().decode()
        except OSError:
            return ""
        finally:
            link.close()

    def said(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()
