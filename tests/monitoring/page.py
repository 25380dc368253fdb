"""page.py: a dashboard and what Prometheus answered, as one page that needs nothing else. Places the panels as Grafana does, names
series by their legends, joins tables. Asks nobody and draws nothing: page.js does that, in the browser."""

import json
import math
import os
import re

HERE = os.path.dirname(os.path.realpath(__file__))

# Grafana's grid: 24 columns; a row of it is 30 pixels high and 8 apart from the next.
COLUMNS, COLUMN, ROW, GAP, EDGE, HEAD = 24, 66, 38, 8, 8, 48
WIDTH = 2 * EDGE + COLUMNS * COLUMN


def place(panel):
    """The pixels of a panel."""
    grid = panel["gridPos"]
    return {"left": EDGE + grid["x"] * COLUMN + GAP // 2, "top": HEAD + grid["y"] * ROW + GAP // 2,
            "width": grid["w"] * COLUMN - GAP, "height": grid["h"] * ROW - GAP}


def height(dashboard):
    return HEAD + EDGE + ROW * max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])


def number(text):
    """Prometheus' text of a number; None for what is none: JSON has no word for it, and a line has a hole there."""
    value = float(text)
    return value if math.isfinite(value) else None


def legend(form, labels):
    return re.sub(r"\{\{ *(\w+) *\}\}", lambda match: labels.get(match.group(1), ""), form)


def _series(panel, answers, begin):
    return [{"name": legend(target["legendFormat"], one["metric"]),
             "points": [[float(time), number(text)] for time, text in one["values"] if float(time) >= begin]}
            for target, answer in zip(panel["targets"], answers) for one in answer]


def _named(panel):
    """What a table calls the value of each query."""
    names = {}
    for transformation in panel["transformations"]:
        names.update(transformation["options"].get("renameByName", {}))
    return [names.get("Value") or names["Value #" + target["refId"]] for target in panel["targets"]]


def table(panel, answers):
    """Columns and rows: labels first, then a value for each query; one row for each set of labels, in the panel's order."""
    rows = {}
    for index, answer in enumerate(answers):
        for one in answer:
            rows.setdefault(tuple(sorted(one["metric"].items())), {})[index] = number(one["value"][1])
    labels = sorted({name for key in rows for name, _ in key})
    units = {one["matcher"]["options"]: one["properties"][0]["value"] for one in panel["fieldConfig"]["overrides"]}
    names = _named(panel)
    columns = [{"name": name, "unit": None} for name in labels] + [{"name": name, "unit": units[name]} for name in names]
    listed = [[dict(key).get(name, "") for name in labels] + [values.get(index) for index in range(len(names))]
              for key, values in rows.items()]
    listed.sort(key=lambda row: tuple(row[:len(labels)]))
    for order in reversed(panel["options"]["sortBy"]):
        at = [column["name"] for column in columns].index(order["displayName"])
        listed.sort(key=lambda row, at=at: -math.inf if row[at] is None else row[at], reverse=order["desc"])
    return columns, listed


def _colors(panel):
    """Series that have a colour of their own."""
    return {one["matcher"]["options"]: chosen["value"]["fixedColor"] for one in panel["fieldConfig"]["overrides"]
            for chosen in one["properties"] if chosen["id"] == "color"}


def _shown(panel, answers, begin):
    """A panel as page.js wants it."""
    made = {"id": panel["id"], "type": panel["type"], "title": panel["title"], "box": place(panel)}
    if panel["type"] == "row":
        return made
    look = panel["fieldConfig"]["defaults"]
    custom, steps = look.get("custom", {}), look.get("thresholds", {}).get("steps", [])
    made.update(unit=look["unit"], decimals=look.get("decimals"), min=look.get("min"), max=look.get("max"),
                softMax=custom.get("axisSoftMax"), colors=_colors(panel),
                stack=custom.get("stacking", {}).get("mode") == "normal", fill=custom.get("fillOpacity", 0) / 100, limits=steps,
                dashed=[step for step in steps if step["value"] is not None]
                if custom.get("thresholdsStyle", {}).get("mode") == "dashed" else [],
                mappings=[one["options"] for one in look.get("mappings", [])])
    if panel["type"] == "table":
        made["columns"], made["rows"] = table(panel, answers)
    else:
        made["series"] = _series(panel, answers, begin)
    return made


def data(dashboard, answers, begin, end, step):
    """What page.js draws. answers: for each panel's id, Prometheus' result of each of its queries."""
    return {"title": dashboard["title"], "from": begin, "to": end, "step": step, "width": WIDTH, "height": height(dashboard),
            "panels": [_shown(panel, answers.get(panel["id"], []), begin) for panel in dashboard["panels"]]}


def page(shown, about):
    """The whole page as text; what data holds cannot end the script that it stands in."""
    def read(name):
        with open(os.path.join(HERE, name), encoding="utf-8") as file:
            return file.read()
    words = {"TITLE": shown["title"], "ABOUT": about, "WIDTH": str(shown["width"]), "HEIGHT": str(shown["height"]),
             "DATA": json.dumps(shown, allow_nan=False).replace("<", "\\u003c"), "SCRIPT": read("page.js")}
    return re.sub("@(%s)@" % "|".join(words), lambda match: words[match.group(1)], read("page.html"))
