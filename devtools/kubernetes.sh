# What the tests of containers/kubernetes need and this Debian does not carry: a Kubernetes API server, etcd, kubectl, kustomize,
# policy linters and podman, made once into the cache. Sourced after common.sh and roots.sh (by `cached`
# with CACHED_FROM=kubernetes.sh). It may write below cache_dir only; nothing of it is installed on the system.
# shellcheck shell=bash

# The version that the manifests are for; the API server of the tests is exactly this one.
kubernetes_version=1.36.4
kube_score_module=github.com/zegl/kube-score/cmd/kube-score@v1.20.0
kubernetes_validate_package=kubernetes-validate==1.36.0
# etcd and kubectl of the server's own release; kustomize for the golden renders.
kubernetes_packages=(etcd-server kubernetes-client kustomize)
# podman plays pods; catatonit holds a pod's namespaces, conmon and runc are what it starts containers by; haproxy stands in for
# the load balancer in front.
podman_packages=(podman conmon runc catatonit haproxy)

kube_apiserver_root() { cached kube-apiserver "v$kubernetes_version recipe 1" build_kube_apiserver "$kubernetes_version"; }
kubernetes_tools_root() { cached kubernetes-tools "${kubernetes_packages[*]}" build_kubernetes_tools; }
podman_root() { cached podman "${podman_packages[*]} recipe 1" build_podman; }
kube_score_root() { cached kube-score "$kube_score_module" build_kube_score; }
kubernetes_validate_root() {
    cached kubernetes-validate "$kubernetes_validate_package $(/usr/bin/python3 --version)" build_kubernetes_validate
}

# go_at_least VERSION: the go in PATH when it is new enough, else Debian unstable's.
go_at_least() {
    local root
    if command -v go >/dev/null &&
        printf '%s\n' "go$1" "$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null)" | sort -CV; then
        command -v go
    else
        # roots.sh names them.
        # shellcheck disable=SC2154
        root=$(CACHED_FROM='' cached go "${go_packages[*]}" build_go_root) || return 1
        printf '%s\n' "$root/usr/lib/go/bin/go"
    fi
}

# in_go DIR COMMAND...: with caches of this build's own, which go_clean removes: they are needed once.
in_go() {
    local dir=$1
    shift
    env -u GOROOT -u GOFLAGS -u GOWORK GOPATH="$dir/path" GOCACHE="$dir/objects" GOTOOLCHAIN=local CGO_ENABLED=0 nice -n 5 "$@"
}

go_clean() {
    if [ -d "$1/path" ]; then chmod -R u+w "$1/path"; fi
    rm -rf "$1/path" "$1/objects"
}

# The server cannot be had by `go install`: its module replaces the staging modules by folders of its own. A module around it
# replaces each of them by the published one of the same release instead.
build_kube_apiserver() {
    local dir=$1 version=$2 go staging module mod flags
    go=$(go_at_least 1.26)
    staging=v0.${version#*.}
    mod=$dir/module
    mkdir -p "$mod"
    cd "$mod" || exit 1
    in_go "$dir" "$go" mod init example.invalid/apiserver
    tries 3 in_go "$dir" "$go" mod download -json "k8s.io/kubernetes@v$version" >download.json
    sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",\{0,1\}$/\1/p' download.json | head -n 1 >gomod.path
    sed -n 's|^[[:space:]]*\(replace \)\{0,1\}\(k8s.io/[a-z0-9-]*\) => \./staging/.*|\2|p' "$(<gomod.path)" >staging.list
    [ -s staging.list ] || die "k8s.io/kubernetes v$version names no staging modules."
    in_go "$dir" "$go" mod edit -require="k8s.io/kubernetes@v$version"
    while IFS= read -r module; do
        in_go "$dir" "$go" mod edit -replace="$module=$module@$staging"
    done <staging.list
    printf '//go:build tools\n\npackage tools\n\nimport _ "k8s.io/kubernetes/cmd/kube-apiserver"\n' >tools.go
    tries 3 in_go "$dir" "$go" mod tidy
    flags="-s -w -X k8s.io/component-base/version.gitVersion=v$version"
    flags+=" -X k8s.io/component-base/version.gitMajor=${version%%.*}"
    flags+=" -X k8s.io/component-base/version.gitMinor=$(cut -d. -f2 <<<"$version")"
    in_go "$dir" "$go" build -mod=mod -trimpath -ldflags "$flags" -o "$dir/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
    cd "$dir" || exit 1
    rm -rf "$mod"
    go_clean "$dir"
    "$dir/kube-apiserver" --version | grep -F "v$version"
}

build_kubernetes_tools() {
    unstable_root "$1" "${kubernetes_packages[@]}"
    use_own_libraries "$1" etcd kubectl kustomize
}

build_podman() {
    unstable_root "$1" "${podman_packages[@]}"
    use_own_libraries "$1" podman conmon runc haproxy
    [ -x "$1/usr/bin/catatonit" ]
}

# use_own_libraries DIR NAME...: for those programs of a root that are linked against Debian's C library.
use_own_libraries() {
    local dir=$1 name file
    for name in "${@:2}"; do
        # `cached` renames the directory when it is whole, so the programs cannot be tried here.
        file=$(find "$dir/usr/bin" "$dir/usr/sbin" -name "$name" -type f -perm -u+x 2>/dev/null | head -n 1 || true)
        [ -n "$file" ] || die "the packages brought no $name."
        if patchelf --print-interpreter "$file" >/dev/null 2>&1; then
            # FINAL comes from `cached`.
            # shellcheck disable=SC2153
            own_libraries "$FINAL" "$file"
        fi
    done
}

build_kube_score() {
    local dir=$1 go
    go=$(go_at_least 1.25)
    GOBIN=$dir tries 3 in_go "$dir" "$go" install -trimpath -ldflags=-s "$kube_score_module"
    go_clean "$dir"
    [ -x "$dir/kube-score" ]
}

build_kubernetes_validate() {
    # It is renamed afterwards, which `python -m` does not mind.
    /usr/bin/python3 -m venv "$1/venv"
    "$1/venv/bin/python" -m pip install --quiet "$kubernetes_validate_package"
}

# --- the images of the pod ----------------------------------------------------------------------------------------------------

# trivet_images: a directory with app.tar and nginx.tar, made by the Dockerfiles from this checkout as it is. The key is the
# content of the build context, as .dockerignore lets it through.
trivet_images() {
    [ -f "$TRIVET_SRC/containers/app/Dockerfile" ] || die "there are no Dockerfiles in $TRIVET_SRC/containers."
    # One for each state of the sources: those of the day before yesterday are in nobody's use.
    find "$(cache_dir)" -maxdepth 1 -type d -name 'images-*' -mtime +2 -exec rm -rf {} +
    cached images "$(image_context | short_hash)" build_trivet_images
}

image_context() (
    cd "$TRIVET_SRC" || exit 1
    # The patterns of .dockerignore are the shell's.
    shopt -s globstar nullglob
    local pattern
    while IFS= read -r pattern; do
        # shellcheck disable=SC2086
        find ${pattern#/} -type f -exec sha256sum {} +
    done < <(sed -n 's/^!//p' .dockerignore) | sort
    sha256sum .dockerignore containers/*/Dockerfile devtools/containers.sh
)

# "no container engine" is what a machine may lack; images that do not build are a mistake of ours.
build_trivet_images() {
    # shellcheck source=devtools/containers.sh
    . "$TRIVET_SRC/devtools/containers.sh"
    # Sockets have short paths only.
    images_engine=$(mktemp -d /tmp/tvi.XXXXXX)
    # `cached` gives its builder a shell of its own, so its traps are ours.
    trap images_clean EXIT
    trap 'exit 143' INT TERM HUP
    build_in_engine "$1" "$images_engine"
}

images_clean() {
    engine_stop "$images_engine" >/dev/null 2>&1 || true
    rm -rf "$images_engine"
}

build_in_engine() {
    local dir=$1 engine=$2 name
    engine_start "$engine" || die "no container engine: $(tail -n 1 "$engine/dockerd.log" 2>/dev/null)"
    engine_base || die "no container engine: the base image cannot be made"
    for name in app nginx; do
        tries 3 nice -n 5 docker build --progress plain -f "$TRIVET_SRC/containers/$name/Dockerfile" -t "trivet/trivet-$name:0.1.0" \
            "$TRIVET_SRC" >"$engine/build.log" 2>&1 || {
            tail -n 60 "$engine/build.log"
            die "the image $name does not build: $(grep -aE 'undefined reference|error:|No rule|\*\*\*' "$engine/build.log" | head -n 1)"
        }
        docker save -o "$dir/$name.tar" "trivet/trivet-$name:0.1.0"
    done
}
