"""stack.py: everything at once: stores, Trivet behind nginx behind a load balancer with TLS, load, exporters, Prometheus,
Alertmanager, and who is told. The fixture of the whole suite; what it can break, it puts back."""

import contextlib
import os

import yaml

from harness import Stores, note, stores_of, until
from harness.places import BIN
from harness.ports import free_ports
from harness.traffic import Traffic, prepare
from harness.world import World
from edge import Edge
from otlp import Receiver
from prometheus import Alertmanager, Program, Prometheus, server_directory
from tools import GRAFANA, program, read, write
from webhooks import Webhooks

# Jobs of prometheus.yml whose program cannot be had on a plain Debian.
WITHOUT = {"mongodb": "percona's mongodb_exporter is in no Debian; dashboards/MongoDB is checked for names and syntax alone",
           "grafana": "Grafana is in no Debian"}
EXPORTER_SQL = """
CREATE USER IF NOT EXISTS exporter@localhost IDENTIFIED BY 'watches' WITH MAX_USER_CONNECTIONS 3;
GRANT PROCESS, REPLICATION CLIENT, SELECT ON *.* TO exporter@localhost;
"""


class Stack:
    def __init__(self, suite, scratch, stores):
        self.scratch, self.stores = scratch, stores
        self.pools = suite.options.pools.split(",")
        self._exits = contextlib.ExitStack()
        self._programs = []
        self.pushes = os.access(os.path.join(BIN, "trivet-push"), os.X_OK)

    def directory(self, *parts):
        path = os.path.join(self.scratch.path, *parts)
        os.makedirs(path, exist_ok=True)
        return path

    # -- starting, from the inside out

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.end()
            raise
        return self

    def _start(self):
        (self.prometheus_port, alertmanager, mysqld, redis, nginx, blackbox, edge) = free_ports(7)
        self.receiver = Receiver(self.directory("otlp")).start()
        self._exits.callback(self.receiver.end)
        self.world = self._exits.enter_context(World(self.scratch, "w", self.stores, self.pools, self._telemetry()))
        if self.pushes:
            place = server_directory(self.scratch.path, "push")
            self.pusher = Program(place, "trivet-push", [os.path.join(BIN, "trivet-push")], self.world["ops"].env).start()
            self._programs.append(self.pusher)
        self.edge = Edge(os.path.join(self.scratch.path, "edge"), edge, self.world.front.port).certificate(90).start()
        self._exits.callback(self.edge.end)
        self._start_exporters(mysqld, redis, nginx, blackbox)
        self.webhooks = Webhooks()
        self._exits.callback(self.webhooks.stop)
        self.alertmanager = Alertmanager(self.directory("alertmanager"), alertmanager, self.webhooks.port).start()
        self._programs.append(self.alertmanager.program)
        self.prometheus = Prometheus(self.directory("prometheus"), self.prometheus_port, {
            "nginx:8081": "127.0.0.1:%d" % self.world.front.ops_port, "nginx-exporter:9113": "127.0.0.1:%d" % nginx,
            "mysqld-exporter:9104": "127.0.0.1:%d" % mysqld, "redis-exporter:9121": "127.0.0.1:%d" % redis,
            "blackbox-exporter:9115": "127.0.0.1:%d" % blackbox, "localhost:9090": "127.0.0.1:%d" % self.prometheus_port,
            "alertmanager:9093": "127.0.0.1:%d" % alertmanager}, WITHOUT, self._edge_targets(edge)).start()
        self._programs.append(self.prometheus.program)
        self.traffic = self._exits.enter_context(Traffic(self.world, [pool for pool in self.pools if pool != "ops"]))

    def misled_pusher(self):
        """A trivet-push with an address that is none, started."""
        place = server_directory(self.scratch.path, "misled")
        env = {**self.world["ops"].env, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "collector:4318"}
        return Program(place, "misled-push", [os.path.join(BIN, "trivet-push")], env).start().server

    @staticmethod
    def _edge_targets(port):
        """The addresses of the project's own file, at the load balancer of here."""
        (group,) = yaml.safe_load(read(os.path.join(GRAFANA, "prometheus/targets/edge.yml")))
        return [target.replace("http://nginx:8080/", "https://127.0.0.1:%d/" % port) for target in group["targets"]]

    def _telemetry(self):
        """A tenth of the requests and what a test asks for is traced; all signals go to our receiver: Debian's Prometheus is built without one for OTLP."""
        return {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:%d/v1/traces" % self.receiver.port,
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:%d/v1/metrics" % self.receiver.port,
                "OTEL_SERVICE_NAME": "trivet", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1",
                "OTEL_METRIC_EXPORT_INTERVAL": "1000", "OTEL_BSP_SCHEDULE_DELAY": "500"}

    def _start_exporters(self, mysqld, redis, nginx, blackbox):
        place = server_directory(self.scratch.path, "exporters")
        self.stores["mysql"].sql(EXPORTER_SQL)
        account = write(os.path.join(place, "my.cnf"),
                        "[client]\nuser=exporter\npassword=watches\nsocket=%s\n" % self.stores["mysql"].socket_path())
        self.exporters = {
            "mysql": Program(place, "mysqld-exporter", [
                program("prometheus-mysqld-exporter"), "--config.my-cnf=" + account, "--web.listen-address=127.0.0.1:%d" % mysqld]),
            "redis": Program(place, "redis-exporter", [
                program("prometheus-redis-exporter"), "--redis.addr=unix://" + self.stores["redis"].socket_path(),
                "--web.listen-address=127.0.0.1:%d" % redis]),
            "nginx": Program(place, "nginx-exporter", [
                program("prometheus-nginx-exporter"), "--web.listen-address=127.0.0.1:%d" % nginx,
                "--nginx.scrape-uri=http://127.0.0.1:%d/nginx_status" % self.world.front.ops_port]),
            "blackbox": Program(place, "blackbox-exporter", [
                program("prometheus-blackbox-exporter"), "--web.listen-address=127.0.0.1:%d" % blackbox,
                # By default half a second, which is half of what a scrape may take here.
                "--timeout-offset=0.05",
                "--config.file=" + write(os.path.join(place, "blackbox.yml"), read(os.path.join(
                    GRAFANA, "blackbox/blackbox.yml")))], {"SSL_CERT_FILE": self.edge.authority}),
        }
        for name, port in (("mysql", mysqld), ("redis", redis), ("nginx", nginx), ("blackbox", blackbox)):
            self._programs.append(self.exporters[name].start())
            self.exporters[name].started(port, "/metrics")

    # -- what tests ask and wait for

    def fires(self, name, **labels):
        return until(lambda: self.prometheus.alerts(alertname=name, **labels),
                     "%s fires" % name, seconds=240, step=0.2)

    def ends(self, name, **labels):
        until(lambda: not self.prometheus.alerts(alertname=name, **labels),
              "%s ends" % name, seconds=240, step=0.2)

    # -- what must not be

    def problems(self):
        return self.world.problems() + [problem for one in self._programs for problem in one.problems()]

    def stop(self):
        self.traffic.__exit__(None, None, None)
        found = self.problems()
        for one in reversed(self._programs):
            one.stop()
        self.edge.stop()
        found += self.world.stop()
        return found

    def __exit__(self, *_):
        self.end()

    def end(self):
        for one in self._programs:
            one.end()
        self._exits.close()


@contextlib.contextmanager
def stack(suite, scratch):
    with Stores(scratch, stores_of(suite.options.pools.split(",")), suite.options.mysql) as stores:
        note(stores.versions())
        prepare(stores)
        with Stack(suite, scratch, stores) as everything:
            yield everything
