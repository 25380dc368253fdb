"""checks_places.py: an environment is a name in three places: pipeline/environments/NAME.sh (where the pipeline goes),
containers/kubernetes/overlays/NAME (what it brings there) and terraform/environments/NAME (what is there). Do they mean the same?
It reads files and calls nobody."""

import ipaddress
import os
import re
import subprocess

from harness import ENVIRONMENTS, SRC, TREE, Tap, clean_environment

OVERLAYS = os.path.join(SRC, "containers/kubernetes/overlays")
PIPELINE = os.path.join(SRC, "pipeline/environments")


def text_of(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def one(pattern, text):
    return re.search(pattern, text, re.MULTILINE).group(1)


def of_pipeline(name):
    """What the scripts go by when nobody says otherwise."""
    said = subprocess.run(["bash", "-euc", '. "$0"; printf "%s\\n" "$cluster" "$region" "$namespace"', os.path.join(PIPELINE, name + ".sh")],
                          stdout=subprocess.PIPE, text=True, check=True, env=clean_environment()).stdout.split("\n")
    return dict(zip(("cluster", "region", "namespace"), said))


def of_overlay(name):
    data = text_of(OVERLAYS, name, "environment.yaml").split("\ndata:\n")[1]
    return dict(re.findall(r'^  ([a-z-]+): "?([^"\n]+)"?$', data, re.MULTILINE))


def of_terraform(name):
    root = text_of(TREE, "environments", name, "main.tf")
    logins = text_of(TREE, "modules/stores/logins.tf")
    title = one(r'^  name = "([^"]+)"$', root)
    prefix = one(r'^  prefix = "([^"]+)"$', logins).replace("${var.name}", title)
    keys = re.findall(r"^    (\w+)\s+= ", re.search(r"^  logins = \{\n(.*?)^  \}", logins, re.MULTILINE | re.DOTALL).group(1), re.MULTILINE)
    return {
        "name": title,
        "cidr": one(r'^  cidr\s+= "([^"]+)"$', root),
        "region": one(r'variable "region" \{[^}]*?default\s*= "([^"]+)"', text_of(TREE, "environments", name, "variables.tf")),
        "secrets": {key + "-secret": prefix + "/" + key for key in keys},
        "state": one(r'^    key\s+= "([^"]+)"$', text_of(TREE, "environments", name, "versions.tf")),
        "tag": one(r'^      Environment = "([^"]+)"$', text_of(TREE, "environments", name, "versions.tf")),
    }


def names():
    """Every name, however few of the places know it."""
    folders = {entry.name for place in (OVERLAYS, os.path.join(TREE, "environments")) for entry in os.scandir(place) if entry.is_dir()}
    return sorted(folders | {name[:-3] for name in os.listdir(PIPELINE)})


def check():
    wanted = [os.path.basename(root) for root in ENVIRONMENTS]
    for name in names():
        lacks = [path for path in (os.path.join(PIPELINE, name + ".sh"), os.path.join(OVERLAYS, name, "environment.yaml"),
                                   os.path.join(TREE, "environments", name, "main.tf")) if not os.path.exists(path)]
        if Tap.ok(not lacks and name in wanted, "%s: the pipeline, an overlay and terraform know it, and these tests do" % name, "\n".join(lacks)):
            check_place(name, of_pipeline(name), of_overlay(name), of_terraform(name))
    check_apart(wanted)
    check_exporters()
    check_jenkins()


def check_place(name, pipeline, overlay, made):
    # dev's cluster is somebody's own: the pipeline does not go there unless it is told where.
    Tap.ok(pipeline["cluster"] == made["name"] or name == "dev" and not pipeline["cluster"],
           "%s: the pipeline goes to the cluster that terraform makes" % name, "%s, not %s" % (pipeline["cluster"], made["name"]))
    inside = ipaddress.ip_network(overlay["stores-cidr"]).subnet_of(ipaddress.ip_network(made["cidr"]))
    Tap.ok(overlay["vpc-cidr"] == made["cidr"] and inside, "%s: the overlay's network policies name its VPC" % name,
           "%s, not %s" % (overlay, made["cidr"]))
    secrets = {key: value for key, value in overlay.items() if key in made["secrets"]}
    Tap.ok(secrets == made["secrets"], "%s: the overlay reads the secrets that terraform makes" % name,
           "%s, not %s" % (secrets, made["secrets"]))
    Tap.ok(pipeline["region"] == overlay["region"] == made["region"], "%s: one region" % name, [pipeline, overlay, made["region"]])
    namespace = one(r"^namespace: (\S+)$", text_of(SRC, "containers/kubernetes/components/environment/kustomization.yaml"))
    allowed = one(r'variable "namespaces" \{[^}]*?default\s*= \["([^"]+)"\]', text_of(TREE, "modules/delivery/variables.tf"))
    Tap.ok(pipeline["namespace"] == namespace == allowed, "%s: one namespace, which the pipeline's role may change" % name,
           [pipeline, namespace, allowed])
    Tap.ok(made["state"] == name + "/terraform.tfstate" and made["tag"] == name, "%s: a state and a tag of its own" % name, made)


def check_apart(wanted):
    ranges = [ipaddress.ip_network(of_terraform(name)["cidr"]) for name in wanted]
    Tap.ok(not any(left.overlaps(right) for at, left in enumerate(ranges) for right in ranges[:at]),
           "no two environments share an address: their networks can be joined", ranges)


def check_exporters():
    """What the monitoring component takes out of the exporters' secret, and what terraform puts into it."""
    taken = re.findall(r"^ +property: (\w+)$", text_of(SRC, "containers/kubernetes/components/monitoring/exporters-secret.yaml"), re.MULTILINE)
    secret = re.search(r'"aws_secretsmanager_secret_version" "exporters" \{(.*?)^\}', text_of(TREE, "modules/stores/passwords.tf"),
                       re.MULTILINE | re.DOTALL)
    put = re.findall(r"^    (\w+)\s+= ", secret.group(1), re.MULTILINE) if secret else []
    Tap.ok(taken and sorted(taken) == sorted(put), "the exporters' secret holds what the overlays take out of it", "%s, not %s" % (put, taken))


def check_jenkins():
    """Where the pipeline deploys to by itself, and what Jenkins and its page call that."""
    deployed = re.findall(r"\bdeploy\('(\w+)'\)", text_of(SRC, "pipeline/Jenkinsfile"))
    Tap.ok("staging" in deployed and "production" in deployed, "the pipeline deploys to staging and production", deployed)
    page = one(r"^(\| `TRIVET_REGION`, .*)$", text_of(SRC, "docs/release.md"))
    for name in deployed:
        cluster, variable = of_terraform(name)["name"], "TRIVET_%s_CLUSTER" % name.upper()
        Tap.ok(":-%s}" % cluster in one(r'key: %s\n\s+value: "([^"]+)"' % variable, text_of(SRC, "pipeline/jenkins.yaml"))
               and variable in page and "`%s`" % cluster in page, "%s: Jenkins and docs/release.md name that cluster, too" % name, page)
