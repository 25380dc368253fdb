"""checks_real.py: the scripts with the real things around them, as far as those run on a machine without a cloud: the real manifests
rendered by the real kustomize, the real Dockerfiles' words, the real AWS tools against moto. What cannot be had is skipped by name."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.request

from checks_scripts import deployer, expect, hand
from place import AWS_TOOLS, SECRETS, SRC, TMP, free_ports, until
from tap import Tap

MANIFESTS = os.path.join(SRC, "containers", "kubernetes")
PYTHON = os.path.join(AWS_TOOLS, "bin", "python")


def manifests():
    for environment in ("dev", "staging", "production"):
        if not os.path.isdir(os.path.join(MANIFESTS, "overlays", environment)):
            Tap.skip("the manifests of %s get the digests of a release" % environment, "there is no containers/kubernetes/overlays/" + environment)
            continue
        person = deployer()
        shutil.rmtree(person.path("containers", "kubernetes"))
        shutil.copytree(MANIFESTS, person.path("containers", "kubernetes"))
        with open(person.path("build", "private", "kubeconfig-" + environment), "w", encoding="utf-8") as file:
            file.write("kind: Config\n")
        expect(person.run("deploy.sh", environment), "manifests: %s renders and is applied" % environment, 0, "runs 0.1.0-")
        applied = person.world.text("applied-%s.yaml" % environment)
        images = re.findall(r"image: (trivet/\S+)", applied)
        Tap.ok(len(images) >= 2 and all("@sha256:" in image for image in images), "manifests: every image of ours in %s is named by digest" % environment, images)
        kinds = re.findall(r"^kind: (\S+)", applied, re.M)
        Tap.ok("Deployment" in kinds and "Service" in kinds and "Namespace" not in kinds, "manifests: what %s brings is in the namespace" % environment, kinds)
        Tap.ok("Secret" not in kinds, "manifests: what of %s is kept in the cluster holds no secret" % environment, kinds)
        Tap.ok(re.search(r"^  name: trivet$", applied, re.M) and re.search(r"^  - .*name: http$|^    name: http$", applied, re.M),
               "manifests: %s has the Deployment, the Service and the port that smoke.sh asks" % environment)
        objects = [document for document in re.split(r"^---$", applied, flags=re.M) if document.strip()]
        rendered = subprocess.run([os.environ["PIPELINE_KUSTOMIZE"], "build", os.path.join(MANIFESTS, "overlays", environment)],
                                  stdout=subprocess.PIPE, text=True, check=True).stdout
        left = len(re.findall(r"^kind: (?:Namespace|PriorityClass|StorageClass|(?:Cluster)?Role(?:Binding)?|CustomResourceDefinition)$", rendered, re.M))
        Tap.same(len(objects) + left, len(re.findall(r"^kind: ", rendered, re.M)), "manifests: no object of %s is lost on the way" % environment)


def dockerfiles():
    """images.sh speaks of a target, a context and arguments: each Dockerfile has to know them."""
    with open(os.path.join(SRC, "pipeline", "images.sh"), encoding="utf-8") as file:
        script = file.read()
    arguments = set(re.findall(r'--build-arg "?([A-Z_]+)', script))
    for part in ("app", "nginx"):
        path = os.path.join(SRC, "containers", part, "Dockerfile")
        if not os.path.exists(path):
            Tap.skip("containers/%s/Dockerfile knows what images.sh says" % part, "it is not there")
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        Tap.ok(re.search(r"^FROM .* AS ready$", text, re.M), "images: %s has the target ready" % part)
        missing = sorted(name for name in arguments if not re.search(r"^ARG %s\b" % name, text, re.M))
        Tap.same(missing, [], "images: %s takes every argument that images.sh gives" % part)
        if part == "app":
            Tap.ok(re.search(r"^FROM scratch AS binaries$", text, re.M), "images: app takes compiled programs from the context binaries")


class Moto:
    """moto's server: what AWS would answer, on a port of its own."""

    def __enter__(self):
        self.log = open(os.path.join(TMP, "moto.log"), "w", encoding="utf-8")
        try:
            # Between our look for a port and moto's use of it someone else may have taken it: it ends then.
            for _ in range(3):
                port = free_ports(1)[0]
                self.url = "http://127.0.0.1:%d" % port
                self.process = subprocess.Popen([PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=self.log,
                                                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
                until(lambda: self.process.poll() is not None or self.answers(), "moto answers", seconds=300, step=0.1)
                if self.process.poll() is None:
                    return self
            raise RuntimeError("moto does not start")
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *exception):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def answers(self):
        """As nobody else would who listens there."""
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.url + "/moto-api/data.json", timeout=30).close()
            return True
        except (OSError, http.client.HTTPException):
            return False

    def administer(self, *arguments):
        """An administrator's call, with keys that moto does not look at."""
        done = subprocess.run([PYTHON, "-m", "awscli", *arguments, "--output", "json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, env={
                                  "PATH": os.environ["PATH"], "HOME": TMP, "AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": "x",
                                  "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-central-1", "AWS_PAGER": ""})
        if done.returncode:
            raise RuntimeError("aws %s: %s" % (" ".join(arguments), done.stdout))
        return json.loads(done.stdout)


def aws():
    with Moto() as moto:
        trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Federated": "*"},
                                                                    "Action": "sts:AssumeRoleWithWebIdentity"}]})
        role = moto.administer("iam", "create-role", "--role-name", "trivet-delivery", "--assume-role-policy-document", trust)["Role"]["Arn"]
        subnets = [subnet["SubnetId"] for subnet in moto.administer("ec2", "describe-subnets")["Subnets"]][:2]
        moto.administer("eks", "create-cluster", "--name", "trivet-staging", "--role-arn", role, "--resources-vpc-config",
                        "subnetIds=" + ",".join(subnets))
        person = hand()
        # The real aws in place of its double.
        tool = os.path.join(person.world.bin, "aws")
        os.remove(tool)
        with open(tool, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nexec %s -m awscli "$@"\n' % PYTHON)
        os.chmod(tool, 0o755)
        token = person.path("token")
        with open(token, "w", encoding="utf-8") as file:
            file.write(SECRETS["aws-web-identity"]["content"])
        settings = {"AWS_ENDPOINT_URL": moto.url, "AWS_WEB_IDENTITY_TOKEN_FILE": token, "TRIVET_STAGING_ROLE_ARN": role,
                    "TRIVET_PRODUCTION_ROLE_ARN": role}
        expect(person.run("credentials.sh", "staging", **settings), "aws: the real tools take the role by web identity", 0,
               ":assumed-role/trivet-delivery/trivet-")
        expect(person.run("kubeconfig.sh", "staging", **settings), "aws: the real tools write the kubeconfig", 0)
        kubeconfig = person.text("build", "private", "kubeconfig-staging")
        for what, text in (("the cluster's address", "server: https://"), ("the context that the scripts ask for", "current-context: staging"),
                           ("a token asked for each time", "get-token"), ("the role's profile", "trivet-staging")):
            Tap.ok(text in kubeconfig, "aws: the kubeconfig has " + what, kubeconfig)
        Tap.ok("token:" not in kubeconfig and SECRETS["aws-web-identity"]["content"] not in kubeconfig, "aws: and no token of its own")
        Tap.same(person.world.home(), [], "aws: and the role's credentials are kept in no home directory but the build's own")
        Tap.ok(os.listdir(person.path("build", "private", "home", ".aws", "cli", "cache")), "aws: where they are, and go with it")
        asked = subprocess.run([tool, "eks", "get-token", "--cluster-name", "trivet-staging"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, check=False, env=person.world.environment(
                                   AWS_ENDPOINT_URL=moto.url, AWS_CONFIG_FILE=person.path("build", "private", "aws-config"),
                                   AWS_PROFILE="trivet-staging", AWS_REGION="eu-central-1"))
        Tap.ok(asked.returncode == 0 and "k8s-aws-v1." in asked.stdout, "aws: with that configuration kubectl gets its token", asked.stdout)
        expect(person.run("credentials.sh", "production", **settings), "aws: another environment, another session", 0)
        expect(person.run("kubeconfig.sh", "production", **settings), "aws: a cluster that is not there is said so", 1,
               "there is no way to the cluster trivet-production")
        static = {"AWS_ENDPOINT_URL": moto.url, "TRIVET_STAGING_ROLE_ARN": role, "TRIVET_AWS_STATIC_KEYS": "yes",
                  "AWS_ACCESS_KEY_ID": SECRETS["aws-static-keys"]["username"], "AWS_SECRET_ACCESS_KEY": SECRETS["aws-static-keys"]["password"]}
        expect(person.run("credentials.sh", "staging", **static), "aws: static keys become the same role", 0, ":assumed-role/trivet-delivery/trivet-")


def check():
    for part in (manifests, dockerfiles, aws):
        Tap.part("real, " + part.__name__, part)
    Tap.skip("Jenkins itself takes Jenkinsfile, plugins.txt and jenkins.yaml", "neither Jenkins nor its plugins can be had from a package registry")
    Tap.skip("Docker Scout scans and Docker Hub takes the images", "both want an account and the Internet; checked with doubles only")
