# The part of tests/containers/run that proves who can talk to whom, by trying all of it. Sourced by it after compose.sh.
# shellcheck shell=bash

# Who may reach which port of whom; every other pair must fail. FROM TO:PORT.
allowed='
app mysql:3306
app mongo:27017
app redis:6379
app jaeger:4318
mysqld-exporter mysql:3306
mongodb-exporter mongo:27017
redis-exporter redis:6379
nginx-exporter nginx:8081
nginx-exporter nginx:8080
blackbox-exporter nginx:8080
blackbox-exporter nginx:8081
prometheus nginx:8080
prometheus nginx:8081
'
# Among themselves, on the network of that name.
monitors=(mysqld-exporter mongodb-exporter redis-exporter nginx-exporter blackbox-exporter prometheus alertmanager grafana jaeger)
targets=(mysql:3306 mongo:27017 redis:6379 nginx:8080 nginx:8081 jaeger:4318)

addresses_of() { docker inspect -f '{{range .NetworkSettings.Networks}}{{println .IPAddress}}{{end}}' "$1" | grep . || true; }

# reaches SECONDS CONTAINER ADDRESS:PORT...: from a shell in that container's network, prints those that take a connection within
# that time. The image has no shell, so the shell is a guest in its network namespace.
reaches() {
    local container=$2
    set -- "$1" "${@:3}"
    # shellcheck disable=SC2016  # expanded by the guest
    docker run --rm --network "container:$container" --entrypoint bash "$base_image" -c '
        seconds=$1
        shift
        try() { timeout "$seconds" bash -c "exec 3<>/dev/tcp/${1%:*}/${1##*:}" 2>/dev/null && echo "$1"; }
        for target in "$@"; do try "$target" & done
        wait' bash "$@" | sort
}

may() {
    local from=$1 to=${2%:*}
    [ "$from" = "$to" ] || grep -qx "$from $2" <<<"$allowed" ||
        { [[ " ${monitors[*]} " == *" $from "* ]] && [[ " ${monitors[*]} " == *" $to "* ]]; }
}

# What one service reaches is exactly what it may, counted over every address of every target. Most of them never answer, so the
# first look is short; on a busy machine one that does answer may miss it, so a difference is looked at again, longer. What must not
# be reached and is, is so both times.
reach_is_right() { reach_is_right_within 1 "$1" || reach_is_right_within 10 "$1"; }

reach_is_right_within() {
    local from=$2 target address name all=() expected=() found=() got line
    declare -A names=()
    for target in "${targets[@]}" "outside:8000" "host:8000"; do
        name=${target%:*}
        for address in ${addresses[$name]:-}; do
            all+=("$address:${target#*:}")
            names[$address:${target#*:}]=$target
        done
    done
    mapfile -t found < <(reaches "$1" "$(container_of "$from")" "${all[@]}")
    got=$(for line in "${found[@]}"; do [ -z "$line" ] || printf '%s\n' "${names[$line]}"; done | sort -u)
    for target in "${targets[@]}" "outside:8000" "host:8000"; do
        if [ -n "${addresses[${target%:*}]:-}" ] && { may "$from" "$target" || doors "$from" "$target"; }; then expected+=("$target"); fi
    done
    echo "tried: ${all[*]}"
    diff <(printf '%s\n' "${expected[@]}" | grep . | sort -u || true) <(printf '%s\n' "$got" | grep . || true)
}

# A published port needs a bridge with an address on the host's side, so who publishes reaches the host, though not what is beyond.
# Alertmanager reaches both: it delivers.
doors() {
    case "$1 $2" in
    "alertmanager outside:8000") true ;;
    nginx\ host:8000 | alertmanager\ host:8000 | prometheus\ host:8000 | grafana\ host:8000 | jaeger\ host:8000) true ;;
    *) false ;;
    esac
}

# A machine beyond the host: a network namespace behind a pair of interfaces, with a server on it, that knows no way back to
# the containers' own addresses; and the same server on the host's own side.
world_start() {
    local child
    LAUNCH_AS_ROOT=1 launch "$tmp/world.pid" "$tmp/world.log" nsenter --target "$(engine_child "$tmp/engine")" --net -- \
        unshare --net -- python3 -m http.server --directory "$tmp/pools.empty" 8000
    child=$(<"$tmp/world.pid")
    wait_until 60 "$tmp/world.pid" has_own_network "$child"
    engine_exec "$tmp/engine" ip link add world0 type veth peer name world1 netns "/proc/$child/ns/net"
    engine_exec "$tmp/engine" ip address add 198.51.100.1/24 dev world0
    engine_exec "$tmp/engine" ip link set world0 up
    nsenter --target "$child" --net -- ip address add 198.51.100.2/24 dev world1
    nsenter --target "$child" --net -- ip link set world1 up
    nsenter --target "$child" --net -- ip link set lo up
    LAUNCH_AS_ROOT=1 launch "$tmp/host.pid" "$tmp/world.log" nsenter --target "$(engine_child "$tmp/engine")" --net -- \
        python3 -m http.server --directory "$tmp/pools.empty" 8000
    wait_until 60 "$tmp/host.pid" engine_exec "$tmp/engine" bash -c 'exec 3<>/dev/tcp/198.51.100.2/8000 4<>/dev/tcp/198.51.100.1/8000'
}

# It begins in this shell's network and passes through the engine's.
has_own_network() {
    local network
    network=$(readlink "/proc/$1/ns/net") && [ "$network" != "$(readlink /proc/self/ns/net)" ] &&
        [ "$network" != "$(readlink "/proc/$(engine_child "$tmp/engine")/ns/net")" ]
}

# Without this the failed attempts above would prove nothing.
anyone_reaches_the_world() {
    [ "$(docker run --rm --entrypoint bash "$base_image" -c \
        'for a in 198.51.100.2 198.51.100.1; do timeout 10 bash -c "exec 3<>/dev/tcp/$a/8000" && echo "$a"; done' | wc -l)" = 2 ]
}

isolation_tests() {
    local service
    declare -gA addresses=()
    mkdir -p "$tmp/pools.empty"
    timed "a world outside" world_start
    for service in "$@"; do addresses[$service]=$(addresses_of "$(container_of "$service")"); done
    addresses[outside]=198.51.100.2 addresses[host]=198.51.100.1
    check "a container on an ordinary network reaches the world and the host" anyone_reaches_the_world
    for service in "$@"; do
        check "$service reaches what it must, and of all other ports, of the world and of the host nothing" reach_is_right "$service"
    done
    check "nginx and app have no network in common" no_network_in_common
    terminate "$tmp/host.pid"
    terminate "$tmp/world.pid"
}

networks_of() { docker inspect -f '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}' "$(container_of "$1")" | grep . | sort; }
no_network_in_common() {
    [ "$(networks_of nginx | wc -l)" -ge 2 ] && [ "$(networks_of app | wc -l)" -ge 4 ] && ! comm -12 <(networks_of nginx) <(networks_of app) | grep .
}
