#!/usr/bin/env bash
# compile.sh: builds what a release carries, optimised and with warnings as errors, and lays it out as it is installed, for the
# images to take. Run it on the Debian that the images are made of (pipeline/agent/Dockerfile is that). Writes below build/ only.
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_wanted 'usage: pipeline/compile.sh

Configures and compiles with --prefix=/usr and installs into build/ready (TRIVET_READY_DIR).
  CC, CFLAGS   as for configure' "$@"
[ $# = 0 ] || bad_usage "compile.sh takes no arguments"
need autoreconf make "${CC:-gcc}" pkg-config

ready=${TRIVET_READY_DIR:-$TRIVET_SRC/build/ready}
objects=$TRIVET_SRC/build/objects
multiarch=$("${CC:-gcc}" -print-multiarch) || die "${CC:-gcc} does not work."
# What is compiled here goes into images whose users are others.
umask 022
[ -x "$TRIVET_SRC/configure" ] || (cd "$TRIVET_SRC" && autoreconf -fi)
mkdir -p "$objects"
(
    cd "$objects" || exit 1
    # Laid out as the distribution does; no path of this machine stays in a binary.
    "$TRIVET_SRC/configure" --prefix=/usr --sysconfdir=/etc --localstatedir=/var --libdir="/usr/lib/$multiarch" \
        --enable-werror CC="${CC:-gcc}" CFLAGS="${CFLAGS:--O2 -g -ffile-prefix-map=$TRIVET_SRC=.}"
    make -j"$(nproc)"
    rm -rf "$ready"
    make install DESTDIR="$ready"
)
programs=("$ready"/usr/bin/trivet-*)
[ -x "${programs[0]}" ] || die "make install brought no trivet-* into $ready/usr/bin."
say "${#programs[@]} programs in $ready"
