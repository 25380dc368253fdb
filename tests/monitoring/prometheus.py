"""prometheus.py: a real Prometheus and a real Alertmanager on the project's configuration, with addresses of here instead of
compose's, scrapes every second and scaled durations; and their HTTP API."""

import json
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request

import yaml

from harness.places import ROOT, SERVER_USER
from harness.process import Server
from harness.wait import until
from tools import GRAFANA, alertmanager, program, read, write
import promql
import scaled


class Program:
    """One of the tools as a server of ours."""

    def __init__(self, directory, name, command, env=None):
        self.name, self.directory = name, directory
        self.log = os.path.join(directory, name + ".log")
        self._command, self._env = command, {"PATH": os.environ["PATH"], **(env or {})}
        self.server = None

    def start(self):
        self.server = Server(self._command, os.path.join(self.directory, self.name + ".pid"), self.log, self._env)
        return self

    def started(self, port, path="/-/ready"):
        """Waits until it answers; fails when it ended instead."""
        until(lambda: answers(port, path) or not self.server.running(), self.name + " answers", seconds=240, step=0.1)
        if not self.server.running():
            raise RuntimeError("%s does not start: %s" % (self.name, read(self.log)[-1500:]))

    def stop(self):
        if self.server and self.server.running():
            self.server.stop()

    def end(self):
        if self.server and self.server.running():
            self.server.kill()

    def problems(self):
        if self.server and not self.server.running() and self.server.process.returncode not in (0, -15, 143):
            return ["%s ended with %d: %s" % (self.name, self.server.process.returncode, read(self.log)[-1500:])]
        return []


def ask(port, path, data=None, accept=None, timeout=60):
    """The body and the type of an answer; data as a form."""
    body = urllib.parse.urlencode(data).encode() if data is not None else None
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (port, path), body, {"Accept": accept} if accept else {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.read().decode(), answer.headers.get("Content-Type", "")
    except urllib.error.HTTPError as error:
        raise AssertionError("%s: %d %s" % (path, error.code, error.read(600))) from None


def answers(port, path):
    try:
        ask(port, path, timeout=3)
        return True
    except (OSError, AssertionError):
        return False


def server_directory(*parts):
    path = os.path.join(*parts)
    os.makedirs(path, exist_ok=True)
    if ROOT:
        shutil.chown(path, SERVER_USER, SERVER_USER)
    return path


class Prometheus:
    def __init__(self, directory, port, addresses, without, edge):
        """addresses: what compose's addresses are here. without: jobs that cannot be had here. edge: addresses to probe."""
        self.directory, self.port = server_directory(directory), port
        rules = server_directory(directory, "rules")
        for path in promql.rule_files():
            write(os.path.join(rules, os.path.basename(path)), scaled.scaled(read(path)))
        os.makedirs(os.path.join(directory, "targets"))
        write(os.path.join(directory, "targets/edge.yml"), yaml.safe_dump([{"targets": edge}]))
        config = yaml.safe_load(read(os.path.join(GRAFANA, "prometheus/prometheus.yml")))
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] not in without]
        self.jobs = [job["job_name"] for job in config["scrape_configs"]]
        text = yaml.safe_dump(config, sort_keys=False)
        for there, here in addresses.items():
            if there not in text:
                raise AssertionError("prometheus.yml does not name " + there)
            text = text.replace(there, here)
        path = write(os.path.join(directory, "prometheus.yml"), text)
        self.program = Program(directory, "prometheus", [
            program("prometheus"), "--config.file=" + path, "--storage.tsdb.path=" + server_directory(directory, "data"),
            "--web.listen-address=127.0.0.1:%d" % port, "--enable-feature=exemplar-storage",
            # What fired before Alertmanager was found is sent again soon.
            "--rules.alert.resend-delay=2s", "--log.level=warn"])

    def start(self):
        self.program.start().started(self.port)
        return self

    def get(self, path, **data):
        answer = json.loads(ask(self.port, "/api/v1/" + path, data or None)[0])
        if answer["status"] != "success":
            raise AssertionError("%s %s: %s" % (path, data, answer))
        return answer["data"]

    def read(self, path):
        """As get, for what takes no form."""
        return json.loads(ask(self.port, "/api/v1/" + path)[0])["data"]

    def query(self, expr):
        """Samples of now: (labels, number)."""
        result = self.get("query", query=expr)["result"]
        return [(one["metric"], float(one["value"][1])) for one in result]

    def value(self, expr):
        """The one number that an expression has now; None when it has none."""
        found = self.query(expr)
        if len(found) > 1:
            raise AssertionError("%s has %d values" % (expr, len(found)))
        return found[0][1] if found else None

    def names(self):
        return set(self.read("label/__name__/values"))

    def targets(self):
        return self.read("targets?state=active")["activeTargets"]

    def rules(self):
        return [rule for group in self.read("rules")["groups"] for rule in group["rules"]]

    def alerts(self, **labels):
        """Those that fire now, by their labels."""
        return [one for one in self.read("alerts")["alerts"] if one["state"] == "firing" and
                all(one["labels"].get(name) == value for name, value in labels.items())]


class Alertmanager:
    def __init__(self, directory, port, receiver_port):
        self.directory, self.port = server_directory(directory), port
        text = scaled.scaled(read(os.path.join(GRAFANA, "alertmanager/alertmanager.yml")))
        for name in ("chat", "pager", "deadman"):
            url = write(os.path.join(directory, name), "http://127.0.0.1:%d/%s\n" % (receiver_port, name))
            there = "/run/secrets/alertmanager_%s_url" % name
            if there not in text:
                raise AssertionError("alertmanager.yml does not name " + there)
            text = text.replace(there, url)
        path = write(os.path.join(directory, "alertmanager.yml"), text)
        self.program = Program(directory, "alertmanager", [
            *alertmanager(), "--config.file=" + path, "--storage.path=" + server_directory(directory, "data"),
            "--web.listen-address=127.0.0.1:%d" % port, "--cluster.listen-address=", "--log.level=warn"])

    def start(self):
        self.program.start().started(self.port)
        return self

    def alerts(self, **labels):
        found = json.loads(ask(self.port, "/api/v2/alerts")[0])
        return [one for one in found if all(one["labels"].get(name) == value for name, value in labels.items())]
