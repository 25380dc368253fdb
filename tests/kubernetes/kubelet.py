"""kubelet.py: what a kubelet does with the pod of a Deployment, as far as start, probes and end go, read from the rendered manifest:
sidecars before the others, each only when the one before it has started; preStop, then the containers' own stop signals, the
others before the sidecars; the grace period over all of it. Containers are run by podman (play.py says what is changed for it)."""

import http.client
import threading
import time

import yaml

import manifests
import play
from harness import until

# The manifest's preStop sleep is for a load balancer that takes its time; the one of the test is told at once.
PRESTOP_SCALE = 0.2


class Pod:
    def __init__(self, podman, network, overlay, name, scale=None):
        self.podman, self.network, self.name = podman, network, name
        self.spec = manifests.pod(overlay)
        self.sidecars = [one for one in self.spec["initContainers"] if one["name"] == "app"]
        self.others = self.spec["containers"]
        self.events = []  # (seconds since the epoch, what happened), for tests of the order
        self._manifest = play.pod(overlay, name, scale)

    def container(self, name):
        return "%s-%s" % (self.name, name)

    def _say(self, what):
        self.events.append((time.monotonic(), what))

    # -- start

    def create(self):
        self.podman("kube", "play", "--start=false", "--network", "ns:" + self.network.path, "-",
                    text=yaml.safe_dump_all(self._manifest))
        return self

    def start(self):
        """Starts the containers as their startup probes allow. Gives itself."""
        for one in self.sidecars + self.others:
            self.podman("start", self.container(one["name"]))
            self._say("started " + one["name"])
            self._await(one, "startupProbe")
            self._say("up " + one["name"])
        until(self.ready, "the pod %s is ready" % self.name, step=0.05)
        return self

    def _await(self, container, probe):
        """Asked more often than the manifest says, for as long as it says."""
        name, settings = container["name"], container[probe]
        try:
            until(lambda: self.probe(name, probe), "%s passes its %s" % (self.container(name), probe),
                  seconds=settings["failureThreshold"] * settings["periodSeconds"], step=min(settings["periodSeconds"], 0.1))
        except AssertionError as error:
            error.add_note(self.podman.log(self.container(name))[-3000:])
            raise

    # -- probes

    def probe(self, name, which):
        """Asks as the kubelet would: whether the probe passes now."""
        container = next(one for one in self.sidecars + self.others if one["name"] == name)
        settings = container[which]
        if "exec" in settings:
            return self.podman.exec(self.container(name), *settings["exec"]["command"])[0] == 0
        port = next(one["containerPort"] for one in container["ports"] if one["name"] == settings["httpGet"]["port"])
        return 200 <= self.get(settings["httpGet"]["path"], port, settings["timeoutSeconds"]) < 400

    def passes(self, name, which):
        """Whether a kubelet would leave it at that: it acts when as many probes in a row have failed as the manifest says."""
        container = next(one for one in self.sidecars + self.others if one["name"] == name)
        return any(self.probe(name, which) for _ in range(container[which].get("failureThreshold", 3)))

    def get(self, path, port=8080, timeout=10):
        """The status of a GET at the pod's own address; 0 when it cannot be had."""
        link = http.client.HTTPConnection(self.network.address, port, timeout=timeout)
        try:
            link.request("GET", path)
            return link.getresponse().status
        except OSError:
            return 0
        finally:
            link.close()

    def ready(self):
        return all(self.passes(one["name"], "readinessProbe") for one in self.others)

    # -- end

    def stop(self, terminating=lambda: None, order=None):
        """As a deleted pod ends. terminating() is called when it is marked so: its endpoint leaves then, while preStop runs, however
        slow the machine is.
        order: lists of names that are told to stop together, each when those before have ended; the manifest's own when None."""
        left = time.monotonic() + self.spec["terminationGracePeriodSeconds"]
        self._say("terminating")
        leaving = threading.Thread(target=terminating)
        leaving.start()
        order = order or [[one["name"] for one in self.others], [one["name"] for one in reversed(self.sidecars)]]
        for names in order:
            threads = [threading.Thread(target=self._end, args=(name, left, leaving)) for name in names]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _end(self, name, deadline, leaving):
        container = next(one for one in self.sidecars + self.others if one["name"] == name)
        hook = container.get("lifecycle", {}).get("preStop")
        if hook:
            time.sleep(hook["sleep"]["seconds"] * PRESTOP_SCALE)
            leaving.join()
        self._say("told " + name)
        self.podman("stop", "--time", max(0, int(deadline - time.monotonic())), self.container(name))
        self._say("ended " + name)

    def exit_status(self, name):
        return self.podman.look(self.container(name))["State"]["ExitCode"]

    def remove(self):
        self.podman("pod", "rm", "--force", "--time", "0", self.name, check=False)

    def log(self):
        return "".join(self.podman.log(self.container(one["name"])) for one in self.sidecars + self.others)
