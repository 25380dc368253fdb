# What every part of ./dev shares: where things lie, who they run as, how a step is shown, how a failure ends.
# Sourced, never run. It may define functions and set variables; it may not start or change anything.
# shellcheck shell=bash

TRIVET_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# Servers live in sbin, which is not in every user's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# The unprivileged user that every server runs as when we are root. It is on every Debian.
server_user=www-data

# Ends everything with one sentence: what is wrong, what to do.
die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

# as_root COMMAND...: for the package manager only.
as_root() {
    if is_root; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "'$1' needs root and there is no sudo; run this once as root, or install sudo and allow it for $(id -un)."
    fi
}

# as_server COMMAND...: run as the user that the servers run as.
as_server() {
    if is_root; then
        setpriv --reuid="$server_user" --regid="$server_user" --clear-groups "$@"
    else
        "$@"
    fi
}

# server_dir DIR...: create directories that only the servers (and root) may enter.
server_dir() {
    local dir
    for dir in "$@"; do
        mkdir -p "$dir" 2>/dev/null || die "$(id -un) cannot make $dir; set TRIVET_STATE to a directory that can be written."
        if is_root; then chown "$server_user:$server_user" "$dir"; fi
        chmod 0750 "$dir"
    done
}

# Whether the servers' user gets to a path, or will when it is made: a checkout below /root is closed to it.
server_reaches() {
    local path=$1
    while [ ! -e "$path" ]; do path=$(dirname "$path"); done
    (cd / && as_server test -x "$path")
}

short_hash() { sha256sum | cut -c1-12; }

# Where built and downloaded things are kept between runs, for all checkouts of this user.
cache_dir() {
    local dir=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/trivet
    if ! server_reaches "$dir" || ! mkdir -p "$dir" 2>/dev/null; then
        dir=/var/cache/trivet
        mkdir -p "$dir" 2>/dev/null || die "cannot create $dir; set XDG_CACHE_HOME to a directory that can be written."
    fi
    printf '%s\n' "$dir"
}

# Where ./dev keeps data, sockets, pids and logs of this checkout. When the servers' user cannot get to the place wanted, that
# place becomes a link to the one printed (state_prepare makes it).
state_wanted() { printf '%s\n' "${TRIVET_STATE:-$TRIVET_SRC/.trivet}"; }
state_dir() {
    local dir
    dir=$(realpath -m "$(state_wanted)")
    server_reaches "$dir" || dir=/var/lib/trivet-dev/$(printf '%s' "$dir" | short_hash)/state
    printf '%s\n' "$dir"
}

# runtime_dir DIR: DIR itself while a socket's path in it stays below the kernel's 108 bytes, else a short stand-in.
runtime_dir() {
    local dir=$1 base
    if [ ${#dir} -gt 72 ]; then
        base=${XDG_RUNTIME_DIR:-/tmp}
        # Root's runtime directory is closed to the servers' user.
        if is_root || [ ! -w "$base" ]; then base=/tmp; fi
        dir=$base/trivet-$(id -u)-$(printf '%s' "$1" | short_hash)
        server_dir "$dir"
        # Someone else may have made that name in /tmp first.
        [ "$(stat -c %U "$dir")" = "$(is_root && echo "$server_user" || id -un)" ] ||
            die "$dir belongs to someone else; remove it or set XDG_RUNTIME_DIR."
    fi
    printf '%s\n' "$dir"
}

# --- processes ---------------------------------------------------------------------------------------------------------

# When a process began, in clock ticks since boot: with the pid it names one process for good.
process_birth() {
    local stat
    { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # shellcheck disable=SC2086  # the fields after the command's name hold no spaces
    set -- ${stat##*) }
    [ "$1" != Z ] || return 1
    printf '%s\n' "${20}"
}

# running PIDFILE: whether the very process that wrote it still runs.
running() {
    local pid birth now
    { read -r pid <"$1" && read -r birth <"$1.birth"; } 2>/dev/null || return 1
    now=$(process_birth "$pid") || return 1
    [ "$now" = "$birth" ]
}

# launch PIDFILE LOG COMMAND...: start a server that outlives this shell, in a session of its own, as the servers' user
# (as root with LAUNCH_AS_ROOT=1: nginx changes its user itself).
launch() {
    local pidfile=$1 log=$2 waited=0 as=()
    shift 2
    if is_root && [ -z "${LAUNCH_AS_ROOT:-}" ]; then as=(setpriv --reuid="$server_user" --regid="$server_user" --clear-groups); fi
    rm -f "$pidfile" "$pidfile.birth"
    (
        cd /
        # The lock and whatever else the caller holds open are not the server's business.
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        # shellcheck disable=SC2016  # expanded by the inner shell, which becomes the server and so keeps pid and birth
        exec setsid bash -c 'stat=($(</proc/$$/stat)); echo "${stat[21]}" >"$1.birth"; echo $$ >"$1"; shift; exec "$@"' \
            bash "$pidfile" "${as[@]}" "$@"
    ) </dev/null >>"$log" 2>&1 &
    while [ ! -s "$pidfile" ] && [ "$waited" -lt 3000 ]; do
        sleep 0.02
        waited=$((waited + 1))
    done
}

# wait_until SECONDS PIDFILE COMMAND...: until the command succeeds; gives up early when the process is gone.
wait_until() {
    local deadline=$((SECONDS + $1)) pidfile=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        running "$pidfile" || return 1
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# tries COUNT COMMAND...: again when it fails, for what a network or a mirror that is being changed refuses now and gives next time.
# COMMAND is a condition in here, so errexit is off in it.
tries() {
    local left=$1
    shift
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 5
    done
}

# terminate PIDFILE [SIGNAL [SECONDS]]: ask, wait, and in the end insist.
terminate() {
    local pid signal=${2:-TERM} deadline=$((SECONDS + ${3:-20}))
    if running "$1"; then
        pid=$(<"$1")
        kill -s "$signal" "$pid" 2>/dev/null || true
        kill -s CONT "$pid" 2>/dev/null || true
        while running "$1" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
        if running "$1"; then kill -s KILL "$pid" 2>/dev/null || true; fi
        while running "$1"; do sleep 0.05; done
    fi
    if [ -s "$1" ]; then end_session "$(<"$1")"; fi
    rm -f "$1" "$1.birth"
}

# end_session PID: what a killed server left: every launched server leads a session, and its children stay in it.
end_session() {
    local file stat fields
    # A process of that number now is a stranger, and so is the session it may lead.
    if process_birth "$1" >/dev/null; then return; fi
    for file in /proc/[0-9]*/stat; do
        { IFS= read -r stat <"$file"; } 2>/dev/null || continue
        read -ra fields <<<"${stat##*) }"
        if [ "${fields[3]}" = "$1" ]; then kill -s KILL "${stat%% *}" 2>/dev/null || true; fi
    done
}

# Whether a unix socket is listened on; needs no tool that a small system lacks.
socket_listens() { grep -q " 00010000 .* $1\$" /proc/net/unix; }

# --- what a person sees ----------------------------------------------------------------------------------------------

say() { printf '%s\n' "$*"; }

# step "WHAT" SECONDS LOG COMMAND...: one line that says what is done and how long it usually takes, then how long it took.
# The command's output goes to LOG; when it fails its last lines are shown and everything ends.
step() {
    local what=$1 usual=$2 log=$3 began=$SECONDS status reason
    shift 3
    printf '  %-52s (usually %3s s) ... ' "$what" "$usual"
    # Only the last run's lines may give the reason. Not as a condition: that would switch errexit off inside.
    : >"$log"
    set +e
    (
        set -e
        "$@"
    ) >>"$log" 2>&1
    status=$?
    set -e
    if [ "$status" = 0 ]; then
        printf '%d s\n' $((SECONDS - began))
    else
        printf 'FAILED\n'
        # What a command of ours said last is the reason; the lines before it show more.
        reason=$(sed -n 's/^dev: //p' "$log" | tail -n 1)
        show_tail "$log"
        die "${reason:-$what failed; the whole log is $log.}"
    fi
}

show_tail() {
    [ ! -s "$1" ] || {
        printf -- '--- last lines of %s\n' "$1" >&2
        tail -n 15 "$1" | grep -v '^dev: ' | sed 's/^/    /' >&2 || true
        printf -- '---\n' >&2
    }
}
