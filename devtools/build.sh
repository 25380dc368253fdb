# Builds Trivet out of tree, below ${TRIVET_BUILD:-build}, and installs each build into a directory of its own.
# Sourced after common.sh. It writes below the build directory and the places of generated files that autoreconf owns.
# shellcheck shell=bash

# Once, at the start: for a suite TRIVET_BUILD later names one build below it.
build_directory=$(realpath -m "${TRIVET_BUILD:-$TRIVET_SRC/build}")
build_root() { printf '%s\n' "$build_directory"; }

# build_prefix NAME: where the build called NAME is installed. Servers run as another user than root, so what root builds in a
# closed directory is installed elsewhere.
build_prefix() {
    local root
    root=$(build_root)
    mkdir -p "$root"
    if server_reaches "$root"; then
        printf '%s/%s/install\n' "$root" "$1"
    else
        printf '/var/lib/trivet-dev/%s/%s\n' "$(printf '%s' "$root" | short_hash)" "$1"
    fi
}

# The configure script, made again when what it is made of is newer.
build_configure() {
    local source
    [ -f "$TRIVET_SRC/configure.ac" ] || die "there is no configure.ac in $TRIVET_SRC; this is no whole checkout of Trivet."
    for source in configure.ac Makefile.am; do
        if [ ! -x "$TRIVET_SRC/configure" ] || [ "$TRIVET_SRC/$source" -nt "$TRIVET_SRC/configure" ]; then
            (cd "$TRIVET_SRC" && autoreconf -fi && touch configure)
            return
        fi
    done
}

# build NAME [CONFIGURE-ARGS...]: configure when needed, make, install. Errors end the shell that runs it.
build() {
    local name=$1 root dir prefix wanted
    shift
    root=$(build_root) prefix=$(build_prefix "$name") dir=$root/$name
    mkdir -p "$dir" 2>/dev/null || die "$(id -un) cannot make $dir; set TRIVET_BUILD to a directory that can be written."
    (
        # One build of a checkout at a time: they share configure and its companions.
        exec 9>"$root/.lock"
        flock 9
        build_configure
        cd "$dir" || exit 1
        wanted="--prefix=$prefix $*"
        if [ ! -f config.status ] || [ "$TRIVET_SRC/configure" -nt config.status ] ||
            [ "$wanted" != "$(cat .configured 2>/dev/null)" ]; then
            # Other arguments, another build: make would keep objects and libraries made with the old ones.
            if [ -f .configured ] && [ "$wanted" != "$(cat .configured)" ]; then find . -mindepth 1 -delete; fi
            rm -f .configured
            "$TRIVET_SRC/configure" --prefix="$prefix" --with-systemdsystemunitdir="$prefix/lib/systemd/system" "$@"
            printf '%s\n' "$wanted" >.configured
        fi
        make -j"$(nproc)"
        # Files that are the same stay as they are: other suites may be starting these very programs.
        make install INSTALL='install -C'
    )
}
