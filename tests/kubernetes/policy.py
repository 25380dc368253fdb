"""policy.py: what linters say of the renders, and what they cannot know: which flows there are, that the grace period holds all of
its parts, that memory holds what the settings allow, that names in different files are the same."""

import os
import re

import yaml

from harness import check, equal, note, test
from harness.places import SRC

import manifests
import tools

HERE = os.path.dirname(os.path.realpath(__file__))
# What kube-score finds and we mean: rule and object, with the reason. A finding that is not here fails, and so does an entry
# that finds nothing any more.
ACCEPTED = {
    ("deployment-replicas", "mysqld-exporter"): "a second exporter would count everything twice",
    ("deployment-replicas", "mongodb-exporter"): "a second exporter would count everything twice",
    ("deployment-replicas", "redis-exporter"): "a second exporter would count everything twice",
    ("deployment-strategy", "mysqld-exporter"): "a second exporter would count everything twice",
    ("deployment-strategy", "mongodb-exporter"): "a second exporter would count everything twice",
    ("deployment-strategy", "redis-exporter"): "a second exporter would count everything twice",
    ("deployment-has-host-podantiaffinity", "trivet"): "topology spread constraints do this, and by zone as well",
}
ACCEPTED_IN_DEV = {
    ("deployment-replicas", "trivet"): "dev has one pod",
}
IGNORED = ["container-image-pull-policy"]  # releases are given by digest, and a start must not need the registry


def _score(overlay):
    """(check's id, object's name, grade) of all findings below OK."""
    printed = tools.run([tools.kube_score(), "score", "-", "--output-format", "json", "--ignore-container-cpu-limit",
                         "--kubernetes-version", "v1.36", *[word for name in IGNORED for word in ("--ignore-test", name)]],
                        text=manifests.render(overlay), check=False, stderr=None).stdout
    found = {}
    for thing in yaml.safe_load(printed):
        for one in thing["checks"]:
            if not one["skipped"] and one["grade"] < 10:
                comments = [(comment["path"] + ": " + comment["summary"]).strip(": ") for comment in one["comments"] or []]
                found[(one["check"]["id"], thing["object_meta"]["name"])] = comments
    return found


@test("kube-score finds nothing that is not meant")
def kube_score(_):
    seen = set()
    for overlay in manifests.OVERLAYS:
        accepted = {**ACCEPTED, **(ACCEPTED_IN_DEV if overlay == "dev" else {})}
        found = _score(overlay)
        new = {key: comments for key, comments in found.items() if key not in accepted}
        check(not new, "kube-score on " + overlay, new)
        seen.update(found)
    stale = [key for key in {**ACCEPTED, **ACCEPTED_IN_DEV} if key not in seen]
    check(not stale, "accepted findings that are none any more", stale)


@test("kubernetes-validate takes every object of Kubernetes itself, strictly")
def schemas(fixture):
    for overlay in manifests.OVERLAYS:
        path = "%s/%s.yaml" % (fixture.scratch.path, overlay)
        with open(path, "w", encoding="utf-8") as file:
            file.write(manifests.render(overlay))
        said = tools.run([*tools.kubernetes_validate(), "--strict", "-k", "1.36", path]).stdout
        passed = len(re.findall(r"^INFO .* passed for resource ", said, re.M))
        own = [one for one in manifests.objects(overlay) if not re.search("coreos|external-secrets", one["apiVersion"])]
        equal(passed, len(own), "objects of %s that passed" % overlay)


# --- flows ------------------------------------------------------------------------------------------------------------------

# All that may flow: component, direction, peer, ports.
VPC = {"dev": "10.20.0.0/16", "staging": "10.25.0.0/16", "production": "10.30.0.0/16"}


def _wanted_flows(overlay):
    dns = ("kube-system/kube-dns", "UDP 53, TCP 53")
    vpc = VPC[overlay]
    flows = {("trivet", "in", vpc, "TCP 8080"), ("trivet", "out", vpc, "TCP 3306, TCP 27017, TCP 6379"), ("trivet", "out", *dns)}
    if overlay != "dev":
        flows |= {("trivet", "in", "monitoring", "TCP 8081, TCP 9113"),
                  ("trivet", "out", "monitoring/otel-collector", "TCP 4318")}
        for name, port in (("mysqld", 3306), ("mongodb", 27017), ("redis", 6379)):
            flows |= {(name + "-exporter", "in", "monitoring", "TCP metrics"), (name + "-exporter", "out", vpc, "TCP %d" % port),
                      (name + "-exporter", "out", *dns)}
    return flows


def _peer(one):
    if "ipBlock" in one:
        equal(list(one), ["ipBlock"], "a peer")
        return one["ipBlock"]["cidr"]
    labels = one["namespaceSelector"]["matchLabels"]
    name = labels["kubernetes.io/metadata.name"]
    if "podSelector" in one:
        name += "/" + " ".join(one["podSelector"]["matchLabels"].values())
    return name


def _flows(overlay):
    flows = set()
    for policy in manifests.objects(overlay, "NetworkPolicy"):
        spec = policy["spec"]
        equal(sorted(spec["policyTypes"]), ["Egress", "Ingress"], "the directions of " + policy["metadata"]["name"])
        for direction, word, key in (("in", "ingress", "from"), ("out", "egress", "to")):
            for rule in spec.get(word, []):
                # A rule without peers or ports would mean all of them.
                check(rule.get(key) and rule.get("ports"), "%s of %s says whom and where" % (word, policy["metadata"]["name"]), rule)
                for peer in rule[key]:
                    flows.add((spec["podSelector"]["matchLabels"]["app.kubernetes.io/name"], direction, _peer(peer),
                               ", ".join("%s %s" % (port["protocol"], port["port"]) for port in rule["ports"])))
    return flows


@test("the network policies allow exactly the flows that are needed")
def flows(_):
    for overlay in manifests.OVERLAYS:
        found, wanted = _flows(overlay), _wanted_flows(overlay)
        equal(sorted(found - wanted), [], overlay + ": flows that nobody needs")
        equal(sorted(wanted - found), [], overlay + ": flows that are missing")
        everyone = manifests.find(overlay, "NetworkPolicy", "default-deny")["spec"]
        equal(everyone, {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}, overlay + ": default-deny")


@test("traces may leave to where they are sent")
def traces(_):
    for overlay in ("staging", "production"):
        sent = manifests.settings(overlay)["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
        name, namespace, port = re.fullmatch(r"http://([\w-]+)\.([\w-]+):(\d+)/v1/traces", sent).groups()
        check(("trivet", "out", "%s/%s" % (namespace, name), "TCP " + port) in _flows(overlay), overlay + ": a flow to " + sent)


@test("a port that a policy, probe, monitor or Service names is there, and a policy names none of a sidecar")
def ports_named(_):
    for overlay in manifests.OVERLAYS:
        for deployment in manifests.objects(overlay, "Deployment"):
            spec = deployment["spec"]["template"]["spec"]
            labels = deployment["spec"]["template"]["metadata"]["labels"]
            there = {word for one in manifests.containers(spec).values() for port in one.get("ports", [])
                     for word in (port["name"], port["containerPort"])}
            # The VPC CNI's policy controller looks names up among the plain containers; one of a sidecar it does not find, and
            # then what the rule allows is refused.
            plain = {port["name"] for one in spec["containers"] for port in one.get("ports", [])}
            asked = set()
            for container in manifests.containers(spec).values():
                for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                    for how in ("httpGet", "tcpSocket"):
                        asked |= {container.get(probe, {}).get(how, {}).get("port")}
            for one in manifests.objects(overlay, "NetworkPolicy"):
                if one["spec"]["podSelector"] and one["spec"]["podSelector"]["matchLabels"].items() <= labels.items():
                    ports = {port["port"] for rule in one["spec"].get("ingress", []) for port in rule["ports"]}
                    by_name = {port for port in ports if isinstance(port, str)}
                    check(by_name <= plain, "%s/%s: a policy names a sidecar's port, which has to be a number" % (
                        overlay, one["metadata"]["name"]), by_name - plain)
                    asked |= ports
            for one in manifests.objects(overlay, "Service"):
                if one["spec"]["selector"].items() <= labels.items():
                    asked |= {port["targetPort"] for port in one["spec"]["ports"]}
            for one in manifests.objects(overlay, "PodMonitor"):
                if one["spec"]["selector"]["matchLabels"].items() <= labels.items():
                    asked |= {endpoint["port"] for endpoint in one["spec"]["podMetricsEndpoints"]}
            check(asked - {None} <= there, "%s/%s: ports that are asked for" % (overlay, deployment["metadata"]["name"]), asked - there)


# --- who deploys ------------------------------------------------------------------------------------------------------------

@test("the pipeline may change every operator's kind that an overlay has, and no other")
def deployers(_):
    with open(os.path.join(HERE, "fixtures", "definitions.yaml"), encoding="utf-8") as file:
        plural = {(one["spec"]["group"], one["spec"]["names"]["kind"]): one["spec"]["names"]["plural"] for one in manifests.read(file.read())}
    kinds = {(one["apiVersion"].partition("/")[0], one["kind"]) for overlay in manifests.OVERLAYS for one in manifests.objects(overlay)}
    used = {(group, plural[group, kind]) for group, kind in kinds if (group, kind) in plural}
    foreign = sorted(kind for group, kind in kinds if "." in group and not group.endswith(".k8s.io") and (group, kind) not in plural)
    equal(foreign, [], "kinds that fixtures/definitions.yaml does not know")
    with open(SRC + "/terraform/modules/delivery/variables.tf", encoding="utf-8") as file:
        groups = re.search(r'variable "kubernetes_groups" \{.*?default\s*= \["([^"]+)"\]', file.read(), re.DOTALL).group(1)
    for overlay in manifests.OVERLAYS:
        role, binding = (manifests.find(overlay, kind, "trivet-deployers") for kind in ("Role", "RoleBinding"))
        allowed = {(group, resource) for rule in role["rules"] for group in rule["apiGroups"] for resource in rule["resources"]}
        equal(sorted(used - allowed), [], overlay + ": kinds that the pipeline may not change")
        equal(sorted(allowed - used), [], overlay + ": kinds that no overlay has")
        # What a server-side diff and apply ask for, and taking away what an undone release brought.
        for rule in role["rules"]:
            check({"get", "list", "create", "patch", "delete"} <= set(rule["verbs"]), overlay + ": what it may do with them", rule["verbs"])
        equal([(one["kind"], one["name"]) for one in binding["subjects"]], [("Group", groups)], overlay + ": who deploys, as terraform says")


# --- times and sizes ----------------------------------------------------------------------------------------------------------

def _nginx(name, file="nginx.conf"):
    """A time that nginx's configuration sets."""
    with open("%s/nginx/%s" % (SRC, file), encoding="utf-8") as text:
        return manifests.seconds(re.search(r"^\s*%s (\S+);" % name, text.read(), re.M).group(1))


def _milliseconds(file, name):
    """A time that one of the programs allows, in seconds."""
    with open("%s/%s" % (SRC, file), encoding="utf-8") as text:
        return int(re.search(r"^#define %s\s+(\d+)\b" % name, text.read(), re.M).group(1)) / 1000


def _front():
    """The most that trivet-front waits for nginx to take what has connected."""
    return _milliseconds("containers/entry/front_serve.c", "WAITING_MS")


def _killing():
    """What trivet-pools, when its time is over, leaves the kernel to end what still runs."""
    return _milliseconds("containers/entry/supervise.c", "KILLED_MS")


def _attributes(ingress, name):
    return dict(pair.split("=") for pair in ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/" + name].split(","))


@test("the grace period holds the load balancer's part, nginx's drain, the workers' with trivet-push, and the end of what is left")
def grace(_):
    for overlay in manifests.OVERLAYS:
        spec, settings = manifests.pod(overlay), manifests.settings(overlay)
        ingress = manifests.find(overlay, "Ingress", "trivet")
        sleep = manifests.containers(spec)["nginx"]["lifecycle"]["preStop"]["sleep"]["seconds"]
        drain, pools = _front() + _nginx("worker_shutdown_timeout"), manifests.seconds(settings["TRIVET_POOLS_DRAIN"])
        note("%s: %d s preStop + %d s nginx + %d s workers and trivet-push + %d s of %d s" % (
            overlay, sleep, drain, pools, _killing(), spec["terminationGracePeriodSeconds"]))
        check(sleep + drain + pools + _killing() <= spec["terminationGracePeriodSeconds"], overlay + ": the grace period is too short")
        # A master kills what has not ended a second later; trivet-push is told to stop when all of them have ended.
        late = _milliseconds("lib/serve/master.c", "KILL_AFTER_MS")
        for pool in settings["TRIVET_POOLS"].split():
            check(manifests.seconds(settings["TRIVET_%s_DRAIN" % pool.upper()]) + late < pools, pool + " drains within app's time")
        # The health check is unhealthy_threshold x interval slow, and not what the drain waits for: deregistration is at once.
        delay = int(_attributes(ingress, "target-group-attributes")["deregistration_delay.timeout_seconds"])
        check(delay >= 30, overlay + ": the load balancer waits for the longest request (limits.time, 30 s)", delay)
        check(delay <= sleep + drain, overlay + ": nginx is there as long as the load balancer may still send", delay)
        idle = int(_attributes(ingress, "load-balancer-attributes")["idle_timeout.timeout_seconds"])
        check(idle < _nginx("keepalive_timeout"), overlay + ": it is the load balancer that closes idle connections", idle)


# Time that a rollout leaves a new pod for what no manifest bounds: a place on a node, its images, and its registration as a target.
UNBOUNDED = 120


def _probing(probe):
    return probe["periodSeconds"] * probe["failureThreshold"]


@test("a rollout counts a pod when the load balancer sends it requests, and has the time for it")
def rollout(_):
    with open(SRC + "/pipeline/common.sh", encoding="utf-8") as text:
        pipeline = int(re.search(r"--timeout=\$\{TRIVET_ROLLOUT_SECONDS:-(\d+)\}s", text.read()).group(1))
    for overlay in manifests.OVERLAYS:
        check(manifests.gated(overlay), overlay + ": the namespace asks for the load balancer's readiness gate")
        # The controller gives the gate only where pods are the targets themselves.
        asked = manifests.find(overlay, "Ingress", "trivet")["metadata"]["annotations"]
        equal(asked["alb.ingress.kubernetes.io/target-type"], "ip", overlay + ": the targets")
        deployment, containers = manifests.find(overlay, "Deployment", "trivet")["spec"], manifests.containers(manifests.pod(overlay))
        starts = _probing(containers["app"]["startupProbe"]) + _probing(containers["nginx"]["startupProbe"])
        target = (int(asked["alb.ingress.kubernetes.io/healthcheck-interval-seconds"])
                  * int(asked["alb.ingress.kubernetes.io/healthy-threshold-count"]))
        bounded = starts + target + deployment["minReadySeconds"]
        deadline = deployment["progressDeadlineSeconds"]
        note("%s: %d s to start + %d s to be a healthy target + %d s to stay so, of %d s; the pipeline waits %d s" % (
            overlay, starts, target, deployment["minReadySeconds"], deadline, pipeline))
        check(bounded + UNBOUNDED <= deadline, overlay + ": a pod may come up slowly", "%d + %d of %d" % (bounded, UNBOUNDED, deadline))
        check(deadline < pipeline, overlay + ": the pipeline hears of a rollout that stands still")


@test("app's memory holds all workers at their limit, and what is requested is what is limited")
def memory(_):
    for overlay in manifests.OVERLAYS:
        settings, app = manifests.settings(overlay), manifests.containers(manifests.pod(overlay))["app"]
        workers = sum(int(settings["TRIVET_%s_PROCESSES" % pool]) * int(settings["TRIVET_%s_WORKERS_MAX" % pool])
                      for pool in ("SQL", "DOC", "KV"))
        need = workers * manifests.size(settings["TRIVET_LIMITS_MEMORY"]) + 128 * 2**20
        have = manifests.quantity(app["resources"]["limits"]["memory"])
        note("%s: %d workers need %d MiB of %d" % (overlay, workers, need >> 20, int(have) >> 20))
        check(need <= have, overlay + ": app's memory", "%d of %d" % (need, have))
        for deployment in manifests.objects(overlay, "Deployment"):
            for name, one in manifests.containers(deployment["spec"]["template"]["spec"]).items():
                equal(one["resources"]["requests"]["memory"], one["resources"]["limits"]["memory"],
                      "%s %s: the memory requested" % (overlay, name))
                check("cpu" not in one["resources"]["limits"], "%s %s: no CPU limit" % (overlay, name))


# --- names in different files ---------------------------------------------------------------------------------------------------

@test("no probe asks a store once a pod has started, and the three of nginx differ")
def probes(_):
    for overlay in manifests.OVERLAYS:
        nginx = manifests.containers(manifests.pod(overlay))["nginx"]
        asked = {probe: nginx[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
        equal(asked, {"startupProbe": "/readyz", "readinessProbe": "/healthz", "livenessProbe": "/nginx_status"}, "nginx's probes")
        ingress = manifests.find(overlay, "Ingress", "trivet")["metadata"]["annotations"]
        equal(ingress["alb.ingress.kubernetes.io/healthcheck-path"], asked["readinessProbe"], "the load balancer's check")


@test("the stores' addresses reach app, and app alone, as files that the external secret makes")
def secrets(_):
    for overlay in manifests.OVERLAYS:
        spec = manifests.pod(overlay)
        external = manifests.find(overlay, "ExternalSecret", "trivet-stores")["spec"]
        volume = [one for one in spec["volumes"] if one.get("secret", {}).get("secretName") == external["target"]["name"]]
        equal(len(volume), 1, "volumes of that secret")
        mounted = {name: one["mountPath"] for name, container in manifests.containers(spec).items()
                   for one in container.get("volumeMounts", []) if one["name"] == volume[0]["name"]}
        equal(list(mounted), ["app"], "who gets the stores' addresses")
        files = {one["value"] for one in manifests.containers(spec)["app"]["env"] if one["name"].endswith("_URL_FILE")}
        equal(files, {"%s/%s" % (mounted["app"], one["secretKey"]) for one in external["data"]}, "the files")
        equal({one["secretKey"]: (one["remoteRef"]["key"], one["remoteRef"]["property"]) for one in external["data"]},
              {store + "-url": ("trivet/trivet-%s/%s" % (overlay, store), "url") for store in ("mysql", "mongo", "redis")},
              "where they come from")


@test("the exporters sign in as terraform's accounts, and see the certificates that those logins name")
def exporters(_):
    with open(SRC + "/terraform/modules/stores/redis.tf", encoding="utf-8") as file:
        user = re.search(r'"aws_elasticache_user" "exporter" \{.*?user_name\s*= "(\w+)"', file.read(), re.DOTALL).group(1)
    with open(SRC + "/terraform/modules/stores/variables.tf", encoding="utf-8") as file:
        folder = os.path.dirname(re.search(r'variable "ca_file" \{.*?default\s*= "([^"]+)"', file.read(), re.DOTALL).group(1))
    for overlay in manifests.OVERLAYS:
        for name in ("trivet", "mysqld-exporter", "mongodb-exporter", "redis-exporter"):
            if name not in {one["metadata"]["name"] for one in manifests.objects(overlay, "Deployment")}:
                continue
            spec = manifests.pod(overlay, name)
            container = manifests.containers(spec)["app" if name == "trivet" else "exporter"]
            volumes = [one["name"] for one in spec.get("volumes", []) if one.get("configMap", {}).get("name") == "trivet-ca"]
            mounted = [one["mountPath"] for one in container.get("volumeMounts", []) if one["name"] in volumes]
            # ElastiCache's certificates are known to every system.
            equal(mounted, [] if name == "redis-exporter" else [folder], "%s: where %s has the certificates" % (overlay, name))
            if name == "redis-exporter":
                equal([one["value"] for one in container["env"] if one["name"] == "REDIS_USER"], [user], "Redis' user of the exporter")


@test("the control plane reaches prometheus-adapter's port")
def adapter(_):
    with open(manifests.KUBERNETES + "/prometheus-adapter/values.yaml", encoding="utf-8") as file:
        port = yaml.safe_load(file)["listenPort"]
    with open(SRC + "/terraform/modules/eks/variables.tf", encoding="utf-8") as file:
        opened = re.search(r'variable "webhook_ports" \{.*?default\s*= \{(.*?)\}', file.read(), re.DOTALL).group(1)
    check(str(port) in re.findall(r'"(\d+)"', opened), "terraform opens the adapter's port", opened)


@test("the HPA's metric is recorded from the workers' metrics, and served under the name that the HPA asks for")
def scaling(_):
    with open(manifests.KUBERNETES + "/prometheus-adapter/values.yaml", encoding="utf-8") as file:
        rule = yaml.safe_load(file)["rules"]["custom"][0]
    for overlay in ("staging", "production"):
        recorded = manifests.find(overlay, "PrometheusRule", "trivet-scaling")["spec"]["groups"][0]["rules"][0]
        used = set(re.findall(r"trivet_\w+", recorded["expr"]))
        equal(used, {"trivet_workers", "trivet_workers_limit"}, "what the rule is made of")
        check(rule["seriesQuery"].startswith(recorded["record"] + "{"), "the adapter reads what is recorded", rule["seriesQuery"])
        metrics = manifests.find(overlay, "HorizontalPodAutoscaler", "trivet")["spec"]["metrics"]
        equal(metrics[0]["pods"]["metric"]["name"], rule["name"]["as"], "the HPA's metric")
        equal(metrics[1]["containerResource"]["container"], "app", "the container whose CPU counts")
        check("app" in manifests.containers(manifests.pod(overlay)), "there is such a container")


@test("what is for the Prometheus operator has the label that its Prometheus selects by")
def selected(_):
    for overlay in ("staging", "production"):
        with open("%s/overlays/%s/environment.yaml" % (manifests.KUBERNETES, overlay), encoding="utf-8") as file:
            release = yaml.safe_load(file)["data"].get("prometheus-release")
        labels = {"%s %s" % (one["kind"], one["metadata"]["name"]): one["metadata"]["labels"].get("release")
                  for one in manifests.objects(overlay) if one["apiVersion"].startswith("monitoring.coreos.com/")}
        check(release and {"PodMonitor trivet", "PrometheusRule trivet-scaling"} <= set(labels), "a release, and what it is for", labels)
        equal({what for what, label in labels.items() if label != release}, set(), overlay + ": passed over")
