#!/usr/bin/env bash
# The monitoring tools that tests/monitoring runs: Prometheus, Alertmanager and the exporters as Debian's unstable suite has them,
# and the independent decoder of OTLP from PyPI. Sourced after common.sh and roots.sh; run, it prints where a thing lies.
# It may write below cache_dir only, and starts nothing.
# shellcheck shell=bash

# Raise it when the root is made differently from before.
monitoring_recipe=1

# What compose runs under the same names; older releases of Debian carry versions with other flags and metric names.
monitoring_packages=(prometheus prometheus-alertmanager prometheus-mysqld-exporter prometheus-redis-exporter
    prometheus-nginx-exporter prometheus-blackbox-exporter)
monitoring_programs=(prometheus promtool prometheus-alertmanager amtool prometheus-mysqld-exporter prometheus-redis-exporter
    prometheus-nginx-exporter prometheus-blackbox-exporter)
otlp_packages=(opentelemetry-proto==1.45.2 protobuf==7.36.2)

# They were built against a C library newer than this system's: each gets the loader of its own root. Nothing else of the root's
# programs is kept, least of all what runs as root.
build_monitoring_root() {
    local dir=$1 program templates=/usr/share/prometheus/alertmanager
    unstable_root "$dir" "${monitoring_packages[@]}"
    for program in "${monitoring_programs[@]}"; do
        # FINAL comes from `cached`.
        # shellcheck disable=SC2153
        own_libraries "$FINAL" "$dir/usr/bin/$program"
    done
    find "$dir/usr/bin" "$dir/usr/sbin" -mindepth 1 -maxdepth 1 | grep -vxF "$(printf "$dir/usr/bin/%s\n" "${monitoring_programs[@]}")" |
        xargs -r rm -rf
    # Debian's Alertmanager reads its templates from a path that is compiled in: let that be its working directory, which
    # whoever starts it sets to ROOT/usr/share/prometheus/alertmanager. The new path is as long as the old one.
    LC_ALL=C sed -i "s|$templates|$(printf '/proc/self/cwd%*s' $((${#templates} - 14)) '' | tr ' ' /)|g" "$dir/usr/bin/prometheus-alertmanager"
}

# The environment names the final place in its scripts: nothing of ours runs those, only its python.
build_otlp_python() {
    python3 -m venv "$1"
    "$1/bin/python" -m pip --quiet --disable-pip-version-check install --no-cache-dir "${otlp_packages[@]}"
}

monitoring_root() { CACHED_FROM=monitoring.sh cached monitoring "$monitoring_recipe ${monitoring_packages[*]}" build_monitoring_root; }
otlp_python() { CACHED_FROM=monitoring.sh cached otlp-python "$(python3 --version) ${otlp_packages[*]}" build_otlp_python; }

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -euo pipefail
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
    # shellcheck source=devtools/common.sh
    . "$here/common.sh"
    # shellcheck source=devtools/roots.sh
    . "$here/roots.sh"
    case ${1:-} in
    root) monitoring_root ;;
    otlp-python) printf '%s\n' "$(otlp_python)/bin/python" ;;
    *) die "usage: devtools/monitoring.sh root|otlp-python" ;;
    esac
fi
