"""place.py: where the suite works: tools, a git repository with the pipeline's scripts and a small product, and worlds, each a
directory with doubles of docker, aws, kubectl and kustomize in front of PATH. Everything below TRIVET_TMP."""

import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
SRC = os.environ["TRIVET_SRC"]
# Not the package: it is for suites that run workers.
sys.path.append(os.path.join(SRC, "tests/harness"))
from ports import free_ports  # noqa: E402,F401
from wait import until  # noqa: E402,F401

TMP = os.environ["PIPELINE_TMP"]
KUSTOMIZE = os.environ["PIPELINE_KUSTOMIZE"]
AWS_TOOLS = os.environ["PIPELINE_AWS_TOOLS"]
GROOVY_LINT = os.environ["PIPELINE_GROOVY_LINT"]
TOOLS = ("docker", "aws", "kubectl", "kustomize")

# What must never be seen. Unlike anything else, so that finding one is finding a leak.
SECRETS = {
    "docker-hub-read": {"username": "trivetbot", "password": "dckr_pat_QxZq86OnlyReadsSecret"},
    "docker-hub": {"username": "trivetbot", "password": "dckr_pat_QxZq81nVerySecret"},
    "aws-web-identity": {"content": "eyJhbGciOi.IdTokenQxZq82Secret.c2ln"},
    "aws-static-keys": {"username": "AKIAQXZQ83EXAMPLE", "password": "StaticQxZq84Secret/Key"},
    "trivet-source": {"username": "reader", "password": "SourceQxZq85Secret"},
}
HIDDEN = [value for secret in SECRETS.values() for key, value in secret.items() if key != "username"]
# The role's own, which the AWS tools keep in a file.
HIDDEN.append("CachedQxZq87Secret")

ROLES = {"TRIVET_%s_ROLE_ARN" % name: "arn:aws:iam::123456789012:role/trivet-delivery-%s" % name.lower()
         for name in ("DEV", "STAGING", "PRODUCTION")}


def git(directory, *arguments):
    subprocess.run(["git", "-C", directory, "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false", *arguments],
                   check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", HOME=TMP))


def make_source(name, change=None):
    """A repository with the real scripts of pipeline/ and devtools/ and the fixture for the rest."""
    root = os.path.join(TMP, name)
    shutil.copytree(os.path.join(HERE, "fixture"), root)
    os.makedirs(os.path.join(root, "containers"))
    os.rename(os.path.join(root, "kubernetes"), os.path.join(root, "containers", "kubernetes"))
    for folder in ("pipeline", "devtools"):
        # Exceptions that hold for the real images say nothing of these.
        shutil.copytree(os.path.join(SRC, folder), os.path.join(root, folder), ignore=shutil.ignore_patterns("__pycache__", "*.vex.json"))
    for file in ("configure.ac", "Makefile.am", ".gitignore"):
        shutil.copy(os.path.join(SRC, file), root)
    # The fixture's own configure is a source here; the rule is for generated ones.
    with open(os.path.join(root, ".gitignore"), encoding="utf-8") as file:
        rules = [line for line in file if not line.startswith("/configure")]
    with open(os.path.join(root, ".gitignore"), "w", encoding="utf-8") as file:
        file.writelines(rules)
    if change:
        change(root)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "fixture")
    return root


class World:
    """Doubles, what they do wrong, and what they were asked."""

    def __init__(self, name, **behaviour):
        self.directory = os.path.join(TMP, name)
        self.bin = os.path.join(self.directory, "bin")
        os.makedirs(self.bin)
        os.makedirs(os.path.join(self.directory, "home"))
        for tool in TOOLS:
            os.symlink(os.path.join(HERE, "double.py"), os.path.join(self.bin, tool))
        # The fixture's configure is no generated one, whichever of its files a clone happens to write last.
        os.symlink("/bin/true", os.path.join(self.bin, "autoreconf"))
        self.behave(**behaviour)

    def behave(self, **behaviour):
        with open(os.path.join(self.directory, "behaviour.json"), "w", encoding="utf-8") as file:
            json.dump(behaviour, file)

    def environment(self, **more):
        """Nothing of the caller's own but what finds programs: no docker or AWS settings, no TRIVET_*."""
        return {"PATH": self.bin + ":" + os.environ["PATH"], "HOME": os.path.join(self.directory, "home"), "LANG": "C.UTF-8",
                "TMPDIR": TMP, "DOUBLE_DIR": self.directory, "DOUBLE_KUSTOMIZE": KUSTOMIZE, "PYTHONDONTWRITEBYTECODE": "1",
                **ROLES, **more}

    def calls(self, tool=None):
        try:
            with open(os.path.join(self.directory, "calls.jsonl"), encoding="utf-8") as file:
                found = [json.loads(line) for line in file]
        except FileNotFoundError:
            return []
        return [call for call in found if tool in (None, call["tool"])]

    def said(self, tool, *words):
        """The calls of a tool that hold these words in this order."""
        def holds(argv):
            rest = iter(argv)
            return all(word in rest for word in words)
        return [call["argv"] for call in self.calls(tool) if holds(call["argv"])]

    def home(self):
        """What is in the home directory of whoever runs it all."""
        return sorted(os.path.relpath(os.path.join(folder, name), self.directory)
                      for folder, _, names in os.walk(os.path.join(self.directory, "home")) for name in names)

    def state(self):
        with open(os.path.join(self.directory, "world.json"), encoding="utf-8") as file:
            return json.load(file)

    def text(self, name):
        try:
            with open(os.path.join(self.directory, name), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""


class Hand:
    """Someone who runs a script by hand in a checkout of a source, with a world around it."""

    def __init__(self, source, world, **variables):
        self.world = world
        self.checkout = os.path.join(world.directory, "checkout")
        self.variables = variables
        subprocess.run(["git", "clone", "-q", source, self.checkout], check=True)

    def run(self, script, *arguments, timeout=600, **variables):
        done = subprocess.run([os.path.join(self.checkout, "pipeline", script), *arguments], cwd=self.checkout, timeout=timeout,
                              env=self.world.environment(**{**self.variables, **variables}), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        return done.returncode, done.stdout

    def path(self, *parts):
        return os.path.join(self.checkout, *parts)

    def text(self, *parts):
        with open(self.path(*parts), encoding="utf-8") as file:
            return file.read()
