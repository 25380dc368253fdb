"""fixture.py: what the areas share: their tools, and the servers that some of them need, started when first asked for."""

import contextlib

import tools
from tools import Unavailable


class Fixture:
    def __init__(self, suite, scratch):
        self.suite, self.scratch = suite, scratch
        self._stack = contextlib.ExitStack()
        self._lacks = {}
        self._made = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def lacks(self, area):
        """Why an area cannot be tested here; None when it can."""
        if area not in self._lacks:
            try:
                NEEDS[area](self.suite.options)
                self._lacks[area] = None
            except Unavailable as error:
                self._lacks[area] = str(error)
        return self._lacks[area]

    def keep(self, name, make):
        """The thing of that name, made by make() (a context manager) at its first use, ended with the run."""
        if name not in self._made:
            self._made[name] = self._stack.enter_context(make())
        return self._made[name]

    def problems(self):
        return [problem for made in self._made.values() for problem in made.problems()]

    def stop(self):
        return self.problems()


def _renders(_):
    tools.kustomize()


def _policy(_):
    tools.kustomize()
    tools.kube_score()
    tools.kubernetes_validate()


def _watching(options):
    tools.kustomize()
    tools.stores(options.mysql)
    tools.program("monitoring_root", "usr/bin/promtool")


def _admission(_):
    tools.kustomize()
    tools.kubectl()
    tools.etcd()
    tools.kube_apiserver()


def _pods(options):
    import podman
    tools.kustomize()
    podman.require(options.mysql)


NEEDS = {"renders": _renders, "policy": _policy, "budget": _renders, "room": _renders, "watching": _watching, "admission": _admission,
         "delivery": _admission, "pods": _pods}
