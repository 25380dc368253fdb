"""store.py: private instances of the real stores, through devtools/store, which knows how each is started and stopped."""

import concurrent.futures
import os
import re
import subprocess

from .places import SRC

# What the pools call a store, and what devtools/store calls it. mysql is chosen by the suite.
KINDS = {"mysql": "mariadb", "mongo": "mongo", "redis": "redis"}


def _devtools(*words, check=True, **more):
    done = subprocess.run([os.path.join(SRC, "devtools/store"), *words], stdin=more.pop("stdin", subprocess.DEVNULL),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, **more)
    if check and done.returncode != 0:
        raise RuntimeError("devtools/store %s ended with %d: %s" % (" ".join(words), done.returncode, done.stderr[-2000:]))
    return done


class Store:
    """One store in a directory of its own. It keeps its data and its address over stop and start."""

    def __init__(self, name, kind, directory, arguments=()):
        self.name, self.kind, self.directory, self.arguments = name, kind, directory, arguments
        self.url = None

    def start(self, sample=False):
        try:
            _devtools("start", self.kind, self.directory, *self.arguments)
        except RuntimeError as error:
            error.add_note("".join(self._complaints()))
            raise
        with open(os.path.join(self.directory, "url"), encoding="ascii") as file:
            self.url = file.read().strip()
        if sample:
            _devtools("sample", self.directory)
        return self

    def _complaints(self):
        try:
            with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as file:
                return [line for line in file if re.search("error|fail|cannot", line, re.IGNORECASE)][-20:]
        except OSError:
            return []

    def stop(self):
        """Ends it in order; then connecting is refused."""
        _devtools("stop", self.directory)

    def kill(self):
        """Ends it as a crash would."""
        _devtools("kill", self.directory)

    def pause(self):
        """SIGSTOP: the kernel still takes connections and bytes, nothing answers."""
        _devtools("pause", self.directory)

    def resume(self):
        _devtools("resume", self.directory)

    def sample(self):
        """The sample data once more (Redis: after a test that emptied it)."""
        with open(os.path.join(SRC, "devtools/sample/shop.redis"), encoding="utf-8") as file:
            self.admin(text=file.read())

    def socket_path(self):
        """Every store has one, whatever its URL names."""
        with open(os.path.join(self.directory, "socket"), encoding="utf-8") as file:
            return file.read().strip()

    def state(self):
        """running, paused or stopped."""
        return _devtools("status", self.directory).stdout.strip()

    def remove(self):
        _devtools("remove", self.directory, check=False)

    def admin(self, *words, text=None):
        """The store's own client, as its administrator. What it printed."""
        done = subprocess.run([os.path.join(SRC, "devtools/store"), "admin", self.directory, *words], input=text or "",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError("%s: %s" % (self.name, done.stderr[-2000:]))
        return done.stdout

    def sql(self, statement, database="shop"):
        """Rows of a statement (MySQL): a list of lists of text."""
        printed = self.admin(database, "--batch", "--raw", "--skip-column-names", text=statement)
        return [line.split("\t") for line in printed.splitlines()]

    def redis(self, *words):
        """Lines that redis-cli prints for a command."""
        return self.admin(*words).splitlines()

    def version(self):
        if self.name == "mysql":
            return self.sql("SELECT VERSION()")[0][0]
        if self.name == "redis":
            return re.search(r"redis_version:(\S+)", self.admin("INFO", "server")).group(1)
        return self.kind


def stores_of(pools):
    """The stores that these pools need."""
    return [name for name, pool in (("mysql", "sql"), ("mongo", "doc"), ("redis", "kv")) if pool in pools]


class Stores:
    """The stores of a suite, started side by side, with the sample shop loaded; removed at the end of the block."""

    def __init__(self, scratch, names, mysql="mariadb", arguments=None):
        kinds = {**KINDS, "mysql": mysql}
        self.all = {name: Store(name, kinds[name], os.path.join(scratch.path, name), (arguments or {}).get(name, ()))
                    for name in names}

    def __getitem__(self, name):
        return self.all[name]

    def __contains__(self, name):
        return name in self.all

    def __iter__(self):
        return iter(self.all.values())

    def __enter__(self):
        try:
            with concurrent.futures.ThreadPoolExecutor(3) as threads:
                list(threads.map(lambda store: store.start(sample=True), self))
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        with concurrent.futures.ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda store: store.remove(), self))

    def versions(self):
        return ", ".join("%s %s" % (store.name, store.version()) for store in self)

    def environment(self):
        return {"TRIVET_%s_URL" % store.name.upper(): store.url for store in self}
