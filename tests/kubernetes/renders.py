"""renders.py: every overlay renders to what was looked at and committed."""

import difflib

from harness import check, equal, test

import manifests


def _same_as_golden(overlay):
    with open(manifests.golden_path(overlay), encoding="utf-8") as file:
        golden = file.read().splitlines()
    difference = list(difflib.unified_diff(golden, manifests.render(overlay).splitlines(), "golden", "rendered", lineterm=""))
    check(not difference, "%s renders to something else; look, then tests/kubernetes/run --update\n%s"
          % (overlay, "\n".join(difference[:80])))


@test("dev renders to its golden file")
def dev(_):
    _same_as_golden("dev")


@test("staging renders to its golden file")
def staging(_):
    _same_as_golden("staging")


@test("production renders to its golden file")
def production(_):
    _same_as_golden("production")


@test("nothing that an overlay should have filled in is left")
def filled_in(_):
    for overlay in manifests.OVERLAYS:
        text = manifests.render(overlay)
        left = [line.strip() for line in text.splitlines() if "EXAMPLE" in line or "192.0.2." in line or "local-config" in line]
        check(not left, overlay + " has placeholders", left)
        equal([one["metadata"]["name"] for one in manifests.objects(overlay)
               if one["kind"] != "Namespace" and one["metadata"].get("namespace") != "trivet"], [], "objects outside the namespace")


@test("no secret is in any render")
def no_secrets(_):
    for overlay in manifests.OVERLAYS:
        equal([one["metadata"]["name"] for one in manifests.objects(overlay, "Secret")], [], "Secrets of " + overlay)
        found = [line.strip() for line in manifests.render(overlay).splitlines() if "://" in line and "@" in line]
        check(not found, overlay + " holds an address with a password", found)
