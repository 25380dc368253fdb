"""tools.py: the programs that devtools/kubernetes.sh makes or fetches once into the cache. A tool that cannot be had raises
Unavailable, which skips what needs it."""

import functools
import os
import subprocess

from harness.places import SRC


class Unavailable(Exception):
    """The tool cannot be had on this machine; the text says why."""


@functools.cache
def root(function):
    """The directory that a function of devtools/kubernetes.sh prints."""
    # CACHED_FROM names the file with the builders to the shell that `cached` starts.
    script = 'for part in common roots monitoring kubernetes; do . "$0/$part.sh"; done; export CACHED_FROM=kubernetes.sh; "$1"'
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script, os.path.join(SRC, "devtools"), function],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("dev: ")] or done.stderr.splitlines()[-1:]
        reason = "%s failed: %s" % (function, said[0][:300] if said else "nothing was said")
        # What a machine lacks is skipped; what we broke is not.
        raise RuntimeError(reason + "\n" + done.stderr[-4000:]) if "does not build" in reason else Unavailable(reason)
    return done.stdout.strip().splitlines()[-1]


@functools.cache
def stores(*kinds):
    """Fetches what these stores are made of, while the machine's network is still there."""
    for kind in kinds:
        done = subprocess.run([os.path.join(SRC, "devtools", "store"), "fetch", kind], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise Unavailable("the store %s cannot be had: %s" % (kind, "".join(done.stdout.splitlines(True)[-3:])))


def program(function, *parts):
    path = os.path.join(root(function), *parts)
    if not os.access(path, os.X_OK):
        raise Unavailable(path + " is missing")
    return path


def kustomize():
    return program("kubernetes_tools_root", "usr/bin/kustomize")


def kubectl():
    return program("kubernetes_tools_root", "usr/bin/kubectl")


def etcd():
    return program("kubernetes_tools_root", "usr/bin/etcd")


def kube_apiserver():
    return program("kube_apiserver_root", "kube-apiserver")


def kube_score():
    return program("kube_score_root", "kube-score")


def kubernetes_validate():
    """The command, as words."""
    return [program("kubernetes_validate_root", "venv/bin/python"), "-m", "kubernetes_validate"]


def podman_root():
    return root("podman_root")


def run(words, text=None, check=True, **more):
    """Runs a program to its end; what it printed, both streams in `stdout` unless told otherwise."""
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **more}
    done = subprocess.run([str(word) for word in words], input=text, text=True, check=False, **more)
    if check and done.returncode != 0:
        raise AssertionError("%s ended with %d: %s" % (" ".join(map(str, words[:6])), done.returncode, (done.stdout or "")[-3000:]))
    return done
