# What the scripts in pipeline/ share: how they speak and fail, where a build keeps its results and its secrets, what a release
# is called. Sourced, never run. It may define functions and variables and make the two directories; it calls no other system.
# shellcheck shell=bash disable=SC2034  # what is set here is used by the scripts

set -euo pipefail
# A function that dies inside of $( ) ends what asked it.
shopt -s inherit_errexit
# Whatever a script writes is for the user of the build alone: there are credentials among it.
umask 077

TRIVET_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
script=pipeline/${0##*/}

# Results, kept by the pipeline as artifacts, and secrets, which it must never keep: two places that cannot be confused.
release_dir=${TRIVET_RELEASE_DIR:-$TRIVET_SRC/build/release}
private_dir=${TRIVET_PRIVATE_DIR:-$TRIVET_SRC/build/private}
release_file=$release_dir/release.env

app_image=${TRIVET_APP_IMAGE:-trivet/trivet-app}
nginx_image=${TRIVET_NGINX_IMAGE:-trivet/trivet-nginx}

say() { printf '%s: %s\n' "$script" "$*"; }
complain() { printf '%s: %s\n' "$script" "$*" >&2; }

# die "SENTENCE" [STATUS]: what is wrong and what to do about it.
die() {
    complain "$1"
    exit "${2:-1}"
}

# help_wanted "USAGE" ARGS...: prints it and ends when --help is among the arguments.
help_wanted() {
    local usage=$1 argument
    shift
    for argument in "$@"; do
        case $argument in
        -h | --help)
            printf '%s\n' "$usage"
            exit 0
            ;;
        esac
    done
}

# bad_usage "SENTENCE": a wrong call ends with 64, which no tool that is called here uses for anything else.
bad_usage() { die "$1; $script --help says more." 64; }

# need TOOL...: all that are missing, in one message.
need() {
    local tool missing=()
    for tool in "$@"; do command -v "$tool" >/dev/null || missing+=("$tool"); done
    [ ${#missing[@]} = 0 ] || die "not in PATH: ${missing[*]}. docs/release.md lists what a build machine needs."
}

# need_variable NAME "WHAT IT IS": never prints a value.
need_variable() { [ -n "${!1:-}" ] || die "$1 is not set: $2."; }

prepare_release_dir() {
    mkdir -p "$release_dir"
    # Artifacts are read by others.
    chmod 755 "$release_dir"
}

prepare_private_dir() {
    mkdir -p "$private_dir"
    chmod 700 "$private_dir"
}

# --- what a release is called --------------------------------------------------------------------------------------------

version() {
    local version
    version=$(sed -n 's/^AC_INIT(\[trivet\], *\[\([^]]*\)\].*/\1/p' "$TRIVET_SRC/configure.ac")
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+([-.][0-9A-Za-z.]+)?$ ]] || die "configure.ac names no version in AC_INIT."
    printf '%s\n' "$version"
}

# The commit that is built, whole.
revision() { git -C "$TRIVET_SRC" rev-parse --verify HEAD 2>/dev/null || die "$TRIVET_SRC is no git checkout; a release names its commit."; }

# Whether tracked files differ from that commit: such a build has no name that anyone could find again.
changed_sources() { [ -n "$(git -C "$TRIVET_SRC" status --porcelain --untracked-files=no)" ]; }

# VERSION-GITSHA, the one tag that an image ever gets.
release_tag() {
    local version revision dirty=''
    version=$(version)
    revision=$(revision)
    if changed_sources; then dirty=-changed; fi
    printf '%s-%s%s\n' "$version" "${revision:0:12}" "$dirty"
}

digest_pattern='^sha256:[0-9a-f]{64}$'
image_pattern='^[a-z0-9]+([._/:-]+[A-Za-z0-9]+)*$'

# read_release FILE: sets RELEASE_VERSION, _REVISION, _TAG, _APP_IMAGE, _APP_DIGEST, _NGINX_IMAGE, _NGINX_DIGEST.
# The file is read, not run: it may come from an archive.
read_release() {
    local file=$1 line name value key
    [ -r "$file" ] || die "there is no $file; pipeline/push.sh writes it, and the pipeline keeps it as an artifact of each build."
    RELEASE_VERSION='' RELEASE_REVISION='' RELEASE_TAG=''
    RELEASE_APP_IMAGE='' RELEASE_APP_DIGEST='' RELEASE_NGINX_IMAGE='' RELEASE_NGINX_DIGEST=''
    while IFS= read -r line; do
        [[ $line =~ ^([A-Z_]+)=([A-Za-z0-9._:/+-]+)$ ]] || die "$file: '$line' is no line of a release record."
        name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
        case $name in
        VERSION | REVISION | TAG | APP_IMAGE | APP_DIGEST | NGINX_IMAGE | NGINX_DIGEST) printf -v "RELEASE_$name" '%s' "$value" ;;
        *) die "$file: a release record has no $name." ;;
        esac
    done < <(grep -v '^#' "$file")
    for key in APP NGINX; do
        name=RELEASE_${key}_IMAGE
        [[ ${!name} =~ $image_pattern ]] || die "$file: ${key}_IMAGE is '${!name}', which is no name of an image."
        name=RELEASE_${key}_DIGEST
        [[ ${!name} =~ $digest_pattern ]] || die "$file: ${key}_DIGEST is '${!name}', which is no sha256 digest."
    done
    [ -n "$RELEASE_TAG" ] || die "$file: TAG is missing."
}

# --- where it goes -------------------------------------------------------------------------------------------------------

# read_environment NAME: reads pipeline/environments/NAME.sh, sets `environment`, `cluster`, `region`, `namespace`, `role_arn`.
read_environment() {
    local file known
    [[ ${1:-} =~ ^[a-z]+$ ]] || bad_usage "name an environment"
    file=$TRIVET_SRC/pipeline/environments/$1.sh
    if [ ! -r "$file" ]; then
        known=$(cd "$TRIVET_SRC/pipeline/environments" && printf '%s ' *.sh)
        bad_usage "'$1' is no environment; there are: ${known//.sh/}"
    fi
    environment=$1
    # shellcheck source=pipeline/environments/staging.sh
    . "$file"
    kubeconfig=$private_dir/kubeconfig-$1
    deployment=trivet service=trivet
}

# use_environment NAME: as the pipeline does, with the role and the kubeconfig of this build.
use_environment() {
    read_environment "$@"
    use_aws_settings
}

# use_cluster NAME: for scripts that speak to its cluster: as the pipeline does, or as an administrator who named a kubeconfig; that
# one signs in by what it says and by the administrator's own settings, which are left alone.
use_cluster() {
    if [ -n "${TRIVET_KUBECONFIG:-}" ]; then
        read_environment "$@"
        kubeconfig=$TRIVET_KUBECONFIG
        [ -s "$kubeconfig" ] || die "TRIVET_KUBECONFIG names no kubeconfig."
    else
        use_environment "$@"
    fi
    # Whatever the file's current context is: only one that bears the environment's name is meant.
    kube_options=(--kubeconfig "$kubeconfig" --context "$environment" --namespace "$namespace")
}

# Nothing of the machine's own settings decides about a deployment: the AWS tools see the build's configuration alone.
use_aws_settings() {
    export AWS_CONFIG_FILE=$private_dir/aws-config AWS_EC2_METADATA_DISABLED=true AWS_PAGER=''
    export AWS_SHARED_CREDENTIALS_FILE=$private_dir/aws-credentials AWS_PROFILE=trivet-$environment
    export AWS_REGION=$region AWS_DEFAULT_REGION=$region
    # The AWS tools keep the role's credentials in ~/.aws/cli/cache and kubectl what it learnt in ~/.kube: on an agent's own home, the
    # builds of other branches would find them. There is no other setting for the first.
    export HOME=$private_dir/home
    # Keys in the environment would win over the role.
    unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
}

# kube ARGS...: kubectl on the environment's cluster and namespace, never on whatever ~/.kube points at.
kube() {
    [ -s "$kubeconfig" ] || die "there is no kubeconfig for $environment; run pipeline/kubeconfig.sh $environment first."
    kubectl "${kube_options[@]}" "$@"
}

# rolled_out: waits until the Deployment is whole, for a while.
rolled_out() { kube rollout status "deployment/$deployment" "--timeout=${TRIVET_ROLLOUT_SECONDS:-600}s"; }

use_docker_config() { export DOCKER_CONFIG=$private_dir/docker; }
