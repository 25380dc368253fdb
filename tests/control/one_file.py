"""one_file.py: all programs read the same trivet.conf, so what one of them knows no other may take for a mistake."""

import os
import subprocess

from harness import check, test
from harness.places import BIN

PROGRAMS = ("sql", "doc", "kv", "ops", "hello", "push")


def asked(program, *words):
    # What is in our environment is not what the file is about.
    return subprocess.run([os.path.join(BIN, "trivet-" + program), *words], env={"PATH": os.environ["PATH"], "TRIVET_CONFIG": "/dev/null"},
                          capture_output=True, text=True, check=False)


@test("what a program prints as its configuration, every option of it, is right for all programs")
def every_option(stage):
    for program in PROGRAMS:
        printed = asked(program, "--print-config")
        check(printed.returncode == 0 and "[watch]" in printed.stdout, "trivet-%s prints it" % program, printed)
        path = os.path.join(stage.scratch.path, program + ".conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(printed.stdout)
        for reader in PROGRAMS:
            read = asked(reader, "--config", path, "--check")
            check(read.returncode == 0, "trivet-%s takes what trivet-%s prints" % (reader, program), read)
