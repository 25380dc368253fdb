"""checks_scripts.py: the scripts as someone calls them by hand, one at a time, and what each does when something is amiss. The way as
a whole is in checks_way.py."""

import datetime
import json
import os
import shutil
import signal
import stat
import subprocess
import time

from place import HIDDEN, SECRETS, TMP, Hand, World, git, make_source, until
from tap import Tap

DIGESTS = {"APP": "sha256:" + "a" * 64, "NGINX": "sha256:" + "b" * 64}
RECORD = """# a release
VERSION=0.1.0
REVISION=0123456789abcdef0123456789abcdef01234567
TAG=0.1.0-0123456789ab
APP_IMAGE=trivet/trivet-app
APP_DIGEST=%(APP)s
NGINX_IMAGE=trivet/trivet-nginx
NGINX_DIGEST=%(NGINX)s
""" % DIGESTS
HUB = {"DOCKERHUB_USER": SECRETS["docker-hub"]["username"], "DOCKERHUB_TOKEN": SECRETS["docker-hub"]["password"]}

_source = []
_number = [0]


def hand(**behaviour):
    if not _source:
        _source.append(make_source("source-hand"))
    _number[0] += 1
    return Hand(_source[0], World("hand-%d" % _number[0], **behaviour))


def deployer(**behaviour):
    """Someone with a release in hand who already acts as the role and has the kubeconfig."""
    person = hand(**behaviour)
    os.makedirs(person.path("build", "release"))
    with open(person.path("build", "release", "release.env"), "w", encoding="utf-8") as file:
        file.write(RECORD)
    os.makedirs(person.path("build", "private"))
    for name in ("kubeconfig-staging", "kubeconfig-production"):
        with open(person.path("build", "private", name), "w", encoding="utf-8") as file:
            file.write("kind: Config\n")
    return person


def says(result, status, *words):
    """Whether a script ended with this status and said all that."""
    return result[0] == status and all(word in result[1] for word in words)


def expect(result, what, status, *words):
    return Tap.ok(says(result, status, *words), what, "status %s\n%s" % result)


def vex_document(**change):
    statement = {"vulnerability": {"name": "CVE-2026-4242"}, "products": [{"@id": "pkg:docker/trivet/trivet-nginx"}], "status": "not_affected",
                 "justification": "vulnerable_code_not_present", "impact_statement": "It is not in there."}
    statement.update(change)
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return {"@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "a@example.org", "timestamp": now, "version": 1,
            "statements": [statement]}


def builder(**behaviour):
    """Someone who has both images on their machine."""
    person = hand(**behaviour)
    os.makedirs(person.path("build", "ready", "usr", "bin"))
    build(person)
    return person


def build(person):
    expect(person.run("images.sh"), "images: there are some", 0, "built trivet/trivet-app:0.1.0-")


def scanning():
    bare = hand()
    bare.run("login.sh", **HUB)
    expect(bare.run("scan.sh"), "scan: what is not there is an error of the scan (1)", 1, "pipeline/images.sh builds it")
    person = builder()
    expect(person.run("scan.sh"), "scan: without signing in it is an error of the scan (1)", 1, "says nothing about its vulnerabilities")
    expect(person.run("login.sh", **HUB), "login: by the environment", 0, "Login Succeeded")
    config = person.path("build", "private", "docker", "config.json")
    Tap.same(stat.S_IMODE(os.stat(config).st_mode), 0o600, "login: what docker writes is for the user of the build alone")
    expect(person.run("scan.sh"), "scan: nothing found (0)", 0, "no fixable critical,high vulnerabilities")
    Tap.same(sorted(os.listdir(person.path("build", "release", "sbom"))), ["trivet-app.spdx.json", "trivet-nginx.spdx.json"], "scan: leaves an SBOM of each image")
    Tap.same(sorted(os.listdir(person.path("build", "release", "cves"))), ["trivet-app.sarif.json", "trivet-nginx.sarif.json"], "scan: leaves a report on each image")
    noted = person.text("build", "release", "scanned.txt")
    images = person.world.state()["images"]
    Tap.same(sorted(noted.splitlines()), sorted(" ".join(pair) for pair in images.items()), "scan: notes which images it found good, by identity")
    person.world.behave(scout="findings")
    expect(person.run("scan.sh"), "scan: findings (2)", 2, "CVE-2026-4242", "there are fixable vulnerabilities")
    Tap.ok(os.path.exists(person.path("build", "release", "cves", "trivet-nginx.sarif.json")), "scan: findings are on record")
    Tap.ok(not os.path.exists(person.path("build", "release", "scanned.txt")), "scan: and then no image is noted as good")
    person.world.behave(scout="broken")
    expect(person.run("scan.sh"), "scan: a broken scan (1)", 1, "the scan did not work, which is no verdict on the image")
    person.world.behave()
    exception = person.path("pipeline", "vex", "openssl.vex.json")
    for what, document, word in (
            ("without a reason", vex_document(impact_statement=""), "impact_statement is missing"),
            ("with a justification of its own", vex_document(justification="we are busy"), "without one of OpenVEX's justifications"),
            ("for no image", vex_document(products=[]), "names no product"),
            ("from long ago", vex_document(timestamp="2020-01-01T00:00:00Z"), "look at it again"),
            ("that is no JSON", None, "cannot be read")):
        with open(exception, "w", encoding="utf-8") as file:
            file.write("{" if document is None else json.dumps(document))
        expect(person.run("scan.sh"), "scan: an exception %s is refused" % what, 1, word)
    Tap.same(person.world.said("docker", "--vex-location"), [], "scan: nothing is scanned with exceptions that were refused")
    with open(exception, "w", encoding="utf-8") as file:
        json.dump(vex_document(), file)
    expect(person.run("scan.sh"), "scan: an exception that is in order is taken", 0)
    Tap.ok(all({"--vex-location", "--vex-author", "--only-vex-affected"} <= set(argv) for argv in person.world.said("docker", "cves")[-4:]),
           "scan: Scout is told of the exceptions and whom to believe")
    expect(person.run("login.sh", "--logout"), "login: and out again", 0)
    Tap.ok(not os.path.exists(config), "login: signing out leaves nothing")


def pushing():
    person = builder()
    expect(person.run("push.sh"), "push: what was not scanned is not pushed", 1, "was not scanned")
    person.run("login.sh", **HUB)
    person.run("scan.sh")
    expect(person.run("push.sh"), "push: what was scanned is pushed", 0, "released 0.1.0-")
    first = person.world.state()["registry"]
    expect(person.run("push.sh"), "push: again changes nothing", 0, "is there already", "released 0.1.0-")
    Tap.same((len(person.world.said("docker", "push")), person.world.state()["registry"]), (2, first), "push: a tag is pushed once")
    record = person.text("build", "release", "release.env")
    Tap.ok(all(digest in record for digest in first.values()), "push: the digests are on record", record)
    person.world.behave(registry="away")
    expect(person.run("push.sh"), "push: a registry that does not answer is not a free tag", 1, "does not say whether it has")
    person.world.behave()
    with open(person.path("Makefile.am"), "a", encoding="utf-8") as file:
        file.write("# changed\n")
    expect(person.run("push.sh"), "push: changed sources are no release", 1, "the sources differ from commit")
    away = builder()
    away.run("login.sh", **HUB)
    away.run("scan.sh")
    away.run("login.sh", "--logout")
    expect(away.run("push.sh"), "push: without signing in it fails", 1, "could not be pushed")
    Tap.ok(not os.path.exists(away.path("build", "release", "release.env")), "push: and half a release is no release")


def pushing_others():
    """Images that are not those that were scanned, here or in the registry."""
    person = builder()
    person.run("login.sh", **HUB)
    person.world.behave(scout="findings")
    person.run("scan.sh")
    expect(person.run("push.sh"), "push: what was scanned and not found good is not pushed", 1, "not found good")
    person.world.behave()
    person.run("scan.sh")
    person.world.behave(built="again")
    build(person)
    expect(person.run("push.sh"), "push: what was built again after the scan is not pushed", 1, "another image than the one that was scanned")
    Tap.same(person.world.said("docker", "push"), [], "push: nothing is pushed then")
    for store in (True, False):
        where = "as containerd does" if store else "as docker does"
        rebuilt = builder(containerd=store)
        rebuilt.run("login.sh", **HUB)
        rebuilt.run("scan.sh")
        expect(rebuilt.run("push.sh"), "push: an engine that keeps images %s" % where, 0, "released 0.1.0-")
        expect(rebuilt.run("push.sh"), "push: the same image again, kept %s" % where, 0, "is there already", "released 0.1.0-")
        os.remove(rebuilt.path("build", "release", "release.env"))
        rebuilt.world.behave(containerd=store, built="again")
        build(rebuilt)
        rebuilt.run("scan.sh")
        expect(rebuilt.run("push.sh"), "push: the registry's tag names another image, kept %s" % where, 1,
               "is another image than the one that was built and scanned here")
        Tap.ok(not os.path.exists(rebuilt.path("build", "release", "release.env")), "push: which is no release")


def images():
    person = hand()
    expect(person.run("images.sh"), "images: nothing compiled, nothing built", 1, "run pipeline/compile.sh first")
    expect(person.run("compile.sh", CC="false"), "compile: a compiler that does not work", 1)
    expect(person.run("compile.sh"), "compile: by hand", 0, "1 programs in")
    expect(person.run("images.sh", TRIVET_BASE_IMAGE="debian:trixie-slim@sha256:" + "c" * 64), "images: by hand", 0, "built trivet/trivet-app:0.1.0-")
    argv = person.world.said("docker", "buildx", "build")[0]
    Tap.ok({"--provenance=mode=max", "BASE=debian:trixie-slim@sha256:" + "c" * 64, "--load"} <= set(argv) and "--push" not in argv,
           "images: with provenance where the engine can keep it, from the base that was named, and not pushed", argv)
    person.world.behave(containerd=False)
    person.run("images.sh")
    Tap.ok("--provenance=false" in person.world.said("docker", "buildx", "build")[-1], "images: without provenance where it would be lost")


def identity():
    person = hand()
    token = person.path("token")
    with open(token, "w", encoding="utf-8") as file:
        file.write(SECRETS["aws-web-identity"]["content"])
    keys = {"AWS_ACCESS_KEY_ID": SECRETS["aws-static-keys"]["username"], "AWS_SECRET_ACCESS_KEY": SECRETS["aws-static-keys"]["password"]}
    expect(person.run("credentials.sh", "staging"), "credentials: none, none taken from elsewhere", 1, "no identity")
    expect(person.run("credentials.sh", "staging", **keys), "credentials: static keys only when that was said", 1, "no identity")
    expect(person.run("credentials.sh", "nowhere"), "credentials: an environment that is none", 64, "there are: dev production staging")
    expect(person.run("credentials.sh", "staging", AWS_WEB_IDENTITY_TOKEN_FILE=token, TRIVET_STAGING_ROLE_ARN=""), "credentials: no role", 1,
           "TRIVET_STAGING_ROLE_ARN is not set")
    expect(person.run("credentials.sh", "staging", AWS_WEB_IDENTITY_TOKEN_FILE=token, TRIVET_STAGING_ROLE_ARN="admin"), "credentials: no ARN", 1,
           "is no ARN of a role")
    expect(person.run("credentials.sh", "staging", AWS_WEB_IDENTITY_TOKEN_FILE=token), "credentials: by web identity", 0,
           "acting as arn:aws:sts::123456789012:assumed-role/trivet-delivery-staging/")
    config = person.text("build", "private", "aws-config")
    Tap.ok(token in config and not any(secret in config for secret in HIDDEN), "credentials: the configuration names the token's file, not the token", config)
    both = person.run("credentials.sh", "staging", AWS_WEB_IDENTITY_TOKEN_FILE=token, **keys)
    expect(both, "credentials: a web identity comes before keys", 0)
    Tap.same(person.text("build", "private", "aws-credentials"), "", "credentials: and the keys are not kept")
    person.world.behave(identity="other")
    expect(person.run("credentials.sh", "staging", AWS_WEB_IDENTITY_TOKEN_FILE=token), "credentials: acting as someone else is no success", 1, "not as arn:aws:iam")
    person.world.behave()
    result = person.run("credentials.sh", "staging", TRIVET_AWS_STATIC_KEYS="yes", **keys)
    expect(result, "credentials: static keys where that was said", 0, "using static keys")
    Tap.same(stat.S_IMODE(os.stat(person.path("build", "private", "aws-credentials")).st_mode), 0o600, "credentials: keys are for the user of the build alone")
    Tap.same(stat.S_IMODE(os.stat(person.path("build", "private")).st_mode), 0o700, "credentials: in a directory of its own")
    expect(person.run("kubeconfig.sh", "staging"), "kubeconfig: in the build's own directory", 0)
    Tap.ok(os.path.exists(person.path("build", "private", "kubeconfig-staging")) and not os.path.exists(os.path.join(person.world.directory, "home", ".kube")),
           "kubeconfig: nothing in ~/.kube")
    Tap.same(person.world.home(), [], "credentials: nor anything else in the home directory, where other builds would find it")
    expect(hand().run("kubeconfig.sh", "production"), "kubeconfig: not before the credentials", 1, "run pipeline/credentials.sh production first")
    expect(person.run("credentials.sh", "dev", AWS_WEB_IDENTITY_TOKEN_FILE=token), "credentials: dev is an environment like the others", 0)
    expect(person.run("kubeconfig.sh", "dev"), "kubeconfig: dev has no cluster until one is named", 1, "TRIVET_DEV_CLUSTER is not set")
    seen = [call for call in person.world.calls() if any(secret in json.dumps(call["argv"]) for secret in HIDDEN)]
    Tap.same(seen, [], "credentials: no secret in an argument")


def deploying():
    person = deployer()
    before = person.text("containers", "kubernetes", "overlays", "staging", "kustomization.yaml")
    expect(person.run("deploy.sh", "staging", "--diff-only"), "deploy: --diff-only shows", 0, "image: trivet/trivet-app@" + DIGESTS["APP"])
    Tap.same(person.world.said("kubectl", "apply"), [], "deploy: --diff-only changes nothing")
    expect(person.run("deploy.sh", "staging"), "deploy: by hand", 0, "staging runs 0.1.0-0123456789ab")
    Tap.same(person.text("containers", "kubernetes", "overlays", "staging", "kustomization.yaml"), before, "deploy: the checkout stays as it is")
    Tap.same([name for name in os.listdir(person.path("build", "private")) if "." in name], [], "deploy: working directories are removed")
    expect(person.run("undo.sh", "staging"), "undo: and back by hand", 0)
    Tap.same(person.world.home(), [], "deploy: nothing is left in the home directory")
    for what, behaviour, words in (
            ("the diff does not work", {"diff": 2}, ("kubectl diff failed with status 2", "nothing is changed")),
            ("the role may not", {"access": "refused"}, ("may not change Deployments",))):
        other = deployer(**behaviour)
        expect(other.run("deploy.sh", "staging"), "deploy: %s: nothing is changed" % what, 1, *words)
        Tap.same(other.world.said("kubectl", "apply") + other.world.said("kubectl", "undo"), [], "deploy: %s: neither applied nor undone" % what)
    same = deployer(diff=0, service="broken")
    expect(same.run("deploy.sh", "staging", TRIVET_SMOKE_SECONDS="1"), "deploy: what did not change is tried too", 1, "runs this already", "does not answer")
    Tap.same(same.world.said("kubectl", "undo"), [], "deploy: and not undone: there is nothing to undo")
    for what, behaviour, word in (("a service without request ids", {"service": "anonymous"}, "no X-Request-Id"),
                                  ("a Service without endpoints", {"endpoints": "none"}, "has a ready endpoint: not within"),
                                  ("an apply that breaks in the middle", {"apply": "broken"}, "did not take the release")):
        other = deployer(**behaviour)
        expect(other.run("deploy.sh", "staging", TRIVET_SMOKE_SECONDS="1"), "deploy: %s" % what, 1, word, "putting the pods of staging back to revision 4")
        Tap.same(len(other.world.said("kubectl", "undo", "--to-revision=4")), 1, "deploy: %s is undone" % what)
    first = deployer(first_release=True, rollout="fails")
    expect(first.run("deploy.sh", "staging"), "deploy: the first release that fails", 1, "there is nothing to go back to")
    Tap.same(first.world.said("kubectl", "undo"), [], "deploy: and nothing is undone")


def beginning():
    """The first deployment to a cluster that has nothing, not even the namespace."""
    bare = deployer(no_namespace=True)
    expect(bare.run("deploy.sh", "staging"), "deploy: without a namespace it says who makes it", 1, "an administrator makes it")
    Tap.same(bare.world.said("kubectl", "apply"), [], "deploy: and changes nothing")
    expect(bare.run("deploy.sh", "staging", "--with-cluster-objects", "--diff-only"), "deploy: an administrator may look first", 1, "+ Namespace/trivet",
           "an administrator makes it")
    Tap.same(bare.world.said("kubectl", "apply"), [], "deploy: and that changes nothing either")
    expect(bare.run("deploy.sh", "staging", "--with-cluster-objects"), "deploy: an administrator brings what is the cluster's, then the rest", 0,
           "staging runs 0.1.0-0123456789ab")
    cluster = bare.world.state()["clusters"]["staging"]
    Tap.ok(cluster["namespace"] and "Namespace/trivet" in cluster["objects"] and "Deployment/trivet" in cluster["objects"],
           "deploy: the namespace and what is in it", sorted(cluster["objects"]))
    kept = bare.text("build", "release", "diff-staging.txt")
    Tap.ok("kind: Namespace" in kept and "kind: Deployment" in kept, "deploy: all of it is in the diff that is kept", kept)
    expect(bare.run("deploy.sh", "staging"), "deploy: the pipeline takes it from there", 0, "left to the administrators: Namespace")


def administrator():
    """Someone with a kubeconfig and a way into AWS of their own, neither of which is the pipeline's."""
    person = deployer(no_namespace=True)
    shutil.rmtree(person.path("build", "private"))
    own = os.path.join(person.world.directory, "own.kubeconfig")
    settings = {"TRIVET_KUBECONFIG": own, "AWS_PROFILE": "sso", "AWS_SESSION_TOKEN": "t"}
    expect(person.run("deploy.sh", "staging", "--with-cluster-objects", **settings), "deploy: a kubeconfig that is not there", 1,
           "TRIVET_KUBECONFIG names no kubeconfig")
    with open(own, "w", encoding="utf-8") as file:
        file.write("kind: Config\n")
    expect(person.run("deploy.sh", "staging", "--with-cluster-objects", **settings), "deploy: by an administrator's own kubeconfig", 0, "staging runs")
    calls = person.world.calls("kubectl")
    Tap.ok(calls and all(call["argv"][:4] == ["--kubeconfig", own, "--context", "staging"] for call in calls),
           "deploy: that one, and the context of the environment's name", calls)
    Tap.ok(all(call["aws"] == {"AWS_PROFILE": "sso", "AWS_SESSION_TOKEN": "set"} for call in calls), "deploy: and their own way into AWS", calls[:1])
    expect(person.run("undo.sh", "staging", "--to-revision", "1", **settings), "undo: by an administrator's own kubeconfig", 0)
    with open(person.path("token"), "w", encoding="utf-8") as file:
        file.write(SECRETS["aws-web-identity"]["content"])
    person.run("credentials.sh", "staging", AWS_WEB_IDENTITY_TOKEN_FILE=person.path("token"), **settings)
    expect(person.run("kubeconfig.sh", "staging", **settings), "kubeconfig: is the build's own all the same", 0)
    with open(own, encoding="utf-8") as file:
        Tap.same(file.read(), "kind: Config\n", "kubeconfig: and an administrator's own stays as it is")


def broken_records():
    person = deployer()
    path = person.path("build", "release", "release.env")
    for what, text, word in (
            ("a tag in place of a digest", RECORD.replace(DIGESTS["APP"], "latest"), "is no sha256 digest"),
            ("a command", RECORD + "TAG=$(touch /tmp/owned)\n", "is no line of a release record"),
            ("a word of its own", RECORD + "PATH=/tmp\n", "a release record has no PATH"),
            ("no image", RECORD.replace("NGINX_IMAGE=trivet/trivet-nginx\n", ""), "is no name of an image")):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        expect(person.run("deploy.sh", "staging"), "release record: %s is refused" % what, 1, word)
    expect(person.run("deploy.sh", "staging", "--release", "nowhere.env"), "release record: none", 1, "there is no nowhere.env")
    older = person.path("older.env")
    with open(older, "w", encoding="utf-8") as file:
        file.write(RECORD.replace("a" * 64, "d" * 64))
    expect(person.run("deploy.sh", "staging", "--release", older), "release record: an older one brings that release back", 0)
    Tap.ok("trivet/trivet-app@sha256:" + "d" * 64 in person.world.text("applied-staging.yaml"), "release record: by its own digests")


def renamed_images():
    """Manifests that name other images would be applied unchanged: that has to be seen."""
    person = deployer()
    path = person.path("containers", "kubernetes", "base", "objects.yaml")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("image: trivet/trivet-app", "image: someone/else"))
    expect(person.run("deploy.sh", "staging"), "deploy: manifests that do not use the image", 1, "does not use trivet/trivet-app@")
    Tap.same(person.world.said("kubectl", "apply"), [], "deploy: are not applied")


def undoing():
    person = deployer()
    expect(person.run("undo.sh", "production"), "undo: by hand, where nothing is kept: to the revision before", 0,
           "no manifests of an earlier release are kept", "production runs the pods of the revision before again")
    expect(person.run("undo.sh", "production", "--to-revision", "2"), "undo: to a revision", 0, "runs the pods of revision 2 again")
    Tap.same(person.world.said("kubectl", "undo")[1][-1], "--to-revision=2", "undo: to that one")
    expect(person.run("undo.sh", "production", "--to-revision", "x"), "undo: a revision is a number", 64)


def release(person, letter, change=None):
    """The next release: images of other digests, and manifests that `change` rewrites."""
    with open(person.path("build", "release", "release.env"), "w", encoding="utf-8") as file:
        file.write(RECORD.replace("a" * 64, letter * 64).replace("0123456789ab\n", "release-%s\n" % letter))
    path = person.path("containers", "kubernetes", "base", "objects.yaml")
    if change:
        with open(path, encoding="utf-8") as file:
            text = change(file.read())
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


POLICY = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: wrong\nspec:\n  podSelector: {}\n"


def bad(text):
    """Manifests that are wrong beside the pods: a Service's port, a policy that shuts everybody out."""
    return text.replace("port: 80\n", "port: 81\n") + POLICY


def cluster_of(person, environment="staging"):
    return person.world.state()["clusters"][environment]


def release_objects(person):
    """What a release brought: not the record of it, and not ConfigMaps, which stay for the Deployment's revisions."""
    return {name: text for name, text in cluster_of(person)["objects"].items() if not name.startswith("ConfigMap/")}


def going_back():
    person = deployer()
    release(person, "e")
    expect(person.run("deploy.sh", "staging"), "way back: a first release with a record", 0, "staging runs 0.1.0-release-e")
    good = release_objects(person)
    for what, behaviour, letter in (("a release whose pods do not start", {"rollout": "fails"}, "f"),
                                    ("a release that shuts people out", {"service": "broken"}, "f"),
                                    ("a release of the same pods", {"service": "broken"}, "e")):
        release(person, letter, bad)
        person.world.behave(**behaviour)
        expect(person.run("deploy.sh", "staging", TRIVET_SMOKE_SECONDS="1"), "way back: %s fails" % what, 1, "putting staging back to 0.1.0-release-e, all of it")
        Tap.same(release_objects(person), good, "way back: after %s every object is what it was, and what was added is gone" % what)
        git(person.checkout, "checkout", "-q", "containers")
    Tap.same(person.world.said("kubectl", "rollout", "undo"), [], "way back: no other manager is let in")
    Tap.ok(all({"--server-side", "--field-manager=trivet-pipeline", "--force-conflicts"} <= set(argv) for argv in person.world.said("kubectl", "apply")),
           "way back: there and back by one manager")
    # One that is good, then back and forth by hand.
    release(person, "f", bad)
    person.world.behave()
    expect(person.run("deploy.sh", "staging"), "way back: the next good release", 0, "staging runs 0.1.0-release-f")
    later = release_objects(person)
    Tap.ok(later != good and "NetworkPolicy/wrong" in later, "way back: brings what it has", sorted(later))
    expect(person.run("undo.sh", "staging"), "undo: by hand, to the release before", 0, "staging runs 0.1.0-release-e again")
    Tap.same(release_objects(person), good, "undo: all of it")
    expect(person.run("undo.sh", "staging"), "undo: and to where it began", 0, "staging runs 0.1.0-release-f again")
    Tap.same(release_objects(person), later, "undo: all of that too")
    # The pods were changed by other ways: what is kept is not what ran.
    revision = cluster_of(person)["revision"]
    expect(person.run("undo.sh", "staging", "--to-revision", "2"), "undo: the pods alone", 0)
    release(person, "d")
    person.world.behave(rollout="fails")
    expect(person.run("deploy.sh", "staging"), "way back: of what others changed nothing is kept", 1, "its pods go back and nothing else",
           "putting the pods of staging back to revision %d" % (int(revision) + 1))
    cluster = cluster_of(person)
    Tap.same(cluster["templates"][cluster["revision"]], "pods of 2", "way back: and what others chose runs again")
    person.world.behave()
    expect(person.run("undo.sh", "staging"), "undo: from there, to the last good release", 0, "staging runs 0.1.0-release-f again")
    Tap.same(release_objects(person), later, "undo: all of it again")


def no_way_back():
    """The manifests of before are refused."""
    person = deployer()
    release(person, "e")
    person.run("deploy.sh", "staging")
    release(person, "f", bad)
    person.world.behave(service="broken", refused="e" * 64)
    expect(person.run("deploy.sh", "staging", TRIVET_SMOKE_SECONDS="1"), "way back: manifests that are refused leave the pods", 1, "that was not taken",
           "putting the pods of staging back to revision 5")
    Tap.same(len(person.world.said("kubectl", "rollout", "undo", "--to-revision=5")), 1, "way back: which go back by their revision")


def ended_at_once(person, process):
    """A terminal or a service manager: everyone in the group hears it together."""
    os.killpg(process.pid, signal.SIGTERM)


def ended_from_below(person, process):
    """A build server: kubectl first; when it is gone its parent, again and again while that is busy with what it does then."""
    with open(os.path.join(person.world.directory, "hanging"), encoding="utf-8") as file:
        kubectl = int(file.read())
    os.kill(kubectl, signal.SIGTERM)
    while os.path.exists("/proc/%d" % kubectl):
        time.sleep(0.005)
    while process.poll() is None:
        os.kill(process.pid, signal.SIGTERM)
        time.sleep(0.01)


def interrupted(how, name):
    """Someone ends deploy.sh while the rollout is waited for."""
    person = deployer(rollout="hangs")
    process = subprocess.Popen([person.path("pipeline", "deploy.sh"), "staging"], cwd=person.checkout, env=person.world.environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    until(lambda: person.world.text("hanging"), "the rollout is waited for", seconds=300)
    how(person, process)
    output = process.communicate(timeout=600)[0]
    Tap.ok(process.returncode != 0 and "putting the pods of staging back to revision 4" in output and person.world.said("kubectl", "undo"),
           "deploy: ended %s, it puts the old release back" % name, "%s\n%s" % (process.returncode, output))
    Tap.same(person.world.calls("kubectl")[-1]["argv"][6:8], ["rollout", "undo"], "deploy: ended %s, it does not wait for that" % name)
    Tap.same([name for name in os.listdir(person.path("build", "private")) if "." in name], [], "deploy: ended %s, it tidies up" % name)


def interruptions():
    interrupted(ended_at_once, "with all that it runs")
    interrupted(ended_from_below, "child by child")


def measuring():
    person = hand()
    expect(person.run("coverage.sh"), "coverage: by hand", 0, "80.0 % of the lines")
    Tap.ok('line-rate="0.8"' in person.text("build", "release", "coverage.xml") and "lib/tiny.c" in person.text("build", "release", "coverage.txt"),
           "coverage: Cobertura and text", person.text("build", "release", "coverage.txt"))
    expect(person.run("coverage.sh", "--report-only", person.path("build", "coverage"), TRIVET_COVERAGE_MIN="90"), "coverage: below what is wanted (2)", 2,
           "80.0 % is below 90 %")
    expect(person.run("tests.sh", "alpha"), "tests: one suite by hand", 0, "1 suites passed")
    expect(person.run("tests.sh", FIXTURE_TESTS="failing"), "tests: a failure fails, with results", 1, "tests failed")
    Tap.same(sorted(os.listdir(person.path("build", "release", "junit"))), ["TEST-alpha.xml", "TEST-beta.xml"], "tests: results of both suites")


def unknown_commits():
    person = hand()
    git(person.checkout, "checkout", "-q", "--orphan", "nothing")
    expect(person.run("environment.sh"), "environment: a checkout without a commit has no release", 1, "is no git checkout")


def nothing_runs_on():
    """After all of the above: no double of kubectl still forwards a port."""
    left = []
    for entry in os.listdir("/proc"):
        try:
            with open("/proc/%s/cmdline" % entry, "rb") as file:
                line = file.read().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if TMP + "/" in line and "port-forward" in line:
            left.append(line)
    Tap.same(left, [], "smoke: nothing of it runs on")


def check():
    for part in (scanning, pushing, pushing_others, images, identity, deploying, beginning, administrator, broken_records, renamed_images, undoing, going_back, no_way_back, interruptions, measuring, unknown_commits,
                 nothing_runs_on):
        Tap.part("scripts, " + part.__name__, part)
