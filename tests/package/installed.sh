# The installation on a machine that never had one: user, directories, modes, libraries, units.
# Sourced by run. What is done is done inside the machine.
# shellcheck shell=bash

install_first() {
    mkdir -p "$machine/root/first"
    cp "$debs/trivet_$first"_*.deb "$debs/libtrivet0_$first"_*.deb "$machine/root/first/"
    inside_sh "cd /root/first && $(page_block Install)"
}

mode_of() { inside stat -c '%a %U:%G' "$1"; }
libraries_resolve() {
    # shellcheck disable=SC2016  # for the shell inside
    inside_sh 'for file in /usr/bin/trivet-*; do ldd "$file"; done | tee /root/ldd && ! grep "not found" /root/ldd && grep -q libtrivet.so.0 /root/ldd'
}

user_is_bare() {
    equal "$(inside getent passwd trivet | cut -d: -f6-7)" /nonexistent:/usr/sbin/nologin && equal "$(inside id -nG trivet)" trivet
}
in_group() { inside id -nG "$1" | grep -w "$2"; }
unit_files_right() {
    # It tells what it finds, and ends well all the same.
    inside systemd-analyze verify --man=no trivet@sql.service trivet.target trivet.slice >"$work/verify.log" 2>&1
    local status=$?
    cat "$work/verify.log"
    [ "$status" = 0 ] && [ ! -s "$work/verify.log" ]
}
manual_page() { inside cat "$(inside readlink -f /usr/share/man/man8/trivet-sql.8.gz)" | gzip -dc | grep '^.SH SIGNALS'; }

check_installed() {
    local pool
    check "the page's command installs them, with nothing but what they depend on" install_first
    check "the user trivet: no home, no shell, no other group" user_is_bare
    check "nginx's user is not in its group uninvited" not in_group www-data trivet
    check "trivet.conf belongs to root and is read by trivet" equal "$(mode_of /etc/trivet/trivet.conf)" '640 root:trivet'
    check "trivet.env is root's alone" equal "$(mode_of /etc/trivet/trivet.env)" '640 root:root'
    check "/run/trivet is there, setgid, closed to others" equal "$(mode_of /run/trivet)" '2770 trivet:trivet'
    check "/run/trivet/watch too" equal "$(mode_of /run/trivet/watch)" '2750 trivet:trivet'
    check "all libraries are found" libraries_resolve
    for pool in "${pools[@]}"; do check "trivet-$pool starts and takes trivet.conf as installed" inside "trivet-$pool" --check; done
    check "trivet.conf as installed names no store" not inside grep -q '^url' /etc/trivet/trivet.conf
    check "man trivet-sql" manual_page
    check "systemd-analyze verify: pools, target, slice" unit_files_right
    for pool in trivet@ trivet-push; do
        check "systemd-analyze security: $pool is exposed by 1.5 of 10 at most" unit_security "$pool"
    done
}

# Offline: the unit's file is judged, whether or not it runs. The threshold is in tenths.
unit_security() { inside systemd-analyze security --offline=true --threshold=15 "/lib/systemd/system/$1.service"; }

# Without systemd: the very command of the unit, as the unit's user, with the unit's variables.
check_unit_command() {
    check "the unit's command, as its user, opens a socket that its group may use and nobody else" unit_command_runs
}

unit_command_runs() {
    # shellcheck disable=SC2016  # for the shell inside
    inside_sh '
        unit=/lib/systemd/system/trivet@.service
        command=$(sed -n "s/^ExecStart=//p" "$unit" | sed "s/%i/hello/g")
        export $(sed -n "s/^Environment=//p" "$unit")
        umask 0027
        setpriv --reuid=trivet --regid=trivet --clear-groups --no-new-privs $command 2>/root/hello.log &
        pid=$!
        for try in $(seq 100); do [ ! -S /run/trivet/hello.sock ] || break; sleep 0.1; done
        found=$(stat -c "%a %U:%G" /run/trivet/hello.sock)
        kill -TERM "$pid" && wait "$pid"
        [ "$found" = "660 trivet:trivet" ] || { cat /root/hello.log; exit 1; }'
}
