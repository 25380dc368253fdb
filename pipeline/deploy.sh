#!/usr/bin/env bash
# deploy.sh: brings a release, named by its images' digests, to one environment: render, compare, apply, wait, try; and back to
# what was there when any of that fails after the first change. The checkout is not changed: it works on a copy. What belongs to the
# cluster, not to the namespace, has no way back.
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=pipeline/kept.sh
. "$TRIVET_SRC/pipeline/kept.sh"
help_wanted 'usage: pipeline/deploy.sh ENVIRONMENT [--release FILE] [--diff-only] [--with-cluster-objects]

  --release FILE           the record that push.sh made (build/release/release.env); an older one deploys that release again
  --diff-only              show what would change, change nothing
  --with-cluster-objects   first what belongs to the cluster, not to the namespace (the namespace itself, priority classes), and what
                           the pipeline may do there: for an administrator, once and when a release changes it; the role of the
                           pipeline may not touch it
  TRIVET_ROLLOUT_SECONDS   time limit of the rollout (600)
  TRIVET_KUBECONFIG        an administrator'\''s own kubeconfig, with a context that is called like the environment

Exit: 0 it runs and answers, 1 it does not, and the way back was taken. Ended by a signal it still asks the cluster for what ran
before, but does not wait for it.' "$@"
use_cluster "${1:-}"
shift
record=$release_file diff_only='' cluster_objects=''
while [ $# -gt 0 ]; do
    case $1 in
    --release)
        record=${2:-}
        [ -n "$record" ] || bad_usage "--release wants a file"
        shift
        ;;
    --diff-only) diff_only=yes ;;
    --with-cluster-objects) cluster_objects=yes ;;
    *) bad_usage "'$1' is no option" ;;
    esac
    shift
done
need kubectl kustomize curl
read_release "$record"
manifests=$TRIVET_SRC/containers/kubernetes
[ -d "$manifests/overlays/$environment" ] || die "there is no $manifests/overlays/$environment."
prepare_release_dir
prepare_private_dir
work=$(mktemp -d "$private_dir/deploy.XXXXXX")
before='' whole='' changed='' ending='' interrupted=''

# Whatever ends this script after the first change and before the last check puts the old release back. A build server that ends a
# build asks kubectl first, so that it looks as if that had failed, then this script, more than once; it waits a few seconds and
# removes workspace and credentials. So signals are only noted once the end has begun, the way back is the first thing in it, and
# whether the old release becomes whole is waited for only when nobody is in a hurry.
on_signal() {
    interrupted=yes
    [ -z "$ending" ] || return 0
    ending=yes
    exit 143
}

# give_up "SENTENCE": die, without a moment in which a signal could still end all.
give_up() {
    ending=yes
    die "$1"
}

# Asks the cluster for what ran before, and waits for nothing.
put_back_now() {
    if [ -n "$whole" ]; then
        complain "putting $environment back to $kept_tag, all of it"
        if bring "$work/good.yaml"; then
            if ! present "$work/namespaced.yaml" >"$work/now" || ! remove_added "$work/present" "$work/now" "$work/good.yaml"; then
                complain "what the release added to $environment may be left there."
            fi
            return
        fi
        complain "that was not taken."
    fi
    [ -n "$before" ] || return 1
    complain "putting the pods of $environment back to revision $before, and nothing else"
    pods_back "--to-revision=$before"
}

put_back() {
    if [ -z "$before$whole" ]; then
        complain "this was the first release in $environment: there is nothing to go back to."
        return
    fi
    # What is started here does not hear signals either.
    if ! (trap '' INT TERM HUP && put_back_now); then
        complain "the way back failed too: $environment needs someone's hands now."
    elif [ -n "$interrupted" ]; then
        complain "whether $environment becomes whole again is for someone to look at: there is no time to wait for it."
    else
        rolled_out || complain "$environment was put back, but does not become whole: it needs someone's hands now."
    fi
}

finish() {
    local status=$?
    ending=yes
    trap - EXIT
    if [ "$status" != 0 ] && [ -n "$changed" ]; then put_back; fi
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap on_signal INT TERM HUP

# --- render -------------------------------------------------------------------------------------------------------------
# Overlays may use files of the folder, so the whole of it is copied.
cp -R "$manifests" "$work/kubernetes"
overlay=$work/kubernetes/overlays/$environment
(cd "$overlay" && kustomize edit set image \
    "trivet/trivet-app=$RELEASE_APP_IMAGE@$RELEASE_APP_DIGEST" "trivet/trivet-nginx=$RELEASE_NGINX_IMAGE@$RELEASE_NGINX_DIGEST") ||
    die "kustomize could not set the images."
kustomize build "$overlay" >"$work/all.yaml" || die "the overlay $environment does not render."
for image in "$RELEASE_APP_IMAGE@$RELEASE_APP_DIGEST" "$RELEASE_NGINX_IMAGE@$RELEASE_NGINX_DIGEST"; do
    grep -qF "image: $image" "$work/all.yaml" || die "the rendered overlay $environment does not use $image."
done

# kustomize writes one object a document, its kind at the left margin.
awk -v namespaced="$work/namespaced.yaml" -v cluster="$work/cluster.yaml" -v rights="$work/rights.yaml" '
    function flush_object() {
        if (object != "") printf "%s---\n", object > (kind !~ cluster_kinds ? namespaced : kind ~ /^Role(Binding)?$/ ? rights : cluster)
        object = kind = ""
    }
    BEGIN {
        cluster_kinds = "^(Namespace|PriorityClass|StorageClass|CustomResourceDefinition|ClusterRole|ClusterRoleBinding|Role|RoleBinding|IngressClass|NodePool)$"
        printf "" > namespaced
        printf "" > cluster
        printf "" > rights
    }
    /^---$/ { flush_object(); next }
    /^kind: / { kind = $2 }
    { object = object $0 "\n" }
    END { flush_object() }' "$work/all.yaml"

# --- compare ------------------------------------------------------------------------------------------------------------
kube auth can-i patch deployments.apps --quiet || die "the role of this build may not change Deployments in $namespace of $cluster."
differences=$release_dir/diff-$environment.txt
: >"$differences"

# compare FILE: adds what applying it would change to the differences; `status` is 1 when there is something, else 0.
compare() {
    status=0
    kube diff "${server_side[@]}" -f "$1" >"$work/diff" 2>"$work/diff.err" || status=$?
    cat "$work/diff" >>"$differences"
    case $status in
    0) ;;
    1) cat "$work/diff" ;;
    *)
        cat "$work/diff.err" >&2
        if grep -q "namespaces \"$namespace\" not found" "$work/diff.err"; then
            die "there is no namespace $namespace, so there is nothing to compare with: an administrator makes it, with pipeline/deploy.sh $environment --with-cluster-objects."
        fi
        die "kubectl diff failed with status $status: what would change is not known, so nothing is changed."
        ;;
    esac
}

if [ -n "$cluster_objects" ]; then
    # The server compares by trying, so the namespace has to be there before what is in it is compared.
    for file in "$work/cluster.yaml" "$work/rights.yaml"; do
        [ -s "$file" ] || continue
        compare "$file"
        if [ -z "$diff_only" ]; then
            bring "$file" || die "the cluster did not take what belongs to it; nothing else is changed."
        fi
    done
elif [ -s "$work/cluster.yaml" ] || [ -s "$work/rights.yaml" ]; then
    say "left to the administrators: $(sed -n 's/^kind: //p' "$work/cluster.yaml" "$work/rights.yaml" | sort -u | paste -sd ' ')"
fi
compare "$work/namespaced.yaml"
if [ "$status" = 0 ]; then say "$environment runs this already"; fi
if [ -n "$diff_only" ]; then exit 0; fi

# --- apply, wait, try -----------------------------------------------------------------------------------------------------
before=$(kube get "deployment/$deployment" --ignore-not-found --output \
    'jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}') || die "the cluster does not say what runs in $environment."
now=$(runs_now) || die "the cluster does not say what runs in $environment."
kept_read "$work" || die "the cluster does not say what it keeps of earlier releases in $environment."
# Someone may have changed what runs by other ways than these; then what is kept is not what they expect to get back.
if [ -s "$work/good.yaml" ] && [ "$kept_runs" = "$now" ]; then
    whole=yes
    present "$work/namespaced.yaml" >"$work/present" || die "the cluster does not say what is in $environment."
elif [ -n "$before" ]; then
    say "no manifests are kept of what runs in $environment: should this fail, its pods go back and nothing else"
fi
# Nothing to change is nothing to undo.
if [ "$status" = 1 ]; then changed=yes; fi
bring "$work/namespaced.yaml" || give_up "$environment did not take the release."
rolled_out || give_up "the rollout in $environment did not end well within ${TRIVET_ROLLOUT_SECONDS:-600} s."
"$TRIVET_SRC/pipeline/smoke.sh" "$environment" || give_up "$environment does not answer as it should."
changed=''
kept_write "$work" "$work/namespaced.yaml" "$RELEASE_TAG" ||
    complain "the manifests of this release could not be kept in $environment: the next one that fails puts back its pods and nothing else."
say "$environment runs $RELEASE_TAG"
