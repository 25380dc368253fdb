"""podman.py: podman with a store and settings of its own, so that no podman of the machine is touched: containers, images, logs.
It knows nothing of what is played. Whatever it started ends with its block."""

import json
import os
import shutil

import tools

CONTAINERS_CONF = """
[containers]
seccomp_profile = "{root}/usr/share/containers/seccomp.json"
init_path = "{root}/usr/bin/catatonit"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
conmon_path = ["{root}/usr/bin/conmon"]
helper_binaries_dir = ["{root}/usr/libexec/podman", "{root}/usr/lib/podman"]
[engine.runtimes]
runc = ["{runc}"]
"""
STORAGE_CONF = """
[storage]
driver = "overlay"
graphroot = "{directory}/images"
runroot = "{directory}/run/storage"
"""


def require(mysql):
    """Everything that playing a pod needs: rights, podman, images, stores; mysql is the kind that stands behind /sql."""
    if os.geteuid() != 0:
        raise tools.Unavailable("podman plays pods as root here, and this is not root")
    if not shutil.which("ip") or not shutil.which("nsenter"):
        raise tools.Unavailable("ip or nsenter is missing")
    tools.podman_root()
    tools.root("trivet_images")
    tools.stores("mongo", "redis", *(["mysql97"] if mysql == "mysql97" else []))


class Podman:
    def __init__(self, directory):
        root = tools.podman_root()
        runc = next(path for path in (root + "/usr/sbin/runc", root + "/usr/bin/runc") if os.path.exists(path))
        self.directory = directory
        os.makedirs(directory + "/home/.config/containers")
        for name, text in (("containers.conf", CONTAINERS_CONF), ("storage.conf", STORAGE_CONF)):
            with open(os.path.join(directory, name), "w", encoding="ascii") as file:
                file.write(text.format(root=root, runc=runc, directory=directory))
        with open(directory + "/home/.config/containers/policy.json", "w", encoding="ascii") as file:
            file.write('{"default": [{"type": "insecureAcceptAnything"}]}\n')
        self._program = root + "/usr/bin/podman"
        self._environment = {
            "PATH": os.environ["PATH"], "HOME": directory + "/home", "TMPDIR": directory,
            "CONTAINERS_CONF": directory + "/containers.conf", "CONTAINERS_STORAGE_CONF": directory + "/storage.conf",
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}

    def __call__(self, *words, check=True, text=None, **more):
        return tools.run([self._program, "--tmpdir", self.directory + "/run/libpod", *words], text, check,
                         env=self._environment, **more)

    def load(self, archive):
        self("load", "-q", "-i", archive)

    def image(self, name):
        """What an image says of itself."""
        return json.loads(self("image", "inspect", name, stderr=None).stdout)[0]

    def look(self, container, check=True):
        """What podman knows of a container; None when there is none of that name."""
        done = self("container", "inspect", container, check=check, stderr=None)
        return json.loads(done.stdout)[0] if done.returncode == 0 else None

    def running(self, container):
        found = self.look(container, check=False)
        return bool(found) and found["State"]["Running"]

    def pid(self, container):
        return self.look(container)["State"]["Pid"]

    def log(self, container):
        return self("logs", container, check=False).stdout

    def exec(self, container, *words):
        """(status, what it printed) of a command in a container."""
        done = self("exec", container, *words, check=False)
        return done.returncode, done.stdout

    def close(self):
        self("pod", "rm", "--all", "--force", "--time", "0", check=False)
        self("rm", "--all", "--force", "--time", "0", check=False)
        # Its mounts are below the scratch directory, which is to be removed.
        with open("/proc/self/mounts", encoding="utf-8") as file:
            mounts = [line.split()[1] for line in file if line.split()[1].startswith(self.directory + "/")]
        for mount in sorted(mounts, reverse=True):
            tools.run(["umount", "-l", mount], check=False)
