"""files.py: what can be told from the files alone: configuration as its programs check it, runbooks, provisioning."""

import os
import re
import tempfile

import yaml

from harness import check, equal, test
from harness.places import SRC
from tools import GRAFANA, program, read, run, succeed, write
import promql

ALERTMANAGER = os.path.join(GRAFANA, "alertmanager/alertmanager.yml")
RUNBOOKS = os.path.join(SRC, "docs/runbooks")
PROVISIONING = os.path.join(GRAFANA, "provisioning")


@test("promtool takes both configurations of Prometheus")
def prometheus_configurations(_):
    for name in ("prometheus.yml", "prometheus-kubernetes.yml"):
        succeed(program("promtool"), "check", "config", "--lint=all", os.path.join(GRAFANA, "prometheus", name))


@test("both configurations scrape the same jobs")
def same_jobs(_):
    def jobs(name):
        return {job["job_name"] for job in yaml.safe_load(read(os.path.join(GRAFANA, "prometheus", name)))["scrape_configs"]}
    exporters = {"nginx", "mysql", "redis", "mongodb", "blackbox"}
    equal(jobs("prometheus-kubernetes.yml") - {"exporters"} | exporters, jobs("prometheus.yml"), "the jobs in Kubernetes")


POD = {"__meta_kubernetes_pod_label_app_kubernetes_io_name": "trivet", "__meta_kubernetes_pod_container_port_name": "ops",
       "__meta_kubernetes_pod_phase": "Running", "__meta_kubernetes_pod_name": "trivet-abc",
       "__meta_kubernetes_namespace": "trivet", "__meta_kubernetes_pod_node_name": "node-1"}


def targets_of(job, pod):
    """Labels of the targets that Prometheus makes of a pod, as its own promtool says."""
    whole = yaml.safe_load(read(os.path.join(GRAFANA, "prometheus/prometheus-kubernetes.yml")))
    with tempfile.TemporaryDirectory() as directory:
        found = write(os.path.join(directory, "pods.yml"), yaml.safe_dump([{"targets": ["10.0.0.7:8081"], "labels": pod}]))
        one = next(config for config in whole["scrape_configs"] if config["job_name"] == job)
        one.pop("kubernetes_sd_configs")
        one["file_sd_configs"] = [{"files": [found]}]
        path = write(os.path.join(directory, "prometheus.yml"), yaml.safe_dump({"scrape_configs": [one]}))
        printed = succeed(program("promtool"), "check", "service-discovery", "--timeout=1s", path, job)
    return [target["labels"] for target in yaml.safe_load(printed) if target.get("labels")]


@test("in Kubernetes a pod's operations port becomes a target, other ports and ended pods do not")
def pods_found(_):
    found = targets_of("trivet", POD)
    equal(len(found), 1, "the number of targets")
    labels = {name: found[0][name] for name in ("job", "instance", "node", "namespace", "__address__")}
    equal(labels, {"job": "trivet", "instance": "trivet-abc", "node": "node-1", "namespace": "trivet",
                   "__address__": "10.0.0.7:8081"}, "the target's labels")
    for name, value in (("__meta_kubernetes_pod_container_port_name", "http"), ("__meta_kubernetes_pod_phase", "Succeeded"),
                        ("__meta_kubernetes_pod_label_app_kubernetes_io_name", "other")):
        equal(targets_of("trivet", {**POD, name: value}), [], "targets of a pod whose %s is %s" % (name, value))


@test("in Kubernetes every exporter gets the job's name that rules and dashboards know")
def exporters_found(_):
    for name, port, job in (("mysqld-exporter", "metrics", "mysql"), ("redis-exporter", "metrics", "redis"),
                            ("mongodb-exporter", "metrics", "mongodb"), ("blackbox-exporter", "metrics", "blackbox"),
                            ("trivet", "nginx-metrics", "nginx")):
        pod = {**POD, "__meta_kubernetes_pod_label_app_kubernetes_io_name": name, "__meta_kubernetes_pod_container_port_name": port}
        equal([labels["job"] for labels in targets_of("exporters", pod)], [job], "the job of " + name)
    equal(targets_of("exporters", POD), [], "targets of a pod without an exporter")


@test("an address's path picks what it is probed with, in both configurations; the address is the target")
def probes_found(_):
    for name in ("prometheus.yml", "prometheus-kubernetes.yml"):
        (one,) = [job for job in yaml.safe_load(read(os.path.join(GRAFANA, "prometheus", name)))["scrape_configs"]
                  if job["job_name"] == "edge"]
        with tempfile.TemporaryDirectory() as directory:
            addresses = ["https://a.example%s" % path for path in ("/healthz", "/sql/", "/doc/action/", "/kv", "/kvetch")]
            one["file_sd_configs"] = [{"files": [write(os.path.join(directory, "edge.yml"), yaml.safe_dump([{"targets": addresses}]))]}]
            path = write(os.path.join(directory, "prometheus.yml"), yaml.safe_dump({"scrape_configs": [one]}))
            printed = succeed(program("promtool"), "check", "service-discovery", "--timeout=1s", path, "edge")
        found = {target["labels"]["instance"]: target["labels"] for target in yaml.safe_load(printed)}
        equal(sorted(found), sorted(addresses), "the targets of " + name)
        for address, labels in found.items():
            pool = {"sql": "sql", "doc": "doc", "kv": "kv"}.get(address.split("/")[3])
            equal((labels.get("pool"), labels["__param_module"], labels["site"], labels["__param_target"], labels["__address__"]),
                  (pool, "dialect" if pool else "trivet", "https://a.example", address, "blackbox-exporter:9115"), address)


@test("amtool takes the configuration of Alertmanager, and routes each severity to its receiver")
def alertmanager_configuration(_):
    succeed(program("amtool"), "check-config", ALERTMANAGER)
    for labels, receiver in ((("alertname=StoreDown", "severity=critical"), "pager"),
                             (("alertname=StoreSlow", "severity=warning"), "chat"),
                             (("alertname=RequestsRefused", "severity=info"), "nobody"),
                             (("alertname=Watchdog", "severity=none"), "deadman"), (("alertname=Unknown",), "chat")):
        printed = succeed(program("amtool"), "config", "routes", "test", "--config.file=" + ALERTMANAGER, *labels)
        equal(printed.split()[-1], receiver, "the receiver of " + " ".join(labels))


@test("Alertmanager's inhibitions name alerts that exist")
def inhibitions(_):
    known = {rule["alert"] for rule in promql.rules() if "alert" in rule}
    for inhibition in yaml.safe_load(read(ALERTMANAGER))["inhibit_rules"]:
        for matcher in inhibition["source_matchers"] + inhibition["target_matchers"]:
            name, value = re.fullmatch(r'(\w+)=~?"([^"]*)"', matcher).groups()
            if name == "alertname":
                check(set(value.split("|")) <= known, "an inhibition names unknown alerts", matcher)


@test("the blackbox exporter takes its configuration")
def blackbox_configuration(_):
    succeed(program("prometheus-blackbox-exporter"), "--config.check",
            "--config.file=" + os.path.join(GRAFANA, "blackbox/blackbox.yml"))


@test("CloudWatch is asked for all that the alert on the load balancer names, and counts nothing twice")
def cloudwatch(_):
    given = {}
    for job in yaml.safe_load(read(os.path.join(GRAFANA, "cloudwatch/load-balancer.yml")))["discovery"]["jobs"]:
        equal((job["type"], job["searchTags"]), ("AWS/ApplicationELB", [{"key": "ingress.k8s.aws/stack", "value": "^trivet/trivet$"}]),
              "what is discovered")
        for metric in job["metrics"]:
            for statistic in metric["statistics"]:
                # How the exporter makes a name: an underscore where a small letter or a digit meets a capital.
                name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", metric["name"]).lower()
                given["aws_applicationelb_%s_%s" % (name, statistic.lower())] = job
    (alert,) = [rule for rule in promql.rules() if rule.get("alert") == "LoadBalancerErrors"]
    asked = set(re.findall(r"aws_\w+", alert["expr"]))
    check(asked and asked <= set(given), "names that nobody gives", asked - set(given))
    for name in asked:
        equal((given[name]["dimensionNameRequirements"], given[name]["nilToZero"]), (["LoadBalancer"], True), "how %s is asked for" % name)


def provisioned(path):
    return yaml.safe_load(read(os.path.join(PROVISIONING, path)))


@test("every alert has a runbook page, every page an alert, every page all its parts")
def runbooks(_):
    alerts = {rule["alert"] for rule in promql.rules() if "alert" in rule}
    alerts |= {rule["title"] for group in provisioned("alerting/prometheus.yml")["groups"] for rule in group["rules"]}
    pages = {name.removesuffix(".md") for name in os.listdir(RUNBOOKS)}
    equal(sorted(pages ^ alerts), [], "alerts without a page and pages without an alert")
    for page in pages:
        text = read(os.path.join(RUNBOOKS, page + ".md"))
        headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
        equal(headings, [page, "What users see", "Look first", "Causes", "Mending"], "the headings of " + page)
        check(re.search(r"```sh\n.+?\n```", text, re.DOTALL), page + ".md has no command to look with")


@test("runbooks name log events, metrics, alerts and options that exist")
def runbooks_are_true(_):
    sources = "".join(read(os.path.join(where, name)) for top in ("lib", "fcgi-app")
                      for where, _, names in os.walk(os.path.join(SRC, top)) for name in names if name.endswith((".c", ".h")))
    alerts = {rule["alert"] for rule in promql.rules() if "alert" in rule} | {"PrometheusSilent"}
    used = set().union(*(promql.metrics(rule["expr"]) for rule in promql.rules()))
    for name in sorted(os.listdir(RUNBOOKS)):
        text = read(os.path.join(RUNBOOKS, name))
        for event in re.findall(r'"event":"([a-z.]+)', text):
            check('"%s' % event in sources, "%s looks for the log event %s, which nothing logs" % (name, event))
        for alert in re.findall(r"\b(?:[A-Z][a-z]+|MySQL|MongoDB)(?:[A-Z][a-z]+)+\b(?! ?=)", text):
            if alert.endswith(("Down", "Open", "Errors", "Slow", "Shed", "Queue", "Saturated", "Restart", "Distrusted", "Limit")):
                check(alert in alerts, "%s sends to the alert %s, which does not exist" % (name, alert))
        for option in re.findall(r"`((?:limits|breaker|mysql|cache|sql|log)\.[a-z_]+)`", text):
            _, _, key = option.partition(".")
            check('"%s"' % option in sources or '"%s"' % key in sources, "%s names the option %s, which nobody knows" % (name, option))
        for metric in promql.metrics(text.replace("/nginx_status", "")):
            check(metric in used or metric.startswith("trivet_"), "%s names the metric %s" % (name, metric))


@test("provisioning: uids that dashboards and links name are those of the data sources")
def data_sources(_):
    sources = {source["uid"]: source for source in provisioned("datasources/datasources.yml")["datasources"]}
    equal(sorted(sources), ["alertmanager", "prometheus", "traces"], "the data sources")
    equal([source["uid"] for source in sources.values() if source.get("isDefault")], ["prometheus"], "the default one")
    exemplars = sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    equal(exemplars[0]["datasourceUid"], "traces", "where an exemplar leads")
    equal(sources["traces"]["jsonData"]["tracesToMetrics"]["datasourceUid"], "prometheus", "where a span leads")
    for source in sources.values():
        equal((source["editable"], source["access"]), (False, "proxy"), "editable and access of " + source["uid"])
    rule = provisioned("alerting/prometheus.yml")["groups"][0]["rules"][0]
    check({one["datasourceUid"] for one in rule["data"]} <= {*sources, "__expr__"}, "Grafana's own alert asks an unknown source")
    check(rule["condition"] in {one["refId"] for one in rule["data"]}, "Grafana's own alert judges by a query that it has not")


@test("provisioning: dashboards come from files and cannot be changed in the browser")
def dashboard_provider(_):
    provider = provisioned("dashboards/dashboards.yml")["providers"][0]
    equal((provider["allowUiUpdates"], provider["disableDeletion"], provider["folder"]), (False, True, "Trivet"), "the provider")


@test("a broken rule, a broken route and a wrong configuration are refused by these checks")
def checks_can_fail(_):
    with tempfile.TemporaryDirectory() as directory:
        rule = write(os.path.join(directory, "rule.yml"), "groups: [{name: g, rules: [{record: a, expr: 'sum(('}]}]\n")
        check(run(program("promtool"), "check", "rules", rule)[0] != 0, "promtool takes a broken rule")
        route = write(os.path.join(directory, "am.yml"), read(ALERTMANAGER).replace("receiver: chat", "receiver: nowhere", 1))
        check(run(program("amtool"), "check-config", route)[0] != 0, "amtool takes a route to nowhere")
