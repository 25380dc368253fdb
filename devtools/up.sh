# ./dev up: from a fresh machine to a running Trivet, and what it says on the way.
# Sourced after the other parts. It may write below the state directory, the build directory and the cache.
# shellcheck shell=bash

up_usage() {
    cat <<'TEXT'
usage: ./dev up [--only sql,doc,kv] [--mysql-url URL] [--mongo-url URL] [--redis-url URL]
  --only LIST   only these dialects and the stores they need (sql: MariaDB, doc: MongoDB, kv: Redis)
  --X-url URL   use that store instead of a private one (or set TRIVET_MYSQL_URL, TRIVET_MONGO_URL, TRIVET_REDIS_URL);
                no sample data is written to it; a MySQL of your own needs the role trivet_anon
                (or the one that TRIVET_GUARD_ANONYMOUS_ROLE names), which the URL's login may take
TEXT
}

# Sets `only`, `only_asked` (empty: all) and TRIVET_*_URL from the arguments.
up_arguments() {
    local name
    only=
    while [ $# -gt 0 ]; do
        case $1 in
        --only | --mysql-url | --mongo-url | --redis-url) [ $# -ge 2 ] || die "$1 wants a value; see ./dev up --help." ;;
        --help | -h)
            up_usage
            exit 0
            ;;
        *) die "'$1' is no option of ./dev up; see ./dev up --help." ;;
        esac
        case $1 in
        --only) only=$2 ;;
        --mysql-url) TRIVET_MYSQL_URL=$2 ;;
        --mongo-url) TRIVET_MONGO_URL=$2 ;;
        --redis-url) TRIVET_REDIS_URL=$2 ;;
        esac
        shift 2
    done
    only_asked=$only
    only=${only:-sql,doc,kv}
    [[ $only =~ ^(sql|doc|kv)(,(sql|doc|kv))*$ ]] || die "--only takes a list of sql, doc and kv, such as sql,kv; not '$only'."
    for name in MYSQL MONGO REDIS; do url_from_file "TRIVET_${name}_URL"; done
}

# A value may also come as the name of a file that holds it, as with the workers.
url_from_file() {
    local file=$1_FILE
    if [ -z "${!1:-}" ] && [ -n "${!file:-}" ]; then
        [ -r "${!file}" ] || die "$file names ${!file}, which cannot be read."
        printf -v "$1" '%s' "$(<"${!file}")"
    fi
}

wants() { [[ ,$only, == *,$1,* ]]; }

# store_of DIALECT: "variable directory kind name" of the store behind it.
store_of() {
    case $1 in
    sql) printf 'TRIVET_MYSQL_URL mysql mariadb MariaDB\n' ;;
    doc) printf 'TRIVET_MONGO_URL mongo mongo MongoDB\n' ;;
    kv) printf 'TRIVET_REDIS_URL redis redis Redis\n' ;;
    esac
}

# private DIALECT: wanted, and no store of one's own is named for it.
private() {
    local variable rest
    read -r variable rest < <(store_of "$1")
    wants "$1" && [ -z "${!variable:-}" ]
}

up_packages() {
    local wanted=("${build_packages[@]}" "${run_packages[@]}")
    if private sql; then wanted+=("${mariadb_packages[@]}"); fi
    if private kv; then wanted+=("${redis_packages[@]}"); fi
    missing_packages "${wanted[@]}"
}

needs_unpacking() { private doc && [ -z "$(mongo_program)" ]; }

dev_up() {
    local only only_asked began=$SECONDS missing=() first=() dialect fetch prefix private_stores=()
    up_arguments "$@"
    port=${TRIVET_PORT:-8080} ops_port=${TRIVET_OPS_PORT:-8081}
    if [ -f "$state/up.conf" ]; then
        up_again
        if [ -f "$state/up.conf" ]; then return; fi
    fi
    [ "$port" != "$ops_port" ] || die "TRIVET_PORT and TRIVET_OPS_PORT are both $port; they must differ."
    require_port "$port" TRIVET_PORT
    require_port "$ops_port" TRIVET_OPS_PORT
    state_prepare
    say "Starting Trivet ($only); logs are in $logs"

    # What unpacking needs comes first: it is small, and then the longest part runs beside the rest.
    if needs_unpacking; then mapfile -t first < <(missing_packages "${unpack_packages[@]}"); fi
    mapfile -t missing < <(up_packages)
    if [ $((${#first[@]} + ${#missing[@]})) -gt 0 ]; then require_install_rights "${first[@]}" "${missing[@]}"; fi
    if [ ${#first[@]} -gt 0 ]; then
        step "installing ${first[*]}" 8 "$logs/packages.log" install_packages "${first[@]}"
    fi
    if needs_unpacking && ! mongo_cached; then
        say "  (beside this: unpacking DocumentDB and compiling FerretDB, once; $logs/fetch.log)"
        setsid "$TRIVET_SRC/devtools/store" fetch mongo >"$logs/fetch.log" 2>&1 8>&- &
        fetch=$!
        # shellcheck disable=SC2064  # the number as it is now
        trap "kill -- -$fetch 2>/dev/null" EXIT
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        step "installing ${#missing[@]} packages" 45 "$logs/packages.log" install_packages "${missing[@]}"
    fi
    step "building Trivet" 40 "$logs/build.log" build run
    prefix=$(build_prefix run)

    for dialect in sql kv doc; do
        if private "$dialect"; then up_store "$dialect"; fi
    done
    trap - EXIT
    up_write_state
    up_workers "$prefix/bin"
    step "nginx on port $port, operations on $ops_port" 1 "$logs/nginx.log" nginx_start "$state/nginx" "$run" "$port" "$ops_port"
    step "every store answers" 2 "$logs/ready.log" up_ready
    say "Trivet runs at http://127.0.0.1:$port after $((SECONDS - began)) s. Try:"
    up_curls
    say "See also: ./dev status, ./dev logs, ./dev down"
}

mongo_cached() {
    local cache
    cache=$(cache_dir)
    compgen -G "$cache/postgresql-*[0-9a-f]" >/dev/null && compgen -G "$cache/ferretdb-*[0-9a-f]" >/dev/null
}

# Already there? Says so; when a part of it has died, stops the rest, so that all is started again.
up_again() {
    local was_only was_port was_ops_port dead=()
    was_only=$(state_value only) was_port=$(state_value port) was_ops_port=$(state_value ops_port)
    mapfile -t dead < <(dead_parts)
    if [ ${#dead[@]} -gt 0 ]; then
        say "Not all of Trivet runs any more (gone: ${dead[*]}); starting it again."
        up_as_before
        down_quietly
        return
    fi
    [ "$was_only" = "${only_asked:-$was_only}" ] || die "Trivet runs already, with $was_only; to change that, run ./dev down first."
    if [ "${TRIVET_PORT:-$was_port}" != "$was_port" ] || [ "${TRIVET_OPS_PORT:-$was_ops_port}" != "$was_ops_port" ]; then
        die "Trivet runs already, on ports $was_port and $was_ops_port; to change that, run ./dev down first."
    fi
    port=$was_port only=$was_only
    step "every store answers" 1 "$logs/ready.log" up_ready
    say "Trivet runs already at http://127.0.0.1:$port, with $only (./dev status tells more). After changes to its sources: ./dev down, ./dev up."
    up_curls
}

# What was asked for then and is not asked for otherwise now.
up_as_before() {
    local dialect variable name rest
    only=${only_asked:-$was_only}
    port=${TRIVET_PORT:-$was_port} ops_port=${TRIVET_OPS_PORT:-$was_ops_port}
    for dialect in sql doc kv; do
        read -r variable name rest < <(store_of "$dialect")
        if [ -z "${!variable:-}" ] && ! is_private "$name"; then printf -v "$variable" '%s' "$(state_value "$name")"; fi
    done
}

# up_store DIALECT: a private store with the sample shop in it.
up_store() {
    local variable dir kind name usual=2
    read -r variable dir kind name < <(store_of "$1")
    if [ "$kind" = mongo ] && [ -z "$(mongo_program)" ]; then
        name="DocumentDB and FerretDB"
        if mongo_cached; then usual=4; else usual=90; fi
    fi
    step "$name, with the sample shop" "$usual" "$logs/stores.log" up_store_run "$kind" "$state/$dir"
    printf -v "$variable" '%s' "$(<"$state/$dir/url")"
    private_stores+=("$dir")
}

up_store_run() {
    # The same lock as the job beside: waits for it, or does it now when that failed.
    if [ "$1" = mongo ]; then
        "$TRIVET_SRC/devtools/store" fetch mongo || die "MongoDB's stand-in could not be fetched and built; check the network and" \
            "run ./dev up again, or name a MongoDB with --mongo-url, or leave it out with --only sql,kv."
    fi
    store_running "$2" || "$1_start" "$2"
    sample_load "$2"
}

up_workers() {
    export TRIVET_MYSQL_URL=${TRIVET_MYSQL_URL:-} TRIVET_MONGO_URL=${TRIVET_MONGO_URL:-} TRIVET_REDIS_URL=${TRIVET_REDIS_URL:-}
    # Without a role for those who show no token nobody gets in; this is the one that our own instance has.
    export TRIVET_GUARD_ANONYMOUS_ROLE=${TRIVET_GUARD_ANONYMOUS_ROLE-trivet_anon}
    # So that one that does not come up is seen to be missing.
    export TRIVET_WATCH_POOLS=${TRIVET_WATCH_POOLS:-$(up_pools)}
    step "workers: $(up_pools)" 1 "$logs/workers.log" up_workers_run "$1"
}

up_pools() {
    local pool list=()
    for pool in "${all_pools[@]}"; do
        case $pool in
        sql | doc | kv) wants "$pool" || continue ;;
        esac
        list+=("$pool")
    done
    printf '%s\n' "${list[*]}"
}

up_workers_run() {
    local pool
    for pool in $(up_pools); do
        running "$run/$pool.pid" || pool_start "$pool" "$run" "$1" "$logs"
    done
    if push_wanted && ! running "$run/push.pid"; then push_start "$run" "$1" "$logs"; fi
}

# /readyz says 200 when every configured store answers, and else which one does not.
up_ready() {
    local deadline=$((SECONDS + 60)) code
    while :; do
        code=$(curl -s -o "$state/ready.json" -w '%{http_code}' --max-time 5 "http://127.0.0.1:$port/readyz" || true)
        [ "$code" != 200 ] || return 0
        [ "$SECONDS" -lt "$deadline" ] || break
        sleep 0.2
    done
    cat "$state/ready.json"
    die "/readyz answers $code: $(head -c 300 "$state/ready.json" 2>/dev/null); see ./dev logs ops."
}

up_curls() {
    local base=http://127.0.0.1:$port
    say "  curl -s $base/hello"
    if wants sql; then
        if [ -d "$state/mysql" ] && store_running "$state/mysql"; then
            say "  curl -s '$base/sql/product?id=eq.1'"
            say "  curl -s '$base/sql/product?select=id,name,price&order=price.desc&limit=5'"
            say "  curl -si '$base/sql/product' -H 'Content-Type: application/json' -d '{\"name\":\"Walnut Trivet\",\"price\":12.5}'"
        else
            say "  curl -s '$base/sql/TABLE?limit=5'    (TABLE: the name of a table of yours)"
        fi
    fi
    if wants doc; then
        say "  curl -s $base/doc/action/findOne -H 'Content-Type: application/json' -d '{\"dataSource\":\"mongodb-atlas\",\"database\":\"shop\",\"collection\":\"reviews\",\"filter\":{\"stars\":5}}'"
    fi
    if wants kv; then
        say "  curl -s $base/kv -d '[\"SET\",\"greeting\",\"hello\"]' && curl -s $base/kv/get/greeting"
    fi
}
