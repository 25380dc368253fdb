# The part of tests/containers/run that brings docker-compose.yml up with real stores behind the public images' names, and asks it
# what a user would. Sourced by it; uses its check, tap, timed, skip, tmp. It works on a copy: secrets of the checkout stay.
# shellcheck shell=bash

export COMPOSE_PROJECT_NAME=trivettest
# Bounds tell what hangs from what goes on, not what is slow from what is fast: they are for machines that do much else at once.
compose_up_seconds=900

compose() { docker compose --project-directory "$tmp/project" --profile monitoring "$@"; }
container_of() { compose ps --all --quiet "$1"; }
base_url() { printf 'http://127.0.0.1:%s' "$TRIVET_PORT"; }
# Published ports are on the loopback of the engine's network.
fetch() { engine_exec "$tmp/engine" curl -s --max-time 60 "$@"; }

# within SECONDS COMMAND...: again and again until it succeeds. As a condition, so errexit is off in it.
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# another_port [PORT...]: a free one that is none of these, on which nobody listens yet or only in another network.
another_port() {
    local port
    while :; do
        port=$(free_port)
        [[ " $* " == *" $port "* ]] || break
    done
    printf '%s\n' "$port"
}

# The compose file names public images; these are built from what can be had here, under those names. IMAGE comes from the file,
# so that it has one place.
image_of() { compose config --format json | python3 -c 'import json, sys; print(json.load(sys.stdin)["services"][sys.argv[1]]["image"])' "$1"; }

standin() {
    local service=$1 folder=$2
    shift 2
    tries 3 nice -n 5 docker build --progress plain -t "$(image_of "$service")" "$@" "$here/standins/$folder"
}

standins_build() {
    local mysql postgresql ferretdb exporters pair
    # One a line: of several in one only the last one's status counts.
    mysql=$(mysql97_root)
    postgresql=$(postgresql_root)
    ferretdb=$(ferretdb_root)
    exporters=$(exporters_root)
    standin redis redis
    standin mysql mysql --build-arg "ROOT=$mysql" --build-context "root=$mysql"
    standin mongo mongo --build-arg "POSTGRESQL=$postgresql" --build-context "postgresql=$postgresql" --build-context "ferretdb=$ferretdb"
    for pair in prometheus:prometheus alertmanager:prometheus-alertmanager mysqld-exporter:prometheus-mysqld-exporter \
        redis-exporter:prometheus-redis-exporter nginx-exporter:prometheus-nginx-exporter blackbox-exporter:prometheus-blackbox-exporter; do
        standin "${pair%:*}" exporter --build-arg "ROOT=$exporters" --build-context "root=$exporters" --build-arg "PROGRAM=${pair#*:}"
    done
    for pair in mongodb-exporter:9216 grafana:3000 jaeger:4318; do
        standin "${pair%:*}" placeholder --build-arg "PORT=${pair#*:}"
    done
}

project_copy() {
    local file
    mkdir -p "$tmp/project/containers" "$tmp/project/devtools"
    cp docker-compose.yml docker-compose.ci.yml "$tmp/project/"
    cp -r containers/compose "$tmp/project/containers/"
    rm -rf "$tmp/project/containers/compose/secrets"
    cp -r devtools/sample "$tmp/project/devtools/"
    if [ -d grafana ]; then cp -r grafana "$tmp/project/"; fi
    "$tmp/project/containers/compose/make-secrets"
    for file in "$tmp"/project/containers/compose/secrets/*; do [ -s "$file" ]; done
    TRIVET_PORT=$(free_port)
    TRIVET_OPS_PORT=$(another_port "$TRIVET_PORT")
    export TRIVET_PORT TRIVET_OPS_PORT
    compose config --format json >"$tmp/config.json"
}

# Compose gives up as soon as a service is unhealthy, so on a busy machine they may be so for longer. It takes a file of this name by
# itself; what is said of docker-compose.yml is said before it is there, or by naming the files.
project_patience() {
    local service
    {
        echo 'services:'
        for service in nginx app mysql mongo redis prometheus; do
            printf '  %s: {healthcheck: {start_period: 600s, timeout: 30s}}\n' "$service"
        done
    } >"$tmp/project/docker-compose.override.yml"
    compose config --quiet
}

# What an earlier run left when it was killed.
compose_sweep() {
    local left
    left=$(docker ps --all --quiet)
    # shellcheck disable=SC2086  # one word each
    if [ -n "$left" ]; then docker rm --force --volumes $left; fi
    docker volume prune --all --force
    docker network prune --force
}

compose_end() {
    [ ! -d "$tmp/project" ] || compose down --volumes --timeout 5 >/dev/null 2>&1 || true
}

# Shows what those say that do not run or are not well.
compose_blame() {
    local container
    [ -d "$tmp/project" ] || return 0
    for container in $(compose ps --all --quiet); do
        case $(docker inspect -f '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' "$container") in
        'running healthy' | 'running ') ;;
        *)
            docker inspect -f '# {{.Name}} {{.State.Status}} {{.State.ExitCode}} {{if .State.Health}}{{json .State.Health.Log}}{{end}}' "$container" | tail -c 600
            docker logs --tail 15 "$container" 2>&1 | sed 's/^/#   /'
            ;;
        esac
    done
}

# With monitoring when its configuration is there, which is in a folder of its own.
compose_up() { compose up --detach --wait --wait-timeout "$compose_up_seconds" "$@"; }

part_compose() {
    local services
    timed "what an earlier run left" compose_sweep
    check "make-secrets, and docker-compose.yml is right: docker compose config" project_copy
    # check ran it in a shell of its own.
    project_copy >/dev/null 2>&1
    check "make-secrets keeps what is there, and nobody else may enter" secrets_stay
    tap python3 "$here/compose_file.py" "$tmp/config.json"
    tap python3 "$here/sums.py" "$tmp/project" docs/deploy.md
    check "docker-compose.ci.yml changes the two images and nothing else, and insists on a tag" ci_overrides
    timed "patience for the services" project_patience
    timed "stand-ins for the public images" standins_build
    if [ -d grafana ]; then
        mapfile -t services < <(compose config --services)
    else
        services=(nginx app mysql mongo redis)
        skip "the profile monitoring" "there is no folder grafana"
    fi
    timed "docker compose up --wait: ${services[*]}" compose_up "${services[@]}"
    check "all three stores are ready" stores_ready
    check "MongoDB is well for who shows the workers' password, and not with another" mongo_lets_in
    check "/sql answers through the published port, from the real MySQL 9.7" sql_answers
    check "/doc answers through the published port" doc_answers
    check "/kv answers through the published port" kv_answers
    check "the cache holds what was read: Redis takes the workers' login" cache_hits
    check "operations are on their own port: status, metrics" ops_answers
    check "ports are on this machine's loopback alone" loopback_only
    tap python3 "$here/confined.py" "$tmp/config.json" "$base_image" "$COMPOSE_PROJECT_NAME"
    check "the app's root is read-only" app_root_read_only
    isolation_tests "${services[@]}"
    if [ -d grafana ]; then monitoring_tests; fi
    idle_memory
    start_time
    check "reload under load: no request is lost" reload_under_load
    check "TRIVET_SQL_WORKERS=7: only app is made anew, with 7 workers a process" scaling
    check "process 1 of app survives the kill of a pool, which is back at once" pool_killed
    check "stop under load: no request is lost, nothing is killed" stop_under_load
    check "data survive down and up" data_survive
}

secrets_stay() {
    local dir=$tmp/project/containers/compose/secrets before
    before=$(cat "$dir"/*)
    "$tmp/project/containers/compose/make-secrets"
    [ "$before" = "$(cat "$dir"/*)" ]
    [ "$(stat -c %a "$dir")" = 700 ]
    # No password is used twice.
    ! cat "$dir"/*_password | sort | uniq -d | grep .
}

ci_overrides() {
    local files=(-f "$tmp/project/docker-compose.yml" -f "$tmp/project/docker-compose.ci.yml")
    export TRIVET_APP_IMAGE=registry.example/team/app TRIVET_NGINX_IMAGE=registry.example/team/nginx
    if compose "${files[@]}" config -q 2>"$tmp/no-tag"; then return 1; fi
    grep -q TRIVET_TAG "$tmp/no-tag"
    TRIVET_TAG=1.2.3 compose "${files[@]}" config --format json >"$tmp/ci.json"
    python3 - "$tmp/config.json" "$tmp/ci.json" <<'PYTHON'
import json, sys
base, ci = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:])
for service in ("app", "nginx"):
    assert ci["services"][service].pop("image") == "registry.example/team/%s:1.2.3" % service
    assert base["services"][service].pop("image") == "trivet/trivet-%s:local" % service
assert base == ci, "something else differs"
PYTHON
}

# Healthy containers are no promise that every process has looked at every store.
stores_ready() { within 60 says_ready; }
says_ready() { [[ $(fetch "http://127.0.0.1:$TRIVET_OPS_PORT/readyz") == '{"ready":true'* ]]; }

# The health check's own words, in a guest on MongoDB's network that has the same files, or another password.
mongo_lets_in() {
    local words mongo project=$tmp/project/containers/compose
    mongo=$(container_of mongo)
    mapfile -t words < <(docker inspect -f '{{range .Config.Healthcheck.Test}}{{println .}}{{end}}' "$mongo" | grep . | tail -n +2)
    docker exec "$mongo" "${words[@]}"
    printf 'another7aZ' >"$tmp/another"
    chmod 0444 "$tmp/another"
    ! docker run --rm --network "container:$mongo" --volume "$tmp/another:/run/secrets/mongo_password:ro" \
        --volume "$project/mongo/healthy.js:/usr/local/share/healthy.js:ro" --entrypoint "${words[0]}" "$(image_of mongo)" "${words[@]:1}"
}

hello_names_mysql() { fetch "$(base_url)/hello" | tee /dev/stderr | grep '"MySQL 9\.7' >/dev/null; }
sql_has_it() {
    [[ $(fetch "$(base_url)/sql/product?name=eq.Compose%20Trivet&select=price" | tee /dev/stderr) == '[{"price":12.50}]' ]]
}
sql_answers() {
    within 60 hello_names_mysql
    [[ $(fetch "$(base_url)/sql/product?id=eq.1&select=name" | tee /dev/stderr) == '[{"name":"Oak Trivet"}]' ]]
    [ "$(fetch -o /dev/null -w '%{http_code}' "$(base_url)/sql/product" -H 'Content-Type: application/json' \
        -d '{"name":"Compose Trivet","price":12.5}')" = 201 ]
    sql_has_it
}

doc() {
    fetch "$(base_url)/doc/action/$1" -H 'Content-Type: application/json' \
        -d "{\"dataSource\":\"mongodb-atlas\",\"database\":\"shop\",\"collection\":\"reviews\",$2}"
}
doc_has_it() { doc findOne '"filter":{"_id":"compose"}' | tee /dev/stderr | grep '"stars":5' >/dev/null; }
doc_answers() {
    doc insertOne '"document":{"_id":"compose","stars":5}' | tee /dev/stderr | grep '"insertedId":"compose"' >/dev/null
    doc_has_it
}

kv_is_up() { [[ $(fetch "$(base_url)/kv/get/compose" | tee /dev/stderr) == '{"result":"up"}' ]]; }
kv_answers() {
    [[ $(fetch "$(base_url)/kv" -d '["SET","compose","up"]' | tee /dev/stderr) == '{"result":"OK"}' ]]
    kv_is_up
}

# What a read leaves in the cache may come a moment after its answer.
cache_hits() { within 60 is_hit "$(base_url)/sql/product?id=eq.7"; }
is_hit() { fetch -D - -o /dev/null "$1" | tee /dev/stderr | grep -i '^x-trivet-cache: hit' >/dev/null; }

ops_answers() {
    fetch "http://127.0.0.1:$TRIVET_OPS_PORT/status" | grep '"sql"' >/dev/null
    fetch "http://127.0.0.1:$TRIVET_OPS_PORT/metrics" | grep '^trivet_' >/dev/null
    [ "$(fetch -o /dev/null -w '%{http_code}' "$(base_url)/metrics")" = 404 ]
}

# docker-proxy's sockets, as the kernel lists them in the engine's network.
loopback_only() {
    local listening
    # shellcheck disable=SC2016  # awk's own
    listening=$(engine_exec "$tmp/engine" awk '$4 == "0A" { print $2 }' /proc/net/tcp /proc/net/tcp6 | sort -u)
    printf '%s\n' "$listening"
    printf '%s\n' "$listening" | grep -i "^0100007F:$(printf '%04X' "$TRIVET_PORT")\$" >/dev/null
    ! printf '%s\n' "$listening" | grep -vi '^0100007F:'
}

# Process 1 makes the directory of its sockets: told to do so on the root, it cannot.
app_root_read_only() {
    local said
    said=$(docker exec -e TRIVET_RUN_DIRECTORY=/etc/x "$(container_of app)" /usr/bin/trivet-pools 2>&1) && return 1
    echo "$said"
    [[ $said == *'Read-only file system'* ]]
}

# --- numbers ----------------------------------------------------------------------------------------------------------------

# What docker stats says for it, in MiB; the target is 40. It counts pages of files that were read lately, which the kernel takes back
# when it likes: so the least of a while is what the container needs.
idle_memory() {
    local used='' now deadline=$((SECONDS + 60))
    until [ -n "$used" ] && awk -v used="$used" 'BEGIN { exit !(used <= 40) }'; do
        now=$(docker stats --no-stream --format '{{.MemUsage}}' "$(container_of app)" | awk '{ v = $1; u = v; gsub(/[0-9.]/, "", u); sub(/[A-Za-z]+/, "", v); print u == "GiB" ? v * 1024 : u == "KiB" ? v / 1024 : v }')
        # Nothing is what it says of a container that it could not look at.
        used=$(awk -v used="$used" -v now="$now" 'BEGIN { print (now > 1 && (used == "" || now + 0 < used + 0) ? now : used) }')
        [ "$SECONDS" -lt "$deadline" ] || break
    done
    echo "# idle app container: $used MiB (22 processes and their workers, all five pools)"
    check "an idle app container takes at most 40 MiB" awk -v used="$used" 'BEGIN { exit !(used > 1 && used <= 40) }'
}

# From the engine's word that the container started, and from the first word of process 1, to the first 200 through nginx.
# How long that takes is the machine's as much as ours, so it is told and not judged; that it answers after each start is.
start_time() {
    engine_exec "$tmp/engine" env "DOCKER_HOST=$DOCKER_HOST" "PATH=$PATH" python3 "$here/startup.py" "$TRIVET_PORT" "$(container_of app)" >"$tmp/startup" || true
    sed 's/^/# /' "$tmp/startup"
    echo "# the machine's load is $(cut -d ' ' -f 1 /proc/loadavg)"
    check "the app container's start is followed by answers of /hello and /sql, each time" answered_after_start
}

answered_after_start() { grep -q '^best=[1-9][0-9]* ms' "$tmp/startup"; }

# --- under load -------------------------------------------------------------------------------------------------------------

# load_start ONCE|KEPT: in the background, on nginx's own address: the published port's helper takes connections even when nginx
# does not. load_end: its result in $tmp/load.json.
load_start() {
    local address
    address=$(docker inspect -f "{{(index .NetworkSettings.Networks \"${COMPOSE_PROJECT_NAME}_edge\").IPAddress}}" "$(container_of nginx)")
    mkfifo "$tmp/load.stop"
    engine_exec "$tmp/engine" python3 "$here/load.py" "$address" 8080 6 "$1" /hello '/sql/product?id=eq.1' /kv/get/compose \
        '/sql/product?select=id,name&limit=20' <"$tmp/load.stop" >"$tmp/load.json" &
    load_pid=$!
    exec 6>"$tmp/load.stop"
    rm "$tmp/load.stop"
    local before
    before=$(nginx_requests)
    within 60 requests_since "$before" 500
}

requests_since() { [ $(($(nginx_requests) - $1)) -gt "$2" ]; }

nginx_requests() { fetch "http://127.0.0.1:$TRIVET_OPS_PORT/nginx_status" | awk 'NR == 3 { print $3 }'; }

load_end() {
    exec 6>&-
    wait "$load_pid"
    cat "$tmp/load.json"
    python3 -c 'import json, sys; c = json.load(open(sys.argv[1])); sys.exit(not (c["good"] > 500 and c["lost"] == 0))' "$tmp/load.json"
}

reload_under_load() {
    load_start kept
    docker kill --signal HUP "$(container_of app)" >/dev/null
    # Not from the log, which so many requests rotate away.
    within 60 all_of_generation 2 || { load_end || true && echo "not all pools reloaded" && return 1; }
    load_end
}

# Whether every process of every pool is of this generation: the old ones have drained.
all_of_generation() {
    fetch "http://127.0.0.1:$TRIVET_OPS_PORT/status" | python3 -c '
import json, sys
pools = json.load(sys.stdin)["pools"].values()
wanted = int(sys.argv[1])
sys.exit(not all(process["generation"] == wanted for pool in pools if "processes" in pool for process in pool["processes"])
         or not any("processes" in pool for pool in pools))' "$1" 2>/dev/null
}

scaling() {
    local nginx_before
    nginx_before=$(docker inspect -f '{{.State.StartedAt}}' "$(container_of nginx)")
    TRIVET_SQL_WORKERS=7 compose up --detach --no-deps --wait --wait-timeout 300 app
    [ "$nginx_before" = "$(docker inspect -f '{{.State.StartedAt}}' "$(container_of nginx)")" ]
    within 60 sql_limit 14
    compose up --detach --no-deps --wait --wait-timeout 300 app
    within 60 sql_limit 8
}

sql_limit() {
    fetch "http://127.0.0.1:$TRIVET_OPS_PORT/status" | python3 -c '
import json, sys
limit = json.load(sys.stdin)["pools"]["sql"]["workers"]["max"]
print("sql: at most %d workers" % limit)
sys.exit(limit != int(sys.argv[1]))' "$1"
}

# The kill comes from a guest in the container's own process space: nothing inside it could send one.
pool_killed() {
    local app victim
    app=$(container_of app)
    victim=$(docker logs "$app" 2>&1 | sed -n 's/.*"text":"kv: process \([0-9]*\).*/\1/p' | tail -n 1)
    docker run --rm --pid "container:$app" --user 10001:10001 --entrypoint bash "$base_image" -c "kill -9 $victim"
    within 60 kv_is_again "$app"
    within 60 kv_is_up
    [ "$(docker inspect -f '{{.RestartCount}} {{.State.Status}}' "$app")" = "0 running" ]
}

kv_is_again() { docker logs "$1" 2>&1 | grep '"text":"kv: process [0-9]*, again' >/dev/null; }

# Sets `since` of the caller to when the stop began.
stop_loaded() {
    load_start once
    since=$(date +%s)
    compose stop nginx app
    docker logs --since "$since" "$(container_of nginx)" 2>&1 | grep '"event":"stop' >&2
}

stop_under_load() {
    local service since left=3
    stop_loaded
    # trivet-front waits for nginx, but not for ever; where nginx did not run for so long, it says so, and the stop shows nothing.
    until load_end; do
        left=$((left - 1))
        [ "$left" -gt 0 ]
        docker logs --since "$since" "$(container_of nginx)" 2>&1 | grep '"event":"stop.late"' >&2
        compose_up nginx app
        stop_loaded
    done
    for service in nginx app; do
        # 137 would be a kill.
        [ "$(docker inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' "$(container_of "$service")" | tee /dev/stderr)" = "0 false" ]
    done
    docker logs --since "$since" "$(container_of app)" 2>&1 | grep '"event":"stopped"' | tail -n 1 | tee /dev/stderr | grep 'all finished' >/dev/null
}

data_survive() {
    compose down --timeout 60
    [ -z "$(compose ps --all --quiet)" ]
    compose_up nginx app mysql mongo redis
    within 60 sql_has_it
    within 60 doc_has_it
    within 60 kv_is_up
}

# --- the profile monitoring -----------------------------------------------------------------------------------------------------

# Prometheus' own word for what it scrapes.
scraped() {
    local job=$1 deadline=$((SECONDS + 120))
    until [[ $(fetch -G "http://127.0.0.1:${TRIVET_PROMETHEUS_PORT:-9090}/api/v1/query" --data-urlencode "query=$2" | tee "$tmp/query") == *'"1"]'* ]]; do
        [ "$SECONDS" -lt "$deadline" ] || { cat "$tmp/query" && return 1; }
        sleep 0.5
    done
    echo "$job"
}

monitoring_tests() {
    check "Prometheus scrapes Trivet through nginx" scraped trivet 'up{job="trivet"}'
    check "mysqld_exporter logs in to MySQL by its secret" scraped mysql 'mysql_up'
    check "redis_exporter logs in to Redis by its secret" scraped redis 'redis_up'
    check "nginx-prometheus-exporter reads nginx's status" scraped nginx 'nginx_up'
    check "blackbox_exporter asks Trivet as a user would" scraped edge 'min(probe_success{job="edge"})'
    check "Alertmanager is found by Prometheus" scraped alertmanager 'up{job="alertmanager"}'
    skip "mongodb_exporter reads MongoDB" "percona's image cannot be had here; a stand-in holds its place on the networks"
    skip "Grafana shows the dashboards" "its image cannot be had here; a stand-in holds its place on the networks"
    skip "Jaeger takes traces" "its image cannot be had here; a stand-in holds its place on the networks"
}
