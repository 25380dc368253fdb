#!/usr/bin/env bash
# tests.sh: runs the suites of ./dev test and keeps their results as JUnit, whatever their outcome. Writes below build/.
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_wanted 'usage: pipeline/tests.sh [SUITE...]

Runs ./dev test with the suites (default: TRIVET_SUITES, else all) and writes one JUnit file a suite into
build/release/junit. Exit: 0 all passed, 1 something failed or did not run to its end.' "$@"

suites=("$@")
for suite in "$@"; do [[ $suite =~ ^[a-z0-9][a-z0-9-]*$ ]] || bad_usage "'$suite' is no suite"; done
if [ ${#suites[@]} = 0 ] && [ -n "${TRIVET_SUITES:-}" ]; then read -ra suites <<<"$TRIVET_SUITES"; fi
if [ ${#suites[@]} = 0 ]; then mapfile -t suites < <("$TRIVET_SRC/dev" test --list); fi
[ ${#suites[@]} -gt 0 ] || die "./dev test --list names no suite."

prepare_release_dir
umask 022
logs=${TRIVET_BUILD:-$TRIVET_SRC/build}/test-logs
junit=$release_dir/junit
summary=$release_dir/tests.txt
rm -rf "$junit"
mkdir -p "$junit"
# A log of an earlier run must not pass for one of this run.
for suite in "${suites[@]}"; do rm -f "$logs/$suite.log"; done

status=0
"$TRIVET_SRC/dev" test "${suites[@]}" 2>&1 | tee "$summary" || status=$?
converted=0
"$TRIVET_SRC/pipeline/junit" --logs "$logs" --summary "$summary" --out "$junit" "${suites[@]}" || converted=$?
[ "$converted" = 0 ] || die "the results could not be turned into JUnit."
[ "$status" = 0 ] || die "tests failed (./dev test ended with $status); the results are in $junit."
say "${#suites[@]} suites passed"
