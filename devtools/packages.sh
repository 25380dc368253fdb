# Which Debian packages are for what, by name only, and how those that are missing get installed.
# Sourced after common.sh. It installs nothing that is there, starts no service, and leaves no service enabled.
# shellcheck shell=bash

# NAME or NAME|COMMAND: with a command, one in PATH will do, wherever it came from.
build_packages=(
    gcc make 'autoconf|autoreconf' 'automake|automake' libtool autoconf-archive pkg-config libc6-dev
    libfcgi-dev libmariadb-dev libmongoc-dev libhiredis-dev libjson-c-dev libinih-dev libssl-dev libcurl4-openssl-dev zlib1g-dev
)
# The servers themselves, without the packages that make services of them: mariadb-server-core, redis-tools.
run_packages=('spawn-fcgi|spawn-fcgi' 'nginx|nginx' 'curl|curl' ca-certificates)
mariadb_packages=('mariadb-server-core|mariadbd' 'mariadb-client-core|mariadb')
redis_packages=('redis-tools|redis-check-rdb')
# For DocumentDB behind FerretDB and for MySQL 9.7, which are unpacked, not installed: see roots.sh.
unpack_packages=(ca-certificates debian-archive-keyring 'patchelf|patchelf')
test_packages=(
    "${mariadb_packages[@]}" "${redis_packages[@]}" "${unpack_packages[@]}" 'clang|clang' 'clang-format|clang-format'
    'cppcheck|cppcheck' 'shellcheck|shellcheck' 'nodejs|node' 'npm|npm' 'wrk|wrk' 'perl|perl' 'python3|python3'
    'procps|ps' 'iproute2|ss'
)

# The sanitizers' libraries for clang carry clang's version in their package's name before Debian 13.
sanitizer_package() {
    local version
    version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -1 || true)
    printf 'libclang-rt-%s\n' "${version:+$version-}dev"
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# missing_packages NAME[|COMMAND]...: prints the names of those that are not there.
missing_packages() {
    local entry
    for entry in "$@"; do
        case $entry in
        *'|'*) command -v "${entry#*|}" >/dev/null || installed "${entry%|*}" || printf '%s\n' "${entry%|*}" ;;
        *) installed "$entry" || printf '%s\n' "$entry" ;;
        esac
    done | sort -u
}

# Debian's packages ask this file whether they may start their service: 101 is no. Ours is there during an installation
# only; one that was there before is put aside and brought back.
policy=/usr/sbin/policy-rc.d
policy_mark='# trivet: no services are started while ./dev installs packages'
services_off() {
    # What an interrupted run left behind.
    if grep -qsF "$policy_mark" "$policy"; then services_on; fi
    if [ -e "$policy" ]; then as_root mv "$policy" "$policy.before-trivet"; fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}
services_on() {
    if grep -qsF "$policy_mark" "$policy"; then as_root rm -f "$policy"; fi
    if [ -e "$policy.before-trivet" ]; then as_root mv "$policy.before-trivet" "$policy"; fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
        apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -o APT::Install-Recommends=false "$@"
}

# apt waits for dpkg's lock but not for that of its lists, which a machine that has just started holds for its daily update.
# What fails for another reason, as a mirror that does not answer, gets two more tries.
update_lists() {
    local said turn failures=0 status
    for turn in {1..30}; do
        status=0
        said=$(apt_get update 2>&1) || status=$?
        printf '%s\n' "$said"
        [ "$status" != 0 ] || return 0
        if [[ $said != *'Could not get lock '*/lists/lock* ]]; then failures=$((failures + 1)); fi
        if [ "$failures" = 3 ] || [ "$turn" = 30 ]; then break; fi
        sleep 10
    done
    return "$status"
}

# install_packages NAME...: runs in a shell of its own, so that its trap is its own.
install_packages() (
    nginx_was_there=
    if installed nginx-common; then nginx_was_there=yes; fi
    trap services_on EXIT
    trap 'exit 130' INT TERM HUP
    services_off
    update_lists
    apt_get install -y "$@"
    # Installing nginx also makes it start with the machine: that was not asked for.
    if [ -z "$nginx_was_there" ] && installed nginx-common && command -v update-rc.d >/dev/null; then
        as_root update-rc.d nginx disable || true
    fi
)

# Nothing can be installed without root: say so before anything is begun.
require_install_rights() {
    is_root && return
    command -v sudo >/dev/null || die "these packages are missing: $*; become root and run: apt-get install --no-install-recommends $*"
    # Asks for the password now, while someone is watching.
    sudo -v || die "sudo does not let $(id -un) install packages; as root run: apt-get install --no-install-recommends $*"
}
