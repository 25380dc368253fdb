# What deploy.sh and undo.sh share: the manifests of the last two releases that were found good, kept in the environment's own
# namespace as one ConfigMap and applied again from there. So what ran before comes back whole: not the pods alone, but also the
# policies, the scaling, the Service, where secrets come from. Sourced after common.sh, with use_cluster called; never run.
# Limits: what belongs to the cluster is not in it. Manifests hold no secrets: those are in Secrets Manager.
# shellcheck shell=bash disable=SC2154  # what use_cluster sets

kept_object=trivet-releases
# The repository is the truth: fields that someone changed by hand become ours again. One manager on the way there and on the way
# back: a field that only the one of the two names goes with it.
server_side=(--server-side --force-conflicts --field-manager=trivet-pipeline)

bring() { kube apply "${server_side[@]}" -f "$1"; }

# pods_back [--to-revision=N]: what can be done without manifests: the pods' template alone. kubectl does that under another
# manager's name, so a field that only the older template has outlives later releases that do not name it.
pods_back() { kube rollout undo "deployment/$deployment" "$@"; }

# present FILE: the names of those of its objects that the cluster has, sorted.
present() { kube get -f "$1" --ignore-not-found --output name | LC_ALL=C sort -u; }

# remove_added BEFORE NOW FILE: removes what is in NOW and neither in BEFORE (lists of present) nor among the objects of FILE. Not
# ConfigMaps: each has a name of its own, does nothing by itself, and a revision of the Deployment may want it.
remove_added() {
    local kept added
    kept=$(present "$3") || return 1
    mapfile -t added < <(LC_ALL=C comm -13 <({ cat "$1" && echo "$kept"; } | LC_ALL=C sort -u) "$2" | sed '/^configmap\//d')
    [ ${#added[@]} = 0 ] || kube delete --ignore-not-found --wait=false "${added[@]}"
}

# runs_now: a hash of what the pods are made of; nothing when there is no Deployment. A restart does not change it.
runs_now() {
    local spec
    spec=$(kube get "deployment/$deployment" --ignore-not-found --output 'jsonpath={.spec.template.spec}') || return 1
    [ -z "$spec" ] || sha256sum <<<"$spec" | cut -d ' ' -f 1
}

packed() { gzip -9n <"$1" | base64 -w 0; }

# kept_read DIR: fills DIR/good.yaml (the last release that was found good) and DIR/former.yaml (the one before it), empty where there
# is none, and sets kept_runs (what runs_now said of the good one), kept_tag, kept_former_tag.
kept_read() {
    local lines
    : >"$1/good.yaml" && : >"$1/former.yaml"
    kube get "configmap/$kept_object" --ignore-not-found --output \
        'jsonpath={.data.runs}{"\n"}{.data.tag}{"\n"}{.data.former-tag}{"\n"}{.binaryData.good}{"\n"}{.binaryData.former}{"\n"}' \
        >"$1/kept" || return 1
    mapfile -t lines <"$1/kept"
    kept_runs=${lines[0]:-} kept_tag=${lines[1]:-} kept_former_tag=${lines[2]:-}
    if [ -n "${lines[3]:-}" ]; then base64 -d <<<"${lines[3]}" | gzip -d >"$1/good.yaml"; fi || return 1
    if [ -n "${lines[4]:-}" ]; then base64 -d <<<"${lines[4]}" | gzip -d >"$1/former.yaml"; fi || return 1
}

# kept_write DIR FILE TAG: FILE was found good; what kept_read DIR found good becomes the former one.
kept_write() {
    local runs former=$1/good.yaml former_tag=$kept_tag
    runs=$(runs_now) || return 1
    if cmp -s "$2" "$1/good.yaml"; then
        if [ "$runs" = "$kept_runs" ] && [ "$3" = "$kept_tag" ]; then return 0; fi
        former=$1/former.yaml former_tag=$kept_former_tag
    fi
    {
        printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  labels:\n    app.kubernetes.io/name: trivet\n' "$kept_object"
        printf 'data:\n  runs: "%s"\n  tag: "%s"\n  former-tag: "%s"\n' "$runs" "$3" "$former_tag"
        printf 'binaryData:\n  good: "%s"\n  former: "%s"\n' "$(packed "$2")" "$(if [ -s "$former" ]; then packed "$former"; fi)"
    } >"$1/record.yaml"
    bring "$1/record.yaml"
}
