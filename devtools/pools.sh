# Starts and stops Trivet itself: each pool of workers by spawn-fcgi, and nginx in front. Tests use the same functions.
# Sourced after common.sh. It may not start a store; the workers find theirs by TRIVET_MYSQL_URL and so on, in the environment.
# shellcheck shell=bash

# shellcheck disable=SC2034  # for those who source this
all_pools=(sql doc kv ops hello)

# What is for ./dev and the tests only, and no setting of a worker.
not_for_workers=(-u TRIVET_PORT -u TRIVET_OPS_PORT -u TRIVET_STATE -u TRIVET_BUILD -u TRIVET_BIN -u TRIVET_SRC -u TRIVET_TMP
    -u TRIVET_MONGOD -u TRIVET_DEBIAN_MIRROR)

# pool_start NAME RUN-DIR BIN-DIR LOG-DIR [ARGS...]: RUN-DIR/NAME.sock and NAME.pid, LOG-DIR/NAME.log.
pool_start() {
    local name=$1 run=$2 bin=$3 log=$4/$1.log
    shift 4
    [ -x "$bin/trivet-$name" ] || die "$bin/trivet-$name is missing; the build did not make it."
    server_dir "$run/watch"
    : >"$log"
    terminate "$run/$name.pid"
    # libmongoc makes a file in /dev/shm when it is loaded, and complains when one of that process id is left from before.
    launch "$run/$name.pid" "$log" env "${not_for_workers[@]}" MONGOC_DISABLE_SHM=1 TRIVET_WATCH_DIRECTORY="$run/watch" \
        spawn-fcgi -n -s "$run/$name.sock" -M 0660 -b 1024 -- "$bin/trivet-$name" "$@"
    wait_until 60 "$run/$name.pid" pool_forked "$run/$name.pid" || {
        show_tail "$log"
        terminate "$run/$name.pid"
        die "the pool $name did not start; its log is $log."
    }
}

# The socket is open before the program runs; its first child tells that it came that far.
pool_forked() { [ -n "$(children "$(<"$1")")" ]; }

# The pids of a process's children.
children() {
    local file stat
    for file in /proc/[0-9]*/stat; do
        { IFS= read -r stat <"$file"; } 2>/dev/null || continue
        # After the command's name, which may hold anything: state, parent.
        if [[ ${stat##*) } =~ ^[^Z]\ $1\  ]]; then printf '%s\n' "${stat%% *}"; fi
    done
}

# TERM drains: with nginx stopped first nothing is left to drain.
pool_stop() { terminate "$2/$1.pid" TERM 30; }

# Whether OpenTelemetry's variables say where traces or metrics are to go.
push_wanted() {
    [ -n "${OTEL_EXPORTER_OTLP_ENDPOINT:-}${OTEL_EXPORTER_OTLP_TRACES_ENDPOINT:-}${OTEL_EXPORTER_OTLP_METRICS_ENDPOINT:-}" ]
}

# push_start RUN-DIR BIN-DIR LOG-DIR: what sends them; RUN-DIR/push.pid, LOG-DIR/push.log.
push_start() {
    local run=$1 bin=$2 log=$3/push.log
    : >"$log"
    terminate "$run/push.pid"
    launch "$run/push.pid" "$log" env "${not_for_workers[@]}" TRIVET_WATCH_DIRECTORY="$run/watch" "$bin/trivet-push"
}

# nginx_start STATE-DIR RUN-DIR PORT OPS-PORT
nginx_start() {
    local state=$1 run=$2 files=$TRIVET_SRC/nginx user=()
    server_dir "$state"
    if is_root; then user=(--user "$server_user"); fi
    if ! server_reaches "$files"; then
        # nginx's workers read the console's page: from a copy when the checkout is closed to them.
        rm -rf "$state/files"
        cp -r "$files" "$state/files"
        files=$state/files
    fi
    "$files/render" --run-dir "$run" --port "$3" --ops-port "$4" --state-dir "$state" --out "$state/nginx.conf" "${user[@]}"
    nginx -p "$state" -e "$state/error.log" -c "$state/nginx.conf" -t -q || die "nginx refuses $state/nginx.conf."
    LAUNCH_AS_ROOT=1 launch "$state/master.pid" "$state/start.log" \
        nginx -p "$state" -e "$state/error.log" -c "$state/nginx.conf" -g 'daemon off;'
    wait_until 60 "$state/master.pid" ports_listen "$3" "$4" || {
        show_tail "$state/error.log"
        terminate "$state/master.pid"
        die "nginx did not start; its logs are in $state."
    }
}

ports_listen() { port_listens "$1" && port_listens "$2"; }

nginx_stop() { terminate "$1/master.pid" QUIT 10; }

# --- ports -----------------------------------------------------------------------------------------------------------

# The kernel's number of the socket that listens on a TCP port of this machine; nothing when none does.
port_inode() {
    local hex
    hex=$(printf '%04X' "$1")
    awk -v port="$hex" '$4 == "0A" { n = split($2, a, ":"); if (a[n] == port) { print $10; exit } }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

port_listens() { [ -n "$(port_inode "$1")" ]; }

# Who holds a port, as "NAME, process N"; other users' processes show themselves to root only.
port_holder() {
    local link pid
    link=$(find /proc/[0-9]*/fd -lname "socket:\[$(port_inode "$1")\]" -print -quit 2>/dev/null || true)
    if [ -n "$link" ]; then
        pid=${link#/proc/}
        pid=${pid%%/*}
        printf '%s, process %s\n' "$(cat "/proc/$pid/comm" 2>/dev/null || echo unknown)" "$pid"
    else
        printf 'a process of another user\n'
    fi
}

# require_port PORT VARIABLE
require_port() {
    [[ $1 =~ ^[1-9][0-9]{0,4}$ ]] || die "$2 must be a port's number, not '$1'."
    port_listens "$1" || return 0
    die "port $1 is taken (by $(port_holder "$1")); stop that, or choose another port: $2=$(next_port "$1") ./dev up"
}

next_port() {
    local port=$(($1 + 1000))
    while port_listens "$port"; do port=$((port + 1)); done
    printf '%s\n' "$port"
}
