"""checks_mock.py: terraform itself on every module and root, without an account: lock files, validate, and `terraform test` with a
mocked provider. The provider's program is started once for all of it; starting it for each run costs most of the time otherwise."""

import json
import os
import re
import shutil
import subprocess
import threading

from harness import ENVIRONMENTS, HERE, MODULES, ROOTS, Tap, clean_environment, copy_tree, run, start, stop, tool


class Provider:
    """The aws provider as a server that several terraforms may use. None of them configures it: mocks need its schema only."""

    def __init__(self):
        self.process = start([tool("PROVIDER"), "-debug"], env=clean_environment(), stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        self.attach = None
        # A provider that says nothing would keep us here for ever.
        guard = threading.Timer(300, self.process.kill)
        guard.start()
        for line in self.process.stdout:
            found = re.search(rb"TF_REATTACH_PROVIDERS='(.*)'", line)
            if found:
                self.attach = found.group(1).decode()
                break
        guard.cancel()
        if not self.attach:
            raise RuntimeError("the provider does not start as a server")
        json.loads(self.attach)
        # It must not stop for want of a reader.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def environment(self):
        return clean_environment(TF_REATTACH_PROVIDERS=self.attach)


def check():
    missing = [] if tool("TERRAFORM") else ["no terraform of 1.11 or later"]
    missing += [] if tool("PROVIDER") else ["no aws provider 5.100.0 (TRIVET_TERRAFORM_PLUGINS names its directory)"]
    if missing:
        for root in ROOTS:
            Tap.skip("%s: lock file, validate, terraform test with mocks" % root, "; ".join(missing))
        return
    check_lock_files()
    provider = Provider()
    try:
        tree = copy_tree("valid")
        for root in ROOTS:
            check_valid(tree, root, provider)
        tree = copy_tree("mocked")
        # Mocked providers know no ephemeral resources.
        os.remove(os.path.join(tree, "modules/stores/passwords.tf"))
        for root in ENVIRONMENTS:
            name = os.path.basename(root)
            os.mkdir(os.path.join(tree, root, "tests"))
            shutil.copy(os.path.join(HERE, "environments", name + ".tftest.hcl"), os.path.join(tree, root, "tests"))
        for root in ["bootstrap", *MODULES, *ENVIRONMENTS]:
            check_tests(tree, root, provider)
    finally:
        stop(provider.process)


def check_lock_files():
    tree = copy_tree("locked")
    for root in ["bootstrap", *ENVIRONMENTS]:
        result = run(tool("TERRAFORM"), "init", "-no-color", "-backend=false", "-lockfile=readonly", "-plugin-dir", tool("PLUGINS"),
                     cwd=os.path.join(tree, root), env=clean_environment())
        Tap.ok(result.status == 0, "%s: the lock file fits the provider, and init adds nothing to it" % root, result.text)


def init(tree, root, provider):
    return run(tool("TERRAFORM"), "init", "-no-color", "-backend=false", cwd=os.path.join(tree, root), env=provider.environment())


def check_valid(tree, root, provider):
    result = init(tree, root, provider)
    if result.status == 0:
        result = run(tool("TERRAFORM"), "validate", "-no-color", cwd=os.path.join(tree, root), env=provider.environment())
    held = result.status == 0 and "Warning" not in result.text
    Tap.ok(held, "%s: terraform validate, without warnings" % root, result.text)


def check_tests(tree, root, provider):
    result = init(tree, root, provider)
    if result.status == 0:
        result = run(tool("TERRAFORM"), "test", "-no-color", cwd=os.path.join(tree, root), env=provider.environment(), seconds=1000)
    runs = re.findall(r'^  run "([^"]+)"\.\.\. (\w+)$', result.text, re.MULTILINE)
    for name, outcome in runs:
        Tap.ok(outcome == "pass", "%s: %s" % (root, name.replace("_", " ")), result.text if outcome == "fail" else outcome)
    good = result.status == 0 and len(runs) > 0
    Tap.ok(good, "%s: terraform test ran %d runs to their end" % (root, len(runs)), result.text)
