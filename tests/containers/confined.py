#!/usr/bin/env python3
"""confined: what the kernel says of each container's first process, read by a guest in its process space. TAP lines on standard
output.

usage: confined.py CONFIG.json GUEST-IMAGE PROJECT"""

import json
import subprocess
import sys

CONFIG, GUEST, PROJECT = sys.argv[1:]
failed = 0


def docker(*arguments):
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


with open(CONFIG, encoding="utf-8") as file:
    services = json.load(file)["services"]
running = dict(line.split("\t") for line in docker(
    "ps", "--filter", "label=com.docker.compose.project=" + PROJECT, "--format",
    '{{.Label "com.docker.compose.service"}}\t{{.ID}}').splitlines())
for name, container in sorted(running.items()):
    user, group = services[name]["user"].split(":")
    try:
        text = docker("run", "--rm", "--pid", "container:" + container, "--user", "0", "--cap-add", "SYS_PTRACE", "--entrypoint", "cat",
                      GUEST, "/proc/1/status", "/proc/1/mounts")
    except subprocess.CalledProcessError as error:
        print("# %s\nnot ok - process 1 of %s" % (error.stderr.splitlines()[:1], name))
        failed += 1
        continue
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    root = [line.split()[3].split(",")[0] for line in text.splitlines() if len(line.split()) >= 6 and line.split()[1] == "/"]
    wrong = []
    if status["Uid"].split() != [user] * 4 or status["Gid"].split() != [group] * 4:
        wrong.append("runs as %s:%s" % (status["Uid"], status["Gid"]))
    if any(int(status[kind], 16) for kind in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")):
        wrong.append("has capabilities: %s" % {kind: status[kind] for kind in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")})
    if status["NoNewPrivs"] != "1":
        wrong.append("may get new privileges")
    if status["Seccomp"] != "2":
        wrong.append("has no seccomp filter")
    if root != ["ro"]:
        wrong.append("its root is %s" % root)
    for line in wrong:
        print("# %s %s" % (name, line))
    print("%s - process 1 of %s: user %s:%s, no capabilities, no new privileges, system calls filtered, root read-only"
          % ("not ok" if wrong else "ok", name, user, group))
    failed += bool(wrong)
if not {"nginx", "app", "mysql", "mongo", "redis"} <= set(running):
    print("not ok - containers run: %s" % sorted(running))
    failed += 1
sys.exit(failed != 0)
