"""delivery.py: pipeline/deploy.sh and pipeline/undo.sh on a real API server, with staging's own manifests: the first deployment, a
release that fails, the way back by hand. The server has no controllers, so nothing starts: whether a rollout ends well and whether
the Service answers is what a test says; all else is asked of the server."""

import json
import os
import shutil
import subprocess

from harness import check, equal, test
from harness.places import SRC

import apiserver
import manifests
import tools

HERE = os.path.dirname(os.path.realpath(__file__))
RECORD = ("VERSION=0.1.0\nREVISION=0123456789ab\nTAG=%s\nAPP_IMAGE=trivet/trivet-app\nAPP_DIGEST=sha256:%s\n"
          "NGINX_IMAGE=trivet/trivet-nginx\nNGINX_DIGEST=sha256:%s\n")
KUBECTL = """#!/bin/bash
case " $* " in
*" rollout status "*) exit "${ROLLOUT:-0}" ;;
*" rollout undo "*) exit 99 ;;
*" endpointslices "*) echo true ;;
*" port-forward "*) echo "Forwarding from 127.0.0.1:1 -> 8080" && exec sleep 600 ;;
*) exec %s "$@" ;;
esac
"""
# Whatever is asked: an answer with a request id, and a greeting.
CURL = """#!/bin/bash
while [ $# -gt 1 ]; do
    case $1 in
    --dump-header) printf 'x-request-id: 1\\n' >"$2" ;;
    --output) echo '"greeting"' >"$2" ;;
    esac
    shift
done
"""


class Delivery:
    """A checkout, a cluster that knows the operators' kinds and else nothing, and an administrator's kubeconfig for it."""

    def __init__(self, cluster, directory):
        self.cluster, self.directory = cluster, directory
        cluster.define(os.path.join(HERE, "fixtures", "definitions.yaml"))
        self.checkout = os.path.join(directory, "checkout")
        for parts in (("pipeline",), ("containers", "kubernetes")):
            shutil.copytree(os.path.join(SRC, *parts), os.path.join(self.checkout, *parts), dirs_exist_ok=True)
        self.kubeconfig = os.path.join(directory, "kubeconfig")
        with open(self.kubeconfig, "w", encoding="utf-8") as file:
            json.dump({"apiVersion": "v1", "kind": "Config", "users": [{"name": "me", "user": {"token": cluster.token}}],
                       "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1:%d" % cluster.port, "insecure-skip-tls-verify": True}}],
                       "contexts": [{"name": "staging", "context": {"cluster": "here", "user": "me"}}]}, file)
        self.bin = os.path.join(directory, "bin")
        os.makedirs(self.bin, exist_ok=True)
        for name, text in (("kubectl", KUBECTL % tools.kubectl()), ("curl", CURL)):
            with open(os.path.join(self.bin, name), "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(os.path.join(self.bin, name), 0o755)
        if not os.path.lexists(os.path.join(self.bin, "kustomize")):
            os.symlink(tools.kustomize(), os.path.join(self.bin, "kustomize"))

    def run(self, script, *words, **more):
        done = subprocess.run([os.path.join(self.checkout, "pipeline", script), "staging", *words], stdin=subprocess.DEVNULL, check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, env={
                                  "PATH": self.bin + ":" + os.environ["PATH"], "HOME": self.directory, "TRIVET_KUBECONFIG": self.kubeconfig, **more})
        return done.returncode, done.stdout

    def release(self, letter):
        os.makedirs(os.path.join(self.checkout, "build", "release"), exist_ok=True)
        with open(os.path.join(self.checkout, "build", "release", "release.env"), "w", encoding="utf-8") as file:
            file.write(RECORD % ("0.1.0-" + letter, letter * 64, letter * 64))

    def objects(self):
        """Everything that the manifests name or named, as it is in the namespace, without what the server counts."""
        kinds = sorted({one["kind"].lower() for one in manifests.objects("staging")} - {"namespace", "configmap"})
        found = json.loads(self.cluster.kubectl("-n", "trivet", "get", ",".join(kinds), "-o", "json", "--show-managed-fields").stdout)["items"]
        managers = {entry["manager"] for one in found for entry in one["metadata"]["managedFields"]}
        for one in found:
            for counted in ("managedFields", "resourceVersion", "generation"):
                one["metadata"].pop(counted, None)
        return {"%s/%s" % (one["kind"], one["metadata"]["name"]): one for one in found}, managers


def _delivery(fixture):
    cluster = fixture.keep("delivery-apiserver", lambda: apiserver.running(fixture.scratch, "delivery"))
    if not hasattr(fixture, "delivery"):
        fixture.delivery = Delivery(cluster, fixture.scratch.directory("delivery-work"))
        fixture.delivery.release("a")
    return fixture.delivery


def _ended(result, status, *words):
    check(result[0] == status and all(word in result[1] for word in words), "ended with %d:\n%s" % (result[0], result[1][-3000:]))


def _spoil(delivery):
    """A release that is wrong in more than its pods: the Service's port, the scaling, a field of the pods that the release before
    does not name, a policy of its own."""
    base = os.path.join(delivery.checkout, "containers", "kubernetes", "base")
    for name, old, new in (("service.yaml", "port: 80\n", "port: 81\n"), ("hpa.yaml", "value: 100\n", "value: 101\n"),
                           ("deployment.yaml", "        - name: nginx\n", "        - name: nginx\n          workingDir: /wrong\n")):
        path = os.path.join(base, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        check(old in text, "%s says %r" % (name, old))
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new, 1))
    with open(os.path.join(base, "pdb.yaml"), "a", encoding="utf-8") as file:
        file.write("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: wrong\nspec:\n  podSelector: {}\n")


@test("the first deployment: the pipeline's way says what is missing, an administrator's makes everything")
def beginning(fixture):
    delivery = _delivery(fixture)
    _ended(delivery.run("deploy.sh"), 1, "an administrator makes it")
    _ended(delivery.run("deploy.sh", "--with-cluster-objects", "--diff-only"), 1, "kind: Namespace")
    _ended(delivery.run("deploy.sh", "--with-cluster-objects"), 0, "staging runs 0.1.0-a")
    names = {"%s/%s" % (one["kind"], one["metadata"]["name"]) for one in manifests.objects("staging") if one["kind"] not in ("Namespace", "ConfigMap")}
    equal(set(delivery.objects()[0]), names, "objects in the namespace")
    _ended(delivery.run("deploy.sh"), 0, "staging runs this already")


@test("a release that fails is undone whole, by the manager that applied it")
def failing(fixture):
    delivery = _delivery(fixture)
    before, _ = delivery.objects()
    _spoil(delivery)
    delivery.release("b")
    _ended(delivery.run("deploy.sh", ROLLOUT="1"), 1, "putting staging back to 0.1.0-a, all of it")
    after, managers = delivery.objects()
    equal(after, before, "objects after the way back")
    equal(managers, {"trivet-pipeline"}, "managers of their fields")


@test("by hand: to the release before, and back again")
def by_hand(fixture):
    delivery = _delivery(fixture)
    before, _ = delivery.objects()
    _ended(delivery.run("deploy.sh"), 0, "staging runs 0.1.0-b")
    later, _ = delivery.objects()
    check("NetworkPolicy/wrong" in later and later["Service/trivet"] != before["Service/trivet"], "the later release differs")
    _ended(delivery.run("undo.sh"), 0, "staging runs 0.1.0-a again")
    equal(delivery.objects()[0], before, "objects of the release before")
    _ended(delivery.run("undo.sh"), 0, "staging runs 0.1.0-b again")
    again, _ = delivery.objects()
    for found in (again, later):
        # Made anew, so with another identity and age.
        del found["NetworkPolicy/wrong"]["metadata"]["uid"], found["NetworkPolicy/wrong"]["metadata"]["creationTimestamp"]
    equal(again, later, "objects of the later release")
