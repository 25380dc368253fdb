"""rules.py: the rules: promtool's opinion, their own unit tests, and that no alert is without a test, a severity and words."""

import concurrent.futures
import glob
import os
import re

import yaml

from harness import check, equal, test
from tools import GRAFANA, program, read, succeed
import promql
import scaled

TESTS = sorted(glob.glob(os.path.join(GRAFANA, "prometheus/tests/*.yml")))


def alerts():
    return [rule for rule in promql.rules() if "alert" in rule]


@test("promtool lints the rules without a complaint")
def lint(_):
    succeed(program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *promql.rule_files())


@test("every alert has severity, summary, description and runbook, and a name of its own")
def annotations(_):
    names = [rule["alert"] for rule in alerts()]
    equal(sorted(set(names)), sorted(names), "the alerts' names")
    for rule in alerts():
        check(rule["labels"]["severity"] in ("critical", "warning", "info", "none"), "the severity of " + rule["alert"])
        equal(sorted(rule["annotations"]), ["description", "runbook_url", "summary"], "the annotations of " + rule["alert"])
        equal(rule["annotations"]["runbook_url"], "docs/runbooks/%s.md" % rule["alert"], "the runbook")


@test("recorded series are named level:metric:operations, and the level is what the expression leaves")
def recorded_names(_):
    for rule in promql.rules():
        if "record" not in rule:
            continue
        level, metric, _ = rule["record"].split(":")
        check(metric.startswith("trivet_"), "the metric in the name", rule["record"])
        kept = {frozenset(re.split(r", *", labels)) for labels in re.findall(r"by \(([^)]*)\)", rule["expr"])}
        inner = {name.split(":")[0] for name in promql.metrics(rule["expr"]) if ":" in name}
        wanted = set(level.split("_"))
        check(any(labels - {"le"} == wanted - {"le"} for labels in kept) or level in inner or level + "_le" in inner,
              "the level in the name", rule)


@test("unit tests: every alert fires, does not fire, and ends (%d files)" % len(TESTS))
def unit_tests(_):
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda path: succeed(program("promtool"), "test", "rules", path), TESTS))


@test("no alert is without a unit test in which it fires, and silent before and after")
def tested(_):
    seen = {}
    for path in TESTS:
        for one in yaml.safe_load(read(path))["tests"]:
            for asked in one["alert_rule_test"]:
                seen.setdefault(asked["alertname"], []).append(bool(asked["exp_alerts"]))
    equal(sorted(set(seen) ^ {rule["alert"] for rule in alerts()}), [], "alerts without a test and tests without an alert")
    for name, fires in seen.items():
        if name == "Watchdog":
            check(all(fires), "the Watchdog always fires")
            continue
        check(True in fires, name + " never fires in its tests")
        first = fires.index(True)
        check(False in fires[:first] or name == "LatencyBudgetBurnsFast", name + " is never silent before it fires", fires)
        check(False in fires[first:] or True in fires[first:][:-1], name + " never ends in its tests", fires)


@test("an objective's bound is a bucket's bound: the ratio is exact")
def exact_buckets(_):
    bounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
    used = {float(bound) for rule in promql.rules() for bound in re.findall(r'le="([0-9.]+)"', rule["expr"])}
    equal(used, {0.25, 0.05}, "the bounds in the objectives")
    check(used <= bounds, "a bound that no bucket has", used)


@test("the rules with their durations divided are the same rules")
def scaled_rules(_):
    for path in promql.rule_files():
        text = read(path)
        short = scaled.scaled(text)
        check(len(yaml.safe_load(short)["groups"]) == len(yaml.safe_load(text)["groups"]), "groups of " + path)
        equal(len(scaled.durations(short)), len(scaled.durations(text)), "the durations in " + path)
        left = [found for found in scaled.durations(short) if found[-1] != "s"]
        equal(left, [], "durations that were not divided")
        names = re.compile(r"- (?:alert|record): (\S+)")
        equal(names.findall(short), names.findall(text), "the names")
    equal(scaled.scaled("for: 5m\nexpr: rate(a[1h] offset 1d) > a:b:rate5m\n"),
          "for: 5s\nexpr: rate(a[60s] offset 1440s) > a:b:rate5m\n", "an example")
