#!/usr/bin/env bash
# smoke.sh: whether what was rolled out answers: the Service has ready endpoints, and a few requests that reach every kind of
# worker through it come back right. Reads only.
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_wanted 'usage: pipeline/smoke.sh ENVIRONMENT

  TRIVET_SMOKE_SECONDS   how long it may take until all is right (60)
  TRIVET_KUBECONFIG      as for deploy.sh' "$@"
[ $# = 1 ] || bad_usage "name one environment"
use_cluster "$1"
need kubectl curl
deadline=$((SECONDS + ${TRIVET_SMOKE_SECONDS:-60}))
prepare_private_dir
work=$(mktemp -d "$private_dir/smoke.XXXXXX")
forwarder=
# shellcheck disable=SC2317,SC2329  # called by the trap
finish() {
    if [ -n "$forwarder" ]; then
        kill "$forwarder" 2>/dev/null || true
        wait "$forwarder" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 143' INT TERM HUP

# until_right "WHAT" COMMAND...: again and again until it succeeds or the time is over.
until_right() {
    local what=$1
    shift
    until "$@" >"$work/out" 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            tail -n 20 "$work/out" >&2
            die "$what: not within ${TRIVET_SMOKE_SECONDS:-60} s."
        fi
        sleep 1
    done
    say "$what: yes"
}

# shellcheck disable=SC2317,SC2329  # called by until_right
has_endpoints() {
    local ready
    # Braces are kubectl's.
    ready=$(kube get endpointslices --selector "kubernetes.io/service-name=$service" --output \
        'jsonpath={range .items[*]}{range .endpoints[*]}{.conditions.ready}{"\n"}{end}{end}')
    grep -qx true <<<"$ready"
}

# Through the kubelet, as the API server may not reach the pods' ports, nor may this machine. The Service still decides which
# pods and which port. Started anew when it went away.
# shellcheck disable=SC2317,SC2329
forwarded() {
    if [ -z "$forwarder" ] || ! kill -0 "$forwarder" 2>/dev/null; then
        : >"$work/forward"
        # Not by the function: what is killed in the end has to be kubectl itself.
        kubectl "${kube_options[@]}" port-forward "service/$service" :http >"$work/forward" 2>&1 &
        forwarder=$!
    fi
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        port=$(sed -n 's/^Forwarding from 127\.0\.0\.1:\([0-9]*\) .*/\1/p' "$work/forward" | head -n 1)
        if [ -n "$port" ]; then return; fi
        kill -0 "$forwarder" 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/forward"
    return 1
}

# answers PATH TEXT: status 200, a request id, and TEXT in the body.
# shellcheck disable=SC2317,SC2329
answers() {
    forwarded || return 1
    curl --silent --show-error --fail --max-time 10 --dump-header "$work/head" --output "$work/body" "http://127.0.0.1:$port$1" ||
        return 1
    if ! grep -qi '^x-request-id: *[^ ]' "$work/head"; then
        echo "no X-Request-Id in the answer to $1"
        return 1
    fi
    grep -qF -- "$2" "$work/body" || {
        echo "$1 does not say $2:"
        head -c 500 "$work/body"
        return 1
    }
}

until_right "the Service $service has a ready endpoint" has_endpoints
until_right "/healthz answers" answers /healthz ''
until_right "/readyz answers" answers /readyz ''
until_right "/hello greets" answers /hello '"greeting"'
say "$environment answers through its Service"
