"""table.py: the bench's result as people read it. It computes nothing; main.py's dict is all it knows."""

MIB = 1024 * 1024


def number(value, digits=0):
    return "-" if value is None else "{:,.{}f}".format(value, digits)


def row_of(side, name):
    side = side or {}
    return [number(side.get("rps")), number(side.get("p50_ms"), 2), number(side.get("p99_ms"), 2),
            number(side.get("nginx_us"), 1), number(side.get("program_us"), 1), number(side.get("store_us"), 1)]


def layout(head, rows, left=1):
    """Columns as wide as they need; the first `left` ones to the left."""
    widths = [max(len(line[i]) for line in [head] + rows) for i in range(len(head))]
    lines = []
    for line in [head] + rows:
        cells = [cell.ljust(width) if i < left else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(line, widths))]
        lines.append("  ".join(cells).rstrip())
    return lines, widths


def speeds(result):
    columns = ["req/s", "p50 ms", "p99 ms", "nginx", "Trivet", "store"]
    head = ["", "conn"] + columns + ["|"] + [c.replace("Trivet", "floor") for c in columns] + ["|", "Trivet/floor"]
    rows = []
    for entry in result["rows"]:
        ratio = entry["ratio"]
        rows.append([entry["title"], str(entry["connections"])] + row_of(entry["trivet"], "trivet") + ["|"]
                    + row_of(entry["floor"], "floor") + ["|", "-" if ratio is None else "%.2f" % ratio])
    lines, widths = layout(head, rows)
    at = widths[0] + 2 + widths[1] + 2
    over = " " * at + "Trivet (last three: CPU \u00b5s per request)"
    over = over.ljust(at + sum(widths[2:8]) + 12) + "|  floor"
    return [over] + lines


def watched(result):
    head = ["CPU \u00b5s per request with log and traces", "conn", "off", "on", "of it the push", "on/off"]
    rows = [[entry["title"], str(entry["connections"]), number(entry["off_us"], 1), number(entry["on_us"], 1),
             number(entry["push_us"], 1), "%.3f" % entry["ratio"]] for entry in result["watching"]]
    return layout(head, rows)[0]


def scraped(result):
    head = ["a scrape of /metrics while requests are answered", "CPU ms", "KiB"]
    return layout(head, [[row["title"], number(row["ms"], 2), number(row["bytes"] / 1024, 1)] for row in result["scraping"]])[0]


def memories(result):
    head = ["memory after the runs (MiB)", "processes", "resident each", "proportional each", "proportional in all"]
    rows = []
    for entry in result["memory"]:
        each = entry["processes"]

        def span(key):
            low, high = min(p[key] for p in each) / MIB, max(p[key] for p in each) / MIB
            return "%.1f" % high if "%.1f" % low == "%.1f" % high else "%.1f-%.1f" % (low, high)
        rows.append([entry["name"], str(len(each)), span("rss"), span("pss"),
                     "%.1f" % (sum(p["pss"] for p in each) / MIB)])
    return layout(head, rows)[0]


def idles(result):
    head = ["memory of a pool that only waits (MiB)", "processes", "threads", "proportional in all"]
    rows = [[entry["name"], str(len(entry["processes"])), str(entry["threads"]), "%.1f" % (entry["pss"] / MIB)]
            for entry in result["idle"]]
    return layout(head, rows)[0]


def targets(result):
    lines = ["targets"]
    for target in result["targets"]:
        measured = target["measured"]
        said = "not measured" if measured is None else "%s: %s %s" % (
            "met" if target["met"] else "NOT MET", number(measured, 2), target["unit"])
        lines.append("  %s <= %s %s  %s" % (target["what"], number(target["limit"], 2), target["unit"], said))
    return lines


def text(result):
    parts = [[result["about"], ""]]
    if result["rows"]:
        parts.append(speeds(result) + [""])
    if result["watching"]:
        parts.append(watched(result) + [""])
    if result["scraping"]:
        parts.append(scraped(result) + [""])
    if result["memory"]:
        parts.append(memories(result) + [""])
    if result["idle"]:
        parts.append(idles(result) + [""])
    parts.append(targets(result))
    return "\n".join("\n".join(part) for part in parts)
