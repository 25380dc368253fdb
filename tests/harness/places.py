"""places.py: where things lie and who servers run as. Reads the environment; makes nothing but the scratch directory.

TRIVET_SRC: the checkout (this one). TRIVET_BIN: the binaries to test (the build that ./dev test makes). TRIVET_BUILD: that build's
directory, where a test may leave what people look at. TRIVET_TMP: a short scratch directory that the servers' user can enter (a new
one in /tmp, removed at the end).
"""

import os
import shutil
import tempfile

SRC = os.environ.get("TRIVET_SRC") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BIN = os.environ.get("TRIVET_BIN") or os.path.join(SRC, "build/asan/install/bin")
BUILD = os.environ.get("TRIVET_BUILD") or os.path.join(SRC, "build/asan")

ROOT = os.geteuid() == 0
# Whom stores, pools and nginx's workers run as when we are root; devtools/common.sh says the same.
SERVER_USER = "www-data"

# Servers live in sbin, which is not in every user's PATH.
os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"


class Scratch:
    """A directory for one run. Kept when something failed and nobody else (./dev test) looks after it."""

    def __init__(self, name):
        base = os.environ.get("TRIVET_TMP")
        self.own = base is None
        self.path = tempfile.mkdtemp(prefix=name + ".", dir=base or "/tmp")
        os.chmod(self.path, 0o755)

    def directory(self, *parts, servers=False):
        """Makes a directory below; servers: only the servers' user may enter."""
        path = os.path.join(self.path, *parts)
        os.makedirs(path, exist_ok=True)
        if servers:
            if ROOT:
                shutil.chown(path, SERVER_USER, SERVER_USER)
            os.chmod(path, 0o750)
        return path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
