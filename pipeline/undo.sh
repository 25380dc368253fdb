#!/usr/bin/env bash
# undo.sh: brings back the release before, whole, from the manifests that deploy.sh keeps in the cluster, and waits until it serves
# again; or puts the pods alone back to a revision of the Deployment. What belongs to the cluster, not to the namespace, stays.
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=pipeline/kept.sh
. "$TRIVET_SRC/pipeline/kept.sh"
help_wanted 'usage: pipeline/undo.sh ENVIRONMENT [--to-revision N]

Without N: the last release that was found good, or, when it is that one that runs, the one before it. Calling it twice comes back to
where it began. With N: the pods of that revision (kubectl rollout history deployment/trivet lists them) and nothing else; ConfigMaps
of earlier revisions are still there, as each has a name of its own.
  TRIVET_ROLLOUT_SECONDS   time limit of the wait (600)
  TRIVET_KUBECONFIG        as for deploy.sh' "$@"
use_cluster "${1:-}"
shift
revision=''
case ${1:-} in
'') ;;
--to-revision)
    [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || bad_usage "--to-revision wants a number"
    revision=$2
    ;;
*) bad_usage "'$1' is no option" ;;
esac
need kubectl
prepare_private_dir
work=$(mktemp -d "$private_dir/undo.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 143' INT TERM HUP

target='' what="the pods of ${revision:+revision }${revision:-the revision before}"
if [ -z "$revision" ]; then
    now=$(runs_now) || die "the cluster does not say what runs in $environment."
    kept_read "$work" || die "the cluster does not say what it keeps of earlier releases in $environment."
    if [ -s "$work/good.yaml" ] && [ "$kept_runs" != "$now" ]; then
        target=$work/good.yaml tag=$kept_tag
    elif [ -s "$work/former.yaml" ]; then
        target=$work/former.yaml tag=$kept_former_tag
    else
        complain "no manifests of an earlier release are kept in $environment: its pods go back and nothing else."
    fi
fi
hands="it needs someone's hands now."
if [ -n "$target" ]; then
    what=$tag
    : >"$work/nothing"
    present "$work/good.yaml" >"$work/now" || die "the cluster does not say what is in $environment."
    bring "$target" || die "$environment could not be put back to $tag: $hands"
    remove_added "$work/nothing" "$work/now" "$target" || complain "what the later release added to $environment may be left there."
else
    pods_back ${revision:+"--to-revision=$revision"} || die "$environment could not be put back: $hands"
fi
rolled_out || die "$environment was put back, but does not become whole: $hands"
if [ -n "$target" ]; then
    kept_write "$work" "$target" "$tag" || complain "it could not be noted in $environment that $tag runs now."
fi
say "$environment runs $what again"
