# ./dev test and ./dev bench: builds what the suites need, runs them one after the other, counts.
# Sourced after the other parts. It may write below the build directory, the cache and a directory of its own in /tmp.
#
# A suite is an executable tests/NAME/run (unit, lint, dist, api-mysql, mysqlclient are put together here). It prints what it
# likes, ends with the line `N passed, N failed` or `N passed, N failed, N skipped`, and gets in the environment:
#   TRIVET_SRC      the checkout
#   TRIVET_BIN      directory of the binaries to test: clang's build with AddressSanitizer and UndefinedBehaviorSanitizer
#                   (bench: the plain optimised build)
#   TRIVET_BUILD    directory of that build (object files, make targets); its libraries are in TRIVET_BIN/../lib
#   TRIVET_TMP      a fresh short directory in /tmp that the servers' user can enter; removed afterwards, and whatever still
#                   runs there by devtools/store or `launch` is ended first
#   TRIVET_TEST_MYSQL   which store stands behind /sql, for devtools/store: mariadb or mysql97
# A suite that crashes, says no count, or takes longer than SUITE_SECONDS (2700; 5400 where something is made first) is a failure.
# tests/NAME/packages may list the Debian packages that only this suite needs, as in packages.sh, one a line.
# shellcheck shell=bash

# These wait more than they compute, for engines, machines, downloads and slow rows: they run beside the others.
beside_suites=(containers control kubernetes package pipeline terraform trace window)
known_suites=(lint unit wire nginx api api-mysql clients signals faults dist mysqlclient dev)

# Every suite there is: the known ones in their order, then others that have a tests/NAME/run.
suites() {
    local suite run
    for suite in "${known_suites[@]}"; do printf '%s\n' "$suite"; done
    for run in "$TRIVET_SRC"/tests/*/run; do
        suite=$(basename "$(dirname "$run")")
        if [ -x "$run" ] && [ "$suite" != bench ] && [[ " ${known_suites[*]} " != *" $suite "* ]]; then say "$suite"; fi
    done
}

# suite_packages SUITE...: what their lists name, without blank lines and comments.
suite_packages() {
    local suite
    for suite in "$@"; do
        if [ -f "$TRIVET_SRC/tests/$suite/packages" ]; then grep -Ev '^[[:space:]]*(#|$)' "$TRIVET_SRC/tests/$suite/packages" || true; fi
    done
}

test_prepare() {
    local missing
    mapfile -t missing < <(missing_packages "${build_packages[@]}" "${run_packages[@]}" "${test_packages[@]}" "$@")
    if [ ${#missing[@]} -gt 0 ]; then
        require_install_rights "${missing[@]}"
        step "installing ${#missing[@]} packages" 90 "$test_logs/packages.log" install_packages "${missing[@]}"
        # Which one it is can be told only when apt has its lists.
        mapfile -t missing < <(missing_packages "$(sanitizer_package)")
        if [ ${#missing[@]} -gt 0 ]; then
            step "installing ${missing[*]}" 20 "$test_logs/packages.log" install_packages "${missing[@]}"
        fi
    fi
}

dev_test() {
    local suite chosen=() all=() packages=() alone=() beside=() beside_pid verbose='' passed=0 failed=0 skipped=0 began=$SECONDS line
    while [ $# -gt 0 ]; do
        case $1 in
        --list) suites && return ;;
        -v | --verbose) verbose=yes ;;
        -*) die "'$1' is no option of ./dev test; there are --list and --verbose." ;;
        *) chosen+=("$1") ;;
        esac
        shift
    done
    mapfile -t all < <(suites)
    for suite in "${chosen[@]}"; do
        [[ " ${all[*]} " == *" $suite "* ]] || die "'$suite' is no suite; there are: ${all[*]}"
    done
    if [ ${#chosen[@]} = 0 ]; then chosen=("${all[@]}"); fi
    test_logs=$(build_root)/test-logs
    mkdir -p "$test_logs"
    mapfile -t packages < <(suite_packages "${chosen[@]}")
    test_prepare "$(sanitizer_package)" "${packages[@]}"
    split_suites "${chosen[@]}"
    if [ ${#beside[@]} -gt 0 ]; then start_beside; fi
    for suite in "${alone[@]}"; do
        test_suite "$suite"
    done
    if [ ${#beside[@]} -gt 0 ]; then wait_beside; fi
    say "all suites: $((SECONDS - began)) s"
    line="$passed passed, $failed failed"
    if [ "$skipped" -gt 0 ]; then line+=", $skipped skipped"; fi
    say "$line"
    [ "$failed" = 0 ]
}

# split_suites SUITE...: fills the caller's alone and beside; the latter only where there is something to be beside of.
split_suites() {
    local suite
    for suite in "$@"; do
        if [[ " ${beside_suites[*]} " == *" $suite "* ]]; then beside+=("$suite"); else alone+=("$suite"); fi
    done
    if [ ${#alone[@]} = 0 ] || [ -n "$verbose" ]; then
        alone=("$@")
        beside=()
    fi
}

# A ./dev test of its own, in a session of its own, so that all of it can be ended.
start_beside() {
    setsid "$TRIVET_SRC/dev" test "${beside[@]}" >"$test_logs/beside.log" 2>&1 </dev/null &
    beside_pid=$!
    # shellcheck disable=SC2064  # the number as it is now
    trap "kill -- -$beside_pid 2>/dev/null || true" EXIT
    trap 'exit 143' INT TERM HUP
    say "(beside these: ${beside[*]}; $test_logs/beside.log)"
}

# Adds to the caller's passed, failed, skipped.
wait_beside() {
    local count status=0
    wait "$beside_pid" || status=$?
    trap - EXIT INT TERM HUP
    count=$(tail -n 1 "$test_logs/beside.log" | grep -Ex '[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?' || true)
    grep -Ev '^all suites:' "$test_logs/beside.log" | sed '$d' || true
    if [ -z "$count" ]; then
        say "the suites beside ended with status $status and no count; see $test_logs/beside.log"
        failed=$((failed + 1))
        return
    fi
    # shellcheck disable=SC2086  # its words
    set -- $count
    passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + ${5:-0}))
    if [ "$status" != 0 ] && [ "$3" = 0 ]; then failed=$((failed + 1)); fi
}

# test_suite NAME: adds to the caller's passed, failed, skipped.
test_suite() {
    local suite=$1 log=$test_logs/$1.log started=$SECONDS status=0 count=''
    printf '%-12s ' "$suite"
    # Not as a condition: that would switch errexit off inside.
    set +e
    if [ -n "$verbose" ]; then
        printf '\n'
        (
            set -e
            run_suite "$suite"
        ) 2>&1 | tee "$log"
        status=${PIPESTATUS[0]}
    else
        (
            set -e
            run_suite "$suite"
        ) >"$log" 2>&1
        status=$?
    fi
    set -e
    count=$(grep -a -v '^[[:space:]]*$' "$log" | tail -n 1 | grep -a -Ex '[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?' || true)
    if [ -z "$count" ]; then
        say "ended with status $status and no count ($((SECONDS - started)) s)"
        failed=$((failed + 1))
    else
        say "$count ($((SECONDS - started)) s)"
        # shellcheck disable=SC2086  # its words
        set -- $count
        passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + ${5:-0}))
        if [ "$status" != 0 ] && [ "$3" = 0 ]; then
            say "    but it ended with status $status, which counts as a failure"
            failed=$((failed + 1)) count=''
        fi
        if [ "$3" = 0 ] && [ -n "$count" ]; then return; fi
    fi
    [ -n "$verbose" ] || {
        failures_of "$log"
        say "--- end of $log"
        tail -n 40 "$log"
        say "---"
    }
}

# failures_of LOG: what failed, each with the first lines that the test said of it; the rest is in the log.
failures_of() {
    awk '
        /^[[:space:]]*ok / { more = 0 }
        /^[[:space:]]*not ok/ { more = 12 }
        /^FAIL|ERROR: (Address|Leak|Undefined)|runtime error:/ && more == 0 { more = 1 }
        more > 0 && printed < 150 { print substr($0, 1, 500); more--; printed++ }' "$1"
}

# run_suite NAME: in a shell of its own; its last line is the count.
run_suite() {
    local root
    root=$(build_root)
    export TRIVET_SRC TRIVET_TMP TRIVET_TEST_MYSQL=${TRIVET_TEST_MYSQL:-mariadb}
    unset TRIVET_MYSQL_URL TRIVET_MONGO_URL TRIVET_REDIS_URL TRIVET_STATE
    TRIVET_TMP=$(mktemp -d /tmp/tv.XXXXXX)
    chmod 755 "$TRIVET_TMP"
    trap test_clean EXIT
    trap 'exit 143' INT TERM HUP
    # Frames of the reports need names; a leak is an error like any other.
    export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:detect_leaks=1:strict_string_checks=1}
    export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
    case $1 in
    lint) exec_suite "$TRIVET_SRC/devtools/lint" ;;
    unit) suite_unit ;;
    dist) suite_dist ;;
    api-mysql)
        TRIVET_TEST_MYSQL=mysql97
        build_asan
        exec_suite "$TRIVET_SRC/tests/api/run"
        ;;
    mysqlclient)
        TRIVET_TEST_MYSQL=mysql97
        build_mysqlclient
        exec_suite "$TRIVET_SRC/tests/api/run"
        ;;
    # These start no workers of ours, or build their own; some first make what takes long, once for all checkouts: on a fresh machine
    # images and an API server are compiled beside the other suites.
    containers | kubernetes | package | pipeline | terraform)
        SUITE_SECONDS=${SUITE_SECONDS:-5400}
        exec_suite "$TRIVET_SRC/tests/$1/run"
        ;;
    dev | nginx) exec_suite "$TRIVET_SRC/tests/$1/run" ;;
    *)
        build_asan
        exec_suite "$TRIVET_SRC/tests/$1/run"
        ;;
    esac
}

exec_suite() {
    [ -x "$1" ] || die "$1 is missing."
    bounded "$@"
}

# bounded COMMAND...: with an end, for all that it started. In the background with wait, so that a signal to us gets through.
bounded() {
    local status=0
    timeout --kill-after=30 "${SUITE_SECONDS:-2700}" "$@" &
    bounded_pid=$!
    wait "$bounded_pid" || status=$?
    bounded_pid=
    [ "$status" != 124 ] || echo "*** stopped: it took longer than ${SUITE_SECONDS:-2700} s" >&2
    return "$status"
}

# Ends what a suite left running, then removes its directory.
test_clean() {
    local status=$? birth
    # timeout passes the signal on to all of its group.
    [ -z "${bounded_pid:-}" ] || kill "$bounded_pid" 2>/dev/null || true
    while IFS= read -r birth; do
        if running "${birth%.birth}"; then
            echo "left running: ${birth%.birth}" >&2
            terminate "${birth%.birth}" TERM 5
        fi
    done < <(find "$TRIVET_TMP" -name '*.birth' 2>/dev/null)
    rm -rf "$TRIVET_TMP"
    exit "$status"
}

# Sets TRIVET_BIN and TRIVET_BUILD to a build made by `build`.
use_build() {
    TRIVET_BIN=$(build_prefix "$1")/bin
    TRIVET_BUILD=$(build_root)/$1
    export TRIVET_BIN TRIVET_BUILD
}

build_quietly() {
    local name=$1 log status
    log=$(build_root)/$1.build.log
    mkdir -p "$(build_root)"
    # Not as a condition: that would switch errexit off inside.
    set +e
    (
        set -e
        build "$@"
    ) >"$log" 2>&1
    status=$?
    set -e
    [ "$status" = 0 ] || {
        tail -n 40 "$log"
        die "the build $name failed; the whole log is $log."
    }
}

build_gcc() { build_quietly gcc CC=gcc --enable-werror; }

build_asan() {
    mkdir -p "$(build_root)"
    (
        # Suites run beside each other; one of them builds, the other finds it done.
        exec 6>"$(build_root)/.asan.lock"
        flock 6
        build_quietly asan CC=clang CFLAGS='-g -O1' --enable-asan --enable-ubsan --enable-werror
        # The programs that tests bring along are made by `make check` only.
        make -C "$(build_root)/asan" -j"$(nproc)" check TESTS= >>"$(build_root)/asan.build.log" 2>&1 ||
            die "the tests' own programs do not build; see $(build_root)/asan.build.log."
    )
    use_build asan
}

# Against MySQL's own client library: headers and library from Debian unstable, everything else from this system. The binaries
# run with the C library that the client library was made for, which the other libraries accept as it is newer than theirs.
build_mysqlclient() {
    local root libraries loader link
    root=$(mysql97_root)
    link=$(build_root)/mysqlclient-link
    libraries=$root/usr/lib/$(multiarch)
    loader=$(find "$libraries" -maxdepth 1 -name 'ld-linux*.so.*' | head -n 1)
    # A directory with this library alone: the linker is not to take the root's other libraries for the system's.
    mkdir -p "$link"
    ln -sf "$libraries/libmysqlclient.so" "$link/libmysqlclient.so"
    build_quietly mysqlclient CC=gcc --with-mysql-client=mysql \
        MYSQL_CFLAGS="-I$root/usr/include/mysql -idirafter $root/usr/include" MYSQL_LIBS="-L$link -lmysqlclient" \
        LDFLAGS="-Wl,--allow-shlib-undefined -Wl,--disable-new-dtags -Wl,-rpath,$libraries -Wl,--dynamic-linker,$loader"
    use_build mysqlclient
}

# make check, twice: gcc without and clang with sanitizers. Its own summary is what is counted.
suite_unit() {
    local name passed=0 failed=0 skipped=0 log status
    build_gcc
    build_asan
    for name in gcc asan; do
        log=$(build_root)/$name.check.log status=0
        echo "=== make check in the build $name"
        bounded make -C "$(build_root)/$name" check >"$log" 2>&1 || status=$?
        cat "$log"
        [ "$status" = 0 ] || find "$(build_root)/$name" -name test-suite.log -exec cat {} +
        grep -q '^# TOTAL: *[1-9]' "$log" || die "make check in the build $name ran no tests."
        passed=$((passed + $(sum_of PASS "$log") + $(sum_of XFAIL "$log")))
        failed=$((failed + $(sum_of FAIL "$log") + $(sum_of XPASS "$log") + $(sum_of ERROR "$log")))
        skipped=$((skipped + $(sum_of SKIP "$log")))
        if [ "$status" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
    done
    say "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}

sum_of() { awk -v word="$1:" '$1 == "#" && $2 == word { n += $3 } END { print n + 0 }' "$2"; }

# The release archive builds, tests and uninstalls from a read-only tree.
suite_dist() {
    build_gcc
    if bounded make -C "$(build_root)/gcc" distcheck -j"$(nproc)"; then
        say "1 passed, 0 failed"
    else
        say "0 passed, 1 failed"
        return 1
    fi
}

dev_bench() {
    test_logs=$(build_root)/test-logs
    mkdir -p "$test_logs"
    test_prepare
    step "building Trivet" 40 "$test_logs/bench-build.log" build run
    (
        export TRIVET_SRC TRIVET_TMP
        unset TRIVET_MYSQL_URL TRIVET_MONGO_URL TRIVET_REDIS_URL TRIVET_STATE
        use_build run
        # shellcheck disable=SC2030  # of this shell alone
        TRIVET_TMP=$(mktemp -d /tmp/tv.XXXXXX)
        chmod 755 "$TRIVET_TMP"
        trap test_clean EXIT
        trap 'exit 143' INT TERM HUP
        "$TRIVET_SRC/tests/bench/run" "$@"
    )
}
