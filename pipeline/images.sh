#!/usr/bin/env bash
# images.sh: builds the two images from what compile.sh laid ready, under the one tag that they will ever have, on this machine
# only. Nothing leaves it here.
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_wanted 'usage: pipeline/images.sh

Builds containers/app/Dockerfile and containers/nginx/Dockerfile, target "ready", as NAME:VERSION-GITSHA.
  TRIVET_APP_IMAGE, TRIVET_NGINX_IMAGE   names (trivet/trivet-app, trivet/trivet-nginx)
  TRIVET_READY_DIR                       what compile.sh made (build/ready)
  TRIVET_BASE_IMAGE                      what both start from, best by digest (what the Dockerfiles say)' "$@"
[ $# = 0 ] || bad_usage "images.sh takes no arguments"
need docker git

ready=${TRIVET_READY_DIR:-$TRIVET_SRC/build/ready}
[ -d "$ready/usr/bin" ] || die "there is nothing in $ready; run pipeline/compile.sh first."
tag=$(release_tag)
revision=$(revision)
version=$(version)
# The commit's own time, so that building it again makes the same image.
SOURCE_DATE_EPOCH=$(git -C "$TRIVET_SRC" log -1 --format=%ct)
export SOURCE_DATE_EPOCH
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
prepare_release_dir

# What the images start from; a digest makes that one thing for ever.
base=()
if [ -n "${TRIVET_BASE_IMAGE:-}" ]; then base=(--build-arg "BASE=$TRIVET_BASE_IMAGE"); fi
# Attestations can be kept only where the engine stores images as containerd does.
attestations=(--provenance=false)
if docker info --format '{{.DriverStatus}}' 2>/dev/null | grep containerd.snapshotter >/dev/null; then attestations=(--provenance=mode=max); fi

for part in app nginx; do
    name=${part}_image
    say "building ${!name}:$tag"
    docker buildx build "$TRIVET_SRC" --file "$TRIVET_SRC/containers/$part/Dockerfile" --target ready --load --pull \
        --tag "${!name}:$tag" --build-context "binaries=$ready" --build-arg "VERSION=$version" \
        --build-arg "REVISION=$revision" --build-arg "CREATED=$created" --build-arg SOURCE_DATE_EPOCH "${base[@]}" \
        "${attestations[@]}" \
        --metadata-file "$release_dir/build-$part.json" || die "the image $part does not build."
done
say "built $app_image:$tag and $nginx_image:$tag"
