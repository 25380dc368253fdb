"""picture.py: the overview's numbers as a picture: every panel's query, asked of the loaded Prometheus, drawn by a page of ours in a
real browser, and read back from what the browser drew. It is not Grafana; it tells whether the numbers look right. The page and the
picture are left in the build directory, for people."""

import copy
import functools
import math
import os
import re
import shutil
import time

from harness import check, equal, note, test, until
from harness.places import BUILD
from skipping import Skip
import browser
import drawn
import page
import pixels
import promql

NEEDS = ("sql", "doc", "kv", "ops")
# Seconds that are shown: as many as there are of these.
LEAST, MOST, STEP = 45, 300, 1
# Scrapes and rules that are this old have been written down: whoever asks again about that time is told the same.
SETTLED = 5
RATE_WINDOW = int(promql.VARIABLES["__rate_interval"].rstrip("s"))


class Picture:
    """What was asked, and what the browser made of it."""

    def __init__(self, stack):
        self.dashboard = promql.dashboards()["overview.json"]
        self.directory = os.path.join(stack.scratch.path, "picture")
        self.begin = self.end = self.answers = None
        try:
            until(lambda: self._ask(stack), "every panel has data of %d s" % LEAST, seconds=180, step=1)
        except AssertionError as error:
            # The judge will name the panels that are empty.
            note(error)
        self.data = page.data(self.dashboard, self.answers, self.begin, self.end, STEP)
        about = "the last %d s of a test, until %s UTC" % (self.end - self.begin, time.strftime("%F %T", time.gmtime(self.end)))
        self.html = page.page(self.data, about)
        self.document, self.png = browser.draw(self.directory, self.html, self.data["width"], self.data["height"])
        self.body = drawn.read(self.document)
        self._keep()

    def _ask(self, stack):
        """Everything as of one moment; whether it is enough."""
        self.end, self.answers = int(time.time()) - SETTLED, {}
        first, full = [self.end - MOST], []
        for panel in promql.panels(self.dashboard):
            answers = self.answers[panel["id"]] = [self._answer(stack, target) for target in panel["targets"]]
            times = [float(when) for answer in answers for one in answer for when, text in one.get("values", ())
                     if page.number(text) is not None]
            # A number that stands alone is of the last moment; where a scrape failed just then, another moment is taken.
            current = panel["type"] != "stat" or all(float(one["values"][-1][0]) == self.end for answer in answers for one in answer)
            full.append((len(times) > 1 and current) or (panel["type"] == "table" and all(answers)))
            first += times[:1]
        # From when on every panel has something to show.
        self.begin = max(first)
        return all(full) and self.end - self.begin >= LEAST

    def _answer(self, stack, target):
        expr = promql.filled(target["expr"])
        if target["instant"]:
            return stack.prometheus.get("query", query=expr, time=self.end)["result"]
        return stack.prometheus.get("query_range", query=expr, start=self.end - MOST, end=self.end, step=STEP)["result"]

    def _keep(self):
        place = os.path.join(BUILD, "pictures")
        os.makedirs(place, exist_ok=True)
        for name, kept in (("page.html", "overview.html"), ("page.png", "overview.png")):
            shutil.copyfile(os.path.join(self.directory, name), os.path.join(place, kept))
        note("the picture: " + os.path.join(place, "overview.png"))

    def panels(self, kind):
        """Panels of a kind, each with what was drawn of it."""
        return [(panel, self.body.all("section", data_panel=str(panel["id"]))[0]) for panel in self.dashboard["panels"]
                if panel["type"] == kind]

    def now(self, stack, target):
        """What Prometheus says of the picture's last moment, asked once more: (labels, number)."""
        result = stack.prometheus.get("query", query=promql.filled(target["expr"]), time=self.end)["result"]
        return [(one["metric"], float(one["value"][1])) for one in result]


_picture = functools.cache(Picture)


def picture(stack):
    if browser.missing():
        raise Skip("there is no chromium: the overview was neither drawn nor looked at")
    return _picture(stack)


@test("the browser draws every panel of the overview, in its place and with data")
def whole(stack):
    made = picture(stack)
    equal(drawn.faults(made.body, made.dashboard), [], "what is wrong with the page")
    check(len(promql.panels(made.dashboard)) > 20, "panels", len(promql.panels(made.dashboard)))


@test("the page needs nothing but itself")
def alone(stack):
    made = picture(stack)
    equal(set(re.findall(r"[a-z]+://[^\"'\s<]+", made.html)), {"http://www.w3.org/2000/svg"}, "addresses in the page")
    equal(re.findall(r"\s(?:src|href)=|@import|url\(", made.html), [], "what the page would load")


@test("numbers that stand alone are those of Prometheus")
def numbers(stack):
    made, seen = picture(stack), 0
    for panel, section in made.panels("stat"):
        look, target = panel["fieldConfig"]["defaults"], panel["targets"][0]
        texts = {stat["data-series"]: stat.all("span", "value")[0].text() for stat in section.all("div", "stat")}
        wanted = {page.legend(target["legendFormat"], labels): value for labels, value in made.now(stack, target)}
        equal(sorted(texts), sorted(wanted), "the numbers of " + panel["title"])
        words = {float(value): word["text"] for one in look["mappings"] for value, word in one["options"].items()}
        for name, value in wanted.items():
            seen += 1
            what = "%s %s: %r for %r" % (panel["title"], name, texts[name], value)
            check(texts[name] == words[value] if words else drawn.says(texts[name], look["unit"], value, look.get("decimals")), what)
    check(seen >= 10, "numbers", seen)


@test("lines end, and legends say, where Prometheus is")
def ends(stack):
    made, seen = picture(stack), 0
    for panel, section in made.panels("timeseries"):
        look = panel["fieldConfig"]["defaults"]
        read, ground = drawn.Lines(section, look["unit"]), 0.0
        for target in panel["targets"]:
            for labels, value in made.now(stack, target):
                if not math.isfinite(value):
                    continue
                name = page.legend(target["legendFormat"], labels)
                what = "%s, %s, which is %r" % (panel["title"], name, value)
                x, y = read.lines[name][-1]
                check(abs(read.share(x) - 1) < 0.01, "the end of " + what, (x, read.left, read.width))
                height = ground + value if look["custom"]["stacking"]["mode"] == "normal" else value
                check(abs(read.value(y) - height) <= read.pixel(), "the height of " + what, read.value(y))
                if name in read.legend:
                    check(drawn.says(read.legend[name], look["unit"], value, look.get("decimals")), "the legend of " + what,
                          read.legend[name])
                ground += value
                seen += 1
    check(seen >= 30, "lines", seen)


@test("tables say what Prometheus lists")
def tables(stack):
    made, seen = picture(stack), 0
    for panel, section in made.panels("table"):
        headings = [one.text() for one in section.all("th")]
        wanted, units = {}, {one["matcher"]["options"]: one["properties"][0]["value"] for one in panel["fieldConfig"]["overrides"]}
        for target in panel["targets"]:
            for labels, value in made.now(stack, target):
                wanted.setdefault(tuple(sorted(labels.items())), {})[target["legendFormat"]] = value
        for row in section.all("tr", "entry"):
            texts = dict(zip(headings, [one.text() for one in row.all("td")]))
            key = tuple(sorted((name, text) for name, text in texts.items() if name not in units and text))
            check(key in wanted, "a row of %s that Prometheus does not list" % panel["title"], (key, sorted(wanted)))
            for name, value in wanted.pop(key).items():
                good = drawn.says(texts[name], units[name], value) if math.isfinite(value) else texts[name] == "–"
                check(good, "%s, %s: %r for %r" % (panel["title"], key, texts[name], value))
                seen += 1
        left = int((re.findall(r"and (\d+) more", section.text()) or ["0"])[0])
        equal(len(wanted), left, "rows of %s that are not shown" % panel["title"])
    check(seen >= 10, "numbers in tables", seen)


@test("the rates that are drawn are what the clients did")
def rates(stack):
    made = picture(stack)
    for pool in ("sql", "doc", "kv"):
        panel, section = next(one for one in made.panels("timeseries") if one[0]["title"] == "Rate of /" + pool)
        read, tops = drawn.Lines(section, panel["fieldConfig"]["defaults"]["unit"]), {}
        for points in read.lines.values():
            for x, y in points:
                tops[x] = max(read.value(y), tops.get(x, 0.0))
        answered, of_lines, of_clients = sorted(stack.traffic.answered[pool]), 0.0, 0.0
        seconds = sorted(tops)[-30:]
        for x in seconds:
            at = made.begin + read.share(x) * (made.end - made.begin)
            of_lines += tops[x]
            of_clients += sum(at - RATE_WINDOW < one <= at for one in answered) / RATE_WINDOW
        note("/%s: %.0f requests a second drawn, %.0f answered" % (pool, of_lines / len(seconds), of_clients / len(seconds)))
        check(len(seconds) >= 20 and of_clients > 0, "what is compared of /" + pool, (len(seconds), of_clients))
        # The probe of the edge asks once a second.
        check(0.8 * of_clients < of_lines < 1.25 * of_clients + len(seconds), "the rate of /" + pool, (of_lines, of_clients))


@test("the picture has the page's size, and each panel's colours in its place")
def colours(stack):
    made = picture(stack)
    seen = pixels.Pixels(made.png)
    equal((seen.width, seen.height), (made.data["width"], made.data["height"]), "the picture's size")
    equal(drawn.pale(made.body, made.dashboard, seen), [], "what is not to be seen")


def damaged(data):
    """The data with one panel of each kind emptied, and others made wrong; gives whose judge has to say so."""
    panels = {panel["title"]: panel for panel in data["panels"]}
    empty = ["Rate of /sql", "Requests", "Firing alerts"]
    panels["Rate of /sql"]["series"] = []
    panels["Requests"]["series"] = []
    panels["Firing alerts"]["rows"] = []
    one = panels["Duration of /doc"]["series"]
    del one[1:], one[0]["points"][:-1]
    for series in panels["Errors of /kv"]["series"]:
        series["points"] = [[at, None] for at, _ in series["points"]]
    for series in panels["Busy workers"]["series"]:
        series["points"][-1][1] = 7
    panels["Stores"]["series"][0]["name"] = "undefined"
    panels["Shed"]["box"]["left"] -= 60
    data["panels"].remove(panels["Listen queue"])
    return empty, sorted([*empty, "Duration of /doc", "Errors of /kv", "Busy workers", "Stores", "Shed", "Listen queue"])


@test("the judge names the panels that are emptied, halved, moved, missing, and no others")
def judge_can_fail(stack):
    made = picture(stack)
    data = copy.deepcopy(made.data)
    empty, wrong = damaged(data)
    document, png = browser.draw(made.directory + "-damaged", page.page(data, "damaged"), data["width"], data["height"])
    body = drawn.read(document)
    found = drawn.faults(body, made.dashboard)
    equal(sorted({title for title, _ in found}), wrong, "the panels that the judge names (%s)" % found)
    named = {title for title, _ in drawn.pale(body, made.dashboard, pixels.Pixels(png))}
    check(set(empty) <= named and named <= set(wrong), "the panels without colours", named)
    # As it is before its script ran.
    undrawn = {title for title, _ in drawn.faults(drawn.read(made.html), made.dashboard)}
    equal(undrawn, {"", *(panel["title"] for panel in made.dashboard["panels"])}, "the panels of a page whose script did not run")


# As Grafana writes them.
WRITTEN = [("s", 0.0123, "12.3 ms"), ("s", 4.56e-6, "4.56 µs"), ("s", 0, "0 s"), ("s", 1.5, "1.50 s"), ("s", 90, "1.50 min"),
           ("bytes", 1536, "1.50 KiB"), ("bytes", 2 ** 30, "1 GiB"), ("bytes", 12, "12 B"), ("Bps", 1536, "1.54 kB/s"),
           ("percentunit", 0.0345, "3.45%"), ("percentunit", 1, "100%"), ("percentunit", -0.29, "-29%"), ("reqps", 345.6, "346 req/s"),
           ("reqps", 1234.5, "1.23K req/s"), ("ops", 12.34, "12.3 ops/s"), ("rowsps", 3e6, "3M rows/s"), ("none", 14.4, "14.4"),
           ("none", 0, "0")]


@test("numbers are written with their units as Grafana writes them")
def units(stack):
    if browser.missing():
        raise Skip("there is no chromium: how the page writes units was not looked at")
    panels = [{"id": index, "type": "stat", "title": "%s %g" % (unit, value), "targets": [{"legendFormat": "one", "refId": "A"}],
               "gridPos": {"x": index % 6 * 4, "y": index // 6 * 3, "w": 4, "h": 3},
               "fieldConfig": {"overrides": [], "defaults": {"unit": unit, "thresholds": {"steps": [{"value": None, "color": "green"}]}}}}
              for index, (unit, value, _) in enumerate(WRITTEN)]
    answers = {index: [[{"metric": {}, "values": [[0, "1"], [1, repr(value)]]}]] for index, (_, value, _) in enumerate(WRITTEN)}
    data = page.data({"title": "Units", "panels": panels}, answers, 0, 1, 1)
    document, _ = browser.draw(os.path.join(stack.scratch.path, "units"), page.page(data, ""), data["width"], data["height"])
    equal([one.text() for one in drawn.read(document).all("span", "value")], [text for _, _, text in WRITTEN], "the texts")
    for unit, value, text in WRITTEN:
        check(drawn.says(text, unit, value), "the judge understands %r" % text)
    check(not drawn.says("12.3 ms", "s", 0.0125) and not drawn.says("0%", "percentunit", 0.001), "the judge tells numbers apart")
