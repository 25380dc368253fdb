# What ./dev knows about a running Trivet, and ./dev down, status, logs, reset.
# Sourced after the other parts. It may stop only what ./dev started, and delete only what ./dev made.
# shellcheck shell=bash

state=$(state_dir)
logs=$state/logs

state_prepare() {
    local wanted
    wanted=$(state_wanted)
    if [ "$(realpath -m "$wanted")" != "$state" ]; then
        mkdir -p "$state" "$(dirname "$wanted")"
        ln -sfn "$state" "$wanted" || die "cannot make the link $wanted to $state; set TRIVET_STATE."
    fi
    server_dir "$state" "$logs" "$state/run"
    run=$(runtime_dir "$state/run")
    printf '%s\n' "$run" >"$state/run/place"
}

# The sockets' directory of what was started before.
if [ -f "$state/run/place" ]; then run=$(<"$state/run/place"); else run=$state/run; fi

# up.conf: NAME=VALUE lines; addresses of stores may hold passwords.
up_write_state() {
    (umask 077 && {
        printf 'only=%s\nport=%s\nops_port=%s\npools=%s\nsince=%s\n' "$only" "$port" "$ops_port" "$(up_pools)" "$(date '+%F %T')"
        printf 'private=%s\n' "${private_stores[*]}"
        printf 'mysql=%s\nmongo=%s\nredis=%s\n' "${TRIVET_MYSQL_URL:-}" "${TRIVET_MONGO_URL:-}" "${TRIVET_REDIS_URL:-}"
    } >"$state/up.conf")
}

state_value() { sed -n "s/^$1=//p" "$state/up.conf" 2>/dev/null || true; }

# Names of the parts that should run and do not.
dead_parts() {
    local pool name
    for pool in $(state_value pools); do running "$run/$pool.pid" || say "$pool"; done
    running "$state/nginx/master.pid" || say nginx
    if [ -f "$run/push.pid" ] && ! running "$run/push.pid"; then say push; fi
    for name in mysql mongo redis; do
        if is_private "$name" && ! store_running "$state/$name"; then say "$name"; fi
    done
}

# is_private STORE: the running Trivet uses an instance of ours.
is_private() { [[ " $(state_value private) " == *" $1 "* ]]; }

down_quietly() {
    local part
    nginx_stop "$state/nginx"
    for part in "${all_pools[@]}"; do pool_stop "$part" "$run"; done
    terminate "$run/push.pid" TERM 15
    for part in mysql mongo redis; do
        if [ -d "$state/$part" ]; then store_stop "$state/$part"; fi
    done
    rm -f "$state/up.conf"
}

dev_down() {
    [ $# = 0 ] || die "./dev down takes no arguments."
    if [ ! -f "$state/up.conf" ] && ! anything_runs; then
        say "Trivet does not run here."
        return
    fi
    state_prepare
    step "stopping nginx, workers and stores" 3 "$logs/down.log" down_quietly
    say "Trivet is stopped; its data stays in $state (./dev reset deletes it)."
}

anything_runs() {
    local pidfile
    for pidfile in "$state"/{mysql,mongo,redis}/{,engine.}pid "$state/nginx/master.pid" "$run"/*.pid; do
        if running "$pidfile"; then return 0; fi
    done
    return 1
}

dev_reset() {
    local part
    [ $# = 0 ] || die "./dev reset takes no arguments."
    [ ! -d "$state" ] || down_quietly
    for part in mysql mongo redis; do store_remove "$state/$part"; done
    # By name: TRIVET_STATE may point to a directory that holds other things as well.
    rm -rf "$run" "$state/run" "$state/nginx" "$logs" "$state/ready.json" "$state/lock"
    rmdir "$state" 2>/dev/null || true
    if [ -L "$(state_wanted)" ]; then rm -f "$(state_wanted)"; fi
    say "Stopped, and deleted what ./dev kept in $state. The cache in $(cache_dir) stays: it only saves time."
}

# An address without its password.
masked() { printf '%s\n' "$1" | sed -E 's#(://[^:/@]*):[^@]*@#\1:***@#'; }

dev_status() {
    local name url note gone=()
    [ $# = 0 ] || die "./dev status takes no arguments."
    if [ ! -f "$state/up.conf" ]; then
        say "Trivet does not run here; ./dev up starts it."
        return 1
    fi
    port=$(state_value port) ops_port=$(state_value ops_port)
    say "Trivet since $(state_value since): http://127.0.0.1:$port, operations http://127.0.0.1:$ops_port/status"
    say
    status_pools
    say
    printf '%-8s %-9s %-10s %s\n' STORE PROCESS STATE ADDRESS
    for name in mysql mongo redis; do
        url=$(state_value "$name")
        if [ -z "$url" ]; then
            printf '%-8s %-9s %-10s %s\n' "$name" - "not used" ""
        elif ! is_private "$name"; then
            printf '%-8s %-9s %-10s %s\n' "$name" - "your own" "$(masked "$url")"
        elif store_running "$state/$name"; then
            printf '%-8s %-9s %-10s %s\n' "$name" "$(<"$state/$name/pid")" "running" "$(masked "$url")"
        else
            printf '%-8s %-9s %-10s %s\n' "$name" - "GONE" "$(masked "$url")"
        fi
    done
    say
    if running "$state/nginx/master.pid"; then note="process $(<"$state/nginx/master.pid")"; else note=GONE; fi
    say "nginx    $note, ports $port and $ops_port, configuration $state/nginx/nginx.conf"
    say "logs     ./dev logs [NAME...], or the files in $logs, $state/nginx, $state/STORE/log"
    mapfile -t gone < <(dead_parts)
    [ ${#gone[@]} = 0 ] || die "gone: ${gone[*]}; ./dev up starts them again, ./dev logs ${gone[0]} tells why."
}

# One line a pool. What the workers do is in /status of the operations port, when it answers.
status_pools() {
    local pool pid report
    report=$(curl -s --max-time 10 "http://127.0.0.1:$ops_port/status" 2>/dev/null || true)
    printf '%-8s %-9s %-10s %-6s %-6s %-6s %s\n' POOL MASTER PROCESSES BUSY IDLE MAX LOG
    for pool in $(state_value pools); do
        if running "$run/$pool.pid"; then
            pid=$(<"$run/$pool.pid")
            # shellcheck disable=SC2046  # numbers
            set -- $(children "$pid")
            # shellcheck disable=SC2046  # three words
            printf '%-8s %-9s %-10s %-6s %-6s %-6s %s\n' "$pool" "$pid" $# $(pool_numbers "$pool" "$report") "$logs/$pool.log"
        else
            printf '%-8s %-9s %-10s %-6s %-6s %-6s %s\n' "$pool" GONE - - - - "$logs/$pool.log"
        fi
    done
}

# pool_numbers POOL REPORT: busy, idle and most workers of a pool, as /status tells them; dashes when it does not.
pool_numbers() {
    local rest=${2#*\""$1"\":\{\"state\"}
    if [ "$rest" != "$2" ] &&
        [[ $rest =~ \"workers\":\{\"now\":[0-9]+,\"busy\":([0-9]+),\"idle\":([0-9]+),\"max\":([0-9]+)\} ]]; then
        printf '%s %s %s\n' "${BASH_REMATCH[@]:1}"
    else
        printf -- '- - -\n'
    fi
}

# logs_of NAME: the files.
logs_of() {
    case $1 in
    sql | doc | kv | ops | hello | push) printf '%s\n' "$logs/$1.log" ;;
    mysql | mongo | redis) printf '%s\n' "$state/$1/log" ;;
    nginx) printf '%s\n' "$state/nginx/error.log" "$state/nginx/access.log" ;;
    up) printf '%s\n' "$logs/packages.log" "$logs/fetch.log" "$logs/build.log" "$logs/stores.log" "$logs/workers.log" ;;
    *) die "'$1' has no log; there are ${all_pools[*]} push nginx mysql mongo redis up." ;;
    esac
}

# Follows them on a terminal; else prints the last lines and ends.
dev_logs() {
    local name list=() files=() file
    if [ $# = 0 ]; then set -- "${all_pools[@]}" nginx mysql mongo redis; fi
    for name in "$@"; do
        logs_of "$name" >/dev/null
        mapfile -t list < <(logs_of "$name")
        for file in "${list[@]}"; do
            if [ -f "$file" ]; then files+=("$file"); fi
        done
    done
    [ ${#files[@]} -gt 0 ] || die "there are no logs yet; ./dev up makes some."
    if [ -t 1 ]; then exec tail -n 20 -F "${files[@]}"; else tail -n 200 "${files[@]}"; fi
}
