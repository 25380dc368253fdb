"""admission.py: a real API server of the release that the manifests are for takes every overlay as the pipeline would apply it
(server side, as a dry run), in a namespace that enforces `restricted`, and refuses what it should refuse."""

import copy
import os
import re

import yaml

from harness import check, equal, test, until
from harness.places import SRC

import apiserver
import manifests

HERE = os.path.dirname(os.path.realpath(__file__))


def _cluster(fixture):
    """A server that knows the operators' kinds and has the namespace as the overlay makes it. The namespace controller, which is
    not here, would make its ServiceAccount."""
    return fixture.keep("apiserver", lambda: apiserver.running(fixture.scratch))


def _prepare(cluster, overlay):
    cluster.define(os.path.join(HERE, "fixtures", "definitions.yaml"))
    namespace = manifests.find(overlay, "Namespace", "trivet")
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text=yaml.safe_dump(namespace))


def _apply(cluster, objects, check=True):
    return cluster.kubectl("apply", "--server-side", "--dry-run=server", "--field-manager=pipeline", "-f", "-",
                           text=yaml.safe_dump_all(objects) if isinstance(objects, list) else objects, check=check)


def _takes(fixture, overlay):
    cluster = _cluster(fixture)
    _prepare(cluster, overlay)
    said = _apply(cluster, manifests.render(overlay)).stdout
    lines = [line for line in said.splitlines() if line.strip()]
    warnings = [line for line in lines if "serverside-applied (server dry run)" not in line]
    equal(warnings, [], "warnings of the server")
    equal(len(lines), len(manifests.objects(overlay)), "objects of %s that the server took" % overlay)


@test("the server is of the release that the namespace's rules are for")
def version(fixture):
    said = yaml.safe_load(_cluster(fixture).kubectl("version", "-o", "yaml").stdout)
    server = "v%s.%s" % (said["serverVersion"]["major"], said["serverVersion"]["minor"])
    labels = manifests.find("production", "Namespace", "trivet")["metadata"]["labels"]
    equal(server, labels["pod-security.kubernetes.io/enforce-version"], "the server's release")


@test("the server takes the whole of dev")
def dev(fixture):
    _takes(fixture, "dev")


@test("the server takes the whole of staging")
def staging(fixture):
    _takes(fixture, "staging")


@test("the server takes the whole of production")
def production(fixture):
    _takes(fixture, "production")


# --- who deploys ------------------------------------------------------------------------------------------------------------

AS_PIPELINE = ("--as=pipeline", "--as-group=trivet:deployers", "--as-group=system:authenticated")


def _left_to_administrators():
    """The kinds that pipeline/deploy.sh leaves out of what the pipeline applies."""
    with open(os.path.join(SRC, "pipeline", "deploy.sh"), encoding="utf-8") as file:
        return re.search(r'cluster_kinds = "\^\(([A-Za-z|]+)\)\$"', file.read()).group(1).split("|")


def _prepare_as_administrator(cluster, overlay):
    """The namespace with what the pipeline may do there, and rights like those of EKS' edit policy: the server's own role `edit` has
    no rules here, since the controller that gathers them is not."""
    _prepare(cluster, overlay)
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "subjects": [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "trivet:deployers"}]}
    like_eks = [{**binding, "metadata": {"name": "like-eks-" + part, "namespace": "trivet"}, "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:aggregate-to-" + part}} for part in ("edit", "view")]
    ours = [one for kind in ("Role", "RoleBinding") for one in manifests.objects(overlay, kind)]
    cluster.kubectl("apply", "--server-side", "-f", "-", text=yaml.safe_dump_all(ours + like_eks))
    until(lambda: all(_may(cluster, resource, verb) for resource in ("podmonitors.monitoring.coreos.com", "deployments.apps")
                      for verb in ("get", "patch")), "the server goes by the Role")


def _may(cluster, resource, verb="patch"):
    return cluster.kubectl(*AS_PIPELINE, "-n", "trivet", "auth", "can-i", verb, resource, check=False).returncode == 0


def _diff_as_pipeline(cluster, objects):
    return cluster.kubectl(*AS_PIPELINE, "-n", "trivet", "diff", "--server-side", "--field-manager=pipeline", "-f", "-",
                           text=yaml.safe_dump_all(objects), check=False)


@test("as the pipeline's group the server compares and takes every object that the pipeline applies")
def as_pipeline(fixture):
    cluster = _cluster(fixture)
    left = _left_to_administrators()
    for overlay in manifests.OVERLAYS:
        _prepare_as_administrator(cluster, overlay)
        objects = [one for one in manifests.objects(overlay) if one["kind"] not in left]
        done = _diff_as_pipeline(cluster, objects)
        check(done.returncode in (0, 1) and "orbidden" not in done.stdout, overlay + ": the pipeline may compare", done.stdout[-2000:])
        said = cluster.kubectl(*AS_PIPELINE, "apply", "--server-side", "--dry-run=server", "--field-manager=pipeline", "-f", "-",
                               text=yaml.safe_dump_all(objects)).stdout
        equal(said.count("serverside-applied"), len(objects), overlay + ": objects that the server took from the pipeline")


@test("as the pipeline's group the server refuses what is an administrator's")
def not_as_pipeline(fixture):
    cluster = _cluster(fixture)
    _prepare_as_administrator(cluster, "production")
    for kind in ("Namespace", "Role", "RoleBinding"):
        thing = copy.deepcopy(manifests.objects("production", kind)[0])
        thing["metadata"].setdefault("labels", {})["wider"] = "yes"
        done = cluster.kubectl(*AS_PIPELINE, "apply", "--server-side", "--dry-run=server", "--field-manager=pipeline", "-f", "-",
                               text=yaml.safe_dump(thing), check=False)
        check(done.returncode != 0 and "orbidden" in done.stdout, "the pipeline may not change a " + kind, done.stdout[-1500:])


@test("without the Role the pipeline may not touch the operators' kinds: the Role is what lets it")
def role_needed(fixture):
    cluster = _cluster(fixture)
    _prepare_as_administrator(cluster, "production")
    cluster.kubectl("-n", "trivet", "delete", "rolebinding", "trivet-deployers")
    until(lambda: not _may(cluster, "podmonitors.monitoring.coreos.com"), "the server forgets the Role")
    for kind in ("SecretStore", "ExternalSecret", "PodMonitor", "ServiceMonitor", "PrometheusRule"):
        done = _diff_as_pipeline(cluster, manifests.objects("production", kind))
        check(done.returncode > 1 and "orbidden" in done.stdout, kind + " is refused", done.stdout[-1500:])


def _bare_pod(overlay):
    """The Deployment's pod by itself: Pod Security refuses pods, and only warns of Deployments."""
    template = copy.deepcopy(manifests.find(overlay, "Deployment", "trivet")["spec"]["template"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**template["metadata"], "name": "probe", "namespace": "trivet"},
            "spec": template["spec"]}


def _service_account(cluster):
    cluster.kubectl("apply", "--server-side", "-f", "-",
                    text=yaml.safe_dump(manifests.find("production", "ServiceAccount", "trivet")))


@test("Pod Security takes the pod of every overlay as it is")
def restricted(fixture):
    cluster = _cluster(fixture)
    _prepare(cluster, "production")
    _service_account(cluster)
    for overlay in manifests.OVERLAYS:
        said = _apply(cluster, [_bare_pod(overlay)]).stdout
        check("pod/probe serverside-applied" in said and "Warning" not in said, overlay + ": the pod", said)


def _refused(fixture, change, reason, kind="Pod"):
    cluster = _cluster(fixture)
    _prepare(cluster, "production")
    _service_account(cluster)
    thing = _bare_pod("production") if kind == "Pod" else copy.deepcopy(manifests.find("production", kind, "trivet"))
    change(thing["spec"])
    done = _apply(cluster, [thing], check=False)
    check(done.returncode != 0 and reason in done.stdout, "refused because of " + reason, done.stdout[-1500:])


@test("a privileged container is refused")
def privileged(fixture):
    _refused(fixture, lambda spec: spec["containers"][0]["securityContext"].update(privileged=True, allowPrivilegeEscalation=True),
             'violates PodSecurity "restricted:v1.36"')


@test("a container that may run as root is refused")
def as_root(fixture):
    def change(spec):
        spec["securityContext"].pop("runAsNonRoot")
        for one in spec["containers"] + spec["initContainers"]:
            one["securityContext"].pop("runAsNonRoot")
    _refused(fixture, change, "runAsNonRoot != true")


@test("a capability that is kept is refused")
def capability(fixture):
    _refused(fixture, lambda spec: spec["initContainers"][0]["securityContext"].pop("capabilities"), "unrestricted capabilities")


@test("a directory of the node as a volume is refused")
def host_path(fixture):
    _refused(fixture, lambda spec: spec["volumes"].append({"name": "node", "hostPath": {"path": "/"}}), "hostPath")


@test("a typing slip in a field's name is refused")
def typing_slip(fixture):
    _refused(fixture, lambda spec: spec["template"]["spec"]["containers"][0].update(imagePullPollicy="Always"),
             "imagePullPollicy: field not declared in schema", "Deployment")


@test("a typing slip in an operator's kind is refused by its definition")
def typing_slip_elsewhere(fixture):
    _refused(fixture, lambda spec: spec["podMetricsEndpoints"][0].update(intervall="15s"), "intervall: field not declared in schema",
             "PodMonitor")


@test("an HPA whose bound is a word is refused")
def wrong_type(fixture):
    _refused(fixture, lambda spec: spec.update(maxReplicas="many"), "maxReplicas", "HorizontalPodAutoscaler")


@test("a port that a Service could not have is refused")
def semantic(fixture):
    _refused(fixture, lambda spec: spec["ports"][0].update(port=70000), "must be between 1 and 65535", "Service")


@test("a PodDisruptionBudget with two bounds is refused")
def two_bounds(fixture):
    _refused(fixture, lambda spec: spec.update(minAvailable=1), "minAvailable and maxUnavailable cannot be both set",
             "PodDisruptionBudget")
