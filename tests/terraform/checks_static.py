"""checks_static.py: what can be told without terraform's provider: form, READMEs, lock files, and the arithmetic of docs/cost.md."""

import os
import re

import cost
from harness import ENVIRONMENTS, MODULES, SRC, TREE, Tap, clean_environment, copy_tree, run, tool

# What the modules use that not every provider has, and the first that does: the pinned one is newer, so no run would tell.
SINCE = {"manage_master_user_password of aws_docdb_cluster": (5, 98)}


def check():
    if tool("TERRAFORM"):
        result = run(tool("TERRAFORM"), "fmt", "-check", "-recursive", "-diff", TREE, env=clean_environment())
        Tap.ok(result.status == 0, "terraform fmt has nothing to change", result.text)
    else:
        Tap.skip("terraform fmt", "no terraform of 1.11 or later")
    check_readmes()
    check_pins()
    check_range()
    check_files()
    for held, what, detail in cost.checks():
        Tap.ok(held, what, detail)


def check_readmes():
    program = os.path.join(SRC, "devtools/terraform-readme")
    result = run(program, "--check")
    Tap.ok(result.status == 0, "the READMEs' inputs and outputs are those of the HCL", result.text)
    tree = copy_tree("readme")
    target = os.path.join(tree, "modules/vpc")
    with open(os.path.join(target, "variables.tf"), "a", encoding="utf-8") as file:
        file.write('\nvariable "more" {\n  description = "One {more}, \\"quoted\\"."\n  type        = string\n  default     = "}"\n}\n')
    result = run(program, "--check", target)
    Tap.ok(result.status == 1, "a variable that no README knows is found", result.text)
    run(program, target)
    with open(os.path.join(target, "README.md"), encoding="utf-8") as file:
        Tap.ok('| `more` | One {more}, "quoted". | `string` | `"}"` |' in file.read(), "and written into its README")


def check_pins():
    locks = []
    for root in ["bootstrap", *ENVIRONMENTS]:
        with open(os.path.join(TREE, root, ".terraform.lock.hcl"), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(TREE, root, "versions.tf"), encoding="utf-8") as file:
            pinned = re.search(r'version = "([0-9.]+)"', file.read()).group(1)
        locks.append(re.findall(r'"((?:h1|zh):[^"]+)"', text))
        Tap.ok('version     = "%s"' % pinned in text, "%s: versions.tf and the lock file name one version" % root, text)
    Tap.ok(all(lock == locks[0] for lock in locks) and len(locks[0]) >= 15, "the lock files hold the same sums, for every system", locks[0])


def check_range():
    """The providers that the modules say they work with."""
    ranges = {}
    for root in MODULES:
        with open(os.path.join(TREE, root, "versions.tf"), encoding="utf-8") as file:
            ranges[root] = re.search(r'^ +version = "(>= [^"]+)"', file.read(), re.MULTILINE).group(1)
    Tap.ok(len(set(ranges.values())) == 1, "all modules take the same providers", ranges)
    least = tuple(int(part) for part in re.match(r">= ([0-9.]+),", next(iter(ranges.values()))).group(1).split("."))
    late = ["%s is there since %d.%d" % (what, *since) for what, since in SINCE.items() if since > least]
    Tap.ok(not late, "no provider that they take lacks what they use", "\n".join(late))
    with open(os.path.join(TREE, "README.md"), encoding="utf-8") as file:
        Tap.ok("`aws` provider alone (%d.%d to 6.x;" % least[:2] in file.read(), "terraform/README.md names the same range")


def check_files():
    bare, stray = [], []
    for place, _, files in os.walk(TREE):
        if ".terraform" in place.split(os.sep):
            continue
        for name in files:
            path = os.path.join(place, name)
            if name.endswith((".tf", ".tftest.hcl", ".tfmock.hcl")):
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                bare += [path] if not text.startswith("# ") else []
                stray += [path] if re.search(r"AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY", text) else []
    Tap.ok(not bare, "every file says what it is for", "\n".join(bare))
    Tap.ok(not stray, "no file holds a key", "\n".join(stray))
