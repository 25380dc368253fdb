"""pods.py: the rendered pod, really running: the project's images on real stores behind a load balancer. What is answered, what
the probes mean, what a kill does, how a pod ends, and that a rollout under load loses nothing."""

import http.client
import os
import re
import signal
import socket
import threading
import time

from harness import check, equal, expect, note, test, until
from harness.process import children
from harness.still import stands_still
from harness.traffic import Traffic

import budget
import manifests
import stage as stages

DIALECTS = ("sql", "doc", "kv", "hello")


def _stage(fixture):
    made = fixture.keep("stage", lambda: stages.stage(fixture))
    if not made.pods:
        for _ in range(2):
            made.serving()
    return made


def _dialects(client):
    expect(client.get("/sql/product?id=eq.1&select=id"), 200, json=[{"id": 1}])
    expect(client.post("/doc/action/findOne", json={"dataSource": "mongodb-atlas", "database": "shop", "collection": "reviews",
                                                  "filter": {"_id": "review-001"}}), 200)
    expect(client.post("/kv", json=["SET", "pod", "yes"]), 200, json={"result": "OK"})
    expect(client.get("/kv/get/pod"), 200, json={"result": "yes"})
    expect(client.get("/hello"), 200)


def _tree(pid):
    """A process and all below it."""
    return [pid] + [one for child in children(pid) for one in _tree(child)]


def _command(pid):
    with open("/proc/%d/cmdline" % pid, encoding="utf-8", errors="replace") as file:
        return file.read().split("\0")[0].rsplit("/", 1)[-1]


# --- what runs ------------------------------------------------------------------------------------------------------------------

@test("all three dialects answer through the load balancer, and through each pod by itself")
def answers(fixture):
    stage = _stage(fixture)
    _dialects(stage.http)
    for pod in stage.pods:
        equal([pod.get(path) for path in ("/sql/product?limit=1", "/kv/get/shop:name", "/hello", "/healthz", "/readyz")], [200] * 5,
              pod.name + " by itself")


@test("the sockets are shared by the two containers of a pod, and by no two pods")
def volumes(fixture):
    stage = _stage(fixture)
    places = [{mount["Source"] for mount in stage.podman.look(pod.container(name))["Mounts"] if mount["Destination"] == "/run/trivet"}
              for pod in stage.pods for name in ("app", "nginx")]
    equal([len(one) for one in places], [1] * 4, "mounts of /run/trivet")
    check(places[0] == places[1] and places[2] == places[3] and places[0] != places[2], "the directories", places)


@test("nginx starts only when app is up, and a pod is ready only then")
def start_order(fixture):
    stage = _stage(fixture)
    for pod in stage.pods:
        words = [what for _, what in pod.events]
        equal(words[:4], ["started app", "up app", "started nginx", "up nginx"], "the order")
        took = pod.events[3][0] - pod.events[0][0]
        note("%s: app up after %d ms, nginx with all stores seen after %d ms" % (
            pod.name, (pod.events[1][0] - pod.events[0][0]) * 1000, took * 1000))


@test("the images are made for how the manifest runs them: users, signals, no shell")
def images(fixture):
    stage = _stage(fixture)
    for name, signal_name in (("app", "SIGTERM"), ("nginx", "SIGQUIT")):
        container = manifests.containers(manifests.pod(stages.OVERLAY))[name]
        config = stage.podman.image(container["image"])["Config"]
        context = container["securityContext"]
        equal(config["User"], "%d:%d" % (context["runAsUser"], context["runAsGroup"]), name + ": the image's user")
        equal(config.get("StopSignal", "SIGTERM"), signal_name, name + ": the image's stop signal")
        status, said = stage.podman.exec(stage.pods[0].container(name), "/bin/sh", "-c", "true")
        check(status != 0, name + " has no shell", said)


@test("every process runs without root, capabilities, new privileges or a system call filter turned off, on a read-only root")
def confined(fixture):
    stage = _stage(fixture)
    pod = stage.pods[0]
    for name in ("app", "nginx"):
        user = manifests.containers(manifests.pod(stages.OVERLAY))[name]["securityContext"]["runAsUser"]
        for pid in _tree(stage.podman.pid(pod.container(name))):
            with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as file:
                status = dict(line.rstrip().split(":\t", 1) for line in file if ":\t" in line)
            what = "%s, %s" % (name, _command(pid))
            equal(status["Uid"].split(), [str(user)] * 4, what + ": its user")
            equal({int(status[key], 16) for key in ("CapEff", "CapPrm", "CapBnd", "CapInh")}, {0}, what + ": capabilities")
            equal((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), what + ": no new privileges, filtered calls")
            with open("/proc/%d/mountinfo" % pid, encoding="ascii", errors="replace") as file:
                root = next(line.split() for line in file if line.split()[4] == "/")
            check("ro" in root[5].split(","), what + ": a read-only root", root)


@test("every setting of the ConfigMap is one that the programs know")
def settings(fixture):
    stage = _stage(fixture)
    app = stage.pods[0].container("app")
    known = "".join(stage.podman.exec(app, program, "--help")[1] for program in
                    ("trivet-pools", "trivet-sql", "trivet-doc", "trivet-kv", "trivet-ops", "trivet-hello"))
    for overlay in manifests.OVERLAYS:
        unknown = [name for name in manifests.settings(overlay) if not name.startswith("OTEL_") and name not in known.split()
                   and name + ";" not in known.split()]
        check(not unknown, overlay + ": settings that nobody reads", unknown)


@test("what the pools say they may come to hold of sessions is what the budget is made of")
def sessions(fixture):
    stage = _stage(fixture)
    text = _operations(stage.pods[0], "/metrics")
    said = {(pool, store): int(float(limit)) for pool, store, limit in re.findall(
        r'^trivet_store_connections_limit\{pool="(\w+)",store="(\w+)"\} (\S+)$', text, re.M)}
    wanted = manifests.settings(stages.OVERLAY)
    # ops and hello keep none: what they open to look is counted in the budget all the same.
    kept = {(pool, store): budget.workers(wanted, pool) for pool, stores in budget.POOLS.items() for store in stores
            if pool not in ("ops", "hello")}
    equal({key: limit for key, limit in said.items() if limit}, kept, "sessions at most")


@test("the pod serves the metrics that the HPA's rule is made of")
def metrics(fixture):
    stage = _stage(fixture)
    text = _operations(stage.pods[0], "/metrics")
    for name in ('trivet_workers{pool="sql",state="busy"}', 'trivet_workers_limit{pool="sql"}'):
        check(any(line.startswith(name + " ") for line in text.splitlines()), "/metrics has " + name, text[:1500])


def _operations(pod, path):
    """An answer of a pod's operations port."""
    link = http.client.HTTPConnection(pod.network.address, 8081, timeout=30)
    link.request("GET", path)
    answer = link.getresponse()
    body = answer.read().decode()
    link.close()
    equal(answer.status, 200, path)
    return body


# --- probes -----------------------------------------------------------------------------------------------------------------------

@test("a store that is away leaves running pods ready, and keeps a new one from becoming so")
def store_away(fixture):
    stage = _stage(fixture)
    stage.stores["redis"].stop()
    try:
        for pod in stage.pods:
            until(lambda pod=pod: pod.get("/readyz", 8081) == 503, "/readyz of %s says so" % pod.name)
            check(pod.ready(), pod.name + " stays ready")
            check(pod.passes("nginx", "livenessProbe") and pod.passes("app", "livenessProbe"), pod.name + " stays alive")
            equal(pod.get("/sql/product?limit=1"), 200, "the dialect that can work, does")
        with stage.alone() as late:
            for name in ("app", "nginx"):
                stage.podman("start", late.container(name))
            until(lambda: late.probe("app", "startupProbe"), "app of the new pod is up", step=0.1)
            until(lambda: late.probe("nginx", "livenessProbe"), "nginx of the new pod is alive", step=0.1)
            check(not late.probe("nginx", "startupProbe"), "the new pod does not start to serve")
    finally:
        stage.stores["redis"].start()
    # ops looks for itself; the pools have their breakers.
    until(lambda: all(pod.get("/readyz", 8081) == 200 and pod.get("/kv/get/shop:name") == 200 for pod in stage.pods), "all stores are back")


@test("pools that hang are what app's liveness probe sees, and nginx's does not")
def hanging(fixture):
    stage = _stage(fixture)
    with stage.alone() as pod:
        pod.start()
        pids = [pid for pid in _tree(stage.podman.pid(pod.container("app"))) if _command(pid) == "trivet-kv"]
        check(pids, "there are processes of trivet-kv")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        until(lambda: all(map(stands_still, pids)), "they stand still")
        try:
            check(not pod.probe("app", "livenessProbe"), "app is not alive")
            check(pod.passes("nginx", "livenessProbe"), "nginx is alive")
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        until(lambda: pod.probe("app", "livenessProbe"), "app is alive again", step=0.1)


# --- kills ------------------------------------------------------------------------------------------------------------------------

@test("kill -9 of a worker process: another takes its place, the containers stay")
def kill_worker(fixture):
    stage = _stage(fixture)
    pod = stage.pods[0]
    app = stage.podman.pid(pod.container("app"))
    for pool in ("sql", "doc", "kv"):
        masters = [pid for pid in _tree(app) if _command(pid) == "trivet-" + pool and children(pid)]
        equal(len(masters), 1, "masters of " + pool)
        before = children(masters[0])
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(children(masters[0])) == len(before) and before[0] not in children(masters[0]),
              "another process of " + pool)
        path = {"sql": "/sql/product?limit=1", "kv": "/kv/get/shop:name", "doc": "/healthz"}[pool]
        until(lambda path=path: pod.get(path) == 200, "the pod answers " + path)
    equal(stage.podman.pid(pod.container("app")), app, "app's first process")
    _dialects(stage.http)


def _dies(fixture, name, other):
    """The container's first process is killed; the pod comes back by itself, and the other container stays."""
    stage = _stage(fixture)
    pod = stage.pods[0]
    victim, stays = stage.podman.pid(pod.container(name)), stage.podman.pid(pod.container(other))
    began = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    until(lambda: stage.podman.running(pod.container(name)) and stage.podman.pid(pod.container(name)) not in (0, victim),
          name + " runs again", step=0.05)
    until(pod.ready, "the pod is ready again", step=0.05)
    note("%s killed: ready again after %d ms" % (name, (time.monotonic() - began) * 1000))
    equal(stage.podman.pid(pod.container(other)), stays, other + "'s first process")
    until(lambda: stage.balancer.serves(pod), "the load balancer takes it again")
    until(lambda: pod.get("/readyz", 8081) == 200, "all its stores are seen")
    _dialects(stage.http)


@test("kill -9 of nginx: its container starts again, app stays")
def kill_nginx(fixture):
    _dies(fixture, "nginx", "app")


@test("kill -9 of app's first process: its container starts again on the old sockets, nginx stays")
def kill_app(fixture):
    _dies(fixture, "app", "nginx")


# --- ends ---------------------------------------------------------------------------------------------------------------------------

# How late the load balancer is told that a pod terminates: well within the preStop of the test (kubelet.PRESTOP_SCALE).
LATE = 2.0


def _late(stage, pod):
    def terminating():
        time.sleep(LATE)
        stage.balancer.drain(pod)
    return terminating


@test("a rollout under load loses no request, and no write")
def rollout(fixture):
    stage = _stage(fixture)
    with Traffic(stage, DIALECTS) as traffic:
        until(lambda: traffic.count() > 200, "there is load")
        for old in list(stage.pods):
            new = stage.serving()
            note("%s serves beside %s" % (new.name, old.name))
            old.stop(terminating=_late(stage, old))
            order = [what for _, what in old.events if what.split()[0] in ("told", "ended")]
            equal(order, ["told nginx", "ended nginx", "told app", "ended app"], "the order of the end")
            equal([old.exit_status(name) for name in ("nginx", "app")], [0, 0], "how nginx and app ended")
            took = {what: at for at, what in old.events}
            note("%s: nginx took %d ms to drain, app %d ms" % (old.name, (took["ended nginx"] - took["told nginx"]) * 1000,
                                                              (took["ended app"] - took["told app"]) * 1000))
            stage.balancer.forget(old)
            stage.discard(old)
        seen = traffic.count()
        until(lambda: traffic.count() > seen + 200, "the load goes on")
    note(traffic.summary())
    equal(traffic.failures[:5], [], "requests that failed")
    traffic.verify()


@test("a slow upload that is under way when its pod is told to end gets its answer")
def under_way(fixture):
    stage = _stage(fixture)
    with stage.alone() as pod:
        pod.start()
        body = b'["SET","slow","yes"]'
        with socket.create_connection((pod.network.address, 8080), 20) as link:
            link.sendall(b"POST /kv HTTP/1.1\r\nHost: pod\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
            link.sendall(body[:5])
            ending = threading.Thread(target=pod.stop)
            ending.start()
            until(lambda: any(what == "told nginx" for _, what in pod.events), "nginx is told to end")
            time.sleep(0.5)
            check(stage.podman.running(pod.container("app")), "app still runs while nginx has a request")
            link.sendall(body[5:])
            answer = b""
            while data := link.recv(65536):
                answer += data
        ending.join()
    check(answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b'{"result":"OK"}'), "the answer", answer)


@test("told at once, as two plain containers are, the workers go too early: this is what the order is for")
def without_order(fixture):
    stage = _stage(fixture)
    victim = stage.serving()

    def terminating():
        until(lambda: traffic.failures, "a request is lost: the wrong order loses some, or this suite would not notice")
        stage.balancer.drain(victim)

    with Traffic(stage, ("sql", "kv")) as traffic:
        until(lambda: traffic.count() > 200, "there is load")
        stage.balancer.trust(victim)
        victim.stop(terminating=terminating, order=[["nginx", "app"]])
    stage.balancer.forget(victim)
    stage.discard(victim)
    note(traffic.summary())
    check(traffic.failures, "requests were lost")
    traffic.verify()
