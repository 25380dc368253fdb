"""room.py: do the pods find a place? Each overlay's pods, with those that a rollout adds, are put on the nodes that terraform makes for
that environment, beside what runs on every cluster, as the scheduler would: requests against what a node has left, zones shared where
a rule says so. A pod without a place is a rollout that never ends."""

import math
import os
import re

import yaml

from harness import check, equal, note, test
from harness.places import SRC

import manifests

# vCPU and GiB, as AWS lists them.
INSTANCES = {"t3.large": (2, 8), "m6i.large": (2, 8), "m6i.xlarge": (4, 16), "m6i.2xlarge": (8, 32)}
# What else asks for room: millicores and MiB, on each node and in the cluster as a whole (name: how many, each). From the add-ons' and
# charts' own requests, rounded up; where a chart requests nothing, what its pods use. The last of each is for what others bring.
ON_EACH_NODE = {"aws-node": (50, 64), "kube-proxy": (100, 64), "ebs-csi-node": (30, 120), "others": (100, 256)}
IN_THE_CLUSTER = {"coredns": (2, 100, 70), "metrics-server": (2, 100, 200), "ebs-csi-controller": (2, 60, 240),
                  "aws-load-balancer-controller": (2, 100, 128), "cluster-autoscaler": (1, 100, 600), "external-secrets": (3, 50, 128),
                  "others": (1, 100, 256)}
WITH_MONITORING = {"prometheus": (1, 500, 2048), "prometheus-operator": (1, 100, 128), "prometheus-adapter": (1, 100, 128),
                   "alertmanager": (1, 50, 128), "otel-collector": (1, 200, 512)}


class Node:
    def __init__(self, zone, kind):
        cores, gib = INSTANCES[kind]
        self.zone = zone
        # What EKS' nodes keep for themselves: of the first core 6 %, of the second 1 %, of the next two half a percent, then a quarter.
        self.cpu = cores * 1000 - 70 - 5 * min(cores - 2, 2) - 2.5 * max(cores - 4, 0)
        # 255 MiB and 11 for each of 110 pods, 100 for eviction; and the kernel takes some of what the type is sold with.
        self.memory = gib * 1024 * 0.95 - 255 - 11 * 110 - 100
        for cpu, memory in ON_EACH_NODE.values():
            self.take(cpu, memory)

    def take(self, cpu, memory):
        self.cpu -= cpu
        self.memory -= memory


class Cluster:
    """The nodes of an environment, when each of its groups has as many as `size` says: min, initial or max."""

    def __init__(self, overlay, size):
        with open(os.path.join(SRC, "terraform/environments", overlay, "main.tf"), encoding="utf-8") as file:
            hcl = file.read()
        kind = re.search(r'node_instance_types\s*=\s*\["([^"]+)"\]', hcl).group(1)
        count = int(re.search(r"node_count\s*=\s*\{[^}]*\b%s = (\d+)" % size, hcl).group(1))
        single = re.search(r'node_groups\s*=\s*"single"', hcl)
        self.nodes = [Node(place % 3, kind) for place in range(count if single else 3 * count)]
        self.kind, self.zonal = kind, not single

    def place(self, cpu, memory, count, zones=False):
        """How many of `count` equal pods found a place, the emptiest node first; zones: never two more in one zone than in another."""
        placed = dict.fromkeys({node.zone for node in self.nodes}, 0)
        for _ in range(count):
            fitting = [node for node in self.nodes if node.cpu >= cpu and node.memory >= memory
                       and not (zones and placed[node.zone] > min(placed.values()))]
            if not fitting:
                break
            node = max(fitting, key=lambda one: (-placed[one.zone], one.cpu))
            node.take(cpu, memory)
            placed[node.zone] += 1
        return sum(placed.values())


def request(spec):
    """Millicores and MiB of a pod: all containers that run as long as it does."""
    asked = [one["resources"]["requests"] for one in manifests.containers(spec).values()]
    return (sum(manifests.quantity(one["cpu"]) for one in asked) * 1000, sum(manifests.quantity(one["memory"]) for one in asked) / 2**20)


def replicas(overlay):
    """The fewest and the most that there are of Trivet's pod without a rollout."""
    scaled = [one["spec"] for one in manifests.objects(overlay, "HorizontalPodAutoscaler")]
    if scaled:
        return scaled[0]["minReplicas"], scaled[0]["maxReplicas"]
    return (manifests.find(overlay, "Deployment", "trivet")["spec"]["replicas"],) * 2


def surge(overlay, count):
    """The pods that a rollout adds before it takes one away."""
    rolling = manifests.find(overlay, "Deployment", "trivet")["spec"]["strategy"]["rollingUpdate"]
    much = str(rolling["maxSurge"])
    added = math.ceil(count * int(much[:-1]) / 100) if much.endswith("%") else int(much)
    return added if rolling["maxUnavailable"] == 0 else max(added - 1, 0)


def filled(overlay, size):
    """The environment's nodes with everything on them but Trivet's own pods."""
    cluster = Cluster(overlay, size)
    beside = {**IN_THE_CLUSTER, **(WITH_MONITORING if manifests.objects(overlay, "PodMonitor") else {})}
    for name, (count, cpu, memory) in sorted(beside.items(), key=lambda item: -item[1][1]):
        equal(cluster.place(cpu, memory, count), count, "%s: pods of %s that find a place" % (overlay, name))
    for one in manifests.objects(overlay, "Deployment"):
        if one["metadata"]["name"] != "trivet":
            equal(cluster.place(*request(one["spec"]["template"]["spec"]), one["spec"]["replicas"]), one["spec"]["replicas"],
                  "%s: pods of %s that find a place" % (overlay, one["metadata"]["name"]))
    return cluster


def by_rule(overlay):
    return any(one["topologyKey"].endswith("/zone") and one["whenUnsatisfiable"] == "DoNotSchedule"
               for one in manifests.pod(overlay)["topologySpreadConstraints"])


def _fits(overlay, size, count):
    """`count` pods, and beside them those of a rollout, which share the zones among themselves (matchLabelKeys)."""
    cluster, wanted, added = filled(overlay, size), request(manifests.pod(overlay)), surge(overlay, count)
    zones = by_rule(overlay)
    old, new = cluster.place(*wanted, count, zones), cluster.place(*wanted, added, zones)
    note("%s: %d + %d pods of %d m, %d MiB on %d nodes %s" % (overlay, count, added, *wanted, len(cluster.nodes), cluster.kind))
    check((old, new) == (count, added), "%s: %d pods and %d of a rollout on %d nodes %s" % (overlay, count, added, len(cluster.nodes), cluster.kind),
          "a place for %d and %d" % (old, new))


@test("the fewest pods and a rollout fit the nodes that an environment begins with")
def at_first(_):
    for overlay in manifests.OVERLAYS:
        # Not fewer either: the autoscaler may take nodes away down to the least.
        for size in ("initial", "min"):
            _fits(overlay, size, replicas(overlay)[0])


@test("the most pods that the HPA may ask for, and a rollout, fit the most nodes")
def at_most(_):
    for overlay in manifests.OVERLAYS:
        _fits(overlay, "max", replicas(overlay)[1])


@test("where zones share the pods by rule, each zone has a node group that can grow")
def zones(_):
    for overlay in manifests.OVERLAYS:
        check(not by_rule(overlay) or Cluster(overlay, "min").zonal, overlay + ": a node group in each zone")


@test("the autoscaler runs as the one that terraform gives rights to, and may remove a node with Trivet's pod on it")
def autoscaler(_):
    with open(manifests.KUBERNETES + "/cluster-autoscaler/values.yaml", encoding="utf-8") as file:
        values = yaml.safe_load(file)
    with open(SRC + "/terraform/modules/eks/pod_identity.tf", encoding="utf-8") as file:
        bound = re.search(r'"aws_eks_pod_identity_association" "cluster_autoscaler" \{.*?service_account = "([^"]+)"', file.read(), re.DOTALL)
    equal(values["rbac"]["serviceAccount"]["name"], bound.group(1), "the autoscaler's service account")
    regions = {manifests.find(overlay, "SecretStore", "aws-secrets-manager")["spec"]["provider"]["aws"]["region"] for overlay in manifests.OVERLAYS}
    equal({values["awsRegion"]}, regions, "the region")
    on_disk = [one["name"] for one in manifests.pod("production")["volumes"] if "emptyDir" in one and "medium" not in one["emptyDir"]]
    check(not on_disk or values["extraArgs"]["skip-nodes-with-local-storage"] is False, "a node with these volumes may go", on_disk)


@test("the table of nodes in the README is the one that comes out")
def readme(_):
    with open(manifests.KUBERNETES + "/README.md", encoding="utf-8") as file:
        text = file.read()
    for overlay in manifests.OVERLAYS:
        least, most = replicas(overlay)
        few, many = Cluster(overlay, "initial"), Cluster(overlay, "max")
        cpu, memory = request(manifests.pod(overlay))
        row = "| %s | %d m, %d MiB | %d + %d on %d | %d + %d on %d | `%s` |" % (
            overlay, cpu, memory, least, surge(overlay, least), len(few.nodes), most, surge(overlay, most), len(many.nodes), few.kind)
        check(row in text, "README.md lacks this row: " + row)
