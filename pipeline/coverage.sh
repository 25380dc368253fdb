#!/usr/bin/env bash
# coverage.sh: which lines of lib/ and fcgi-app/ the tests run, as text and as Cobertura XML. Builds with --enable-coverage in
# a directory of its own. Writes below build/.
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_wanted 'usage: pipeline/coverage.sh [--report-only DIR]

Builds for gcov, runs make check, then the suites in TRIVET_COVERAGE_SUITES (default: none) on that build, and writes
build/release/coverage.txt and build/release/coverage.xml.
  --report-only DIR     report on the objects and counts in DIR, build and run nothing
  TRIVET_COVERAGE_ROOT  the sources that are reported on (default: this checkout)
  TRIVET_COVERAGE_MIN   least percentage of lines (default 0); below it the script fails with 2' "$@"

objects=
case ${1:-} in
'') ;;
--report-only)
    objects=${2:-}
    [ -d "$objects" ] || bad_usage "--report-only wants a directory"
    ;;
*) bad_usage "'$1' is no option" ;;
esac
need gcovr gcov
root=${TRIVET_COVERAGE_ROOT:-$TRIVET_SRC}
minimum=${TRIVET_COVERAGE_MIN:-0}

if [ -z "$objects" ]; then
    umask 022
    objects=${TRIVET_BUILD:-$TRIVET_SRC/build}/coverage
    # In a shell of its own: ./dev's parts have their own words for failing.
    # shellcheck disable=SC2016  # expanded by the inner shell
    prefix=$(bash -euo pipefail -c '. "$0/common.sh"; . "$0/build.sh"; build coverage CC=gcc --enable-coverage >&2; build_prefix coverage' \
        "$TRIVET_SRC/devtools") || die "the build for coverage failed."
    find "$objects" -name '*.gcda' -delete
    make -C "$objects" -j"$(nproc)" check || die "the unit tests fail in the build for coverage."
    # Servers that run as another user than the builder add to the counts too.
    find "$objects" -type d -exec chmod a+rwx {} +
    find "$objects" -name '*.gcda' -exec chmod a+rw {} +
    read -ra suites <<<"${TRIVET_COVERAGE_SUITES:-}"
    for suite in "${suites[@]}"; do
        TRIVET_BIN=$prefix/bin TRIVET_BUILD=$objects "$TRIVET_SRC/tests/$suite/run" ||
            die "the suite $suite fails on the build for coverage."
    done
fi

prepare_release_dir
text=$release_dir/coverage.txt xml=$release_dir/coverage.xml
(cd "$root" && gcovr --root . --object-directory "$objects" --filter lib/ --filter fcgi-app/ --exclude-unreachable-branches \
    --txt "$text" --xml "$xml" --print-summary "$objects") >"$release_dir/coverage-summary.txt"
lines=$(sed -n 's/^lines: \([0-9.]*\)%.*/\1/p' "$release_dir/coverage-summary.txt")
[ -n "$lines" ] || die "gcovr found nothing to report on in $objects."
say "$lines % of the lines; $text, $xml"
awk -v have="$lines" -v want="$minimum" 'BEGIN { exit !(have + 0 >= want + 0) }' || die "$lines % is below $minimum %." 2
