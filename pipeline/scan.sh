#!/usr/bin/env bash
# scan.sh: what is in the images (SBOM) and which known holes they have, by Docker Scout, from the images on this machine and
# before anything is pushed. Tells "there are findings" apart from "the scan did not work".
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_wanted 'usage: pipeline/scan.sh [IMAGE...]

Writes build/release/sbom/*.spdx.json and build/release/cves/*.sarif.json for the images (default: the two that images.sh built), and,
when nothing was found, build/release/scanned.txt: which images these were, by their identity. push.sh takes no others.
Fails on vulnerabilities of severity critical or high for which there is a fix. Exceptions: pipeline/vex/ (see its README).
  TRIVET_SCAN_SEVERITIES   critical,high

Exit: 0 nothing found, 2 found something, 1 the scan itself failed: nothing is known about the images.' "$@"
for argument in "$@"; do [[ $argument =~ $image_pattern ]] || bad_usage "'$argument' is no name of an image"; done
need docker python3
severities=${TRIVET_SCAN_SEVERITIES:-critical,high}

images=("$@")
if [ ${#images[@]} = 0 ]; then
    tag=$(release_tag)
    images=("$app_image:$tag" "$nginx_image:$tag")
fi
use_docker_config
prepare_release_dir
mkdir -p "$release_dir/sbom" "$release_dir/cves"

# An exception that cannot be read, or that nobody looked at for long, is no exception.
exceptions=()
vex=$TRIVET_SRC/pipeline/vex
"$vex/check" || die "the exceptions in pipeline/vex are not in order."
if compgen -G "$vex/*.vex.json" >/dev/null; then
    # Scout believes statements of its own makers only, unless told whom else.
    exceptions=(--vex-location "$vex" --vex-author '.*' --only-vex-affected)
fi

# A name can come to mean another image at any time; an identity cannot.
identity() { docker image inspect --format '{{.Id}}' "$1" || die "there is no image $1 on this machine; pipeline/images.sh builds it."; }

rm -f "$release_dir/scanned.txt"
found=0 scanned=()
for image in "${images[@]}"; do
    name=${image##*/} name=${name%%:*}
    id=$(identity "$image")
    say "SBOM of $image"
    docker scout sbom --format spdx --output "$release_dir/sbom/$name.spdx.json" "local://$image" ||
        die "docker scout made no SBOM of $image; this says nothing about its vulnerabilities."
    say "vulnerabilities of $image: $severities, fixable"
    arguments=(--only-severity "$severities" --only-fixed "${exceptions[@]}")
    status=0
    docker scout cves --exit-code "${arguments[@]}" "local://$image" || status=$?
    case $status in
    0) ;;
    2) found=1 ;;
    *) die "docker scout failed with status $status on $image: the scan did not work, which is no verdict on the image." ;;
    esac
    docker scout cves --format sarif --output "$release_dir/cves/$name.sarif.json" "${arguments[@]}" "local://$image" ||
        die "docker scout wrote no report on $image."
    [ "$(identity "$image")" = "$id" ] || die "$image became another image while it was scanned; scan it again."
    scanned+=("$image $id")
done
[ "$found" = 0 ] || die "there are fixable vulnerabilities ($severities). Update what they are in, or write down why they do not matter: pipeline/vex/README.md." 2
printf '%s\n' "${scanned[@]}" >"$release_dir/scanned.txt"
say "no fixable $severities vulnerabilities"
