"""libraries.py: installs the packages and runs each client's script; a line that says `not ok` is a failure."""

import fcntl
import hashlib
import os
import shutil
import subprocess

from harness import check, test

HERE = os.path.dirname(os.path.realpath(__file__))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "trivet")


def packages():
    """A directory with node_modules for this package.json; made once, under a name of its own until it is whole."""
    with open(os.path.join(HERE, "package.json"), "rb") as file:
        wanted = file.read()
    place = os.path.join(CACHE, "clients-" + hashlib.sha256(wanted).hexdigest()[:16])
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, "clients.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(place):
            fresh = place + ".new"
            # A registry that fails once may answer the next time.
            for _ in range(3):
                done = install(fresh)
                if done.returncode == 0:
                    break
            check(done.returncode == 0, "npm installs the client libraries", done.stderr)
            os.rename(fresh, place)
    return place


def install(fresh):
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(fresh)
    shutil.copy(os.path.join(HERE, "package.json"), fresh)
    return subprocess.run(["npm", "install", "--fetch-retries=5", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"],
                          cwd=fresh, capture_output=True, text=True, timeout=1200, check=False)


def run_client(world, script, environment):
    place = packages()
    # node looks for packages beside the script, so the script goes beside the packages
    copy = os.path.join(world.directory, script)
    for name in ("checks.mjs", script):
        shutil.copy(os.path.join(HERE, name), os.path.join(world.directory, name))
    modules = os.path.join(world.directory, "node_modules")
    if not os.path.islink(modules):
        os.symlink(os.path.join(place, "node_modules"), modules)
    done = subprocess.run(["node", copy], env={**os.environ, **environment}, capture_output=True, text=True, timeout=600,
                          check=False)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
    good = [line for line in done.stdout.splitlines() if line.startswith("ok")]
    check(done.returncode == 0 and good and not wrong, script, done.stdout + done.stderr)


@test("@supabase/postgrest-js reads, filters, inserts and gets PostgREST's errors", needs="sql")
def postgrest(world):
    run_client(world, "postgrest.mjs", {"TRIVET_URL": "http://127.0.0.1:%d" % world.front.port})


@test("@upstash/redis sets, gets, pipelines, runs transactions and gets Redis' errors", needs="kv")
def upstash(world):
    run_client(world, "upstash.mjs", {"TRIVET_URL": "http://127.0.0.1:%d" % world.front.port})


@test("mongodb-data-api finds and inserts", needs="doc")
def data_api(world):
    run_client(world, "data-api.mjs", {"TRIVET_URL": "http://127.0.0.1:%d" % world.front.port})
