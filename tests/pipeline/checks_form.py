"""checks_form.py: what can be told about pipeline/ without running it: linters, the list of plugins, the controller's
configuration, what every script says about itself."""

import json
import os
import re
import shutil
import stat
import subprocess

from place import AWS_TOOLS, GROOVY_LINT, HERE, SRC, TMP
from tap import Tap

PIPELINE = os.path.join(SRC, "pipeline")
PLUGIN = re.compile(r"^[a-z0-9-]+:[0-9][0-9A-Za-z._-]*$")


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, stdin=subprocess.DEVNULL, **options)


class Linter:
    """npm-groovy-lint over the Jenkinsfile and over a broken copy of it: the second proves that the first was looked at."""

    def run(self):
        self.results = {}
        for name, change in (("as it is", lambda text: text), ("broken", lambda text: text.replace("stages {", "stages {{", 1))):
            directory = os.path.join(TMP, "lint", name.replace(" ", "-"))
            os.makedirs(directory)
            with open(os.path.join(directory, "Jenkinsfile"), "w", encoding="utf-8") as file:
                file.write(change(read(PIPELINE, "Jenkinsfile")))
            shutil.copy(os.path.join(HERE, "groovylintrc.json"), os.path.join(directory, ".groovylintrc.json"))
            self.results[name] = run("node", os.path.join(GROOVY_LINT, "node_modules", "npm-groovy-lint", "lib", "index.js"),
                                     "--path", directory, "--failon", "info", "--no-insight", "--nolintafter", "--noserver", "--output", "txt", cwd=directory,
                                     env=dict(os.environ, HOME=TMP))

    def check(self):
        good, broken = self.results["as it is"], self.results["broken"]
        Tap.ok(good.returncode == 0, "npm-groovy-lint has nothing to say about the Jenkinsfile", good.stdout)
        Tap.ok(broken.returncode != 0, "npm-groovy-lint sees a Jenkinsfile that is broken", broken.stdout)


def plugins():
    lines = [line for line in read(PIPELINE, "plugins.txt").splitlines() if line and not line.startswith("#")]
    Tap.ok(all(PLUGIN.match(line) for line in lines), "plugins.txt: every line is a plugin with its version",
           [line for line in lines if not PLUGIN.match(line)])
    names = [line.split(":")[0] for line in lines]
    Tap.ok(len(names) == len(set(names)) and lines, "plugins.txt: every plugin stands once")
    return set(names)


def check_words(used):
    """Every step, option, agent, binding and condition that the builds used is brought by a plugin of the list, and every plugin of
    the list brings something that is used there or in jenkins.yaml."""
    table = {kind: words for kind, words in json.loads(read(HERE, "steps.json")).items() if isinstance(words, dict)}
    wanted = set()
    missing = []
    listed = plugins()
    for kind, words in [item for one in used for item in one.items()]:
        for word in words:
            plugin = table.get(kind, {}).get(word)
            wanted.add(plugin)
            if plugin != "core" and plugin not in listed:
                missing.append("%s %s: %s" % (kind, word, plugin))
    Tap.ok(not missing and wanted, "plugins.txt brings every step that the Jenkinsfile takes", "\n".join(sorted(set(missing))))
    for kind in ("credentials", "jobs", "configuration"):
        wanted |= {plugin for word, plugin in table[kind].items() if re.search(r"\b%s\b" % word, read(PIPELINE, "jenkins.yaml"))}
    # `checkout scm` of a git repository.
    Tap.same(sorted(listed - wanted), [], "plugins.txt lists nothing that is not used")


def controller():
    """jenkins.yaml against the Jenkinsfile: the same credentials, the same agents, the same people."""
    code = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1], encoding='utf-8'))))"
    parsed = run(os.path.join(AWS_TOOLS, "bin", "python"), "-c", code, os.path.join(PIPELINE, "jenkins.yaml"))
    if not Tap.ok(parsed.returncode == 0, "jenkins.yaml is YAML", parsed.stdout):
        return
    document = json.loads(parsed.stdout)
    jenkinsfile = read(PIPELINE, "Jenkinsfile")
    made = [list(entry.values())[0] for domain in document["credentials"]["system"]["domainCredentials"] for entry in domain["credentials"]]
    used = set(re.findall(r"(?:credentialsId: |withDockerHub\()'([^']+)'", jenkinsfile))
    script = document["jobs"][0]["script"]
    used |= set(re.findall(r"credentialsId\('([^']+)'\)", script))
    Tap.same(sorted(entry["id"] for entry in made), sorted(used), "jenkins.yaml makes the credentials that are used, and no others")
    values = [value for entry in made for key, value in entry.items() if key in ("username", "password", "secret", "token")]
    values += [user["password"] for user in document["jenkins"]["securityRealm"]["local"]["users"]]
    Tap.ok(values and all(re.fullmatch(r"\$\{[A-Z_]+(:-)?\}", value) for value in values), "jenkins.yaml holds no secret, only names of them", values)
    Tap.same(document["jenkins"]["numExecutors"], 0, "jenkins.yaml: nothing is built on the controller")
    labels = {label for node in document["jenkins"]["nodes"] for label in node["permanent"]["labelString"].split()}
    Tap.same(set(re.findall(r"agent \{ label '([^']+)' \}", jenkinsfile)) - labels, set(), "jenkins.yaml has the agents that the Jenkinsfile asks for")
    people = {user["id"] for user in document["jenkins"]["securityRealm"]["local"]["users"]}
    Tap.ok(set(re.findall(r"submitter '([^']+)'", jenkinsfile)) <= people, "jenkins.yaml knows who may approve")
    rights(document["jenkins"]["authorizationStrategy"])
    Tap.ok("scriptPath('pipeline/Jenkinsfile')" in script and "multibranchPipelineJob('trivet')" in script, "jenkins.yaml makes the job")
    given = {entry["key"] for properties in document["jenkins"]["globalNodeProperties"] for entry in properties["envVars"]["env"]}
    environments = "".join(read(PIPELINE, "environments", name) for name in ("staging.sh", "production.sh"))
    needed = set(re.findall(r"\$\{(TRIVET_[A-Z_]+):-", environments))
    Tap.same(needed - given, set(), "jenkins.yaml gives builds what the environments want to know")


def rights(strategy):
    """Who may do what: an approval restrains nobody who administers, since those may answer any question."""
    entries = strategy.get("globalMatrix", {}).get("entries", [])
    # As matrix-auth wants it since 3.2: one kind of holder an entry, with a name and whole permissions.
    shape = all(len(entry) == 1 and set(entry) <= {"user", "group"} and set(holder) == {"name", "permissions"}
                for entry in entries for holder in entry.values())
    pinned = re.search(r"^matrix-auth:(\d+)\.(\d+)", read(PIPELINE, "plugins.txt"), re.M)
    Tap.ok(list(strategy) == ["globalMatrix"] and entries and shape and pinned and tuple(map(int, pinned.groups())) >= (3, 2),
           "jenkins.yaml says who may do what, in the words of the matrix-auth that is pinned", strategy)
    look = {"Overall/Read", "Job/Read"}
    found = {(kind, holder["name"]): set(holder["permissions"]) for entry in entries for kind, holder in entry.items()}
    Tap.same(found, {("user", "admin"): {"Overall/Administer"}, ("user", "release-manager"): look | {"Job/Build"},
                     ("group", "release-manager"): look | {"Job/Build"}, ("group", "authenticated"): look},
             "jenkins.yaml: one administers, release-manager also builds, who logged in looks, nobody else sees anything")


def jenkinsfile_rules():
    """Rules that a runner cannot show: double-quoted sh, steps outside of scripts."""
    text = read(PIPELINE, "Jenkinsfile")
    Tap.same(re.findall(r'(?<![.\w])sh\(? *"|script: *"', text), [], "every sh of the Jenkinsfile is single-quoted")
    called = re.findall(r"'(pipeline/[a-z]+\.sh)", text)
    Tap.ok(called and all(os.access(os.path.join(SRC, name), os.X_OK) for name in called), "every script that the Jenkinsfile calls is there", called)
    others = [script for script in re.findall(r"(?:\bsh |script: )'([^']*)'", text) if not script.startswith("pipeline/")]
    Tap.same(others, [], "the Jenkinsfile does nothing but call scripts of pipeline/")


def scripts():
    files = sorted(name for name in os.listdir(PIPELINE) if name.endswith(".sh") or name == "junit") + ["vex/check"]
    for name in files:
        path = os.path.join(PIPELINE, name)
        if name in ("common.sh", "kept.sh"):
            Tap.ok(not os.stat(path).st_mode & stat.S_IXUSR, name + " is sourced, not run")
            continue
        told = run(path, "--help")
        Tap.ok(told.returncode == 0 and told.stdout.startswith("usage: pipeline/") and len(told.stdout.splitlines()) > 2,
               "%s --help says what it does" % name, told.stdout)
        if name.endswith(".sh"):
            wrong = run(path, "--no-such-option")
            Tap.ok(wrong.returncode == 64 and "--help says more" in wrong.stdout, "%s refuses an option that it does not know" % name,
                   "%s\n%s" % (wrong.returncode, wrong.stdout))
    shell = [os.path.join("pipeline", name) for name in files if name.endswith(".sh")]
    shell += ["devtools/pipeline.sh", "tests/pipeline/run", "tests/pipeline/fixture/dev", "tests/pipeline/fixture/configure"]
    checked = run("shellcheck", "-x", "-a", *shell, cwd=SRC)
    Tap.ok(checked.returncode == 0, "shellcheck: %d scripts" % len(shell), checked.stdout)


def check():
    plugins()
    controller()
    jenkinsfile_rules()
    scripts()
