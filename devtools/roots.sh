# Servers that this Debian release does not carry, taken from Debian's unstable suite without installing anything:
# apt resolves and verifies them, dpkg-deb unpacks them into the cache, and patchelf lets their programs load the
# libraries next to them instead of the system's. No root, no chroot, no mount, nothing of it on the system itself.
# Sourced after common.sh. It may write below cache_dir only.
# shellcheck shell=bash

# Raise it when a root is made differently from before.
roots_recipe=1

postgresql_packages=(postgresql-18 postgresql-client-18 postgresql-18-documentdb)
mysql97_packages=(mysql-server-core mysql-client-core libmysqlclient-dev)
go_packages=(golang-go)
ferretdb_module=github.com/FerretDB/FerretDB/v2/cmd/ferretdb@v2.7.0

# cached NAME KEY BUILDER [ARGS...]: prints the directory that `BUILDER DIR ARGS` made for this KEY. It is made under another
# name and renamed when whole; a second run that wants it meanwhile waits. BUILDER gets the final name as FINAL. A builder of
# another file in devtools is found when CACHED_FROM names that file.
cached() {
    local name=$1 key=$2 cache final
    shift 2
    cache=$(cache_dir)
    final=$cache/$name-$(printf '%s\n' "$roots_recipe" "$cache" "$(uname -m)" "$key" | short_hash)
    if [ ! -d "$final" ]; then
        (
            exec 9>"$cache/$name.lock"
            flock 9
            [ ! -d "$final" ] || exit 0
            rm -rf "$final.part"
            mkdir -p "$final.part"
            # A shell of its own: in a caller's condition errexit would be off in here.
            # shellcheck disable=SC2016
            FINAL=$final bash -euo pipefail -c '. "$0/common.sh"; . "$0/roots.sh"; . "$0/${CACHED_FROM:-roots.sh}"; "$@"' \
                "$TRIVET_SRC/devtools" "$1" "$final.part" "${@:2}" >&2 || exit 1
            mv "$final.part" "$final"
        ) || return 1
    fi
    printf '%s\n' "$final"
}

# The mirror that this system itself uses for Debian.
debian_mirror() {
    local mirror=${TRIVET_DEBIAN_MIRROR:-}
    if [ -z "$mirror" ]; then
        # shellcheck disable=SC2016  # apt's own placeholders
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
            grep -E '/debian/?$' | head -1 || true)
    fi
    [ -n "$mirror" ] || die "apt knows no Debian mirror here; set TRIVET_DEBIAN_MIRROR to the address of one."
    printf '%s\n' "${mirror%/}"
}

# unstable_archives DIR PACKAGE...: has apt, whose sources.list is in DIR, leave packages and all they depend on in DIR/archives.
unstable_archives() {
    local apt=$1
    shift
    local options=(-q -o "Dir::State=$apt" -o "Dir::State::status=$apt/status" -o "Dir::State::lists=$apt/lists"
        -o "Dir::Cache=$apt" -o "Dir::Cache::archives=$apt/archives" -o "Dir::Etc::sourcelist=$apt/sources.list"
        -o "Dir::Etc::sourceparts=$apt/none" -o "Dir::Etc::preferencesparts=$apt/none" -o "Dir::Etc::preferences=$apt/none/none"
        -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
        -o APT::Install-Recommends=false -o APT::Sandbox::User= -o Acquire::Retries=3
        # As with debootstrap: signed is asked for, of today is not. A mirror may lag, a clock may be wrong.
        -o Acquire::Check-Valid-Until=false)
    apt-get "${options[@]}" update && apt-get "${options[@]}" install -y --download-only "$@"
}

# unstable_root DIR PACKAGE...: unpacks packages of Debian unstable, or of ROOT_SUITE, with all they depend on, into DIR.
unstable_root() {
    local dir=$1 apt mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    shift
    [ -r "$keyring" ] || die "$keyring is missing; install debian-archive-keyring."
    mirror=$(debian_mirror)
    apt=$dir.apt
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/none"
    : >"$apt/status"
    printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "${ROOT_SUITE:-unstable}" >"$apt/sources.list"
    # Lists and packages together: what the lists name is gone when the mirror was changed between the two.
    tries 3 unstable_archives "$apt" "$@"
    # shellcheck disable=SC2016  # expanded by the inner shell
    find "$apt/archives" -name '*.deb' -print0 | xargs -0 -P "$(nproc)" -n 1 sh -c 'dpkg-deb -x "$1" "$0"' "$dir"
    rm -rf "$apt"
    chmod 755 "$dir"
}

# own_libraries FINAL FILE [DIR...]: let a program of a root use the loader and the libraries of that root.
own_libraries() {
    local final=$1 file=$2 libraries loader dir
    shift 2
    libraries=$final/usr/lib/$(multiarch)
    loader=$(patchelf --print-interpreter "$file")
    # DT_RPATH, not RUNPATH: it also serves the libraries that those libraries want.
    for dir in "$@"; do libraries=$libraries:$final/$dir; done
    patchelf --set-interpreter "$final/usr${loader#/usr}" --force-rpath --set-rpath "$libraries" "$file"
}

multiarch() { gcc -print-multiarch 2>/dev/null || printf '%s-linux-gnu\n' "$(uname -m)"; }

build_postgresql_root() {
    local dir=$1 version=18 file
    unstable_root "$dir" "${postgresql_packages[@]}"
    for file in postgres initdb psql pg_isready; do
        # FINAL comes from `cached`.
        # shellcheck disable=SC2153
        own_libraries "$FINAL" "$dir/usr/lib/postgresql/$version/bin/$file" "usr/lib/postgresql/$version/lib"
    done
    # A RUNPATH in an extension would hide the program's RPATH from what it loads.
    find "$dir/usr/lib/postgresql/$version/lib" -name '*.so' -exec patchelf --remove-rpath {} \;
    # What the package's installation script would do by update-alternatives.
    for file in "$dir/usr/share/postgresql/$version"/extension/postgis*-3.control; do
        ln -sf "${file##*/}" "${file%-3.control}.control"
    done
}

build_mysql97_root() {
    unstable_root "$1" "${mysql97_packages[@]}"
    own_libraries "$FINAL" "$1/usr/sbin/mysqld" usr/lib/mysql/private
}

build_go_root() {
    unstable_root "$1" "${go_packages[@]}"
}

postgresql_root() { cached postgresql "${postgresql_packages[*]}" build_postgresql_root; }
mysql97_root() { cached mysql97 "${mysql97_packages[*]}" build_mysql97_root; }

# Go 1.25 or later: the one in PATH when it is new enough, else Debian unstable's, which needs no installation.
find_go() {
    local root
    if command -v go >/dev/null &&
        printf '%s\n' go1.25 "$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null)" | sort -CV; then
        command -v go
    else
        root=$(cached go "${go_packages[*]}" build_go_root) || return 1
        printf '%s\n' "$root/usr/lib/go/bin/go"
    fi
}

build_ferretdb() {
    local dir=$1 go
    go=$(find_go)
    # The sources and object files are needed once: not in the user's own Go directories.
    tries 3 env -u GOROOT -u GOFLAGS GOBIN="$dir" GOPATH="$dir/path" GOCACHE="$dir/objects" GOTOOLCHAIN=local CGO_ENABLED=0 \
        "$go" install -trimpath -ldflags=-s "$ferretdb_module"
    chmod -R u+w "$dir/path"
    rm -rf "$dir/path" "$dir/objects"
}

ferretdb_root() { cached ferretdb "$ferretdb_module" build_ferretdb; }
