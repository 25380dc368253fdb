"""panels.py: what the dashboards are made of: queries, panels, rows, variables, and their places on Grafana's grid of 24 columns.

Knows nothing of Trivet. Every panel asks the data source that the dashboard's variable names, has a unit and says what it shows;
forgetting one is an error here and not a surprise in Grafana.
"""

WIDTH = 24
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
TRACES = {"type": "jaeger", "uid": "${traces}"}

GREEN, YELLOW, ORANGE, RED, BLUE = "green", "yellow", "orange", "red", "blue"


def query(expr, legend="__auto", exemplar=False, instant=False):
    """One PromQL query. Lines may be broken for people; Grafana gets one line."""
    return {"expr": " ".join(expr.split()), "legendFormat": legend, "exemplar": exemplar, "instant": instant,
            "range": not instant, "datasource": PROMETHEUS, "editorMode": "code"}


def thresholds(*steps):
    """steps: (from value, colour); the first one's value is None: everything below."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}


def _panel(kind, title, description, queries, width, height, defaults, options, overrides=()):
    if not description or not title:
        raise ValueError("a panel needs a title and a description: %r" % title)
    targets = [{**one, "refId": chr(ord("A") + index)} for index, one in enumerate(queries)]
    return {"type": kind, "title": title, "description": description, "datasource": targets[0]["datasource"],
            "targets": targets, "fieldConfig": {"defaults": defaults, "overrides": list(overrides)}, "options": options,
            "gridPos": {"w": width, "h": height}}


def timeseries(title, description, queries, unit, width=8, height=8, minimum=0, maximum=None, stack=False, limits=None, links=(),
               colors=None):
    """Lines over time. stack: areas upon each other. limits: thresholds() drawn as lines, which are always in sight. colors: of the
    series that have one of their own, by legend."""
    defaults = {
        "unit": unit, "links": list(links), "color": {"mode": "palette-classic"},
        "custom": {"lineWidth": 1, "fillOpacity": 30 if stack else 8, "showPoints": "never", "spanNulls": False,
                   "stacking": {"mode": "normal" if stack else "none", "group": "A"},
                   "thresholdsStyle": {"mode": "dashed" if limits else "off"}},
    }
    if minimum is not None:
        defaults["min"] = minimum
    if maximum is not None:
        defaults["max"] = maximum
    if limits:
        defaults["thresholds"] = limits
        defaults["custom"]["axisSoftMax"] = limits["steps"][1]["value"]
    overrides = [{"matcher": {"id": "byName", "options": name},
                  "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}]}
                 for name, color in (colors or {}).items()]
    return _panel("timeseries", title, description, queries, width, height, defaults,
                  {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"], "showLegend": True},
                   "tooltip": {"mode": "multi", "sort": "desc"}}, overrides)


def stat(title, description, expr, unit, steps, width=4, height=4, legend="__auto", mappings=(), decimals=None):
    """The last value, large, coloured by its thresholds."""
    defaults = {"unit": unit, "thresholds": steps, "color": {"mode": "thresholds"}, "mappings": list(mappings)}
    if decimals is not None:
        defaults["decimals"] = decimals
    return _panel("stat", title, description, [query(expr, legend)], width, height, defaults,
                  {"colorMode": "background", "graphMode": "area", "justifyMode": "auto", "textMode": "auto",
                   "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}})


def heatmap(title, description, expr, unit, width=12, height=8):
    """Buckets of a histogram over time; points are exemplars, each one leads to its trace."""
    one = {**query(expr, "{{le}}", exemplar=True), "format": "heatmap"}
    return _panel("heatmap", title, description, [one], width, height,
                  {"unit": unit, "custom": {"scaleDistribution": {"type": "linear"}}},
                  {"calculate": False, "yAxis": {"unit": unit, "axisPlacement": "left"}, "exemplars": {"color": "orange"},
                   "color": {"mode": "scheme", "scheme": "Spectral", "steps": 64, "exponent": 0.5, "reverse": True},
                   "cellGap": 1, "tooltip": {"mode": "single", "yHistogram": True}, "legend": {"show": True}})


def table(title, description, columns, width=12, height=8, links=()):
    """columns: (heading, expr, unit) of instant queries that share their labels; they are joined into one row a label set."""
    queries = [{**query(expr, heading, instant=True), "format": "table"} for heading, expr, _ in columns]
    single = len(columns) == 1
    names = {("Value" if single else "Value #%s" % chr(ord("A") + index)): heading
             for index, (heading, _, _) in enumerate(columns)}
    overrides = [{"matcher": {"id": "byName", "options": heading}, "properties": [{"id": "unit", "value": unit}]}
                 for heading, _, unit in columns]
    panel = _panel("table", title, description, queries, width, height,
                   {"unit": columns[0][2], "links": list(links), "custom": {"align": "auto"}},
                   {"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": columns[0][0], "desc": True}]}, overrides)
    panel["transformations"] = ([] if single else [{"id": "merge", "options": {}}]) + [
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": names}}]
    return panel


def traces(title, description, service, tags, width=24, height=10, limit=20):
    """The APM's list of traces; a line opens the trace."""
    one = {"queryType": "search", "service": service, "operation": "", "tags": tags, "minDuration": "", "maxDuration": "",
           "limit": limit, "datasource": TRACES}
    return _panel("table", title, description, [one], width, height, {"unit": "none", "custom": {"align": "auto"}},
                  {"showHeader": True, "cellHeight": "sm"})


class Row:
    """A heading with the panels below it, set from left to right and, when a line is full, on the next."""

    def __init__(self, title, *panels):
        self.title, self.panels = title, panels


def _place(rows):
    placed, top, number = [], 0, 1
    for row in rows:
        placed.append({"type": "row", "title": row.title, "id": number, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1}})
        number, top, left, tallest = number + 1, top + 1, 0, 0
        for panel in row.panels:
            size = panel["gridPos"]
            if left + size["w"] > WIDTH:
                top, left, tallest = top + tallest, 0, 0
            placed.append({**panel, "id": number, "gridPos": {"x": left, "y": top, **size}})
            number, left, tallest = number + 1, left + size["w"], max(tallest, size["h"])
        top += tallest
    return placed


def datasource_variable(name="datasource", kind="prometheus", label="Metrics"):
    return {"name": name, "type": "datasource", "query": kind, "label": label, "hide": 0, "current": {}, "options": [],
            "refresh": 1, "regex": "", "multi": False, "includeAll": False}


def label_variable(name, metric, label=None, title=None):
    """Values of a label, any number of them, all by default."""
    values = "label_values(%s, %s)" % (metric, label or name)
    return {"name": name, "type": "query", "label": title or name.capitalize(), "datasource": PROMETHEUS, "definition": values,
            "query": {"query": values, "refId": "Variables"}, "refresh": 2, "sort": 1, "multi": True, "includeAll": True,
            "allValue": ".+", "current": {"text": "All", "value": "$__all"}, "hide": 0, "options": [], "regex": ""}


def dashboard(uid, title, description, rows, variables=(), tags=("trivet",)):
    return {
        "uid": uid, "title": title, "description": description, "tags": list(tags), "editable": False, "graphTooltip": 1,
        "schemaVersion": 41, "version": 1, "refresh": "30s", "time": {"from": "now-1h", "to": "now"}, "timezone": "browser",
        "links": [{"type": "dashboards", "title": "Trivet", "tags": ["trivet"], "asDropdown": True, "includeVars": False,
                   "keepTime": True, "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""}],
        "annotations": {"list": [{
            "name": "Alerts", "enable": True, "hide": False, "iconColor": "red", "datasource": PROMETHEUS,
            "expr": 'ALERTS{alertstate="firing", severity=~"critical|warning"}', "titleFormat": "{{alertname}}",
            "textFormat": "{{pool}} {{store}} {{instance}}", "step": "60s"}]},
        "templating": {"list": [datasource_variable(), *variables]},
        "panels": _place(rows),
    }
