"""manifests.py: what the overlays render to, as text and as objects. Reads containers/kubernetes; writes golden files only when
told to."""

import functools
import os

import yaml

import tools
from harness.places import SRC

HERE = os.path.dirname(os.path.realpath(__file__))
KUBERNETES = os.path.join(SRC, "containers", "kubernetes")
GOLDEN = os.path.join(HERE, "golden")
OVERLAYS = ("dev", "staging", "production")


@functools.cache
def render(overlay):
    """The text that is applied to a cluster."""
    return tools.run([tools.kustomize(), "build", os.path.join(KUBERNETES, "overlays", overlay)], stderr=None).stdout


def read(text):
    return [one for one in yaml.safe_load_all(text) if one]


@functools.cache
def _objects(overlay):
    return read(render(overlay))


def objects(overlay, kind=None):
    return [one for one in _objects(overlay) if kind in (None, one["kind"])]


def find(overlay, kind, name):
    """The one object; the hash at the end of a generated ConfigMap's name is not needed."""
    found = [one for one in objects(overlay, kind)
             if one["metadata"]["name"] == name or kind == "ConfigMap" and one["metadata"]["name"].startswith(name + "-")]
    if len(found) != 1:
        raise AssertionError("%s has %d objects %s/%s" % (overlay, len(found), kind, name))
    return found[0]


def pod(overlay, name="trivet"):
    """The pod's specification in a Deployment."""
    return find(overlay, "Deployment", name)["spec"]["template"]["spec"]


def containers(spec):
    """All containers that run as long as the pod, by name."""
    return {one["name"]: one for one in spec.get("initContainers", []) + spec["containers"]}


def gated(overlay):
    """Whether a new pod is ready only when the load balancer finds it healthy: its controller does that in a namespace that asks."""
    return find(overlay, "Namespace", "trivet")["metadata"]["labels"].get("elbv2.k8s.aws/pod-readiness-gate-inject") == "enabled"


def settings(overlay):
    """The workers' variables."""
    return find(overlay, "ConfigMap", "trivet")["data"]


def golden_path(overlay):
    return os.path.join(GOLDEN, overlay + ".yaml")


def update_golden():
    os.makedirs(GOLDEN, exist_ok=True)
    for overlay in OVERLAYS:
        with open(golden_path(overlay), "w", encoding="utf-8") as file:
            file.write(render(overlay))
        print("written: " + golden_path(overlay))
    return 0


def quantity(text):
    """Kubernetes's way of writing an amount, as a number: 250m, 1Gi."""
    for suffix, factor in (("Ki", 2**10), ("Mi", 2**20), ("Gi", 2**30), ("m", 1e-3), ("k", 1e3), ("M", 1e6), ("G", 1e9)):
        if str(text).endswith(suffix):
            return float(str(text)[:-len(suffix)]) * factor
    return float(text)


def size(text):
    """Trivet's way of writing a size: 32m."""
    return int(text[:-1]) * {"k": 2**10, "m": 2**20, "g": 2**30}[text[-1]] if text[-1] in "kmg" else int(text)


def seconds(text):
    """Trivet's and nginx's way of writing a time: 30s, 75s, 500ms."""
    if text.endswith("ms"):
        return float(text[:-2]) / 1000
    return float(text[:-1]) * {"s": 1, "m": 60}[text[-1]]
