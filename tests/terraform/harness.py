"""harness.py: what the parts share: saying what held, running commands with an end, copies of terraform/ that may be changed, and
ending what was started. It knows nothing of what the parts check."""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import threading

SRC = os.environ["TRIVET_SRC"]
SCRATCH = os.environ["TRIVET_TMP"]
TREE = os.path.join(SRC, "terraform")
HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ["modules/vpc", "modules/eks", "modules/stores", "modules/delivery"]
ENVIRONMENTS = ["environments/dev", "environments/staging", "environments/production"]
ROOTS = ["bootstrap", *MODULES, *ENVIRONMENTS]


def tool(name):
    return os.environ.get("TRIVET_TEST_" + name, "")


def why_not(name):
    """The last line that making a tool left behind."""
    try:
        with open(os.path.join(SCRATCH, name + ".reason"), encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if line.strip()]
    except OSError:
        lines = []
    return lines[-1] if lines else "it could not be made"


class Tap:
    """Counts and prints; parts say it from several threads."""

    lock = threading.Lock()
    passed = failed = skipped = 0

    @classmethod
    def ok(cls, held, what, detail=""):
        with cls.lock:
            if held:
                cls.passed += 1
            else:
                cls.failed += 1
                for line in str(detail).rstrip().splitlines()[-60:]:
                    print("# " + line)
            print("%sok %d - %s" % ("" if held else "not ", cls.passed + cls.failed + cls.skipped, what), flush=True)
        return held

    @classmethod
    def skip(cls, what, why):
        with cls.lock:
            cls.skipped += 1
            print("ok %d - %s # SKIP %s" % (cls.passed + cls.failed + cls.skipped, what, why), flush=True)


def note(text):
    with Tap.lock:
        print("# " + text, flush=True)


_running = set()
_stopping = threading.Event()


def start(command, **options):
    """A process of its own session, ended with everything it started when we end."""
    if _stopping.is_set():
        raise RuntimeError("we are about to end")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    _running.add(process)
    return process


def stop(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    _running.discard(process)


@atexit.register
def stop_all():
    _stopping.set()
    for process in list(_running):
        stop(process)


class Result:
    def __init__(self, status, text):
        self.status, self.text = status, text


def run(*command, cwd=SRC, env=None, seconds=1000):
    """What a command printed (both streams) and how it ended; None where it did not end in time."""
    process = start(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        text, _ = process.communicate(timeout=seconds)
        return Result(process.returncode, text.decode("utf-8", "replace"))
    except subprocess.TimeoutExpired:
        return Result(None, "%s: no end after %d s" % (command[0], seconds))
    finally:
        stop(process)


def clean_environment(**more):
    """Ours without what would lead terraform to an account, a configuration, or arguments of the caller's."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_", "TRIVET_"))}
    env.update(CHECKPOINT_DISABLE="1", TF_CLI_CONFIG_FILE=os.devnull, TF_IN_AUTOMATION="1", TF_INPUT="0",
               AWS_EC2_METADATA_DISABLED="true", **more)
    return env


def copy_tree(name):
    """terraform/ as the repository has it, without what a person's own runs left there."""
    target = os.path.join(SCRATCH, name)
    shutil.copytree(TREE, target, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*", "terraform.tfvars", "backend.hcl"))
    return target
