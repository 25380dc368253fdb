# Upgrade, removal, return and purge: what must stay stays, what must go goes.
# Sourced by run. What is done is done inside the machine.
# shellcheck shell=bash

# As an unattended upgrade does it: where both sides changed a file, the administrator's stays.
install_version() {
    rm -rf "$machine/root/$1"
    mkdir -p "$machine/root/$1"
    cp "$debs/trivet_$1"_*.deb "$debs/libtrivet0_$1"_*.deb "$machine/root/$1/"
    inside_sh "apt-get install -y --allow-downgrades -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold /root/$1/*.deb"
}

# shellcheck disable=SC2016  # dpkg-query's own placeholder
version_is() { equal "$(inside dpkg-query -W -f '${Version}' trivet)" "$1"; }
mark='; a line that the administrator wrote'
has_mark() { inside grep -qxF "$mark" /etc/trivet/trivet.conf; }
# Nothing loaded that runs or failed. The target's link stays until a purge, as with all of Debian's packages.
pools_gone() {
    inside pgrep -u trivet -a && return 1
    [ -z "$(inside systemctl list-units --plain --no-legend 'trivet*' | tee /dev/stderr)" ] && not inside test -e /run/trivet
}

upgrade_keeps() {
    inside_sh "echo '$mark' >>/etc/trivet/trivet.conf"
    install_version "$second" && version_is "$second" && has_mark &&
        equal "$(mode_of /etc/trivet/trivet.conf)" '640 root:trivet' &&
        inside grep -q 'newer version brings' /etc/trivet/trivet.conf.dpkg-dist &&
        ! inside grep -q 'newer version brings' /etc/trivet/trivet.conf
}

upgrade_restarts() {
    local pool i=0
    for pool in "${pools[@]}"; do
        wait_for 60 pool_is_up "$pool" && not equal "$(main_pid "trivet@$pool")" "${mains[i]}" || return 1
        i=$((i + 1))
    done
    wait_for 60 answers
}

removal_keeps_configuration() {
    if [ -n "$booted" ]; then
        inside_sh "$(page_block Remove 1)"
    else
        inside apt-get remove -y trivet libtrivet0
    fi
    has_mark && not inside test -e /usr/bin/trivet-sql && inside getent passwd trivet
}

purge_takes_all() {
    inside_sh "echo TRIVET_LOG_LEVEL=debug >/etc/trivet/sql.env"
    # Where nothing put nginx's user into the group, there is nothing to undo.
    inside_sh "$(page_block Remove 2 | if [ -n "$booted" ]; then cat; else grep -v ^deluser; fi)" || return 1
    # Private directories in /var/tmp go when the services have ended, some time later.
    wait_for 60 nothing_left || { cat "$work/left" && return 1; }
}
# What is the administrator's own stays: the site that was copied from the example.
nothing_left() {
    inside find /etc /usr /var /run -xdev -iname '*trivet*' ! -path '/etc/nginx/*' ! -path '/run/systemd/*' >"$work/left"
    [ ! -s "$work/left" ]
}

all_well() { redis_through_http && machine_settled; }
downgrade() { install_version "$first" && version_is "$first" && has_mark; }
returns() {
    install_version "$first" && has_mark && equal "$(mode_of /etc/trivet/trivet.conf)" '640 root:trivet' &&
        equal "$(mode_of /run/trivet)" '2770 trivet:trivet'
}
all_up() {
    local pool
    for pool in "${pools[@]}"; do pool_is_up "$pool" || return 1; done
}

check_lifecycle() {
    local pool mains=()
    if [ -n "$booted" ]; then for pool in "${pools[@]}"; do mains+=("$(main_pid "trivet@$pool")"); done; fi
    check "an upgrade keeps the administrator's trivet.conf, owner and mode, and lays the new one beside it" upgrade_keeps
    if [ -n "$booted" ]; then
        check "the upgrade restarts every pool that is enabled" upgrade_restarts
        check "reached again by nginx, nothing failed" all_well
    fi
    check "a downgrade does the same" downgrade
    check "a removal keeps the configuration and the user" removal_keeps_configuration
    if [ -n "$booted" ]; then
        check "the pools are stopped and their sockets gone" wait_for 60 pools_gone
    fi
    check "installed again, it finds its configuration" returns
    if [ -n "$booted" ]; then
        check "and starts the pools that were enabled" wait_for 60 all_up
        inside systemctl stop trivet.target || true
    fi
    check "a purge leaves nothing behind" purge_takes_all
}
