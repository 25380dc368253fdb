# Builds the packages, by `make deb` as an unprivileged user where one can reach the checkout, and looks into them from outside.
# Sourced by run. It writes below the build directory and $work.
# shellcheck shell=bash

# A build directory of its own, configured once: `make dist` is all that is wanted of it.
configure_package_build() {
    local dir
    dir=$(build_root)/package
    mkdir -p "$dir"
    (
        exec 9>"$(build_root)/.lock"
        flock 9
        build_configure
        cd "$dir"
        if [ ! -f config.status ] || [ "$src/configure" -nt config.status ]; then "$src/configure"; fi
        # What autotools make anew in the checkout, they make now.
        make am--refresh
    )
    if [ -n "$builder" ]; then chown -R "$server_user" "$dir"; fi
}

# as_builder COMMAND...: in the build directory; not as root when there is a choice.
as_builder() (
    cd "$(build_root)/package"
    export HOME=$work/home DEB_BUILD_OPTIONS=nocheck
    if [ -n "$builder" ]; then as_server "$@"; else "$@"; fi
)

# The unprivileged user writes the build directory and reads the checkout: one below /root is closed to it.
find_builder() {
    builder=
    if is_root && server_reaches "$src" && server_reaches "$(build_root)"; then builder=$server_user; fi
    mkdir -p "$work/home"
    if [ -n "$builder" ]; then chown "$builder" "$work/home"; fi
}

# The same program with a higher version and another configuration file as delivered: only packed anew, not compiled anew.
build_second() {
    # shellcheck disable=SC2016  # for the inner shell
    as_builder bash -euo pipefail -c '
        cd deb/trivet-*/
        newest=$(dpkg-parsechangelog -S Version)
        sed "1,/^ -- /s/($newest)/($newest+test1)/;/^ -- /q" debian/changelog >"$HOME/entry"
        { cat "$HOME/entry"; echo; cat debian/changelog; } >"$HOME/changelog"
        cat "$HOME/changelog" >debian/changelog
        echo "; a line that the newer version brings" >>packaging/trivet.conf
        dpkg-buildpackage --build=binary --no-pre-clean --unsigned-changes'
}

# Sets `debs` (the directory), `first` and `second` (versions), `dependencies` (names of packages).
check_build() {
    local version
    find_builder
    if [ -n "$builder" ]; then
        check "make deb, as $builder, without root" build_first
    else
        check "make deb" build_first
        if is_root; then skip "the checkout is closed to $server_user" "make deb without root"; fi
    fi
    debs=$(build_root)/package/deb
    [ "$failed" = 0 ] || return 0
    version=$(dpkg-parsechangelog -l "$src/packaging/debian/changelog" -S Version)
    first=$version second=$version+test1
    mapfile -t dependencies < <(for deb in trivet libtrivet0; do dpkg-deb -f "$debs/${deb}_${first}"_*.deb Depends; done |
        tr ',' '\n' | sed -E 's/^ *([^ |]+).*/\1/' | grep -vx libtrivet0 | sort -u)
    check "lintian finds nothing that is not explained" lintian --allow-root --fail-on error,warning --display-info \
        "$debs"/trivet_"$first"_*.changes
    check "a version of another release is refused" wrong_version_refused
    check "a second build, $second" build_second
}

# A release's archive cannot become a package of another version.
wrong_version_refused() {
    # shellcheck disable=SC2016  # for the inner shell
    ! as_builder bash -c '"$0" trivet-*.tar.gz "$HOME/refused" 9.9-1' "$src/packaging/build-deb" 2>"$work/refused.log" &&
        grep 'is none of' "$work/refused.log"
}

build_first() { configure_package_build && as_builder nice make deb; }

# --- what is in them --------------------------------------------------------------------------------------------------

# contents PACKAGE: mode, owner and path of each file.
contents() { dpkg-deb -c "$debs/$1_${first}"_*.deb | awk '{ print $1, $2, $6 }'; }
lists() { contents "$1" | grep -E -- "$2" >/dev/null || { contents "$1" && return 1; }; }

hardened() {
    local file
    rm -rf "$work/unpacked"
    dpkg-deb -x "$debs/trivet_$first"_*.deb "$work/unpacked"
    dpkg-deb -x "$debs/libtrivet0_$first"_*.deb "$work/unpacked"
    for file in "$work"/unpacked/usr/bin/* "$work"/unpacked/usr/lib/*/libtrivet.so.*.*.*; do
        echo "$file"
        readelf -hW "$file" | grep 'Type: *DYN' >/dev/null && readelf -dW "$file" | grep 'BIND_NOW' >/dev/null &&
            readelf -lW "$file" | grep 'GNU_RELRO' >/dev/null && ! readelf -lW "$file" | grep -E 'GNU_STACK.*RWE' &&
            ! readelf -dW "$file" | grep -E 'RPATH|RUNPATH' || return 1
    done
}

# Nobody's build path is in them.
no_build_path() { ! grep -rlF "$(build_root)" "$work/unpacked"; }

configuration_closed() {
    local file
    for file in trivet.conf trivet.env; do lists trivet "^-rw-r----- .*/etc/trivet/$file\$" || return 1; done
}
conffiles_are() { dpkg-deb -I "$debs/trivet_$first"_*.deb conffiles | sort | diff - <(printf '%s\n' "$@"); }
depends_on() {
    local name
    for name in "$@"; do printf '%s\n' "${dependencies[@]}" | grep -E "^$name" || return 1; done
}
development_files() {
    lists libtrivet-dev 'include/trivet/trivet.h$' && lists libtrivet-dev '/libtrivet.so$' && lists libtrivet-dev 'pkgconfig/trivet.pc$'
}
no_libtool_archives() {
    local package
    for package in trivet libtrivet0 libtrivet-dev; do ! contents "$package" | grep '\.la$' || return 1; done
}

check_contents() {
    local pool
    for pool in "${pools[@]}"; do check "trivet has trivet-$pool" lists trivet "root/root \./usr/bin/trivet-$pool\$"; done
    check "trivet.conf and trivet.env are for root's eyes until the group is there" configuration_closed
    check "they, and nothing else, are configuration files to dpkg" conffiles_are /etc/trivet/trivet.conf /etc/trivet/trivet.env
    check "spawn-fcgi and the libraries that dpkg-shlibdeps found are asked for" depends_on spawn-fcgi libmariadb libmongoc libhiredis
    check "libtrivet0 has the library alone" not lists libtrivet0 '/(bin|include|systemd|man)/'
    check "libtrivet-dev has header, link and pkg-config's file" development_files
    check "no libtool archive is in any" no_libtool_archives
    check "position-independent, full RELRO, no executable stack, no path of its own" hardened
    check "no path of this build is in them" no_build_path
}
