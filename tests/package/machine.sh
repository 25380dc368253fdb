# The machine that the packages are installed on: an overlay over a small Debian, booted by systemd-nspawn with systemd as its first
# process where that is possible, else entered by chroot. Sourced by run. What happens in it stays in $work/machine.
# shellcheck shell=bash

machine=
nspawn=
booted=

# machine_mount ROOT
machine_mount() {
    mkdir -p "$work/machine" "$work/changes" "$work/overlay"
    mount -t overlay -o "lowerdir=$1,upperdir=$work/changes,workdir=$work/overlay" overlay "$work/machine" || return 1
    machine=$work/machine
}

# Without a boot: what scripts of packages expect to be there.
machine_enter() {
    mount -t proc proc "$machine/proc" && mount -t devtmpfs devtmpfs "$machine/dev" && mount -t tmpfs tmpfs "$machine/run"
}

# The container's first process: nspawn's child, but not the helper that is there before it, whose processes are ours still.
machine_first() {
    local pid space
    for pid in $(pgrep -P "$nspawn"); do
        space=$(readlink "/proc/$pid/ns/pid") || continue
        [ "$space" = "$(readlink /proc/self/ns/pid)" ] || { echo "$pid" && return; }
    done
    return 1
}

# inside COMMAND...: as root in the machine, with nothing of our environment.
inside() {
    local enter=(chroot "$machine") first
    if [ -n "$booted" ]; then
        first=$(machine_first) || return 1
        enter=(nsenter --target "$first" --all --)
    fi
    "${enter[@]}" env -C /root -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive SYSTEMD_PAGER= SYSTEMD_COLORS=0 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" </dev/null
}

# inside_sh SCRIPT [ARGS...]
inside_sh() { inside bash -euo pipefail -c "$1" bash "${@:2}"; }

machine_settled() { [ "$(inside systemctl is-system-running 2>/dev/null)" = running ]; }

# machine_boot: sets `booted`; says why not in $work/boot.log.
machine_boot() {
    command -v systemd-nspawn >/dev/null || { echo "systemd-nspawn is missing" >"$work/boot.log" && return 1; }
    # Neither the host's systemd nor its machined is asked for anything: there may be none.
    systemd-nspawn --quiet --directory="$machine" --machine="trivet-$$" --boot --private-network --register=no --keep-unit \
        --console=pipe </dev/null >"$work/boot.log" 2>&1 &
    nspawn=$!
    booted=yes
    # One that ended will not settle any more.
    wait_for 300 eval 'machine_settled || machine_is_off'
    machine_settled || {
        inside systemctl --failed >>"$work/boot.log" 2>&1 || true
        machine_halt
        return 1
    }
}

# Whoever runs nspawn with --keep-unit starts it again when it ends with 133: the machine asked for that.
machine_reboot() {
    local status=0
    # The way in is gone before it could say so.
    inside systemctl reboot >"$work/reboot.log" 2>&1 || true
    wait_for 300 machine_is_off || return 1
    wait "$nspawn" || status=$?
    [ "$status" = 133 ] || { echo "nspawn ended with $status" && return 1; }
    machine_boot
}
# shellcheck disable=SC2317,SC2329  # called by wait_for
machine_is_off() { ! kill -0 "$nspawn" 2>/dev/null; }

machine_halt() {
    booted=
    [ -n "$nspawn" ] || return 0
    # The first asks the machine to power off, the second would insist.
    kill -TERM "$nspawn" 2>/dev/null || true
    wait_for 60 machine_is_off || kill -KILL "$nspawn" 2>/dev/null || true
    wait "$nspawn" 2>/dev/null || true
    nspawn=
}

machine_remove() {
    machine_halt
    [ -z "$machine" ] || umount --recursive "$machine" 2>/dev/null || umount --lazy "$machine" || true
    machine=
}
