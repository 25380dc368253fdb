"""tools.py: where the tools of devtools/monitoring.sh are, and how the short-lived ones are run."""

import functools
import os
import subprocess

from harness.places import SRC

GRAFANA = os.path.join(SRC, "grafana")


@functools.cache
def _place(what):
    done = subprocess.run([os.path.join(SRC, "devtools/monitoring.sh"), what], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def program(name):
    return os.path.join(_place("root"), "usr/bin", name)


def alertmanager():
    """Alertmanager as a command: it wants to stand where its templates are."""
    return ["env", "--chdir=" + os.path.join(_place("root"), "usr/share/prometheus/alertmanager"), program("prometheus-alertmanager")]


def otlp_python():
    """A python that has opentelemetry-proto."""
    return _place("otlp-python")


def run(*command, stdin=None, cwd=None):
    """Its status and what it printed, both streams."""
    done = subprocess.run(command, input=stdin, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def succeed(*command, **more):
    status, printed = run(*command, **more)
    if status != 0:
        raise AssertionError("%s ended with %d: %s" % (" ".join(command[:3]), status, printed[-3000:]))
    return printed


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path
