# The part of tests/containers/run that builds both images and judges them. Sourced by it; uses its check, tap, tmp.
# shellcheck shell=bash

image_names=(app nginx)

# image_build NAME TAG [ARGS...]
image_build() {
    local name=$1 tag=$2
    shift 2
    tries 3 nice -n 5 docker build --progress plain -t "trivet/trivet-$name:$tag" -f "containers/$name/Dockerfile" "$@" .
}

images_build() {
    local name
    for name in "${image_names[@]}"; do image_build "$name" local; done
}

# image_export NAME TAG: all files of an image as $tmp/NAME-TAG.tar, its settings as .json.
image_export() {
    local name=$1 tag=$2 container
    container=$(docker create "trivet/trivet-$name:$tag")
    docker export -o "$tmp/$name-$tag.tar" "$container"
    docker rm "$container" >/dev/null
    docker image inspect "trivet/trivet-$name:$tag" >"$tmp/$name-$tag.json"
    python3 "$here/image.py" --digest "$tmp/$name-$tag.tar" >"$tmp/$name-$tag.digest"
    rm -rf "${tmp:?}/$name-$tag"
    mkdir "$tmp/$name-$tag"
    tar -C "$tmp/$name-$tag" -xf "$tmp/$name-$tag.tar"
}

part_images() {
    local name lint
    timed "tools from PyPI" container_lint
    lint=$(container_lint)
    for name in "${image_names[@]}"; do
        check "containers/$name/Dockerfile: docker build --check" docker build --check -f "containers/$name/Dockerfile" .
        check "containers/$name/Dockerfile: hadolint" "$lint/modules/bin/hadolint" --failure-threshold style "containers/$name/Dockerfile"
    done
    check "a mistake in a Dockerfile is found by both" mistakes_found "$lint"
    check "a build sees nothing but what it needs" context_is_small
    timed "both images, compiled" images_build
    for name in "${image_names[@]}"; do timed "the files of $name" image_export "$name" local; done
    tap python3 "$here/image.py" "$tmp/app-local" "$tmp/app-local.json" trivet-app 40 \
        /usr/bin/trivet-{pools,sql,doc,kv,ops,hello} /usr/bin/spawn-fcgi
    tap python3 "$here/image.py" "$tmp/nginx-local" "$tmp/nginx-local.json" trivet-nginx 20 \
        /usr/sbin/nginx /usr/bin/trivet-{front,probe}
    for name in "${image_names[@]}"; do
        check "trivet-$name: the SBOM is valid SPDX 2.3" env PYTHONPATH="$lint/modules" python3 -m spdx_tools.spdx.clitools.pyspdxtools \
            -i "$tmp/$name-local/usr/share/sbom/trivet-$name.spdx.json"
    done
    # All anew, and by another way: compiled again, taken out, and put into images by the target for ready binaries.
    timed "everything compiled once more" compile_again
    timed "trivet-nginx compiled once more" image_build nginx again --no-cache-filter compile,assemble,assemble-compiled
    timed "trivet-app from ready binaries" image_build app again --target ready --build-context "binaries=$tmp/out" \
        --no-cache-filter assemble,assemble-ready
    timed "trivet-nginx from ready binaries" image_build nginx ready --target ready --build-context "binaries=$tmp/out"
    for name in "${image_names[@]}"; do
        timed "the files of $name" image_export "$name" again
        check "trivet-$name: built twice, it has the same files to the byte" diff "$tmp/$name-local.digest" "$tmp/$name-again.digest"
    done
    timed "the files of nginx from ready binaries" image_export nginx ready
    check "trivet-nginx from ready binaries has no other files, and its own trivet-front and trivet-probe" nginx_ready_is_right
    check "the debug symbols belong to the binaries by build id" symbols_match
    check "the app image refuses to start what cannot work, and says why" refuses_wrong_pool
    check "nginx's configuration is right for its user on a read-only root" nginx_takes_it
}

compile_again() {
    tries 3 nice -n 5 docker build --progress plain -f containers/app/Dockerfile --target installed --no-cache-filter compile --output "$tmp/out" .
}

nginx_ready_is_right() {
    diff <(grep -vE '/trivet-(front|probe) ' "$tmp/nginx-local.digest") <(grep -vE '/trivet-(front|probe) ' "$tmp/nginx-ready.digest")
    [ "$(grep -cE '/trivet-(front|probe) ' "$tmp/nginx-ready.digest")" = 2 ]
}

mistakes_found() {
    printf 'FROM %s\nMAINTAINER nobody\nRUN cd /tmp\nCMD echo x\n' "$base_image" >"$tmp/Dockerfile.wrong"
    sed -i '1i # check=error=true' "$tmp/Dockerfile.wrong"
    ! docker build --check -f "$tmp/Dockerfile.wrong" . && ! "$1/modules/bin/hadolint" --failure-threshold style "$tmp/Dockerfile.wrong"
}

# What is sent is shown by a build that takes all of it.
context_is_small() {
    local outside
    printf 'FROM scratch\nCOPY . /\n' >"$tmp/Dockerfile.context"
    docker build -q -f "$tmp/Dockerfile.context" --output "$tmp/context" .
    outside=$(find "$tmp/context" -type f | sed "s|^$tmp/context/||" |
        grep -vE '^(configure\.ac|Makefile\.am|README\.md|m4/|lib/|fcgi-app/|nginx/|packaging/|docs/[a-z-]+\.md$|containers/(entry|app|nginx)/|containers/(closure|sbom|finish\.sh)$|([a-z/-]+/)?sources\.am$)' || true)
    [ -z "$outside" ] || { printf 'in the context: %s\n' "$outside" && return 1; }
    if find "$tmp/context" -name '*.o' -o -path '*/secrets/*' -o -name '.git*' ! -name .gitkeep | grep .; then return 1; fi
    rm -rf "${tmp:?}/context"
}

build_id() { readelf -n "$1" | sed -n 's/.*Build ID: //p'; }

symbols_match() {
    local file count=0 symbols
    docker build -q -f containers/app/Dockerfile --target symbols --output "$tmp/symbols" .
    for file in "$tmp"/app-local/usr/bin/trivet-*; do
        symbols=$tmp/symbols/$(basename "$file").debug
        if [ -z "$(build_id "$file")" ] || [ "$(build_id "$file")" != "$(build_id "$symbols")" ]; then echo "$file" && return 1; fi
        count=$((count + 1))
    done
    [ "$count" -ge 6 ]
}

refuses_wrong_pool() {
    local status=0
    docker run --rm --network none --read-only --tmpfs /run/trivet:uid=10001,mode=0770 -e TRIVET_POOLS="sql nosuch" \
        trivet/trivet-app:local >"$tmp/refused" 2>&1 || status=$?
    cat "$tmp/refused"
    [ "$status" = 2 ] && grep -q 'trivet-nosuch' "$tmp/refused"
}

nginx_takes_it() {
    docker run --rm --network none --read-only --cap-drop ALL --tmpfs /tmp:uid=10002,mode=0700 \
        --entrypoint /usr/sbin/nginx trivet/trivet-nginx:local -e stderr -c /etc/trivet/nginx.conf -t
}
