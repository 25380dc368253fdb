"""drawn.py: reads what a browser made of a page of page.py: its panels, lines back into numbers by the axes' labels, numbers out of
their texts; and says what is wrong with it. Knows what should be there from the dashboard alone, and nothing of the page's data."""

import html.parser
import math
import re

import page

# What each unit's endings stand for: written down apart from the page's own list, which is to be judged by this one.
_COUNTS = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
ENDINGS = {
    "none": {"": 1.0}, "percentunit": {"%": 0.01},
    "s": {" ns": 1e-9, " µs": 1e-6, " ms": 1e-3, " s": 1.0, " min": 60.0, " hour": 3600.0, " day": 86400.0},
    "bytes": {" B": 1.0, " KiB": 2.0 ** 10, " MiB": 2.0 ** 20, " GiB": 2.0 ** 30, " TiB": 2.0 ** 40},
    "Bps": {" B/s": 1.0, " kB/s": 1e3, " MB/s": 1e6, " GB/s": 1e9, " TB/s": 1e12},
    **{unit: {size + " " + word: factor for size, factor in _COUNTS.items()}
       for unit, word in (("reqps", "req/s"), ("ops", "ops/s"), ("rowsps", "rows/s"))},
}
# What a page says when a number or a name was none.
BROKEN = re.compile(r"\b(?:NaN|undefined|null|Infinity|No data)\b|\[object|@[A-Z]+@|\{\{")
# What a panel's picture shows where nothing is drawn.
GROUND = (0x18, 0x1b, 0x1f)
_VOID = {"meta", "link", "br", "img", "input", "hr"}


class Element:
    def __init__(self, name, attributes):
        self.name, self.attributes, self.children = name, attributes, []

    def __getitem__(self, attribute):
        return self.attributes[attribute]

    def get(self, attribute):
        return self.attributes.get(attribute)

    def all(self, name, kind=None, **attributes):
        """Elements below, in their order. kind: a word of their class."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.name == name and (kind is None or kind in (child.get("class") or "").split()) and \
                        all(child.get(key.replace("_", "-")) == value for key, value in attributes.items()):
                    found.append(child)
                found += child.all(name, kind, **attributes)
        return found

    def text(self):
        """What is to be read, which a script and a style are not."""
        if self.name in ("script", "style", "title"):
            return ""
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)

    def words(self):
        """The texts of the elements below, each for itself."""
        own = "".join(child for child in self.children if isinstance(child, str)).strip()
        if self.name in ("script", "style", "title"):
            return []
        return ([own] if own else []) + [word for child in self.children if isinstance(child, Element) for word in child.words()]

    def box(self):
        """left, top, width, height, as the browser measured them."""
        return [float(number) for number in self["data-box"].split()]


class _Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag, attrs):
        made = Element(tag, dict(attrs))
        self._open[-1].children.append(made)
        if tag not in _VOID:
            self._open.append(made)

    def handle_endtag(self, tag):
        while self._open[-1].name != tag and len(self._open) > 1:
            self._open.pop()
        if len(self._open) > 1:
            self._open.pop()

    def handle_data(self, data):
        self._open[-1].children.append(data)


def read(document):
    reader = _Reader()
    reader.feed(document)
    reader.close()
    return reader.root.all("body")[0]


def meaning(text, unit):
    """The number that a text says, by the longest ending that fits."""
    match = re.fullmatch(r"(-?[0-9]+(?:\.[0-9]+)?)(.*)", text)
    if not match or match.group(2) not in ENDINGS[unit]:
        raise ValueError("%r is no number in %s" % (text, unit))
    return float(match.group(1)) * ENDINGS[unit][match.group(2)]


def says(text, unit, value, decimals=None):
    """Whether a text is that number: three digits of it, or as many decimals as are set."""
    if decimals is None:
        return abs(meaning(text, unit) - value) <= 0.0051 * abs(value)
    factor = ENDINGS[unit][re.sub(r"^-?[0-9.]+", "", text)]
    return abs(meaning(text, unit) - value) <= 0.5001 * 10 ** -decimals * factor


class Lines:
    """A panel of lines. value(y), share(x): what a place in it stands for, by the axes."""

    def __init__(self, section, unit):
        plot = section.all("rect", "plot")[0]
        self.left, self.top, self.width, self.height = (float(plot[key]) for key in ("x", "y", "width", "height"))
        ticks = [(float(one["y"]), meaning(one.text(), unit)) for one in section.all("text", "value-tick")]
        if len(ticks) < 2:
            raise ValueError("the axis has %d labels" % len(ticks))
        self._low, self._high = max(ticks), min(ticks)
        self.lines = {one["data-series"]: [tuple(map(float, point)) for point in re.findall(r"[ML]([^ML ]+) ([^ML ]+)", one["d"])]
                      for one in section.all("path", "line")}
        self.inks = {one["data-series"]: one["stroke"] for one in section.all("path", "line")}
        self.legend = {row["data-series"]: row.all("td", "last")[0].text() for row in section.all("tr") if row.get("data-series")}
        self.limits = [(float(one["data-limit"]), self.value(float(one["y1"]))) for one in section.all("line", "limit")]
        self.limits_above = sum(len(one.text().split(", ")) for one in section.all("span", "limit-above"))

    def value(self, y):
        (low_y, low), (high_y, high) = self._low, self._high
        return low + (low_y - y) / (low_y - high_y) * (high - low)

    def pixel(self):
        """What a pixel's height stands for."""
        return abs(self.value(0) - self.value(1))

    def share(self, x):
        """0 at the beginning of the time that is shown, 1 at its end."""
        return (x - self.left) / self.width

    def inside(self, point):
        x, y = point
        return (math.isfinite(x) and math.isfinite(y) and self.left - 0.6 <= x <= self.left + self.width + 0.6 and
                self.top - 0.6 <= y <= self.top + self.height + 0.6)


def _faults_of_lines(section, look, _):
    drawn, limits = Lines(section, look["unit"]), look["custom"]["thresholdsStyle"]["mode"] == "dashed"
    if not any(len({x for x, _ in points}) >= 2 for points in drawn.lines.values()):
        yield "no line with two points"
    for name, points in drawn.lines.items():
        if not all(map(drawn.inside, points)):
            yield "the line %s leaves the plot" % name
    for name, text in drawn.legend.items():
        if name not in drawn.lines:
            yield "the legend names %s, which has no line" % name
        meaning(text, look["unit"])
    if not drawn.legend:
        yield "no legend"
    if limits:
        wanted = sum(step["value"] is not None for step in look["thresholds"]["steps"])
        if len(drawn.limits) + drawn.limits_above != wanted:
            yield "%d of %d limits" % (len(drawn.limits) + drawn.limits_above, wanted)
        if any(abs(limit - at) > drawn.pixel() for limit, at in drawn.limits):
            yield "a limit is not where it belongs"


def _faults_of_numbers(section, look, _):
    stats = section.all("div", "stat")
    texts = {text for one in look["mappings"] for text in (word["text"] for word in one["options"].values())}
    if not stats:
        yield "no number"
    for stat in stats:
        text = stat.all("span", "value")[0].text()
        if text not in texts:
            meaning(text, look["unit"])


def _faults_of_tables(section, _, panel):
    rows, headings = section.all("tr", "entry"), [one.text() for one in section.all("th")]
    if not rows:
        yield "no rows"
    for target in panel["targets"]:
        if target["legendFormat"] not in headings:
            yield "no column " + target["legendFormat"]
    for row in rows:
        if len(row.all("td")) != len(headings) or not row.text():
            yield "a row of other columns: " + row.text()


_KINDS = {"timeseries": _faults_of_lines, "stat": _faults_of_numbers, "table": _faults_of_tables}


def _faults_of_panel(section, panel):
    wanted, box = page.place(panel), section.box()
    if any(abs(got - want) > 0.6 for got, want in zip(box, wanted.values())):
        yield "it is at %s, not at %s" % (box, list(wanted.values()))
    if [one.text() for one in section.all("h2")] != [panel["title"]]:
        yield "its title is not its title"
    if section.get("data-outside"):
        yield "does not fit: " + section["data-outside"]
    for word in section.words():
        if BROKEN.search(word):
            yield "says %r" % word
    if panel["type"] != "row":
        yield from _KINDS[panel["type"]](section, panel["fieldConfig"]["defaults"], panel)


def faults(body, dashboard):
    """What is wrong with a page, as (the panel's title, what); nothing, when it is as it should be."""
    found = []
    if body.get("data-error") or not body.get("data-drawn"):
        found.append(("", "the page's script failed: %s" % body.get("data-error")))
    found += [("", "says %r" % word) for header in body.all("header") for word in header.words() if BROKEN.search(word)]
    for panel in dashboard["panels"]:
        sections = body.all("section", data_panel=str(panel["id"]))
        if len(sections) != 1:
            found.append((panel["title"], "it is there %d times" % len(sections)))
            continue
        try:
            found += [(panel["title"], what) for what in _faults_of_panel(sections[0], panel)]
        except (ValueError, LookupError) as error:
            found.append((panel["title"], "cannot be read: %r" % error))
    return found


def inks(section):
    """Where in a panel which colours are to be seen: (the place, the colour)."""
    found = []
    for plot in section.all("rect", "plot"):
        left, top, width, height = plot.box()
        # A line along the axis is as wide as a pen.
        place = (left, top - 1, width, height + 2)
        found += [(place, one["stroke"]) for one in section.all("path", "line") if one["d"]]
    return found + [(one.box(), one["data-ink"]) for name in ("div", "table") for one in section.all(name) if one.get("data-ink")]


def _is(pixel, colour):
    """Whether a pixel is rather this colour than the panel's ground: a thin line's edges are something of both."""
    def distance(one, other):
        return sum(abs(a - b) for a, b in zip(one, other))
    return distance(pixel, colour) < 0.4 * distance(GROUND, colour)


def pale(body, dashboard, pixels):
    """Panels in whose places the picture has not the colours of what the document says is there, or nothing at all."""
    found = []
    for panel in dashboard["panels"]:
        sections = body.all("section", data_panel=str(panel["id"]))
        if panel["type"] == "row" or len(sections) != 1:
            continue
        wanted = inks(sections[0])
        if not wanted:
            found.append((panel["title"], "nothing is drawn"))
        places = {}
        for box, ink in wanted:
            places.setdefault(tuple(box), set()).add(tuple(int(ink[at:at + 2], 16) for at in (1, 3, 5)))
        for box, colours in places.items():
            there = pixels.colours(*box).items()
            # Lines lie upon each other: of those in one place one at least is seen.
            seen = max(sum(count for one, count in there if _is(one, colour)) for colour in colours)
            if seen < 30:
                found.append((panel["title"], "%d pixels of its colours" % seen))
    return found
