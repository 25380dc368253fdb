"""checks_junit.py: pipeline/junit on logs of every kind: what it writes is red exactly when ./dev test is, and XML whatever the
logs hold."""

import os
import subprocess
import xml.etree.ElementTree as ET

from place import SRC, TMP
from tap import Tap

LOGS = {
    "tap": "TAP version 13\nok 1 - adds\n  ok 2 - nested\nok - without a number\nok 3 - left # SKIP no server\n1..4\n3 passed, 0 failed, 1 skipped\n",
    "failed": "ok 1 - a\n# before\nnot ok 2 - b & <c>\n# got 1\n# wanted 2\nok 3 - d\n2 passed, 1 failed\n",
    "automake": "PASS: tests/unit/buffer 1 - grows\nFAIL: tests/unit/json 2 - strings\nSKIP: tests/unit/x 3 - y\nXFAIL: tests/unit/z 1 - known\n"
                "# TOTAL: 4\n2 passed, 1 failed, 1 skipped\n",
    "counted": "lots of words\n40 passed, 0 failed\n",
    "counted-failures": "lots of words\nERROR: AddressSanitizer: heap-use-after-free\n40 passed, 2 failed\n",
    "died": "ok 1 - a\nSegmentation fault\n",
    "empty": "",
    "two-counts": "1 passed, 1 failed\nok 1 - a\n1 passed, 0 failed\n",
    "liar": "not ok 1 - a\n1 passed, 0 failed\n",
    "todo": "not ok 1 - later # TODO not yet\n0 passed, 0 failed, 1 skipped\n",
    "unfit": "ok 1 - \x1b[32mgreen\x1b[0m \x00\x07 end\n1 passed, 0 failed\n",
}
# tests, failures, errors, skipped
WANTED = {
    "tap": (4, 0, 0, 1), "failed": (3, 1, 0, 0), "automake": (4, 1, 0, 1), "counted": (1, 0, 0, 0), "counted-failures": (2, 1, 0, 0),
    "died": (2, 0, 1, 0), "empty": (1, 0, 1, 0), "two-counts": (1, 0, 0, 0), "liar": (2 + 1, 1, 1, 0), "todo": (1, 0, 0, 1),
    "unfit": (1, 0, 0, 0), "absent": (1, 0, 1, 0),
}


def check():
    logs, out = os.path.join(TMP, "junit-logs"), os.path.join(TMP, "junit-out")
    os.makedirs(logs)
    for name, text in LOGS.items():
        with open(os.path.join(logs, name + ".log"), "w", encoding="utf-8") as file:
            file.write(text)
    # Bytes that are no UTF-8 at all.
    with open(os.path.join(logs, "bytes.log"), "wb") as file:
        file.write(b"ok 1 - caf\xe9 \xff\n1 passed, 0 failed\n")
    summary = os.path.join(TMP, "junit-summary")
    with open(summary, "w", encoding="utf-8") as file:
        file.write("tap          3 passed, 0 failed, 1 skipped (12 s)\ndied         ended with status 1 and no count (7 s)\n")
    suites = [*WANTED, "bytes"]
    done = subprocess.run([os.path.join(SRC, "pipeline", "junit"), "--logs", logs, "--out", out, "--summary", summary, *suites],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    Tap.ok(done.returncode == 0, "junit: converts whatever the outcome", done.stdout)
    parsed = {}
    for suite in suites:
        parsed[suite] = ET.parse(os.path.join(out, "TEST-%s.xml" % suite)).getroot()
    for suite, wanted in WANTED.items():
        found = tuple(int(parsed[suite].get(name)) for name in ("tests", "failures", "errors", "skipped"))
        Tap.same(found, wanted, "junit: %s" % suite)
        cases = parsed[suite].findall("testcase")
        Tap.same((len(cases), sum(case.find("failure") is not None for case in cases), sum(case.find("error") is not None for case in cases),
                  sum(case.find("skipped") is not None for case in cases)), wanted, "junit: %s: its cases are what its numbers say" % suite)
    failure = parsed["failed"].find("testcase/failure")
    Tap.ok(failure.get("message") == "b & <c>" and "# before" in failure.text and "# wanted 2" in failure.text,
           "junit: a failure comes with the remarks around it", failure.text)
    Tap.same([case.get("name") for case in parsed["tap"].findall("testcase")], ["adds", "nested", "without a number", "left"], "junit: names of checks")
    Tap.same(parsed["tap"].findall("testcase")[3].find("skipped").get("message"), "no server", "junit: why something was skipped")
    Tap.same((parsed["tap"].get("time"), parsed["died"].get("time")), ("12", "7"), "junit: how long a suite took")
    Tap.ok("Segmentation fault" in parsed["died"].find("testcase/error").text, "junit: a suite that died shows its last words")
    Tap.same(parsed["unfit"].find("testcase").get("name"), "green ?? end", "junit: what XML cannot hold is replaced")
    Tap.ok("40 checks" in parsed["counted"].find("testcase").get("name"), "junit: checks without names are one case that says how many")
