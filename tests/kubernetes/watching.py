"""watching.py: what the monitoring component says, asked of the programs it says it to: promtool works the HPA's rule out on series
of known numbers, the exporters of Debian know the options that ours are started with, and MySQL's signs in where TLS is required."""

import os
import re

import yaml

from harness import check, equal, test
from harness.places import SRC

import manifests
import secured
import tools

OVERLAY = "production"


def _program(name):
    return tools.program("monitoring_root", "usr/bin", name)


def _series(name, value, **labels):
    labels = {"namespace": "trivet", "container": "nginx", "endpoint": "ops", **labels}
    return {"series": "%s{%s}" % (name, ",".join('%s="%s"' % pair for pair in labels.items())), "values": "%dx20" % value}


@test("the HPA's rule gives each pod the share of busy workers of its busiest pool")
def ratio(fixture):
    directory = fixture.scratch.directory("rules")
    spec = manifests.find(OVERLAY, "PrometheusRule", "trivet-scaling")["spec"]
    record = spec["groups"][0]["rules"][0]["record"]
    # Pod a is at 6 of 8 in sql, pod b at rest; that all workers of ops and hello are busy says nothing of the load.
    busy = {"a": {"sql": 6, "doc": 2, "kv": 1, "ops": 2, "hello": 1}, "b": {"sql": 0, "doc": 0, "kv": 0, "ops": 2, "hello": 1}}
    limit = {"sql": 8, "doc": 8, "kv": 8, "ops": 2, "hello": 1}
    series = []
    for pod, pools in busy.items():
        for pool, count in pools.items():
            series += [_series("trivet_workers", count, pod=pod, pool=pool, state="busy"),
                       _series("trivet_workers", limit[pool] - count, pod=pod, pool=pool, state="idle"),
                       _series("trivet_workers_limit", limit[pool], pod=pod, pool=pool)]
    wanted = [{"labels": '%s{namespace="trivet", pod="%s"}' % (record, pod), "value": value} for pod, value in (("a", 0.75), ("b", 0))]
    case = {"interval": "15s", "input_series": series,
            "promql_expr_test": [{"expr": record, "eval_time": "3m", "exp_samples": wanted}]}
    for name, content in (("rules.yaml", spec), ("test.yaml", {"rule_files": ["rules.yaml"], "tests": [case]})):
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            yaml.safe_dump(content, file)
    tools.run([_program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", directory + "/rules.yaml"])
    tools.run([_program("promtool"), "test", "rules", directory + "/test.yaml"])


@test("the operator calls the exporters' jobs by the names that the rules know")
def jobs(_):
    monitor = manifests.find(OVERLAY, "ServiceMonitor", "trivet-exporters")["spec"]
    equal(monitor["jobLabel"], "app.kubernetes.io/name", "what the operator makes the job's name of")
    (relabeling,) = monitor["endpoints"][0]["relabelings"]
    equal((relabeling["sourceLabels"], relabeling["targetLabel"], relabeling["replacement"]), (["job"], "job", "$1"), "what is renamed")
    with open(os.path.join(SRC, "grafana/prometheus/rules/monitoring.yml"), encoding="utf-8") as file:
        rules = file.read()
    services = [one["metadata"]["labels"]["app.kubernetes.io/name"] for one in manifests.objects(OVERLAY, "Service")
                if one["metadata"]["labels"].get("app.kubernetes.io/component") == "exporter"]
    found = {re.fullmatch(relabeling["regex"], name).group(1) for name in services}
    equal(found, {"mysql", "mongodb", "redis"}, "the jobs")
    for job in found:
        check(re.search(r'job=~?"(?:[a-z|]+[|])?%s(?:[|][a-z|]+)?"' % job, rules), "no rule knows the job " + job)


@test("the operator probes what prometheus-kubernetes.yml and its targets do, at the overlay's address")
def probes(_):
    probe = manifests.find(OVERLAY, "Probe", "trivet-edge")["spec"]
    host = manifests.find(OVERLAY, "Ingress", "trivet")["spec"]["rules"][0]["host"]
    files = {}
    for name in ("targets/edge.yml", "prometheus-kubernetes.yml"):
        with open(os.path.join(SRC, "grafana/prometheus", name), encoding="utf-8") as file:
            files[name] = yaml.safe_load(file)
    (targets,) = files["targets/edge.yml"]
    equal(probe["targets"]["staticConfig"]["static"],
          [target.replace("http://nginx:8080/", "https://%s/" % host) for target in targets["targets"]], "what is probed")
    (edge,) = [job for job in files["prometheus-kubernetes.yml"]["scrape_configs"] if job["job_name"] == "edge"]
    equal((probe["jobName"], [probe["module"]]), (edge["job_name"], edge["params"]["module"]), "job and module")
    # The operator itself makes target and instance of the address, and asks the prober.
    theirs = [{"sourceLabels": [label.replace("__address__", "__param_target") for label in one["source_labels"]],
               "regex": one["regex"], "targetLabel": one["target_label"], "replacement": one.get("replacement", "$1")}
              for one in edge["relabel_configs"] if "regex" in one]
    equal(probe["targets"]["staticConfig"]["relabelingConfigs"], theirs, "what addresses say")


def _knows(deployment, container, program):
    """Every option that a container is started with is in the program's help."""
    spec = manifests.containers(manifests.pod(OVERLAY, deployment))[container]
    said = tools.run([_program(program), "--help"], check=False).stdout
    known = set(said.replace("=", " ").replace(",", " ").split())
    for option in (word.partition("=")[0] for word in spec["args"]):
        check(option in known or option.replace("--", "-", 1) in known, "%s has no %s" % (program, option), said[:1000])
    port = next(word.rpartition(":")[2] for word in spec["args"] if "listen-address" in word)
    equal([one["containerPort"] for one in spec["ports"]], [int(port)], "the port of " + deployment)


@test("the exporters of MySQL, Redis and nginx know their options")
def options(_):
    _knows("mysqld-exporter", "exporter", "prometheus-mysqld-exporter")
    _knows("redis-exporter", "exporter", "prometheus-redis-exporter")
    _knows("trivet", "nginx-exporter", "prometheus-nginx-exporter")


@test("MySQL's exporter signs in with TLS by the login that the README shows, and trusts no other authority")
def secured_mysql(fixture):
    with open(manifests.KUBERNETES + "/README.md", encoding="utf-8") as file:
        shown = file.read().partition("```ini\n")[2].partition("```")[0]
    spec = manifests.pod(OVERLAY, "mysqld-exporter")
    container = manifests.containers(spec)["exporter"]
    volumes = [one["name"] for one in spec["volumes"] if one.get("configMap", {}).get("name") == "trivet-ca"]
    places = [one["mountPath"] for one in container["volumeMounts"] if one["name"] in volumes]
    named = [line.partition("=")[2] for line in shown.splitlines() if line.startswith("ssl-ca=")]
    equal(len(places), 1, "places of the certificates in the exporter")
    equal([os.path.dirname(path) for path in named], places, "the folder of the authority that the README's login names")

    directory = fixture.scratch.directory("secured")
    ours, other = (secured.authority(directory, name) for name in ("ours", "other"))
    with secured.Secured(fixture.suite.options.mysql, os.path.join(directory, "mysql"), directory) as store:
        store.admin(text="CREATE USER exporter@'%' IDENTIFIED BY 'looks' REQUIRE SSL; GRANT PROCESS, REPLICATION CLIENT ON *.* TO exporter@'%'")
        login = shown.replace("HOST", "127.0.0.1").replace("3306", str(store.port)).replace("PASSWORD", "looks")
        for what, text, up in (("the README's login", login.replace(named[0], ours), 1),
                               ("another authority", login.replace(named[0], other), 0),
                               ("no authority", login.replace("ssl-ca=" + named[0], ""), 0)):
            with secured.Exporter(_program("prometheus-mysqld-exporter"), container["args"], directory, text) as exporter:
                check("\nmysql_up %d\n" % up in exporter.metrics(), "%s: mysql_up is %d" % (what, up), exporter.said()[-1500:])


@test("MongoDB's exporter has the authority that the README's address names")
def secured_mongodb(_):
    with open(manifests.KUBERNETES + "/README.md", encoding="utf-8") as file:
        named = re.search(r"^\| `mongodb_uri` \| `\S+[?&]tls=true&tlsCAFile=([^&`]+)", file.read(), re.M).group(1)
    spec = manifests.pod(OVERLAY, "mongodb-exporter")
    volumes = [one["name"] for one in spec.get("volumes", []) if one.get("configMap", {}).get("name") == "trivet-ca"]
    mounts = [one["mountPath"] for one in manifests.containers(spec)["exporter"].get("volumeMounts", []) if one["name"] in volumes]
    equal(mounts, [os.path.dirname(named)], "places of the certificates")
