#!/usr/bin/env python3
"""image: judges one image by its files (docker export) and its settings (docker image inspect). TAP lines on standard output.

usage: image.py ROOT INSPECT NAME LIMIT-MIB PROGRAM...    ROOT: the unpacked export; PROGRAM: the path of each program to expect
       image.py --digest TAR                              one line a file with all that is said of it, to be compared"""

import hashlib
import json
import os
import re
import ssl
import stat
import subprocess
import sys
import tarfile

# What docker itself puts into an export.
DOCKERS = re.compile(r"^(\.dockerenv|dev|proc|sys|etc/(hosts|hostname|resolv\.conf|mtab))(/|$)")
NOT_WANTED = re.compile(r"/(sh|bash|dash|ash|zsh|busybox|env|apt[a-z-]*|dpkg[a-z-]*|perl[0-9.]*|python[0-9.]*|curl|wget|su|sudo|mount|"
                        r"ld|gcc|objdump|nc|ssh|openssl|[a-z-]*\.(h|a|la|pc|debug))$")
OWN = ("trivet-", "libtrivet")
failed = 0


def check(what, wrong):
    global failed
    wrong = list(wrong)
    for line in wrong[:20]:
        print("# %s" % line)
    print("%s - %s: %s" % ("not ok" if wrong else "ok", NAME, what))
    failed += bool(wrong)


def digest(path):
    with tarfile.open(path) as tar:
        for member in sorted(tar, key=lambda entry: entry.name):
            if DOCKERS.match(member.name):
                continue
            content = hashlib.sha256(tar.extractfile(member).read()).hexdigest() if member.isfile() else member.linkname
            # Docker puts files of its own into /etc of every container.
            mtime = "-" if member.name == "etc" else int(member.mtime)
            print(member.name, oct(member.mode), member.uid, member.gid, mtime, member.type.decode(), content)


def walk(root):
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            full = os.path.join(folder, name)
            inside = full[len(root):]
            if not DOCKERS.match(inside[1:]):
                yield inside, full, os.lstat(full)


def readelf(*arguments):
    return subprocess.run(["readelf", "-W", *arguments], capture_output=True, text=True, check=True).stdout


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def soft(path):
    """What of the usual hardening a program or library of ours does not have."""
    header, segments, dynamic = readelf("-h", path), readelf("-l", path), readelf("-d", path)
    symbols = readelf("--dyn-syms", path)
    if "DYN" not in header:
        yield "%s is not position independent" % path
    if "GNU_RELRO" not in segments:
        yield "%s: relocations stay writable" % path
    if not re.search(r"BIND_NOW|\bNOW\b", dynamic):
        yield "%s: relocations stay writable for lazy binding" % path
    if re.search(r"GNU_STACK.* RWE", segments):
        yield "%s has an executable stack" % path
    if "__stack_chk_fail" not in symbols:
        yield "%s has no stack protector" % path
    # The compiler leaves out checks that it can prove, and a program may have nothing to check.
    if not re.search(r" __(?!stack)\w+_chk@", symbols) and re.search(r" (v?s?n?printf|v?fprintf|strcpy|strcat|memcpy|read)@", symbols):
        yield "%s was not compiled with FORTIFY" % path
    if re.search(r"\bR(UN)?PATH\b", dynamic):
        yield "%s has a search path of its own" % path
    if re.search(r"\.debug_info", readelf("-S", path)):
        yield "%s carries its debug symbols" % path
    if "NT_GNU_BUILD_ID" not in readelf("-n", path):
        yield "%s has no build id to find its symbols by" % path


def missing(root, path):
    """What the image's own loader does not find for a program or a library."""
    loader = [name for name in os.listdir(root + "/usr/lib64") if name.startswith("ld-linux")][0]
    found = subprocess.run(["chroot", root, "/usr/lib64/" + loader, "--list", path], capture_output=True, text=True, check=False)
    if found.returncode or "not found" in found.stdout:
        yield "%s: %s%s" % (path, found.stdout, found.stderr)


def sbom_wrong(root, name):
    with open("%s/usr/share/sbom/%s.spdx.json" % (root, name), encoding="utf-8") as file:
        document = json.load(file)
    listed = {package["name"]: package["versionInfo"] for package in document["packages"]}
    recorded = {}
    for record in os.listdir(root + "/var/lib/dpkg/status.d"):
        with open(os.path.join(root, "var/lib/dpkg/status.d", record), encoding="utf-8") as file:
            fields = dict(line.split(": ", 1) for line in file.read().splitlines() if re.match(r"[A-Z][\w-]*: ", line))
        recorded[fields["Package"]] = fields["Version"]
        if not os.path.exists("%s/usr/share/doc/%s/copyright" % (root, record)):
            yield "%s has no licence in the image" % record
    if listed != {**recorded, name: listed.get(name)}:
        yield "SBOM and dpkg's records differ: %s" % (set(listed.items()) ^ set(recorded.items()))
    if "libc6" not in recorded or "libssl3t64" not in recorded:
        yield "libc6 or libssl3t64 is not recorded: %s" % sorted(recorded)


def main():
    root, limit, programs = sys.argv[1].rstrip("/"), int(sys.argv[4]), sys.argv[5:]
    with open(sys.argv[2], encoding="utf-8") as file:
        config = json.load(file)[0]["Config"]
    entries = list(walk(root))
    user, _, group = config["User"].partition(":")
    size = sum(info.st_size for _, _, info in entries if stat.S_ISREG(info.st_mode))
    elves = [(inside, full) for inside, full, info in entries if stat.S_ISREG(info.st_mode) and is_elf(full)]

    print("# %s: %.1f MiB in %d files" % (NAME, size / 1048576, len(entries)))
    check("at most %d MiB (it has %.1f)" % (limit, size / 1048576), ["too large"] if size > limit * 1048576 else [])
    check("its programs are there", [path for path in programs if not os.access(root + path, os.X_OK)])
    check("nothing that is not needed: no shell, no package manager, no tools, no symbols",
          [inside for inside, _, info in entries if NOT_WANTED.search(inside) and not stat.S_ISDIR(info.st_mode)
           and not inside.startswith("/var/lib/dpkg/status.d/")])
    check("nothing setuid or setgid but the sockets' directory",
          ["%s %o" % (inside, info.st_mode) for inside, _, info in entries
           if not stat.S_ISLNK(info.st_mode) and info.st_mode & 0o6000 and inside != "/run/trivet"])
    check("nothing that its user could write to but the two places where volumes are mounted",
          ["%s %o %d" % (inside, info.st_mode, info.st_uid) for inside, _, info in entries if not stat.S_ISLNK(info.st_mode)
           and inside not in ("/tmp", "/run/trivet")
           and (info.st_mode & 0o002 or info.st_uid or info.st_gid)])
    check("no file has extended attributes", [inside for inside, full, _ in entries if os.listxattr(full, follow_symlinks=False)])
    run = os.lstat(root + "/run/trivet")
    check("the sockets' directory belongs to 10001 and its group, which new sockets inherit",
          [] if (run.st_uid, run.st_gid, stat.S_IMODE(run.st_mode)) == (10001, 10001, 0o2770) else [str(run)])
    check("no link leads nowhere", [inside for inside, full, info in entries if stat.S_ISLNK(info.st_mode)
                                     and not os.path.lexists(root + "/" + os.path.normpath(os.path.join(os.path.dirname(inside), os.readlink(full))))])
    check("the loader finds every library of %d programs and libraries, those opened at run time too" % len(elves),
          [line for inside, _ in elves for line in missing(root, inside)])
    own = [full for inside, full in elves if os.path.basename(inside).startswith(OWN) or inside.endswith(("/nginx", "/spawn-fcgi"))]
    check("%d programs and libraries to look at: PIE, RELRO, no lazy binding, stack protector, FORTIFY" % len(own),
          [path for path in programs if root + path not in own])
    for full in own:
        # Debian builds spawn-fcgi with lazy binding; it is the worker a moment after it was started.
        accepted = "lazy binding" if full.endswith("/spawn-fcgi") else None
        check("hardening of %s" % full[len(root):], [line for line in soft(full) if not (accepted and accepted in line)])
    check("user and group are numbers, not root's", [] if user.isdigit() and group.isdigit() and int(user) and int(group) else [config["User"]])
    check("started without a shell", [str(config["Entrypoint"])] if not config["Entrypoint"] or config.get("Shell") or
          not os.access(root + config["Entrypoint"][0], os.X_OK) else [])
    health = config.get("Healthcheck", {}).get("Test", [])
    check("health check without a shell", [] if health[:1] == ["CMD"] and os.access(root + health[1], os.X_OK) else [str(health)])
    check("stops by a signal that drains", [] if config.get("StopSignal") == ("SIGQUIT" if NAME == "trivet-nginx" else "SIGTERM")
          else [str(config.get("StopSignal"))])
    labels = config["Labels"] or {}
    check("labels say what it is", [name for name in ("title", "description", "version", "revision", "created", "base.name")
                                    if not labels.get("org.opencontainers.image." + name)])
    check("no secret and no path of a build in its environment", [entry for entry in config["Env"] if not entry.startswith("PATH=")])
    check("SBOM, dpkg's records and licences agree", sbom_wrong(root, NAME))
    if NAME == "trivet-nginx":
        with open(root + "/etc/trivet/nginx.conf", encoding="utf-8") as file:
            listens = re.findall(r"^\s*listen\s+(\S+);", file.read(), re.M)
        said = config["Entrypoint"][1:config["Entrypoint"].index("--")]
        check("trivet-front opens the sockets that nginx listens on: %s" % " ".join(said), [] if said and said == listens else [str(listens)])
    if NAME == "trivet-app":
        try:
            count = len(ssl.create_default_context(cafile=root + os.readlink(root + "/usr/lib/ssl/cert.pem")).get_ca_certs())
        except ssl.SSLError as error:
            count = 0
            print("# %s" % error)
        check("%d certificate authorities" % count, [] if count > 100 else ["too few"])
        check("time zones", [zone for zone in ("Europe/Berlin", "America/New_York", "UTC")
                             if not os.path.exists(root + "/usr/share/zoneinfo/" + zone)])
        plugins = {os.path.basename(inside) for inside, _ in elves if "/plugin/" in inside}
        check("MySQL's ways to log in: %s" % " ".join(sorted(plugins)),
              {"caching_sha2_password.so", "sha256_password.so", "mysql_clear_password.so"} - plugins)
    return failed != 0


if sys.argv[1] == "--digest":
    digest(sys.argv[2])
else:
    NAME = sys.argv[3]
    sys.exit(main())
