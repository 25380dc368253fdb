# A small Debian of this release, with systemd, that a suite boots or enters: a machine on which nothing of ours was ever installed.
# Sourced after common.sh and roots.sh. It writes below cache_dir only; whoever boots it does so on a copy or an overlay.
# shellcheck shell=bash

# The release to bootstrap: this system's own, or the one that TRIVET_TEST_RELEASE names.
machine_release() {
    printf '%s\n' "${TRIVET_TEST_RELEASE:-$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)}"
}

# What every such machine has, whatever is to be installed on it: an init, a web server, a store, the tools of a sysadmin.
machine_packages=(systemd systemd-sysv dbus adduser procps nginx redis-server curl ca-certificates)

build_machine_root() {
    local dir=$1 release=$2
    shift 2
    debootstrap --variant=minbase --include="$(IFS=, && printf '%s' "$*")" "$release" "$dir" "$(debian_mirror)"
    rm -rf "$dir"/var/cache/apt/*.bin "$dir"/var/cache/apt/archives/*.deb "$dir"/var/lib/apt/lists/*
    # Empty, not missing: an id is made at the boot, and nobody is asked anything, as at a very first one.
    : >"$dir/etc/machine-id"
    printf 'machine\n' >"$dir/etc/hostname"
    printf '127.0.0.1 localhost machine\n' >"$dir/etc/hosts"
}

# machine_root PACKAGE...: prints the directory of a root that has these, and machine_packages, installed.
machine_root() {
    local release packages
    release=$(machine_release)
    mapfile -t packages < <(printf '%s\n' "${machine_packages[@]}" "$@" | sort -u)
    CACHED_FROM=machine.sh cached "machine-$release" "${packages[*]}" build_machine_root "$release" "${packages[@]}"
}
