"""stage.py: what the tests of the pod stand on: a node's network, stores that listen in it, podman with the images, a load balancer,
and pods that come and go. Speaks of itself as harness.World does, so that its traffic can be used."""

import contextlib
import os
import shutil

import yaml

import manifests
import play
import tools
from balancer import PORT, Balancer
from harness import Client, Stores, until
from harness.store import KINDS, Store, _devtools
from harness.traffic import prepare
from kubelet import Pod
from node import ADDRESS, Node
from podman import Podman

PORTS = {"mysql": 3306, "mongo": 27017, "redis": 6379}
# The overlay that is played: production's shape at a small size.
OVERLAY = "staging"


def _arguments(kind):
    """What makes a store listen at the node's address, beside what devtools/store gives it."""
    if kind == "redis":
        return ["--bind", ADDRESS, "--protected-mode", "no"]
    if kind == "mongo":
        mongod = os.environ.get("TRIVET_MONGOD") or shutil.which("mongod")
        return ["--bind_ip", ADDRESS] if mongod else ["--listen-addr=%s:%d" % (ADDRESS, PORTS["mongo"])]
    return ["--bind-address=" + ADDRESS]


class NodeStore(Store):
    """A store that listens on the node's address, at its usual port."""

    def start(self, sample=False):
        _devtools("start", self.kind, self.directory, *_arguments(self.kind),
                  env={**os.environ, "STORE_PORT": str(PORTS[self.name])})
        with open(os.path.join(self.directory, "url"), encoding="ascii") as file:
            self.url = file.read().strip().replace("127.0.0.1", ADDRESS)
        if sample:
            _devtools("sample", self.directory)
        return self


class Stage:
    def __init__(self, scratch, node, stores, podman, balancer):
        self.scratch, self.node, self.stores, self.podman, self.balancer = scratch, node, stores, podman, balancer
        self.http = Client(PORT)
        self.pods = []
        self._count = 0

    def pod(self, scale=None):
        """A new pod, made and not started."""
        self._count += 1
        pod = Pod(self.podman, self.node.pod(), OVERLAY, "trivet-%d" % self._count, scale)
        self.pods.append(pod)
        return pod.create()

    def serving(self, scale=None):
        """A pod that its Deployment counts. That it has requests sent to it by then is the namespace's doing alone: where that asks
        for the readiness gate, the load balancer's controller keeps the pod from being ready before."""
        pod = self.pod(scale)
        try:
            pod.start()
        except BaseException:
            self.discard(pod)
            raise
        self.balancer.add(pod)
        if manifests.gated(OVERLAY):
            until(lambda: self.balancer.serves(pod), "the load balancer takes %s" % pod.name)
        return pod

    def terminate(self, pod, **how):
        """As when its Deployment wants it gone."""
        pod.stop(terminating=lambda: self.balancer.drain(pod), **how)
        self.balancer.forget(pod)
        self.discard(pod)

    def discard(self, pod):
        pod.remove()
        self.pods.remove(pod)

    @contextlib.contextmanager
    def alone(self, scale=None):
        """A pod for one test, which ends with it."""
        pod = self.pod(scale)
        try:
            yield pod
        except BaseException as error:
            error.add_note(pod.log()[-3000:])
            raise
        finally:
            self.discard(pod)

    def problems(self):
        return [] if self.balancer.server.running() else ["the load balancer ended by itself"]


@contextlib.contextmanager
def stage(fixture):
    scratch = fixture.scratch
    kinds = {**KINDS, "mysql": fixture.suite.options.mysql}
    with contextlib.ExitStack() as stack:
        # The bridge first: the stores listen on its address.
        node = stack.enter_context(contextlib.closing(Node()))
        stores = Stores(scratch, [])
        stores.all = {name: NodeStore(name, kinds[name], os.path.join(scratch.path, name)) for name in PORTS}
        stack.enter_context(stores)
        prepare(stores)
        podman = stack.enter_context(contextlib.closing(Podman(scratch.directory("podman"))))
        for archive in ("app.tar", "nginx.tar"):
            podman.load(os.path.join(tools.root("trivet_images"), archive))
        podman("kube", "play", "-", text=yaml.safe_dump(play.secret({one.name: one.url for one in stores})))
        balancer = stack.enter_context(contextlib.closing(Balancer(scratch.directory("balancer"), "/healthz", 8081)))
        yield Stage(scratch, node, stores, podman, balancer)
