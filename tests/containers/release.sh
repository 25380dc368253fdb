# The part of tests/containers/run that takes the pipeline's own scripts from ready binaries to a registry: images.sh and push.sh, with
# a real builder and a real registry on the engine's loopback. Sourced by it; uses its check, timed, tmp. Nothing leaves the machine.
# shellcheck shell=bash

registry() { printf '127.0.0.1:%s' "$registry_port"; }

registry_start() {
    local program
    program=$(registry_root)/usr/bin/docker-registry
    mkdir -p "$tmp/registry"
    cat >"$tmp/registry/config.yml" <<YAML
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $tmp/registry/data}}
http: {addr: "$(registry)"}
YAML
    LAUNCH_AS_ROOT=1 launch "$tmp/registry/pid" "$tmp/registry/log" nsenter --target "$(engine_child "$tmp/engine")" --net -- \
        "$program" serve "$tmp/registry/config.yml"
    wait_until 60 "$tmp/registry/pid" fetch -f -o /dev/null "http://$(registry)/v2/"
}

# Images start from what a registry has, by its digest.
registry_base() {
    docker tag "$base_image" "$(registry)/debian:trixie-slim"
    docker push --quiet "$(registry)/debian:trixie-slim"
}

# The sources as they are here, as one commit of a repository of its own: a release wants a commit, and nothing that differs from it.
release_checkout() {
    mkdir -p "$tmp/release"
    comm -z -23 <(git ls-files -z --cached --others --exclude-standard | sort -zu) <(git ls-files -z --deleted | sort -zu) |
        tar -c --null -T - | tar -x -C "$tmp/release"
    git -C "$tmp/release" -c init.defaultBranch=main init -q
    git -C "$tmp/release" add -A
    git -C "$tmp/release" -c user.name=Release -c user.email=release@example.org commit -q -m "What is here"
    # Where docker's plugins are found when the configuration is the build's own; login.sh does the same.
    mkdir -p "$tmp/release/build/private/docker"
    ln -s "$tmp/engine/config/cli-plugins" "$tmp/release/build/private/docker/cli-plugins"
    [ -d "$tmp/out" ] || compile_again
}

# script NAME: as the pipeline calls it, in the network where the registry is.
script() {
    engine_exec "$tmp/engine" env "TRIVET_APP_IMAGE=$(registry)/trivet/trivet-app" "TRIVET_NGINX_IMAGE=$(registry)/trivet/trivet-nginx" \
        "TRIVET_BASE_IMAGE=$(base_by_digest)" "TRIVET_READY_DIR=$tmp/out" "$tmp/release/pipeline/$1"
}

base_by_digest() {
    docker image inspect -f '{{range .RepoDigests}}{{println .}}{{end}}' "$base_image" | grep -F "$(registry)/debian@sha256:" | head -n 1
}
released() { sed -n "s/^$1=//p" "$tmp/release/build/release/release.env"; }

part_release() {
    registry_port=$(another_port "${TRIVET_PORT:-}" "${TRIVET_OPS_PORT:-}")
    timed "a registry" registry_start
    timed "the base image in it" registry_base
    timed "a commit of the sources, and ready binaries" release_checkout
    check "images.sh builds both images from ready binaries, on a base named by its digest" script images.sh
    check "push.sh pushes nothing that was not scanned" unscanned_stays
    check "push.sh: both images are in the registry, and release.env names the digests it knows them by" pushed
    check "what those digests bring is what was built, and names its commit" pulled_is_built
    check "push.sh again: a tag that is there stays what it is" tag_stays
    check "push.sh refuses a tag that the registry gives to another image than the one that was scanned" others_are_refused
    check "push.sh refuses sources that differ from their commit" changed_is_refused
    terminate "$tmp/registry/pid"
}

unscanned_stays() {
    if script push.sh >"$tmp/unscanned" 2>&1; then return 1; fi
    cat "$tmp/unscanned"
    grep 'pipeline/scan.sh first' "$tmp/unscanned" >/dev/null
    [ "$(fetch "http://$(registry)/v2/trivet/trivet-app/tags/list" -o /dev/null -w '%{http_code}')" = 404 ]
}

# scan.sh wants Docker Scout and its database: what it would leave is laid here in its place.
scanned() {
    local name tag
    tag=$(docker image ls --format '{{.Tag}}' "$(registry)/trivet/trivet-app" | grep -vxF '<none>' | head -n 1)
    mkdir -p "$tmp/release/build/release"
    for name in app nginx; do
        printf '%s %s\n' "$(registry)/trivet/trivet-$name:$tag" \
            "$(docker image inspect -f '{{.Id}}' "$(registry)/trivet/trivet-$name:$tag")"
    done >"$tmp/release/build/release/scanned.txt"
}

pushed() {
    local name kinds=application/vnd.oci.image
    kinds="$kinds.manifest.v1+json, $kinds.index.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    scanned
    script push.sh
    cat "$tmp/release/build/release/release.env"
    for name in APP NGINX; do
        fetch -f -o /dev/null -H "Accept: $kinds" \
            "http://$(released "${name}_IMAGE" | sed 's|/|/v2/|')/manifests/$(released "${name}_DIGEST")"
    done
}

pulled_is_built() {
    local name image built
    for name in APP NGINX; do
        image=$(released "${name}_IMAGE")
        built=$(docker image inspect -f '{{.Id}}' "$image:$(released TAG)")
        docker rmi "$image:$(released TAG)" >/dev/null
        docker pull --quiet "$image@$(released "${name}_DIGEST")"
        [ "$(docker image inspect -f '{{.Id}}' "$image@$(released "${name}_DIGEST")")" = "$built" ]
        [ "$(docker image inspect -f '{{index .Config.Labels "org.opencontainers.image.revision"}}' "$image@$(released "${name}_DIGEST")")" = \
            "$(git -C "$tmp/release" rev-parse HEAD)" ]
        # By its tag again, for what comes after.
        docker tag "$image@$(released "${name}_DIGEST")" "$image:$(released TAG)"
    done
}

tag_stays() {
    cp "$tmp/release/build/release/release.env" "$tmp/first.env"
    script push.sh | tee "$tmp/again"
    [ "$(grep -c 'is there already; it stays what it is' "$tmp/again")" = 2 ]
    diff "$tmp/first.env" "$tmp/release/build/release/release.env"
}

others_are_refused() {
    local image
    image=$(released APP_IMAGE):$(released TAG)
    docker tag "$base_image" "$image"
    if script push.sh >"$tmp/other" 2>&1; then return 1; fi
    grep 'is another image than the one that was scanned' "$tmp/other" >/dev/null
    scanned
    if script push.sh >"$tmp/other" 2>&1; then return 1; fi
    cat "$tmp/other"
    grep 'is another image than the one that was built and scanned here' "$tmp/other" >/dev/null
    diff "$tmp/first.env" "$tmp/release/build/release/release.env"
}

changed_is_refused() {
    printf '\n' >>"$tmp/release/README.md"
    if script push.sh >"$tmp/changed" 2>&1; then return 1; fi
    cat "$tmp/changed"
    grep 'the sources differ from commit' "$tmp/changed" >/dev/null
}
