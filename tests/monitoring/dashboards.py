"""dashboards.py: the committed dashboards as data: what grafana/source makes of them today, and what Grafana wants of one."""

import os
import re

from harness import check, equal, test
from harness.places import SRC
from tools import GRAFANA, run, succeed
import promql

UNITS = {"none", "s", "bytes", "Bps", "percentunit", "reqps", "ops", "rowsps"}


@test("generating the dashboards again changes nothing")
def generated(_):
    succeed(os.path.join(GRAFANA, "source/generate"), "--check")


@test("dashboards have a uid and a title of their own, link to each other, and cannot be edited")
def whole(_):
    all_of_them = promql.dashboards()
    check(len(all_of_them) >= 5, "dashboards", sorted(all_of_them))
    for key in ("uid", "title"):
        values = [one[key] for one in all_of_them.values()]
        equal(sorted(set(values)), sorted(values), "the dashboards' " + key)
    for name, one in all_of_them.items():
        equal((one["editable"], one["tags"]), (False, ["trivet"]), "editable and tags of " + name)
        check(one["description"] and one["links"][0]["tags"] == ["trivet"], name + " has no description or no links")
        check("id" not in one, name + " has an id, which is Grafana's to give")


@test("panels: unique ids, no overlap, inside the grid")
def places(_):
    for name, one in promql.dashboards().items():
        ids = [panel["id"] for panel in one["panels"]]
        equal(len(set(ids)), len(ids), "the number of ids in " + name)
        taken = {}
        for panel in one["panels"]:
            place = panel["gridPos"]
            check(0 <= place["x"] and place["x"] + place["w"] <= 24, "%s: %s is wider than the grid" % (name, panel["title"]))
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    check((x, y) not in taken, "%s: %s lies upon %s" % (name, panel["title"], taken.get((x, y))))
                    taken[x, y] = panel["title"]


@test("panels: title, description, a known unit, the data source of the variable")
def words(_):
    for name, one in promql.dashboards().items():
        variables = {variable["name"]: variable for variable in one["templating"]["list"]}
        titles = [panel["title"] for panel in promql.panels(one)]
        equal(sorted(set(titles)), sorted(titles), "the titles of " + name)
        for panel in promql.panels(one):
            what = "%s: %s" % (name, panel["title"])
            check(panel["description"].endswith((".", "?")), what + " has no description", panel["description"])
            check(panel["fieldConfig"]["defaults"]["unit"] in UNITS, what + " has no known unit")
            for target in panel["targets"]:
                used = re.fullmatch(r"\$\{(\w+)\}", target["datasource"]["uid"]).group(1)
                equal(variables[used]["query"], target["datasource"]["type"], what + ": the kind of its data source")


@test("queries: rates over $__rate_interval, counters never without a rate, instants only in tables")
def queries(_):
    for name, one in promql.dashboards().items():
        for panel in promql.panels(one):
            for target in panel["targets"]:
                expr, what = target.get("expr"), "%s: %s" % (name, panel["title"])
                if expr is None:
                    continue
                check("\n" not in expr, what + ": a query of several lines")
                for window in re.findall(r"\b(?:rate|irate)\([^\[]*\[([^\]]+)\]", expr):
                    equal(window, "$__rate_interval", what + ": the window of a rate")
                if re.search(r"_total\b", expr):
                    check(re.search(r"rate\(|increase\(", expr), what + ": a counter without rate", expr)
                equal(target["instant"], panel["type"] == "table", what + ": instant")


@test("links between dashboards and docs are not dead")
def docs(_):
    uids = {one["uid"] for one in promql.dashboards().values()}
    with open(os.path.join(SRC, "docs/monitoring.md"), encoding="utf-8") as file:
        text = file.read()
    for uid in uids:
        check(uid in text, "docs/monitoring.md does not name the dashboard " + uid)


@test("the check that nothing changed can fail")
def check_can_fail(stack):
    copy = stack.directory("copy")
    succeed("cp", "-r", GRAFANA, copy)
    target = os.path.join(copy, "grafana/dashboards/overview.json")
    with open(target, "a", encoding="utf-8") as file:
        file.write("\n")
    status, printed = run(os.path.join(copy, "grafana/source/generate"), "--check")
    equal((status, printed.strip()), (1, "overview.json"), "what --check says of a changed dashboard")
