"""promql.py: what of the rules and dashboards is PromQL, which metrics it names, and Grafana's variables filled in."""

import glob
import json
import os
import re

import yaml

from tools import GRAFANA, read

# What a dashboard's variables and Grafana's own stand for here; scrapes come every second.
VARIABLES = {"__rate_interval": "10s", "__interval": "1s", "__range": "60s", "instance": ".+", "pool": ".+"}
_METRIC = re.compile(r"\b(?:trivet|mysql|redis|mongodb|nginx|probe|prometheus|alertmanager)_[a-zA-Z0-9_]+\b"
                     r"|\b[a-z_]+:[a-zA-Z0-9_]+:[a-zA-Z0-9_]+\b|\bup\b|\bALERTS\b")


def metrics(expr):
    """Names of metrics in an expression; what stands in quotes, behind `by` or in braces' label names is not one of them."""
    bare = re.sub(r'"[^"]*"', '""', expr)
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right) ?\([^)]*\)", "", bare)
    bare = re.sub(r"\{[^}]*\}", "", bare)
    return set(_METRIC.findall(bare))


def rule_files():
    return sorted(glob.glob(os.path.join(GRAFANA, "prometheus/rules/*.yml")))


def rules():
    """Every rule as a mapping, in the order of the files."""
    return [rule for path in rule_files() for group in yaml.safe_load(read(path))["groups"] for rule in group["rules"]]


def dashboards():
    """The committed dashboards by file name."""
    return {os.path.basename(path): json.loads(read(path)) for path in sorted(glob.glob(os.path.join(GRAFANA, "dashboards/*.json")))}


def panels(dashboard):
    """Those that ask something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def filled(expr):
    for name, value in VARIABLES.items():
        expr = expr.replace("${%s}" % name, value).replace("$" + name, value)
    if "$" in expr.replace("$labels", ""):
        raise AssertionError("a variable that the test does not know: " + expr)
    return expr
