#!/usr/bin/env bash
# login.sh: signs in to Docker Hub for this build alone. The token goes from the environment to docker's standard input, never
# into an argument; what docker writes stays in the build's private directory and goes with --logout.
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_wanted 'usage: pipeline/login.sh [--logout]

  DOCKERHUB_USER, DOCKERHUB_TOKEN   the account, and an access token (not the password): to scan it need only read, to
                                    push it has to write to the two repositories' "$@"
use_docker_config
case ${1:-} in
--logout)
    rm -rf "$DOCKER_CONFIG"
    say "signed out"
    ;;
'')
    need docker
    need_variable DOCKERHUB_USER "the Docker Hub account"
    need_variable DOCKERHUB_TOKEN "an access token of that account"
    prepare_private_dir
    # Plugins that were installed for the user (buildx, scout) are looked for next to the configuration.
    plugins=${HOME:-/nonexistent}/.docker/cli-plugins
    mkdir -p "$DOCKER_CONFIG"
    if [ -d "$plugins" ]; then ln -sfn "$plugins" "$DOCKER_CONFIG/cli-plugins"; fi
    printf '%s' "$DOCKERHUB_TOKEN" | docker login --username "$DOCKERHUB_USER" --password-stdin ||
        die "Docker Hub does not let $DOCKERHUB_USER in; docs/release.md says how to rotate the token."
    ;;
*) bad_usage "'$1' is no option" ;;
esac
