"""checks_way.py: the way of a commit: our Jenkinsfile executed in one scenario after the other, with the real scripts, a small
product, and doubles of docker, aws, kubectl and (the real) kustomize. What is right is what the doubles were asked, in which order,
and what they were not asked."""

import json
import os

import checks_form
from place import HIDDEN, make_source
from scenarios import YES, Run, run_all
from tap import Tap

DELIVERY = ["Push", "Staging", "Approval", "Production"]
ORDER = ["pipeline/environment.sh", "docker build", "pipeline/compile.sh", "docker build", "pipeline/tests.sh", "pipeline/coverage.sh",
         "pipeline/images.sh", "pipeline/login.sh", "pipeline/scan.sh", "pipeline/login.sh --logout", "pipeline/login.sh",
         "pipeline/push.sh", "pipeline/login.sh --logout", "pipeline/credentials.sh", "pipeline/kubeconfig.sh", "pipeline/deploy.sh",
         "pipeline/environment.sh deploy", "pipeline/credentials.sh", "pipeline/kubeconfig.sh", "pipeline/deploy.sh"]
# Three days of waiting for an answer, with minutes of a millisecond.
HASTE = {"Approval": 1}


def leave_out_tests(root):
    """Where a scenario is about what comes later, one suite is enough and nothing is measured."""
    for name in ("tests.sh", "coverage.sh"):
        path = os.path.join(root, "pipeline", name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n# Left out by the tests of the pipeline.\n")


def scenarios():
    whole = make_source("source")
    quick = make_source("source-quick", leave_out_tests)
    return {run.name: run for run in (
        Run("main", whole, branch="main", approval=YES),
        Run("feature", whole, branch="feature/x", approval=YES),
        Run("pull-request", quick, branch="PR-5", changeRequest=True, approval=YES),
        Run("findings", quick, {"scout": "findings"}, branch="main", approval=YES),
        Run("scan-broken", quick, {"scout": "broken"}, branch="main", approval=YES),
        Run("login-refused", quick, {"login": "refused"}, branch="main", approval=YES),
        Run("taken", quick, {"registry": "taken"}, branch="main", approval=YES),
        Run("tests-fail", whole, branch="main", approval=YES, env={"FIXTURE_TESTS": "failing"}),
        Run("compile-fails", quick, branch="main", approval=YES, env={"FIXTURE_COMPILER": "broken"}),
        Run("no-tools", quick, {"kubectl_version": "1.20.4", "scout": "missing"}, branch="main", approval=YES),
        Run("identity-refused", quick, {"identity": "refused"}, branch="main", approval=YES),
        Run("rollout-fails", quick, {"rollout": "fails"}, branch="main", approval=YES),
        Run("rollout-hangs", quick, {"rollout": "hangs", "kept": True}, branch="main", approval=YES, expires="hanging", awaits="undoing"),
        Run("service-broken", quick, {"service": "broken"}, branch="main", approval=YES, env={"TRIVET_SMOKE_SECONDS": "2"}),
        Run("production-fails", quick, {"rollout": "fails", "rollout_in": "production", "kept": True}, branch="main", approval=YES),
        Run("rejected", quick, branch="main", approval={"by": "release-manager", "yes": False}),
        Run("stranger", quick, branch="main", approval={"by": "someone", "yes": True}, minutes=HASTE),
        Run("overtaken", quick, branch="main", approval=YES, overtaken=20),
        Run("static-keys", quick, branch="main", approval=YES, env={"TRIVET_AWS_STATIC_KEYS": "yes"}))}


def starts(run):
    return [script for _, script in run.scripts()]


def good_build(run):
    Tap.ok(run.result == "SUCCESS" and set(run.stages.values()) == {"SUCCESS"}, "main: all stages succeed", run.tail())
    scripts = starts(run)
    Tap.ok(len(scripts) == len(ORDER) and all(script.startswith(wanted) for script, wanted in zip(scripts, ORDER)),
           "main: the stages run in their order", "\n".join(scripts))
    approval = [event["type"] for event in run.events].index("approved")
    production = [number for number, event in enumerate(run.events) if event["type"] == "sh" and event["stage"] == "Production"]
    Tap.ok(production and min(production) > approval, "main: nothing happens in production before the approval")
    Tap.same(run.of("input")[0]["submitters"], ["release-manager"], "main: production asks release-manager")
    Tap.same(run.of("input")[0]["agent"], "none", "main: no agent is held while the approval is waited for")
    Tap.same([event["ordinal"] for event in run.of("milestone")], [10, 20], "main: milestones keep the builds in order")
    Tap.same({event["stage"]: event["locks"] for event in run.of("sh") if event["script"].startswith("pipeline/deploy.sh")},
             {"Release/Staging": ["trivet-staging"], "Production": ["trivet-production"]}, "main: one deployment at a time")
    own = [event for event in run.of("sh") if not event["script"].startswith("docker build")]
    Tap.ok(all(event["limits"] == 2 for event in own), "main: every script runs within a time limit of its stage",
           [event for event in own if event["limits"] != 2])
    Tap.same({event["type"]: event["limits"] for event in run.of("allocate") + run.of("lock")}, {"allocate": 1, "lock": 1},
             "main: no limit but the build's counts the wait for a machine or a lock")
    Tap.same([event["label"] for event in run.of("allocate")], ["trivet", "trivet-deploy"], "main: production is deployed by a machine that builds nothing")
    Tap.same([event["args"] for event in run.of("container")], [None, "-v trivet-cache-main:/home/build/.cache"], "main: what suites make once is kept, for them alone")
    Tap.same([(event["files"], event["failed"]) for event in run.of("junit")], [(2, 0)], "main: the results of both suites are kept")
    Tap.same([event["files"] for event in run.of("coverage")], [1], "main: the coverage is kept")
    Tap.ok(all(event["credentials"] for event in run.of("sh") if event["script"].split()[0].endswith(
        ("login.sh", "push.sh", "scan.sh", "credentials.sh", "kubeconfig.sh", "deploy.sh"))), "main: steps that need secrets get them")
    Tap.ok(not any(event["credentials"] for event in run.of("sh") if event["script"].split()[0].endswith(
        ("compile.sh", "tests.sh", "coverage.sh", "images.sh", "environment.sh"))), "main: steps that need no secrets see none")


def good_delivery(run):
    world = run.world
    pushed = world.state()["registry"]
    tag = next(iter(pushed)).split(":")[1]
    Tap.same(pushed, {name: world.state()["images"].get(name) for name in pushed}, "main: what is pushed is what was built")
    Tap.same(sorted(pushed), ["trivet/trivet-app:" + tag, "trivet/trivet-nginx:" + tag], "main: both images are pushed under one tag")
    Tap.ok(tag.startswith("0.1.0-") and len(tag) == len("0.1.0-") + 12, "main: the tag is version and commit", tag)
    calls = [call["argv"] for call in world.calls("docker")]
    verbs = [" ".join(word for word in argv if not word.startswith("-"))[:14] for argv in calls]
    first_push = verbs.index("push trivet/tr")
    Tap.ok(max(number for number, argv in enumerate(calls) if "cves" in argv) < first_push, "main: every scan comes before the first push")
    for word in ("--exit-code", "--only-fixed", "critical,high"):
        Tap.same(len([argv for argv in world.said("docker", "cves") if word in argv and "sarif" not in argv]), 2,
                 "main: both images are scanned with " + word)
    Tap.same([argv[-1] for argv in world.said("docker", "scout", "sbom")], ["local://" + name for name in sorted(pushed)],
             "main: the SBOMs are of the images on this machine")
    Tap.ok(all("--target" in argv and "ready" in argv and any(word.startswith("binaries=") for word in argv)
               for argv in world.said("docker", "buildx", "build")), "main: images take what was compiled")
    record = os.path.join(run.directory, "artifacts", "build", "release", "release.env")
    with open(record, encoding="utf-8") as file:
        kept = file.read()
    for environment in ("staging", "production"):
        applied = world.text("applied-%s.yaml" % environment)
        for image, digest in pushed.items():
            Tap.ok("image: %s@%s" % (image.split(":")[0], digest) in applied and digest in kept,
                   "main: %s gets %s by the digest on record" % (environment, image.split(":")[0]), applied)
        Tap.ok("kind: Deployment" in applied and "kind: Namespace" not in applied, "main: what is the cluster's is left alone in " + environment)
        argv = next(argv for argv in world.said("kubectl", "apply") if environment in argv)
        Tap.ok({"--server-side", "--field-manager=trivet-pipeline"} <= set(argv), "main: applied server-side in " + environment, argv)
        words = [call["argv"][6:8] for call in world.calls("kubectl") if environment in call["argv"]]
        verbs = [pair[0] for pair in words]
        Tap.same(verbs[:8], ["auth", "diff", "get", "get", "get", "apply", "rollout", "get"],
                 "main: access, diff, revision, pods, record, apply, rollout, Service in " + environment)
        Tap.ok("ConfigMap/trivet-releases" in world.state()["clusters"][environment]["objects"], "main: what is good is kept in " + environment)
    Tap.ok(all("--timeout=600s" in argv for argv in world.said("kubectl", "rollout", "status")), "main: the rollout has a time limit")
    Tap.same(world.said("kubectl", "rollout", "undo"), [], "main: nothing is undone")
    by = {event["script"]: event["credentials"] for event in run.of("sh")}
    Tap.same((by["pipeline/scan.sh"], by["pipeline/push.sh"]), (["docker-hub-read"], ["docker-hub"]), "main: only pushing gets the token that writes")
    Tap.ok(world.said("docker", "login", "--password-stdin") and not world.said("docker", "login", "--password"),
           "main: the token goes to docker's standard input")


def clean_everywhere(runs):
    for run in runs.values():
        left = [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(run.directory, "workspace")) for name in names]
        left += [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(run.directory, "workspace@tmp")) for name in names]
        agents = {"Release": bool(run.of("checkout")), "Production": any(event["stage"] == "Production" for event in run.of("checkout"))}
        swept = [event["stage"] for event in run.of("cleanWs")]
        Tap.ok(swept == [stage for stage, used in agents.items() if used] and not left and not run.data["workspace"],
               "%s: every workspace that was used is cleaned" % run.name, "%r %r" % (swept, left[:5]))
        Tap.same(run.world.home(), [], "%s: nothing is left in the agent's home directory" % run.name)
        last = [event["type"] for event in run.events if event["stage"] == "Release" and event["type"] in ("archive", "cleanWs")]
        Tap.same(last, ["archive", "cleanWs"], "%s: results are kept before the workspace goes" % run.name)


def no_secret_anywhere(runs):
    for run in runs.values():
        places = {"what programs print": run.raw(), "arguments": json.dumps([call["argv"] for call in run.world.calls()]),
                  "steps": json.dumps(run.events)}
        for folder, _, names in os.walk(os.path.join(run.directory, "artifacts")):
            for name in names:
                places["artifact " + name] = run.world.text(os.path.relpath(os.path.join(folder, name), run.directory))
        leaks = ["%s in %s" % (secret, place) for place, text in places.items() for secret in HIDDEN if secret in text]
        Tap.ok(not leaks, "%s: no secret in output, arguments, artifacts" % run.name, "\n".join(leaks))
        Tap.same(sorted(set(sum((event["ids"] for event in run.of("credentials")), [])) - {"docker-hub", "docker-hub-read", "aws-web-identity", "aws-static-keys"}),
                 [], "%s: no other credentials are used" % run.name)


def not_delivered(run, result, reason, stages=None):
    Tap.ok(run.result == result and reason in run.console(), "%s: %s, and says why: %s" % (run.name, result, reason), run.tail())
    asked = run.world.said("docker", "push") + run.world.said("kubectl", "apply") + run.world.said("aws", "eks") + run.of("input")
    Tap.same(asked, [], "%s: nothing is pushed, deployed or asked for" % run.name)
    wanted = stages or {name: "NOT_RUN" for name in DELIVERY}
    Tap.same({name: run.stages.get(name) for name in wanted}, wanted, "%s: what comes after does not run" % run.name)


def undone(run, environment, result, reason, waited=True):
    Tap.ok(run.result == result and reason in run.console(), "%s: %s, and says why: %s" % (run.name, result, reason), run.tail())
    asked = [argv[6:] for argv in run.world.said("kubectl", "rollout", "undo") if environment in argv]
    objects = run.world.state()["clusters"][environment]["objects"]
    if "ConfigMap/trivet-releases" in objects:
        Tap.ok("pods of 4" in objects["Deployment/trivet"] and "pods of 4" in objects["Service/trivet"] and not asked,
               "%s: %s goes back to the release of before, all of it" % (run.name, environment), "%r %r" % (asked, objects))
    else:
        Tap.same(asked, [["rollout", "undo", "deployment/trivet", "--to-revision=4"]], "%s: %s goes back to the revision of before" % (run.name, environment))
    after = [call["argv"][6:8] for call in run.world.calls("kubectl")]
    Tap.same(after[-1] == ["rollout", "status"], waited, "%s: %s" % (run.name, "and is waited for" if waited else "nothing waits for it: soon the kubeconfig is gone"))


def nothing_in_production(run):
    Tap.same([argv for argv in run.world.said("kubectl") if "production" in argv], [], "%s: production is not touched" % run.name)


def check():
    runs = scenarios()
    output = run_all(list(runs.values()))
    faults = {run.name: run.fault for run in runs.values() if run.fault}
    Tap.ok(not faults, "the Jenkinsfile has no fault in any of %d builds" % len(runs), "%s\n%s" % (faults, output[:3000]))
    good_build(runs["main"])
    good_delivery(runs["main"])
    skipped = {name: "SKIPPED" for name in DELIVERY}
    for name in ("feature", "pull-request"):
        not_delivered(runs[name], "SUCCESS", "no fixable critical,high vulnerabilities", skipped)
        Tap.same([event["args"] for event in runs[name].of("container")][1], "-v trivet-cache-branches:/home/build/.cache",
                 name + ": has no part in what main's suites keep")
        Tap.ok("docker-hub" not in sum((event["ids"] for event in runs[name].of("credentials")), []), name + ": never gets the token that writes")
        Tap.same(len(runs[name].world.said("docker", "cves", "--exit-code")), 2, name + ": is scanned all the same")
    not_delivered(runs["findings"], "FAILURE", "Docker Scout found fixable vulnerabilities")
    not_delivered(runs["scan-broken"], "FAILURE", "The scan itself failed (status 1)")
    not_delivered(runs["login-refused"], "FAILURE", "Docker Hub does not let trivetbot in")
    not_delivered(runs["taken"], "FAILURE", "is another image than the one that was built and scanned here",
                  {name: "NOT_RUN" for name in DELIVERY if name != "Push"})
    not_delivered(runs["tests-fail"], "FAILURE", "tests failed", {"Images": "NOT_RUN", "Scan": "NOT_RUN", "Push": "NOT_RUN"})
    Tap.same([(event["files"], event["failed"]) for event in runs["tests-fail"].of("junit")], [(2, 1)], "tests-fail: the failure is in the kept results")
    not_delivered(runs["compile-fails"], "FAILURE", "no C compiler", {"Tests": "NOT_RUN", "Images": "NOT_RUN"})
    not_delivered(runs["no-tools"], "FAILURE", "kubectl is 1.20.4, 1.35 or later is wanted", {"Compile": "NOT_RUN"})
    Tap.ok("docker scout 1.15 or later is missing" in runs["no-tools"].console(), "no-tools: every missing tool is named at once")
    identity = runs["identity-refused"]
    Tap.ok(identity.result == "FAILURE" and "AWS does not let this build act as" in identity.console() and
           not identity.world.said("kubectl", "apply"), "identity-refused: no deployment without the role", identity.tail())
    undone(runs["rollout-fails"], "staging", "FAILURE", "the rollout in staging did not end well")
    undone(runs["rollout-hangs"], "staging", "ABORTED", "Timeout has been exceeded", False)
    hung = [call["argv"][6:8] for call in runs["rollout-hangs"].world.calls("kubectl")]
    Tap.same(hung[hung.index(["rollout", "status"]):][:2], [["rollout", "status"], ["apply", "--server-side"]], "rollout-hangs: nothing comes between being ended and the way back")
    undone(runs["service-broken"], "staging", "FAILURE", "/readyz answers: not within 2 s")
    undone(runs["production-fails"], "production", "FAILURE", "the rollout in production did not end well")
    for name in ("rollout-fails", "rollout-hangs", "service-broken"):
        Tap.same([runs[name].of("input"), runs[name].stages["Approval"]], [[], "NOT_RUN"], name + ": nobody is asked to approve it")
        nothing_in_production(runs[name])
    for name, result, reason in (("rejected", "ABORTED", "Rejected by release-manager"), ("stranger", "ABORTED", "waiting for input"),
                                 ("overtaken", "ABORTED", "Superseded")):
        Tap.ok(runs[name].result == result and reason in runs[name].console(), "%s: %s" % (name, reason), runs[name].tail())
        nothing_in_production(runs[name])
    static = runs["static-keys"]
    Tap.ok(static.result == "SUCCESS" and "using static keys to assume the role" in static.console(), "static-keys: the fallback works, and says so", static.tail())
    Tap.ok("AWS_SECRET_ACCESS_KEY" not in sum((call["keys"] for call in static.world.calls("kubectl")), []), "static-keys: kubectl does not see the keys")
    clean_everywhere(runs)
    no_secret_anywhere(runs)
    checks_form.check_words([run.data["used"] for run in runs.values()])
