"""logs.py: what in a log means that something is wrong, whatever the test itself was about."""

import json
import re

SANITIZER = re.compile(r"Sanitizer|runtime error:")
# Said when a process is killed while its leaks are counted; no report follows.
NOISE = re.compile(r"==\d+==Unable to get registers from thread \d+\.$")
# What nginx says of workers that break the protocol, or of itself.
NGINX = re.compile(r"\[(?:alert|emerg)\]|FastCGI sent in stderr|upstream sent (?:invalid|unsupported|unexpected|too big)")


def pool_problems(name, lines, deaths_allowed):
    """Problems in a pool's new log lines, as text; and how many of its processes died."""
    problems, deaths, report = [], [], []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            if not NOISE.match(line):
                report.append(line)
            continue
        if event.get("event") == "process.died":
            deaths.append(event.get("text", line))
    if any(SANITIZER.search(line) for line in report):
        problems.append("%s: a sanitizer's report:\n%s" % (name, "\n".join(report[:60])))
    elif report:
        problems.append("%s: lines in its log that are no JSON:\n%s" % (name, "\n".join(report[:10])))
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
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("event") == name:
            found.append(event)
    return found
