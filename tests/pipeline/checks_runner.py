"""checks_runner.py: the runner itself: that it refuses what Jenkins refuses. A runner that lets everything pass would prove
nothing about our Jenkinsfile."""

import os

from place import TMP
from scenarios import Run, run_all
from tap import Tap

FRAME = """
pipeline {
    agent %s
    options { timeout(time: 1, unit: 'MINUTES') }
    stages {
        stage('One') {
            %s
        }
    }
    %s
}
"""
SECRET = "withCredentials([usernamePassword(credentialsId: 'docker-hub', usernameVariable: 'U', passwordVariable: 'P')])"

# name: agent, the stage, what comes after stages, how it must end, what must be said
FILES = {
    "plain": ("any", "steps { sh 'true' }", "", "SUCCESS", None),
    "unknown step": ("any", "steps { frobnicate 'x' }", "", "FAULT", "No such DSL method 'frobnicate'"),
    "unknown section": ("any", "steps { sh 'true' }", "afterwards { echo 'x' }", "FAULT", "afterwards"),
    "unknown option": ("any", "options { hurry() }\n steps { sh 'true' }", "", "FAULT", "hurry"),
    "step outside of steps": ("any", "sh 'true'\n steps { echo 'x' }", "", "FAULT", "'sh' does not belong there"),
    "no agent": ("none", "steps { sh 'true' }", "", "FAILURE", "no agent here"),
    "secret in a string": ("any", "steps { %s { sh \"echo ${P}\" } }" % SECRET, "", "FAULT", "a secret is part of the text"),
    "secret from the shell": ("any", "steps { %s { sh 'echo \"token $P\"' } }" % SECRET, "", "SUCCESS", "token ****"),
    "secret after its block": ("any", "steps { %s { sh 'true' }\n sh 'test -z \"${P:-}\"' }" % SECRET, "", "SUCCESS", None),
    "unknown credentials": ("any", "steps { withCredentials([string(credentialsId: 'nope', variable: 'X')]) { sh 'true' } }", "",
                            "FAILURE", "Could not find credentials entry with ID 'nope'"),
    "when that does not hold": ("any", "when { not { branch 'main' } }\n steps { sh 'false' }", "", "SUCCESS", None),
    "when with anyOf": ("any", "when { anyOf { branch 'x'; branch 'ma*' } }\n steps { sh 'exit 3' }", "", "FAILURE", "exit code 3"),
    "when with expression": ("any", "when { expression { env.BRANCH_NAME == 'other' } }\n steps { sh 'false' }", "", "SUCCESS", None),
    "when without conditions": ("any", "when { beforeAgent true }\n steps { sh 'true' }", "", "FAULT", "when without a condition"),
    "time limit": ("any", "options { timeout(time: 1, unit: 'SECONDS') }\n steps { sh 'sleep 30' }", "", "ABORTED", "Timeout"),
    "failure and post": ("any", "steps { sh 'false' }\n post { failure { echo 'it failed' }\n success { echo 'it went well' } }",
                         "post { cleanup { echo 'swept' } }", "FAILURE", "swept"),
    "error": ("any", "steps { error 'on purpose' }", "", "FAILURE", "on purpose"),
    "retry": ("any", "steps { retry(2) { sh 'test -e again || { touch again; false; }' } }", "", "SUCCESS", None),
    "parallel": ("any", "parallel { stage('A') { steps { sh 'false' } }\n stage('B') { steps { echo 'B ran' } } }", "", "FAILURE", "B ran"),
    "input without an answer": ("none", "options { timeout(time: 1, unit: 'SECONDS') }\n input { message 'Go?' }\n steps { echo 'gone' }",
                                "", "ABORTED", "waiting for input"),
    "milestones backwards": ("any", "steps { milestone ordinal: 2\n milestone ordinal: 1 }", "", "FAULT", "milestone 1 after 2"),
    "neither steps nor stages": ("any", "when { branch 'main' }", "", "FAULT", "neither steps nor stages"),
    "lost stash": ("any", "steps { unstash 'nothing' }", "", "FAILURE", "No such saved stash"),
    "results that fail": ("any", "steps { sh 'echo \"<testsuite><testcase><failure/></testcase></testsuite>\" > r.xml'\n junit 'r.xml' }"
                          .replace("junit 'r.xml'", "junit testResults: 'r.xml'"), "", "UNSTABLE", None),
}


def runs():
    directory = os.path.join(TMP, "jenkinsfiles")
    os.makedirs(directory)
    made = {}
    for number, (name, (agent, stage, rest, _, _)) in enumerate(FILES.items()):
        path = os.path.join(directory, "Jenkinsfile%d" % number)
        with open(path, "w", encoding="utf-8") as file:
            file.write(FRAME % (agent, stage, rest))
        made[name] = Run("file%d" % number, jenkinsfile=path, branch="main")
    return made


def check():
    made = runs()
    output = run_all(list(made.values()))
    for name, run in made.items():
        wanted, said = FILES[name][3:]
        told = run.console() + str(run.fault)
        Tap.ok(run.result == wanted and (said is None or said in told), "runner: %s: %s" % (name, wanted), output[:1500] + run.tail())
    Tap.ok("it went well" not in made["failure and post"].console(), "runner: post of success stays out after a failure")
    leak = made["secret from the shell"]
    Tap.ok("VerySecret" in leak.raw() and "VerySecret" not in leak.console(), "runner: a secret that a program prints is seen raw and masked")
