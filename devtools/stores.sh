# Private instances of the real stores, each in a directory of its own, reached by unix sockets: as many at once as wanted.
# Sourced after common.sh and roots.sh; the command-line front is devtools/store. It never touches the system's own servers.
#
#   mariadb_start DIR [ARGS...]   MariaDB of this Debian           mysql97_start DIR [ARGS...]  the real MySQL 9.7
#   redis_start DIR [ARGS...]     Redis of this Debian             mongo_start DIR [ARGS...]    mongod, or DocumentDB + FerretDB
#
# ARGS go to the server, after ours, so they win. Each waits until the store answers, keeps the data of an earlier start, and writes
#   DIR/url   what TRIVET_MYSQL_URL, TRIVET_MONGO_URL or TRIVET_REDIS_URL takes     DIR/socket  the socket's path
#   DIR/pid   the server that clients talk to (DIR/engine.pid: PostgreSQL behind FerretDB)     DIR/kind, DIR/log
# With STORE_PORT=N the store listens on 127.0.0.1:N as well, and DIR/url names that. As root, servers run as www-data.
#
#   store_stop DIR   store_kill DIR (SIGKILL)   store_pause DIR   store_resume DIR   store_remove DIR (stop, delete)
#   mysql_admin DIR [ARGS...]   mariadb(1) as root on a MariaDB or MySQL       store_running DIR
# shellcheck shell=bash

# store_prepare KIND DIR: the parts that all stores share. Sets `dir`, `data`, `sockets` of the caller.
store_prepare() {
    mkdir -p "$2"
    dir=$(cd "$2" && pwd -P)
    if store_running "$dir"; then die "a store runs in $dir already; stop it first."; fi
    # What lived through the death of the other half of a store.
    terminate "$dir/pid"
    terminate "$dir/engine.pid" INT
    # A place of its own for what is temporary: MariaDB, when it starts, removes tables from there that it takes for its own.
    server_dir "$dir" "$dir/tmp"
    server_reaches "$dir" || die "$dir cannot be entered by $server_user; use a directory that is not below a closed one."
    sockets=$(runtime_dir "$dir") data=$dir/data
    printf '%s\n' "$1" >"$dir/kind"
    : >>"$dir/log"
}

# store_ready DIR URL SOCKET
store_ready() {
    printf '%s\n' "$3" >"$1/socket"
    printf '%s\n' "$2" >"$1/url"
}

# store_failed DIR NAME: shows why, cleans up, ends.
store_failed() {
    show_tail "$1/log"
    store_stop "$1"
    die "$2 did not start in $1; its log is $1/log."
}

# --- MariaDB and MySQL -----------------------------------------------------------------------------------------------

mysql_admin() {
    local socket
    socket=$(<"$1/socket")
    mariadb --no-defaults --user=root --socket="$socket" --default-character-set=utf8mb4 "${@:2}"
}

# The database `shop`, the login that the workers use, and the one role it may take: the login itself has no rights at all.
mysql_accounts() {
    mysql_admin "$1" <<'SQL'
CREATE DATABASE IF NOT EXISTS shop CHARACTER SET utf8mb4;
CREATE ROLE IF NOT EXISTS trivet_anon;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.* TO trivet_anon;
CREATE USER IF NOT EXISTS trivet_authenticator@'%' IDENTIFIED BY 'trivet';
GRANT trivet_anon TO trivet_authenticator@'%';
SQL
}

# mysql_finish PROGRAM-NAME: wait, make the accounts once, write the addresses. Uses `dir`, `socket` of the caller.
mysql_finish() {
    local host=localhost
    printf '%s\n' "$socket" >"$dir/socket"
    wait_until 120 "$dir/pid" mysql_admin "$dir" -e 'SELECT 1' || store_failed "$dir" "$1"
    if [ ! -e "$dir/accounts" ]; then
        mysql_accounts "$dir" >>"$dir/log" 2>&1 || store_failed "$dir" "$1"
        : >"$dir/accounts"
    fi
    if [ -n "${STORE_PORT:-}" ]; then
        store_ready "$dir" "mysql://trivet_authenticator:trivet@127.0.0.1:$STORE_PORT/shop" "$socket"
    else
        store_ready "$dir" "mysql://trivet_authenticator:trivet@$host/shop?socket=$socket" "$socket"
    fi
}

mysql_network() {
    if [ -n "${STORE_PORT:-}" ]; then
        printf '%s\n' --bind-address=127.0.0.1 --port="$STORE_PORT" --skip-name-resolve
    else
        printf '%s\n' --skip-networking
    fi
}

mariadb_start() {
    local dir data sockets socket network
    store_prepare mariadb "$1"
    command -v mariadbd >/dev/null || die "mariadbd is missing; ./dev up and ./dev test install it (package mariadb-server-core)."
    if [ ! -d "$data" ]; then
        rm -rf "$data.part"
        (cd / && export TMPDIR="$dir/tmp" && as_server mariadb-install-db --no-defaults --datadir="$data.part" --skip-test-db --force \
            --auth-root-authentication-method=normal) >>"$dir/log" 2>&1 || store_failed "$dir" "MariaDB"
        mv "$data.part" "$data"
    fi
    socket=$sockets/mysql.sock
    mapfile -t network < <(mysql_network)
    launch "$dir/pid" "$dir/log" mariadbd --no-defaults --datadir="$data" --socket="$socket" --tmpdir="$dir/tmp" \
        --pid-file="$data/server.pid" --character-set-server=utf8mb4 --max-connections=400 \
        --innodb-buffer-pool-size=64M "${network[@]}" "${@:2}"
    mysql_finish "MariaDB"
}

mysql97_start() {
    local dir data sockets socket network root
    store_prepare mysql97 "$1"
    root=$(mysql97_root 2>>"$dir/log") || store_failed "$dir" "MySQL 9.7"
    if [ ! -d "$data" ]; then
        rm -rf "$data.part"
        (cd / && as_server "$root/usr/sbin/mysqld" --no-defaults --initialize-insecure --basedir="$root/usr" \
            --datadir="$data.part" --tmpdir="$dir/tmp") >>"$dir/log" 2>&1 || store_failed "$dir" "MySQL 9.7"
        mv "$data.part" "$data"
    fi
    socket=$sockets/mysql.sock
    # Left by a crash, and in the way when that pid lives on as something else.
    rm -f "$socket.lock"
    mapfile -t network < <(mysql_network)
    launch "$dir/pid" "$dir/log" "$root/usr/sbin/mysqld" --no-defaults --basedir="$root/usr" --datadir="$data" \
        --socket="$socket" --tmpdir="$dir/tmp" --pid-file="$data/server.pid" --mysqlx=OFF --secure-file-priv=NULL --max-connections=400 \
        --skip-log-bin --innodb-buffer-pool-size=64M "${network[@]}" "${@:2}"
    mysql_finish "MySQL 9.7"
}

# --- Redis -----------------------------------------------------------------------------------------------------------

redis_start() {
    local dir data sockets socket network=(--port 0)
    store_prepare redis "$1"
    command -v redis-check-rdb >/dev/null || die "Redis is missing; ./dev up and ./dev test install it (package redis-tools)."
    server_dir "$data"
    socket=$sockets/redis.sock
    if [ -n "${STORE_PORT:-}" ]; then network=(--port "$STORE_PORT" --bind 127.0.0.1); fi
    # The package with the tools holds the server too: one program, told apart by the name it is called by.
    ln -sf "$(command -v redis-check-rdb)" "$dir/redis-server"
    launch "$dir/pid" "$dir/log" "$dir/redis-server" --dir "$data" --unixsocket "$socket" --unixsocketperm 770 \
        "${network[@]}" --daemonize no --save '' --appendonly yes --maxclients 4000 "${@:2}"
    wait_until 120 "$dir/pid" redis_answers "$socket" || store_failed "$dir" "Redis"
    if [ -n "${STORE_PORT:-}" ]; then
        store_ready "$dir" "redis://127.0.0.1:$STORE_PORT/0" "$socket"
    else
        store_ready "$dir" "unix://$socket?db=0" "$socket"
    fi
}

# NOAUTH is an answer too: a test may have given an ACL file.
redis_answers() { redis-cli -s "$1" PING 2>&1 | grep -E 'PONG|NOAUTH'; }

# --- MongoDB ---------------------------------------------------------------------------------------------------------

# mongo_program: mongod where there is one, else the pair that can be had everywhere.
mongo_program() { printf '%s\n' "${TRIVET_MONGOD:-$(command -v mongod || true)}"; }

mongo_start() {
    local program
    program=$(mongo_program)
    if [ -n "$program" ]; then mongod_start "$program" "$@"; else ferretdb_start "$@"; fi
}

# A number nobody listens on now: mongod wants one even when only its socket is used.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    printf '%s\n' "$port"
}

mongod_start() {
    local program=$1 dir data sockets socket port=${STORE_PORT:-}
    shift
    store_prepare mongod "$1"
    server_dir "$data"
    if [ -z "$port" ]; then port=$(free_port); fi
    socket=$sockets/mongodb-$port.sock
    launch "$dir/pid" "$dir/log" "$program" --dbpath "$data" --bind_ip 127.0.0.1 --port "$port" \
        --unixSocketPrefix "$sockets" --filePermissions 0770 "${@:2}"
    wait_until 120 "$dir/pid" socket_listens "$socket" || store_failed "$dir" "mongod"
    store_ready "$dir" "mongodb://127.0.0.1:$port/" "$socket"
}

# PostgreSQL's processes outlive a killed master for a moment; they stand in the data directory.
postgres_gone() {
    local cwd pid
    for cwd in /proc/[0-9]*/cwd; do
        [ "$(readlink "$cwd" 2>/dev/null)" = "$1" ] || continue
        pid=${cwd#/proc/}
        pid=${pid%/cwd}
        kill -s KILL "$pid" 2>/dev/null || true
        while process_birth "$pid" >/dev/null; do sleep 0.02; done
    done
}

ferretdb_start() {
    local dir data sockets socket postgres ferretdb bin listen=
    store_prepare ferretdb "$1"
    postgres=$(postgresql_root 2>>"$dir/log") || store_failed "$dir" "DocumentDB"
    ferretdb=$(ferretdb_root 2>>"$dir/log") || store_failed "$dir" "FerretDB"
    bin=$postgres/usr/lib/postgresql/18/bin
    if [ ! -d "$data" ]; then
        rm -rf "$data.part"
        (cd / && as_server "$bin/initdb" -D "$data.part" -A trust -U postgres --locale=C --encoding=UTF8 --no-sync) \
            >>"$dir/log" 2>&1 || store_failed "$dir" "DocumentDB"
        mv "$data.part" "$data"
    fi
    # Sockets only, also for the connections that the engine makes to itself.
    cat >"$data/trivet.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$sockets'
unix_socket_permissions = 0770
port = 5432
max_connections = 200
shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb'
cron.database_name = 'postgres'
cron.host = '$sockets'
documentdb.localhost_connection_string = 'host=$sockets'
documentdb_core.enableCollation = on
documentdb.enableSchemaValidation = on
CONF
    grep -q trivet.conf "$data/postgresql.conf" || printf "include 'trivet.conf'\n" >>"$data/postgresql.conf"
    if is_root; then chown "$server_user:" "$data/trivet.conf"; fi
    # Left by a crash; nothing of ours runs here, but their pids may live on as something else.
    postgres_gone "$data"
    rm -f "$data/postmaster.pid" "$sockets/.s.PGSQL.5432.lock"
    launch "$dir/engine.pid" "$dir/log" "$bin/postgres" -D "$data"
    wait_until 120 "$dir/engine.pid" "$bin/psql" -h "$sockets" -U postgres -Atc 'SELECT 1' || store_failed "$dir" "DocumentDB"
    "$bin/psql" -h "$sockets" -U postgres -qAtc 'SET client_min_messages = error' \
        -c 'CREATE EXTENSION IF NOT EXISTS documentdb CASCADE' >>"$dir/log" 2>&1 || store_failed "$dir" "DocumentDB"
    socket=$sockets/mongo.sock
    rm -f "$socket"
    server_dir "$dir/ferretdb"
    if [ -n "${STORE_PORT:-}" ]; then listen=127.0.0.1:$STORE_PORT; fi
    DO_NOT_TRACK=1 launch "$dir/pid" "$dir/log" "$ferretdb/ferretdb" \
        --postgresql-url="postgres://postgres@/postgres?host=$sockets&port=5432&pool_max_conns=60" --no-auth \
        --listen-addr="$listen" --listen-unix="$socket" --state-dir="$dir/ferretdb" --debug-addr=- --log-level=WARN "${@:2}"
    wait_until 120 "$dir/pid" socket_listens "$socket" || store_failed "$dir" "FerretDB"
    if [ -n "$listen" ]; then
        store_ready "$dir" "mongodb://$listen/" "$socket"
    else
        store_ready "$dir" "mongodb://${socket//\//%2F}/" "$socket"
    fi
}

# --- all of them -----------------------------------------------------------------------------------------------------

# Both halves of it, where there are two.
store_running() { running "$1/pid" && { [ ! -e "$1/engine.pid" ] || running "$1/engine.pid"; }; }

store_stop() {
    terminate "$1/pid" TERM 30
    # PostgreSQL's fast shutdown: TERM would wait for its clients.
    terminate "$1/engine.pid" INT 30
    rm -f "$1/url"
}

# store_signal DIR SIGNAL: to every process of the store.
store_signal() {
    local pidfile pid
    for pidfile in "$1/pid" "$1/engine.pid"; do
        running "$pidfile" || continue
        pid=$(<"$pidfile")
        kill -s "$2" "$pid"
    done
}

# stands_still PIDFILE: all threads of the process are stopped.
stands_still() {
    awk '{ sub(/.*\) /, "") } $1 != "T" { runs = 1 } END { exit runs }' /proc/"$(<"$1")"/task/*/stat 2>/dev/null
}

# SIGSTOP: connections are still taken by the kernel, nothing is answered. A thread that runs on another processor finishes what it
# is at when the signal comes, so that is waited for.
store_pause() {
    local pidfile
    store_signal "$1" STOP
    for pidfile in "$1/pid" "$1/engine.pid"; do
        while running "$pidfile" && ! stands_still "$pidfile"; do sleep 0.01; done
    done
}
store_resume() { store_signal "$1" CONT; }

# As a crash does it: no farewell to clients, no clean-up, the data as the disk has it.
store_kill() {
    terminate "$1/pid" KILL
    terminate "$1/engine.pid" KILL
    rm -f "$1/url"
}

store_remove() {
    local sockets
    [ -d "$1" ] || return 0
    store_stop "$1"
    sockets=$(runtime_dir "$(cd "$1" && pwd -P)")
    rm -rf "$sockets" "$1"
}
