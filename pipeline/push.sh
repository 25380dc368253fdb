#!/usr/bin/env bash
# push.sh: gives the scanned images to Docker Hub under their immutable tag and records by which digests they are known there. What
# is recorded, and later deployed, is what was scanned here, whoever else may write to the registry.
# From here on they are named by digest only.
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_wanted 'usage: pipeline/push.sh

Pushes NAME:VERSION-GITSHA of both images and writes build/release/release.env. Refuses sources that differ from their commit, images
that scan.sh has not found good, and a tag that is there already and names any other image than the one that was scanned here.' "$@"
[ $# = 0 ] || bad_usage "push.sh takes no arguments"
need docker git python3
use_docker_config
version=$(version)
revision=$(revision)
tag=$(release_tag)
if changed_sources; then die "the sources differ from commit $revision; commit first, a release must be found again."; fi

# remote_digest IMAGE:TAG: prints nothing when the registry has no such tag.
remote_digest() {
    local output status=0
    # Its --format has ideas of its own about {{.Manifest.Digest}}, and prints all of this all the same.
    output=$(docker buildx imagetools inspect "$1" 2>&1) || status=$?
    if [ "$status" = 0 ]; then
        sed -n 's/^Digest: *//p' <<<"$output"
    elif ! grep -qiE 'not found|manifest unknown|no such manifest' <<<"$output"; then
        complain "$output"
        return 1
    fi
}

# is_image IMAGE DIGEST ID: whether what the registry calls IMAGE@DIGEST is the image ID of this machine. Where the engine keeps images
# as containerd does, an ID is that very digest; else it is the digest of the configuration, which the manifest names.
is_image() {
    local manifest
    [ "$2" != "$3" ] || return 0
    manifest=$(docker buildx imagetools inspect --raw "$1@$2") || die "the registry does not show $1@$2."
    [ "$(python3 -c 'import json, sys; print(json.load(sys.stdin).get("config", {}).get("digest", ""))' <<<"$manifest")" = "$3" ]
}

record=()
for part in app nginx; do
    name=${part}_image image=${!name}
    scanned=$(sed -n "s|^$image:$tag ||p" "$release_dir/scanned.txt" 2>/dev/null || true)
    [ -n "$scanned" ] || die "$image:$tag was not scanned, or not found good; run pipeline/scan.sh first."
    id=$(docker image inspect --format '{{.Id}}' "$image:$tag") || die "there is no $image:$tag on this machine."
    [ "$id" = "$scanned" ] || die "$image:$tag is another image than the one that was scanned; run pipeline/scan.sh again."
    digest=$(remote_digest "$image:$tag") || die "the registry does not say whether it has $image:$tag."
    if [ -n "$digest" ]; then
        say "$image:$tag is there already; it stays what it is"
        is_image "$image" "$digest" "$scanned" ||
            die "the registry's $image:$tag is another image than the one that was built and scanned here. Deploy the release.env of the \
build that pushed it, or a new commit; if no build of yours did, find out who."
    else
        say "pushing $image:$tag"
        docker push "$image:$tag" || die "$image:$tag could not be pushed."
        digest=$(remote_digest "$image:$tag") || die "the registry does not name the digest of $image:$tag."
    fi
    [[ $digest =~ $digest_pattern ]] || die "the registry calls $image:$tag '$digest', which is no digest."
    is_image "$image" "$digest" "$scanned" || die "the registry took $image:$tag as another image than the one that was scanned."
    record+=("${part^^}_IMAGE=$image" "${part^^}_DIGEST=$digest")
done

prepare_release_dir
# Whole or not at all: half a record would deploy half a release.
{
    printf '# What was built from which commit and how the registry knows it; pipeline/deploy.sh takes it from here.\n'
    printf '%s\n' "VERSION=$version" "REVISION=$revision" "TAG=$tag" "${record[@]}"
} >"$release_file.part"
chmod 644 "$release_file.part"
mv "$release_file.part" "$release_file"
read_release "$release_file"
say "released $RELEASE_TAG: $RELEASE_APP_IMAGE@$RELEASE_APP_DIGEST, $RELEASE_NGINX_IMAGE@$RELEASE_NGINX_DIGEST"
