#!/usr/bin/env python3
"""double.py: stands in for docker, aws, kubectl and kustomize (links with those names point here) in the tests of the pipeline. It
writes down every call and plays a small world: a registry with digests, a cluster with revisions, a Service that answers.

In DOUBLE_DIR: calls.jsonl (out), behaviour.json (in: what goes wrong), world.json (registry and cluster, between calls).
kustomize is the real one (DOUBLE_KUSTOMIZE); only the call is written down. A call that no script is expected to make ends with 97."""

import base64
import configparser
import gzip
import hashlib
import http.server
import json
import os
import re
import signal
import sys
import time

DIR = os.environ["DOUBLE_DIR"]
NAME = os.path.basename(sys.argv[0])
ARGS = sys.argv[1:]


def path(name):
    return os.path.join(DIR, name)


def load(name, default):
    try:
        with open(path(name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return default


BEHAVIOUR = load("behaviour.json", {})
WORLD = load("world.json", {"images": {}, "registry": {}, "manifests": {}, "clusters": {}})


def save():
    with open(path("world.json"), "w", encoding="utf-8") as file:
        json.dump(WORLD, file)


def record():
    line = json.dumps({"tool": NAME, "argv": ARGS, "cwd": os.getcwd(),
                       "aws": {key: value if key == "AWS_PROFILE" else "set" for key, value in sorted(os.environ.items())
                               if key.startswith("AWS_") and key not in ("AWS_WEB_IDENTITY_TOKEN_FILE",)},
                       "keys": sorted(key for key in os.environ if re.search("SECRET|TOKEN|PASSWORD", key))}) + "\n"
    with open(path("calls.jsonl"), "a", encoding="utf-8") as file:
        file.write(line)


def unexpected():
    print("double: nothing is known about: %s %s" % (NAME, " ".join(ARGS)), file=sys.stderr)
    sys.exit(97)


def fail(text, status=1):
    print(text, file=sys.stderr)
    sys.exit(status)


def option(name):
    """The value of --name VALUE or --name=VALUE."""
    for number, word in enumerate(ARGS):
        if word == name:
            return ARGS[number + 1]
        if word.startswith(name + "="):
            return word.split("=", 1)[1]
    return None


def write(file_name, text):
    if file_name:
        with open(file_name, "w", encoding="utf-8") as file:
            file.write(text)


# --- docker -------------------------------------------------------------------------------------------------------------------

def signed_in():
    try:
        with open(os.path.join(os.environ["DOCKER_CONFIG"], "config.json"), encoding="utf-8") as file:
            return bool(json.load(file)["auths"])
    except (KeyError, OSError, ValueError):
        return False


def docker():
    words = [word for word in ARGS[:3] if not word.startswith("-")]
    if ARGS[:1] == ["version"]:
        print(BEHAVIOUR.get("docker_version", "28.5.2"))
    elif ARGS[:2] == ["buildx", "version"]:
        print("github.com/docker/buildx v0.29.1 abcdef")
    elif ARGS[:2] == ["scout", "version"]:
        if BEHAVIOUR.get("scout") == "missing":
            fail("docker: 'scout' is not a docker command.")
        print("version: v1.18.3 (go1.25.0 - linux/amd64)")
    elif ARGS[:1] == ["info"]:
        print("[[driver-type io.containerd.snapshotter.v1]]" if BEHAVIOUR.get("containerd", True) else "[[Backing Filesystem extfs]]")
    elif ARGS[:1] == ["build"]:
        return
    elif ARGS[:2] == ["buildx", "build"]:
        write(option("--metadata-file"), "{}\n")
        WORLD["images"][option("--tag")] = digest(option("--tag"), BEHAVIOUR.get("built", "once"))
        save()
    elif ARGS[:2] == ["image", "inspect"]:
        print(local_image(ARGS[-1]))
    elif ARGS[:1] == ["login"]:
        token = sys.stdin.read()
        if BEHAVIOUR.get("login") == "refused" or not token or token != token.strip():
            fail("Error response from daemon: unauthorized: incorrect username or password")
        auth = base64.b64encode((option("--username") + ":" + token).encode()).decode()
        write(os.path.join(os.environ["DOCKER_CONFIG"], "config.json"), json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": auth}}}))
        print("Login Succeeded")
    elif words[:2] == ["scout", "sbom"]:
        scout_ready()
        local_image(ARGS[-1].removeprefix("local://"))
        write(option("--output"), '{"spdxVersion": "SPDX-2.3"}\n')
    elif words[:2] == ["scout", "cves"]:
        scout_ready()
        if BEHAVIOUR.get("scout") == "broken":
            fail("ERROR Status: failed to fetch vulnerabilities: 503")
        if option("--format") == "sarif":
            write(option("--output"), '{"version": "2.1.0", "runs": []}\n')
        elif BEHAVIOUR.get("scout") == "findings" and "trivet-nginx" in ARGS[-1]:
            fail("CRITICAL CVE-2026-4242 openssl 3.5.1 fixed in 3.5.2", 2)
    elif ARGS[:1] == ["push"]:
        if not signed_in():
            fail("denied: requested access to the resource is denied")
        image = local_image(ARGS[1])
        # As containerd keeps images, what is pushed has the image's own identity; else that is in what the manifest names.
        WORLD["registry"][ARGS[1]] = image if BEHAVIOUR.get("containerd", True) else digest("manifest", image)
        WORLD["manifests"][WORLD["registry"][ARGS[1]]] = {"config": {"digest": digest("config", image) if BEHAVIOUR.get("containerd", True) else image}}
        save()
    elif ARGS[:4] == ["buildx", "imagetools", "inspect", "--raw"]:
        print(json.dumps(WORLD["manifests"].get(ARGS[4].split("@")[1], {"manifests": []})))
    elif ARGS[:3] == ["buildx", "imagetools", "inspect"]:
        if BEHAVIOUR.get("registry") == "taken":
            WORLD["registry"].setdefault(ARGS[-1], digest("someone else's", ARGS[-1]))
        if BEHAVIOUR.get("registry") == "away":
            fail("ERROR: failed to do request: dial tcp: i/o timeout")
        if ARGS[-1] not in WORLD["registry"]:
            fail("ERROR: docker.io/%s: not found" % ARGS[-1])
        print("Name:      docker.io/%s\nMediaType: application/vnd.docker.distribution.manifest.v2+json\nDigest:    %s\n"
              % (ARGS[-1], WORLD["registry"][ARGS[-1]]))
    else:
        unexpected()


def digest(*words):
    return "sha256:" + hashlib.sha256(" ".join(words).encode()).hexdigest()


def local_image(name):
    return WORLD["images"].get(name) or fail("Error response from daemon: No such image: " + name)


def scout_ready():
    if not signed_in():
        fail("ERROR Log in with your Docker ID to use docker scout.")


# --- aws ----------------------------------------------------------------------------------------------------------------------

def cache(*parts):
    """What the real tools leave in the home directory of whoever calls them."""
    name = os.path.join(os.environ["HOME"], *parts)
    os.makedirs(os.path.dirname(name), exist_ok=True)
    write(name, '{"Credentials": {"SecretAccessKey": "CachedQxZq87Secret"}}\n')


def aws():
    if ARGS == ["--version"]:
        print("aws-cli/2.31.0 Python/3.13.7 Linux/6.12")
    elif ARGS[:2] == ["sts", "get-caller-identity"]:
        config = configparser.ConfigParser()
        config.read(os.environ["AWS_CONFIG_FILE"])
        profile = config["profile " + os.environ["AWS_PROFILE"]]
        token = profile.get("web_identity_token_file")
        if token:
            with open(token, encoding="utf-8") as file:
                usable = bool(file.read())
        else:
            keys = configparser.ConfigParser()
            keys.read(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
            usable = bool(keys[profile["source_profile"]]["aws_secret_access_key"])
        if BEHAVIOUR.get("identity") == "refused" or not usable:
            fail("An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: Not authorized", 254)
        cache(".aws", "cli", "cache", "role.json")
        role = profile["role_arn"].split("/")[-1]
        if BEHAVIOUR.get("identity") == "other":
            role = "someone-else"
        print("arn:aws:sts::123456789012:assumed-role/%s/%s" % (role, profile["role_session_name"]))
    elif ARGS[:2] == ["eks", "update-kubeconfig"]:
        write(option("--kubeconfig"), "apiVersion: v1\nkind: Config\ncurrent-context: %s\n" % option("--alias"))
    else:
        unexpected()


# --- kubectl -----------------------------------------------------------------------------------------------------------------------

class Service(http.server.BaseHTTPRequestHandler):
    """What answers behind the forwarded port."""

    def do_GET(self):
        bodies = {"/healthz": "ok\n", "/readyz": "ready\n", "/hello": '{"greeting":"hello"}'}
        broken = BEHAVIOUR.get("service") == "broken" and self.path == "/readyz"
        body = bodies.get(self.path, "").encode()
        self.send_response(503 if broken else 200 if body else 404)
        if BEHAVIOUR.get("service") != "anonymous":
            self.send_header("X-Request-Id", "0123456789abcdef")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        return


def files():
    return [ARGS[number + 1] for number, word in enumerate(ARGS) if word == "-f"]


def wanted_objects():
    wanted = {}
    for name in files():
        wanted.update(documents(name))
    return wanted


def documents(name):
    """The objects of a file: {Kind/name: text}, in their order."""
    with open(name, encoding="utf-8") as file:
        texts = re.split(r"^---$", file.read(), flags=re.M)
    found = {}
    for text in texts:
        kind = re.search(r"^kind: (\S+)", text, re.M)
        if kind:
            metadata = re.search(r"^metadata:\n((?: .*\n)*)", text, re.M).group(1)
            found[kind.group(1) + "/" + re.search(r"^  name: (\S+)", metadata, re.M).group(1)] = text
    return found


class Cluster:
    """What kubectl's doubles have in common: objects, the Deployment's revisions with what their pods are made of."""

    def __init__(self, name):
        self.name = name
        empty = bool(BEHAVIOUR.get("first_release") or BEHAVIOUR.get("no_namespace"))
        start = {"namespace": not BEHAVIOUR.get("no_namespace"), "objects": {}, "templates": {}, "revision": "", "good": None}
        if not empty:
            start.update(objects={"Deployment/trivet": "before", "Service/trivet": "before"}, revision="4", good="pods of 4",
                         templates={number: "pods of " + number for number in "1234"})
            if BEHAVIOUR.get("kept"):
                start["objects"]["ConfigMap/trivet-releases"] = kept_release()
        self.state = WORLD["clusters"].setdefault(name, start)

    def __getattr__(self, name):
        return self.state[name]

    def template(self):
        return self.templates.get(self.revision)

    def roll(self, template):
        if template != self.template():
            self.state["revision"] = str(int(self.revision or 0) + 1)
            self.templates[self.revision] = template

    def without_namespace(self, wanted):
        return not self.namespace and any(not name.startswith("Namespace/") for name in wanted)

    def apply(self, wanted):
        for name, text in wanted.items():
            if name.startswith("Namespace/"):
                self.state["namespace"] = True
            elif not self.namespace:
                save()
                fail(NO_NAMESPACE)
            self.objects[name] = text
            if name == "Deployment/trivet":
                named = re.search("pods of [0-9]", text)
                self.roll(named.group(0) if named else hashlib.sha256(text.encode()).hexdigest())


def kept_release():
    """A record of the release that runs at the beginning, as kept.sh writes it."""
    objects = "".join("kind: %s\nmetadata:\n  name: trivet\n# pods of 4\n---\n" % kind for kind in ("Service", "Deployment"))
    return 'data:\n  runs: "%s"\n  tag: "0.0.9-before"\n  former-tag: ""\nbinaryData:\n  good: "%s"\n  former: ""\n' % (
        hashlib.sha256(b"pods of 4\n").hexdigest(), base64.b64encode(gzip.compress(objects.encode())).decode())


NO_NAMESPACE = 'Error from server (NotFound): namespaces "trivet" not found'


def kubectl():
    if ARGS[:2] == ["version", "--client"]:
        print("Client Version: v%s" % BEHAVIOUR.get("kubectl_version", "1.36.4"))
        return
    if not os.path.isfile(option("--kubeconfig") or "") or not option("--context") or option("--namespace") != "trivet":
        fail("double: kubectl without kubeconfig, context or namespace of its own", 98)
    words = ARGS[6:]
    # Its own, and that of the AWS tools, which it asks for a token each time.
    cache(".kube", "cache", "discovery", "server", "servergroups.json")
    cache(".aws", "cli", "cache", "role.json")
    cluster = Cluster(option("--context"))
    if words[:2] == ["auth", "can-i"]:
        sys.exit(1 if BEHAVIOUR.get("access") == "refused" else 0)
    if words[:1] == ["diff"]:
        wanted = wanted_objects()
        if cluster.without_namespace(wanted):
            # Comparing is asking the server to do it without keeping it: there is nowhere to do it.
            fail(NO_NAMESPACE, 2)
        if "diff" in BEHAVIOUR:
            if BEHAVIOUR["diff"]:
                print("error: the server could not find the requested resource", file=sys.stderr)
            sys.exit(BEHAVIOUR["diff"])
        changed = [name for name, text in wanted.items() if cluster.objects.get(name) != text]
        for name in changed:
            print("+ " + name + wanted[name].replace("\n", "\n+ "))
        sys.exit(1 if changed else 0)
    if words[:1] == ["apply"]:
        if os.path.exists(path("hanging")):
            write(path("undoing"), "")
        wanted = wanted_objects()
        if BEHAVIOUR.get("refused", "nothing") in "".join(wanted.values()):
            fail("Error from server (InternalError): an admission webhook failed")
        cluster.apply(wanted)
        save()
        if "Deployment/trivet" in wanted:
            write(path("applied-%s.yaml" % cluster.name), "---".join(wanted.values()))
        if BEHAVIOUR.get("apply") == "broken":
            fail("Error from server (InternalError): an admission webhook failed")
        print("\n".join(name.lower() + " serverside-applied" for name in wanted))
    elif words[:2] == ["get", "deployment/trivet"]:
        sys.stdout.write((cluster.template() or "") if "template" in option("--output") else cluster.revision)
    elif words[:2] == ["get", "configmap/trivet-releases"]:
        text = cluster.objects.get("ConfigMap/trivet-releases")
        for key in re.findall(r"\{\.\w+\.([\w-]+)\}", option("--output")) if text else []:
            print(re.search(r'^  %s: "(.*)"$' % key, text, re.M).group(1))
    elif words[:2] == ["get", "-f"]:
        # One line for each that is there, as `-o name` has it.
        print("".join(name.lower() + "\n" for name in wanted_objects() if name in cluster.objects), end="")
    elif words[:1] == ["delete"]:
        for name in [name for name in cluster.objects if name.lower() in words]:
            del cluster.objects[name]
        save()
    elif words[:2] == ["get", "endpointslices"]:
        print("false" if BEHAVIOUR.get("endpoints") == "none" else "true")
    elif words[:2] == ["rollout", "status"]:
        broken = BEHAVIOUR.get("rollout_in", cluster.name) == cluster.name and cluster.template() != cluster.good
        if broken and BEHAVIOUR.get("rollout") == "fails":
            fail("error: timed out waiting for the condition")
        if broken and BEHAVIOUR.get("rollout") == "hangs":
            # Asked to end, kubectl says 1, not that it was a signal.
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, lambda *_: sys.exit(1))
            write(path("hanging"), str(os.getpid()))
            time.sleep(600)
        cluster.state["good"] = cluster.template()
        save()
        print('deployment "trivet" successfully rolled out')
    elif words[:2] == ["rollout", "undo"]:
        write(path("undoing"), "")
        to = option("--to-revision") or (sorted(cluster.templates, key=int)[-2:-1] or [""])[0]
        if to not in cluster.templates:
            fail("error: unable to find specified revision %s in history" % to)
        cluster.roll(cluster.templates.pop(to))
        save()
        print("deployment.apps/trivet rolled back")
    elif words[:1] == ["port-forward"]:
        if words[1:] != ["service/trivet", ":http"]:
            unexpected()
        server = http.server.HTTPServer(("127.0.0.1", 0), Service)
        print("Forwarding from 127.0.0.1:%d -> 8080" % server.server_port, flush=True)
        server.serve_forever()
    else:
        unexpected()


def main():
    record()
    if NAME == "kustomize":
        os.execv(os.environ["DOUBLE_KUSTOMIZE"], ["kustomize"] + ARGS)
    {"docker": docker, "aws": aws, "kubectl": kubectl}[NAME]()


if __name__ == "__main__":
    main()
