"""checks_lint.py: what other people's rules say about terraform/: tflint's and checkov's. Exceptions stand in the HCL, each with its
reason."""

import json
import os
import re

from harness import ROOTS, TREE, Tap, clean_environment, copy_tree, run, tool, why_not


def check():
    check_tflint()
    check_checkov()


def check_tflint():
    if not tool("TFLINT"):
        Tap.skip("tflint", "it could not be made: " + why_not("tflint"))
        return
    program = os.path.join(tool("TFLINT"), "tflint")
    tree = copy_tree("linted")
    config = os.path.join(tree, ".tflint.hcl")
    env = clean_environment()
    if tool("TFLINT_AWS"):
        with open(config, "a", encoding="utf-8") as file:
            file.write('\nplugin "aws" {\n  enabled = true\n}\n')
        env["TFLINT_PLUGIN_DIR"] = tool("TFLINT_AWS")
    for root in ROOTS:
        result = run(program, "--config", config, "--chdir", os.path.join(tree, root), "--no-color", env=env)
        Tap.ok(result.status == 0, "%s: tflint" % root, result.text)
    # A linter that finds nothing anywhere would pass, too.
    with open(os.path.join(tree, "bootstrap", "broken.tf"), "w", encoding="utf-8") as file:
        file.write('variable "unused" {}\n')
    result = run(program, "--config", config, "--chdir", os.path.join(tree, "bootstrap"), "--no-color", env=env)
    Tap.ok(result.status == 2 and "terraform_unused_declarations" in result.text, "tflint finds what is wrong", result.text)
    if not tool("TFLINT_AWS"):
        Tap.skip("tflint's rules for AWS (names of instance types and the like)", "tflint-ruleset-aws is not installed, and not to be had as a Go module")


def checkov(directory):
    # Its own quick exit code: 0, or 1 with findings. --skip-download keeps it from asking its makers for anything.
    result = run(os.path.join(tool("CHECKOV"), "bin/checkov"), "--directory", directory, "--framework", "terraform", "--skip-download",
                 "--compact", "--quiet", "--output", "json", env=clean_environment(LOG_LEVEL="ERROR"))
    begin = re.search(r"^[{[]$", result.text, re.MULTILINE)
    try:
        report = json.JSONDecoder().raw_decode(result.text, begin.start())[0] if begin else None
    except ValueError:
        report = None
    return result, report[0] if isinstance(report, list) else report


def check_checkov():
    if not tool("CHECKOV"):
        Tap.skip("checkov", "it could not be made: " + why_not("checkov"))
        return
    result, report = checkov(copy_tree("checked"))
    if not Tap.ok(report is not None and "results" in report, "checkov runs", result.text):
        return
    findings = ["%s %s: %s (%s)" % (one["check_id"], one["check_name"], one["resource"], one["file_path"]) for one in report["results"]["failed_checks"]]
    Tap.ok(not findings, "checkov: %d checks passed, none failed" % report["summary"]["passed"], "\n".join(findings))
    Tap.ok(report["summary"]["passed"] > 100 and report["summary"]["parsing_errors"] == 0, "checkov read all of it", report["summary"])
    check_reasons()


def check_reasons():
    bare = []
    for place, _, files in os.walk(TREE):
        for name in files:
            if name.endswith(".tf"):
                with open(os.path.join(place, name), encoding="utf-8") as file:
                    bare += ["%s: %s" % (name, line.strip()) for line in file
                             if "checkov:skip" in line and len(line.split(":", 2)[-1].strip()) < 10]
    Tap.ok(not bare, "every exception from checkov has its reason", "\n".join(bare))
