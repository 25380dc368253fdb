"""logs.py: what in a log means that something is wrong, whatever the test itself was about."""

import json
import re

SANITIZER = re.compile(r"Sanitizer|runtime error:")
# Said when a process is killed while its leaks are counted; no report follows.
NOISE = re.compile(r"==\d+==Unable to get registers from thread \d+\.$")
# What nginx says of workers that break the protocol, or of itself.
NGINX = re.compile(r"\[(?:alert|emerg)\]|FastCGI sent in stderr|upstream sent (?:invalid|unsupported|unexpected|too big)")


def parsed(line):
    """(the object of a line, whether it is torn). A process that is killed while it writes leaves the beginning of a line, and the
    next one of another process follows it. (None, False): it is no line of a pool's log."""
    starts = (0, line.rfind('{"time":')) if line.startswith('{"time":') else (0,)
    for start in starts:
        try:
            return json.loads(line[start:]), start > 0
        except ValueError:
            pass
    return None, False


def pool_problems(name, lines, deaths_allowed):
    """Problems in a pool's new log lines, as text; and how many of its processes died."""
    problems, deaths, report, torn = [], [], [], []
    for line in lines:
        event, is_torn = parsed(line)
        if event is None:
            if not NOISE.match(line):
                report.append(line)
            continue
        if is_torn:
            torn.append(line)
        if event.get("event") == "process.died":
            deaths.append(event.get("text", line))
    if any(SANITIZER.search(line) for line in report):
        problems.append("%s: a sanitizer's report:\n%s" % (name, "\n".join(report[:60])))
    elif report or len(torn) > deaths_allowed:
        problems.append("%s: lines in its log that are no JSON:\n%s" % (name, "\n".join((report + torn)[:10])))
    if len(deaths) > deaths_allowed:
        problems.append("%s: %d processes died, %d were to: %s" % (name, len(deaths), deaths_allowed, "; ".join(deaths[:5])))
    return problems, len(deaths)


def nginx_problems(text):
    found = [line for line in text.splitlines() if NGINX.search(line)]
    return ["nginx: " + " | ".join(found[:5])] if found else []


def events(lines, name):
    """The log lines of one event, as objects."""
    found = []
    for line in lines:
        event, _ = parsed(line)
        if event is not None and event.get("event") == name:
            found.append(event)
    return found
