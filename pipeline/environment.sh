#!/usr/bin/env bash
# environment.sh: says what this machine builds and deploys with, and fails, naming all that is missing or too old, before any
# time is spent. Changes nothing.
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_wanted 'usage: pipeline/environment.sh [PART...]

Checks the tools of the parts (default: all) and prints their versions.
  build    git, bash, docker with buildx
  scan     docker scout
  deploy   aws, kubectl, kustomize, curl

Exit: 0 all is there, 1 something is missing or too old.' "$@"

parts=("$@")
if [ ${#parts[@]} = 0 ]; then parts=(build scan deploy); fi
problems=()
for part in "${parts[@]}"; do
    case $part in
    build | scan | deploy) ;;
    *) bad_usage "'$part' is no part" ;;
    esac
done

# at_least WANTED FOUND
at_least() { printf '%s\n%s\n' "$1" "$2" | sort -CV; }

# tool NAME MINIMUM COMMAND...: the first thing like a version in the command's output is its version.
tool() {
    local name=$1 minimum=$2 output found
    shift 2
    if ! output=$("$@" 2>&1); then
        problems+=("$name $minimum or later is missing ('$*' fails)")
        return
    fi
    found=$(grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' <<<"$output" | head -n 1 || true)
    if [ "$output" = '(devel)' ]; then
        # Debian's kustomize: built without its version.
        printf '  %-18s %s\n' "$name" "of a version that it does not say"
    elif [ -z "$found" ]; then
        problems+=("$name does not say its version ('$*')")
    elif ! at_least "$minimum" "$found"; then
        problems+=("$name is $found, $minimum or later is wanted")
    else
        printf '  %-18s %s\n' "$name" "$found"
    fi
}

for part in "${parts[@]}"; do
    case $part in
    build)
        tool bash 5.0 bash --version
        tool git 2.30 git --version
        tool docker 25.0 docker version --format '{{.Server.Version}}'
        tool buildx 0.12 docker buildx version
        ;;
    scan) tool 'docker scout' 1.15 docker scout version ;;
    deploy)
        # Older ones write kubeconfigs that today's kubectl refuses.
        tool aws 1.32 aws --version
        # One minor version below the cluster's is the least that Kubernetes supports.
        tool kubectl 1.35 kubectl version --client
        tool kustomize 5.3 kustomize version
        tool curl 7.74 curl --version
        ;;
    esac
done

if [ ${#problems[@]} -gt 0 ]; then
    for problem in "${problems[@]}"; do complain "$problem"; done
    die "this machine cannot do: ${parts[*]}. docs/release.md lists what a build machine needs."
fi
revision=$(revision)
tag=$(release_tag)
say "commit $revision, image tag $tag"
