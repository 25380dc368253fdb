"""main.py: starts the backend and one nginx that most parts share, runs the parts, counts. The parts say what is right."""

import os
import shutil
import sys
import tempfile
import traceback

import checks_errors
import checks_kept
import checks_limits
import checks_log
import checks_render
import checks_routes
from backend import Backend
from harness import AS_US, SRC, Nginx, Tap, note

PARTS = {"routes": checks_routes, "errors": checks_errors, "limits": checks_limits, "log": checks_log,
         "kept": checks_kept, "render": checks_render}


def main(names):
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit("no such part: %s (there are: %s)" % (" ".join(unknown), " ".join(PARTS)))
    scratch = tempfile.mkdtemp(prefix="nginx-", dir=os.environ["TRIVET_TMP"])
    os.chmod(scratch, 0o755)
    run = os.path.join(scratch, "run")
    os.mkdir(run)
    backend = Backend(run)
    # One nginx process, so that "which connection comes next" has one answer; and its log in full.
    nginx = Nginx(scratch, run, ["--workers", "1", "--log-level", "info", *AS_US])
    try:
        nginx.start()
    except RuntimeError as error:
        print("Bail out! %s\n0 passed, 1 failed" % error)
        return 1
    note("checkout %s, scratch %s" % (SRC, scratch))
    try:
        for name in names or PARTS:
            note("part: " + name)
            try:
                PARTS[name].check(nginx, backend)
            except Exception:
                Tap.ok(False, "part %s runs to its end" % name, traceback.format_exc())
    finally:
        nginx.stop()
        backend.stop()
    if Tap.failed:
        note("left for a look: " + scratch)
    else:
        shutil.rmtree(scratch)
    print("1..%d" % (Tap.passed + Tap.failed))
    print("%d passed, %d failed" % (Tap.passed, Tap.failed))
    return 1 if Tap.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
