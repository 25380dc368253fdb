#!/usr/bin/env bash
# packages.sh: which Debian packages a machine needs to build and test Trivet, from the same lists that ./dev installs from, or
# installs them. For the image that the pipeline compiles and tests in, and for a build machine without it.
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_wanted 'usage: pipeline/packages.sh [--install]

Prints the names, one a line; with --install, as root, installs those that are missing.' "$@"
install=
case ${1:-} in
'') ;;
--install) install=yes ;;
*) bad_usage "'$1' is no option" ;;
esac
umask 022
# shellcheck source=devtools/common.sh
. "$TRIVET_SRC/devtools/common.sh"
# shellcheck source=devtools/packages.sh
. "$TRIVET_SRC/devtools/packages.sh"

# Every suite's own list, and what pipeline/coverage.sh runs.
mapfile -t extra < <(cat "$TRIVET_SRC"/tests/*/packages 2>/dev/null | grep -Ev '^[[:space:]]*(#|$)')
entries=("${build_packages[@]}" "${run_packages[@]}" "${test_packages[@]}" "${extra[@]}" gcovr git)
if [ -n "$install" ]; then
    apt-get -q update
    mapfile -t missing < <(missing_packages "${entries[@]}" "$(sanitizer_package)")
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
else
    printf '%s\n' "${entries[@]%%|*}" | sort -u
fi
