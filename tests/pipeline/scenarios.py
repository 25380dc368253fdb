"""scenarios.py: builds of the Jenkinsfile, each with a branch, people who answer and something that goes wrong, run by the runner
in runner/ within one Java machine; what came of each is a Run."""

import json
import os
import subprocess
import threading

from place import GROOVY_LINT, HERE, SECRETS, SRC, TMP, World

YES = {"by": "release-manager", "yes": True}
JENKINSFILE = os.path.join(SRC, "pipeline", "Jenkinsfile")
STEPS = os.path.join(HERE, "steps.json")


class Run:
    """One build: asked for here, then filled from what the runner wrote."""

    def __init__(self, name, source=None, behaviour=None, jenkinsfile=JENKINSFILE, env=None, **scenario):
        self.name = name
        self.world = World("run-" + name, **(behaviour or {}))
        self.directory = self.world.directory
        for name in ("expires", "awaits"):
            if name in scenario:
                scenario[name] = os.path.join(self.directory, scenario[name])
        self.scenario = {"jenkinsfile": jenkinsfile, "directory": self.directory, "source": source, "secrets": SECRETS,
                         "env": self.world.environment(**(env or {})), **scenario}
        self.file = os.path.join(self.directory, "scenario.json")
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump(self.scenario, file)

    def load(self):
        try:
            with open(os.path.join(self.directory, "result.json"), encoding="utf-8") as file:
                self.data = json.load(file)
        except FileNotFoundError:
            self.data = {"result": "NONE", "fault": "the runner wrote no result", "stages": [], "events": [], "used": {}, "workspace": None}
        self.result, self.fault, self.events = self.data["result"], self.data["fault"], self.data["events"]
        self.stages = {stage["name"]: stage["result"] for stage in self.data["stages"]}

    def console(self):
        return self.world.text("console.log")

    def raw(self):
        return self.world.text("raw.log")

    def of(self, kind):
        return [event for event in self.events if event["type"] == kind]

    def scripts(self):
        """The sh steps in their order, each with its stage."""
        return [(event["stage"].split("/")[-1], event["script"]) for event in self.of("sh")]

    def tail(self):
        return "%s %s\n%s" % (self.result, self.fault, "\n".join(self.console().splitlines()[-25:]))


JAVA = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
LIBRARIES = os.path.join(GROOVY_LINT, "node_modules", "npm-groovy-lint", "lib", "java", "groovy", "lib", "*")
CLASSES = os.path.join(TMP, "runner-classes")


def java(classpath, *arguments, timeout):
    """What a Java program prints; it may fail, which its results tell."""
    return subprocess.run([*JAVA, "-cp", classpath, *arguments], cwd=TMP, timeout=timeout, check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def run_all(runs, timeout=1000):
    """Runs them in two Java machines, one after the other in each, and fills them in. Says what Java said."""
    said = []
    if not os.path.isdir(CLASSES):
        sources = sorted(os.path.join(HERE, "runner", name) for name in os.listdir(os.path.join(HERE, "runner")))
        said.append(java(LIBRARIES, "org.codehaus.groovy.tools.FileSystemCompiler", "-d", CLASSES, *sources, timeout=timeout))

    def machine(some):
        said.append(java(LIBRARIES + ":" + CLASSES, "Main", STEPS, *[run.file for run in some], timeout=timeout))
    threads = [threading.Thread(target=machine, args=(some,)) for some in (runs[0::2], runs[1::2]) if some]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in runs:
        run.load()
    return "".join(said)
