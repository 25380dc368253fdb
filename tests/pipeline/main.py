"""main.py: runs the suite's parts in turn and counts. The parts say what is right. Arguments: names of parts."""

import sys
import threading

import checks_form
import checks_junit
import checks_real
import checks_runner
import checks_scripts
import checks_way
from tap import Tap

PARTS = {"form": checks_form.check, "junit": checks_junit.check, "runner": checks_runner.check, "scripts": checks_scripts.check,
         "way": checks_way.check, "real": checks_real.check}


def main(names):
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit("no such part: %s (there are: %s)" % (" ".join(unknown), " ".join(PARTS)))
    names = names or list(PARTS)
    # The linter takes longest and asks nothing of the rest: it runs beside the other parts.
    linter = checks_form.Linter()
    background = threading.Thread(target=linter.run)
    if "form" in names:
        background.start()
    for name in names:
        Tap.part(name, PARTS[name])
    if "form" in names:
        background.join()
        Tap.part("linter", linter.check)
    return Tap.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
