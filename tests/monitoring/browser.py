"""browser.py: a headless Chromium that draws one page: its document after the scripts ran, and its picture. Each run has a profile
of its own, an end in time, and leaves no process behind. The page may not reach anything but itself."""

import contextlib
import os
import shutil
import signal

from harness.places import ROOT, SERVER_USER
from harness.process import Server
from harness.wait import until
from tools import read, write

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage", "--disable-breakpad",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--no-first-run",
         "--no-default-browser-check", "--password-store=basic", "--lang=en-US", "--force-device-scale-factor=1",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:1"]


def missing():
    return shutil.which("chromium") is None


def users(directory):
    """Processes that name the directory on their command lines: those of a browser whose profile lies there, whatever became of
    their parents."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % name, "rb") as file:
                if os.fsencode(directory) in file.read():
                    found.append(int(name))
        except OSError:
            continue
    return found


def leave_nothing(directory):
    """Helpers end a moment after the browser. Those that do not are ended, and it is said."""
    try:
        until(lambda: not users(directory), "all of chromium has ended")
    finally:
        for pid in users(directory):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def draw(directory, html, width, height):
    """The document as the browser has it in the end, and the picture's bytes. directory: a new one, which becomes the browser's."""
    shutil.rmtree(directory, ignore_errors=True)  # of a drawing that failed
    os.makedirs(directory)
    page, picture, dump, log = (os.path.join(directory, name) for name in ("page.html", "page.png", "page.dom", "chromium.log"))
    write(page, html)
    if ROOT:
        shutil.chown(directory, SERVER_USER, SERVER_USER)
    # The document goes to a file of its own: what Chromium misses on a machine without a desktop stands in the log. The shell's part
    # ends with exec.
    server = Server(["sh", "-c", 'out=$1; shift; exec "$@" >"$out"', "sh", dump, "chromium", *FLAGS,
                     "--window-size=%d,%d" % (width, height), "--user-data-dir=" + os.path.join(directory, "profile"),
                     "--screenshot=" + picture, "--dump-dom", "file://" + page], os.path.join(directory, "chromium.pid"), log,
                    {"PATH": os.environ["PATH"], "HOME": directory, "TMPDIR": directory, "LC_ALL": "C.UTF-8"})
    try:
        status = server.wait(300)  # the first of a machine reads 400 MB
    finally:
        server.kill()
    if status != 0 or not os.path.exists(picture):
        raise AssertionError("chromium ended with %d: %s" % (status, read(log)[-1500:]))
    leave_nothing(directory)
    with open(picture, "rb") as file:
        return read(dump), file.read()
