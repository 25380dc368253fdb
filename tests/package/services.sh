# The pools as services of a real systemd, behind the machine's own nginx, with a real Redis: by the commands of the page.
# Sourced by run. What is done is done inside the machine; its ports are not ours, it has a network of its own.
# shellcheck shell=bash

public=http://127.0.0.1:8080
ops=http://127.0.0.1:8081

# curl_inside ARGS...; fetch prints the body of a 200, status_of the status alone.
curl_inside() { inside curl --silent --show-error --max-time 60 "$@"; }
fetch() { curl_inside --fail "$@"; }
# fetch_has PATTERN ARGS...: reads all, so that curl never writes to nobody.
fetch_has() { fetch "${@:2}" | grep -E -- "$1" >/dev/null; }
status_of() { curl_inside --output /dev/null --write-out '%{http_code}' "$@"; }
answers() { fetch_has '"greeting"' "$public/hello"; }

main_pid() { inside systemctl show -p MainPID --value "$1"; }
# The master's processes, in one line.
processes_of() { inside pgrep -P "$(main_pid "$1")" | sort | tr '\n' ' '; }
# Number 0 would be ourselves: what does not run is not struck.
strike() { [ "${1:-0}" -gt 1 ] && inside kill -KILL "$1"; }
active() { [ "$(inside systemctl is-active "$1")" = active ]; }
failed_unit() { [ "$(inside systemctl is-failed "$1")" = failed ]; }

# A command of systemd's, and all pools answer afterwards.
configure_stores() {
    inside sed -i -e 's|^; url = redis|url = redis|' -e 's|^; anonymous_role = .*|anonymous_role = none|' /etc/trivet/trivet.conf
    inside_sh "$(page_block 'Name the stores, start the pools' 1)"
}

pool_is_up() {
    active "trivet@$1" && equal "$(mode_of "/run/trivet/$1.sock")" '660 trivet:trivet' && [ -n "$(processes_of "trivet@$1")" ]
}

# What the kernel says of the main process, not what the unit asks for.
confined() {
    local pid status
    pid=$(main_pid "trivet@$1")
    status=$(inside cat "/proc/$pid/status")
    echo "$status"
    equal "$(awk '/^Uid:/ { print $2 }' <<<"$status")" "$(inside id -u trivet)" &&
        grep -q '^NoNewPrivs:.*1' <<<"$status" && grep -q '^Seccomp:.*2' <<<"$status" &&
        grep -q '^CapBnd:.*0000000000000000' <<<"$status" &&
        # Another file system than the machine's, on which it cannot write outside of its directory.
        inside nsenter --target "$pid" --mount -- sh -c '! touch /etc/trivet/x 2>/dev/null && ! touch /var/lib/x 2>/dev/null && touch /run/trivet/x && rm /run/trivet/x'
}

redis_through_http() {
    fetch_has '"OK"' "$public/kv" -d '["SET","greeting","from a machine of its own"]' &&
        fetch_has 'from a machine of its own' "$public/kv/get/greeting" &&
        inside redis-cli get greeting | grep 'from a machine of its own' >/dev/null
}

# Another site has neither Trivet's headers nor its shape of errors.
other_sites_untouched() {
    local head
    head=$(curl_inside --dump-header - --output /dev/null http://127.0.0.1/)
    echo "$head"
    grep -q '^HTTP/1.1 200' <<<"$head" && ! grep -qi '^X-Frame-Options\|^X-Request-Id' <<<"$head" &&
        ! curl_inside http://127.0.0.1/nowhere | grep '"error"'
}

# journal_json NAME: the lines under a name, newest last, are JSON objects; prints the keys of the last.
journal_json() {
    inside journalctl "$@" -o cat -n 50 | python3 -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin if line.startswith("{") or sys.exit("no JSON: " + line)]
print(*sorted(lines[-1]))
sys.exit(not lines)'
}
# What was written a moment ago need not be there yet; in the end it says what is wrong.
journal_is_json() { wait_for 60 journal_json "$@" || journal_json "$@"; }
journal_has_request() {
    local id=package-suite-$RANDOM$RANDOM
    fetch -H "X-Request-Id: $id" "$public/kv/get/greeting" >/dev/null
    pool_logged() { inside journalctl -t trivet-kv -o cat | grep "\"$id\""; }
    nginx_logged() { inside journalctl -t trivet_nginx -o cat | grep "\"request_id\":\"$id\""; }
    wait_for 60 pool_logged && wait_for 60 nginx_logged
}

nothing_runs_yet() {
    [ -z "$(inside systemctl list-units --all --plain --no-legend 'trivet@*' | tee /dev/stderr)" ] &&
        active trivet.target && machine_settled
}
push_stays_away() { inside systemctl start trivet-push && ! failed_unit trivet-push && ! active trivet-push; }
operations_answer() {
    fetch_has '"kv"' "$ops/status" && fetch_has '^trivet_' "$ops/metrics" && equal "$(status_of "$public/status")" 404
}
# Enabled means meant to run; who is disabled takes nobody along.
missing_pool_shows() {
    inside systemctl stop trivet@doc && fetch_has '^trivet_pool_up\{pool="doc"\} 0$' "$ops/metrics" &&
        inside systemctl disable trivet@doc && ! fetch_has '^trivet_pool_up\{pool="doc"\}' "$ops/metrics" &&
        equal "$(inside systemctl is-enabled trivet.target)" enabled &&
        inside systemctl enable --now trivet@doc &&
        wait_for 60 fetch_has '^trivet_pool_up\{pool="doc"\} 1$' "$ops/metrics"
}
errors_in_dialect() { curl_inside --path-as-is "$public/sql/../x" | grep '"code"'; }

check_services() {
    local pool
    check "nothing was started, nothing failed" nothing_runs_yet
    check "trivet-push without an endpoint does nothing and is no failure" push_stays_away
    check "the page's commands configure and start the pools" configure_stores
    for pool in "${pools[@]}"; do check "trivet@$pool runs, its socket is its group's alone" wait_for 60 pool_is_up "$pool"; done
    check "by the kernel's word a pool is confined" confined sql
    check "the page's commands put nginx in front" inside_sh "$(page_block 'Behind nginx' 1)"
    check "hello through nginx" wait_for 60 answers
    check "the page's requests answer" inside_sh "$(page_block 'Behind nginx' 2)"
    check "Redis through nginx" redis_through_http
    check "status and metrics on the operations port" operations_answer
    check "a pool that is enabled and does not run shows, one that is disabled does not" missing_pool_shows
    check "nginx's own errors have the dialect's shape" errors_in_dialect
    check "other sites of this nginx are as they were" other_sites_untouched
    check "a pool's lines in the journal are JSON" journal_is_json -t trivet-kv
    check "nginx's too" journal_is_json -t trivet_nginx
    check "a request is in both, under its id" journal_has_request
    check "the page's commands show them" inside_sh "$(page_block 'Day by day' 1)"
    check_reload
    check_deaths
    check_drain
    check_credentials
    check "trivet.target restarts every pool" target_restarts
    check "after a reboot everything is back by itself" comes_back_after_reboot
    if inside test -x /usr/bin/trivet-push; then
        check "trivet-push runs when an endpoint is set" push_runs
    else
        skip "this build has no trivet-push" "trivet-push with an endpoint"
    fi
}

# --- reload -----------------------------------------------------------------------------------------------------------

reload_renews() {
    local pid before
    pid=$(main_pid trivet@sql) before=$(processes_of trivet@sql)
    inside systemctl reload 'trivet@*'
    renewed() { [ -n "$(processes_of trivet@sql)" ] && ! grep -qwE "${before// /|}0" <<<"$(processes_of trivet@sql)"; }
    wait_for 60 renewed && equal "$(main_pid trivet@sql)" "$pid"
}

wrong_reload_refused() {
    local before
    # Those of the reload before are still on their way out.
    alone() { [ "$(processes_of trivet@hello | wc -w)" = 2 ]; }
    wait_for 60 alone || return 1
    before=$(processes_of trivet@hello)
    inside cp -p /etc/trivet/trivet.conf /root/right.conf
    inside_sh 'printf "[hello]\nprocesses = many\n" >>/etc/trivet/trivet.conf'
    ! inside systemctl reload trivet@hello || return 1
    inside cp -p /root/right.conf /etc/trivet/trivet.conf
    active trivet@hello && equal "$(processes_of trivet@hello)" "$before" && answers
}

wrong_start_is_seen() {
    inside_sh 'echo TRIVET_HELLO_PROCESSES=many >/etc/trivet/hello.env; systemctl restart trivet@hello || true'
    wait_for 60 failed_unit trivet@hello || return 1
    why_logged() { inside journalctl -u trivet@hello -o cat | grep hello.processes; }
    equal "$(inside systemctl show -p NRestarts --value trivet@hello)" 0 && wait_for 60 why_logged || return 1
    inside_sh 'rm /etc/trivet/hello.env; systemctl start trivet@hello'
    wait_for 60 answers
}

check_reload() {
    check "a reload renews the processes, the master stays" reload_renews
    check "a reload with a wrong file fails and changes nothing" wrong_reload_refused
    check "a pool with a wrong configuration fails once, and says why" wrong_start_is_seen
}

# --- what dies comes back ---------------------------------------------------------------------------------------------

killed_process_replaced() {
    local pid victim
    pid=$(main_pid trivet@hello)
    victim=$(processes_of trivet@hello) victim=${victim%% *}
    strike "$victim" || return 1
    replaced() { [ "$(processes_of trivet@hello | wc -w)" = 2 ] && ! processes_of trivet@hello | grep -w "$victim" >/dev/null; }
    wait_for 60 replaced && equal "$(main_pid trivet@hello)" "$pid" && answers
}

killed_master_restarted() {
    local pid
    pid=$(main_pid trivet@hello)
    strike "$pid" || return 1
    came_back() { active trivet@hello && [ "$(main_pid trivet@hello)" != "$pid" ] && answers; }
    wait_for 60 came_back && equal "$(inside systemctl show -p NRestarts --value trivet@hello)" 1
}

check_deaths() {
    check "kill -9 of a process: the master replaces it" killed_process_replaced
    check "kill -9 of the master: systemd starts the pool again" killed_master_restarted
}

# --- stop -------------------------------------------------------------------------------------------------------------

# A write that Redis holds back is on its way when the stop begins, and goes on when it has begun; both well within the 10 s
# that a command may take.
stop_drains() {
    local client reached='' began=''
    inside redis-cli client pause 60000 write
    fetch "$public/kv/set/drained/yes" >"$work/drained" 2>&1 &
    client=$!
    held() { inside redis-cli client list | grep 'cmd=set'; }
    stopping() { [ "$(inside systemctl is-active trivet@kv)" = deactivating ]; }
    stopped() { [ "$(inside systemctl is-active trivet@kv)" = inactive ]; }
    if wait_for 8 held; then reached=yes; fi
    inside systemctl stop --no-block trivet@kv
    if wait_for 8 stopping; then began=yes; fi
    inside redis-cli client unpause
    wait "$client" || { cat "$work/drained" && return 1; }
    [ -n "$reached" ] || { echo "the write did not reach Redis" && return 1; }
    [ -n "$began" ] || { echo "the stop did not wait for it" && return 1; }
    grep -q '"OK"' "$work/drained" && wait_for 60 stopped && equal "$(inside systemctl show -p Result --value trivet@kv)" success
}

away_is_503() {
    curl_inside --dump-header - "$public/kv/get/drained" | tee "$work/away"
    grep -q '^HTTP/1.1 503' "$work/away" && grep -qi '^Retry-After: 1' "$work/away" && grep -q '"error"' "$work/away"
}

start_brings_back() { inside systemctl start trivet@kv && wait_for 60 fetch_has yes "$public/kv/get/drained"; }

check_drain() {
    check "a stop lets a request that runs finish" stop_drains
    check "without the pool nginx says 503 in its dialect" away_is_503
    check "a start brings it back, with what was written" start_brings_back
}

# --- credentials ------------------------------------------------------------------------------------------------------

# Neither in the environment of the pool nor readable by its user where they lie.
secret_is_kept() {
    inside cat "/proc/$(main_pid trivet@kv)/environ" | tr '\0' '\n' >"$work/environ"
    grep -q '^TRIVET_REDIS_URL_FILE=' "$work/environ" && ! grep redis:// "$work/environ" &&
        ! inside setpriv --reuid=trivet --regid=trivet --clear-groups cat /etc/trivet/secrets/redis.url
}

credentials_used() {
    inside sed -i 's|^url = redis|; url = redis|' /etc/trivet/trivet.conf
    inside_sh "$(page_block 'Name the stores, start the pools' 2)"
    wait_for 60 fetch_has 'of its own' "$public/kv/get/greeting" && secret_is_kept
}

check_credentials() { check "addresses as systemd's credentials, by the page's commands" credentials_used; }

# --- all of them ------------------------------------------------------------------------------------------------------

target_restarts() {
    local pool before=() i=0
    for pool in "${pools[@]}"; do before+=("$(main_pid "trivet@$pool")"); done
    inside systemctl restart trivet.target
    for pool in "${pools[@]}"; do
        wait_for 60 pool_is_up "$pool" && not equal "$(main_pid "trivet@$pool")" "${before[i]}" || return 1
        i=$((i + 1))
    done
    wait_for 60 answers
}

comes_back_after_reboot() {
    local pool
    machine_reboot || return 1
    for pool in "${pools[@]}"; do wait_for 60 pool_is_up "$pool" || return 1; done
    wait_for 60 answers && equal "$(mode_of /run/trivet)" '2770 trivet:trivet'
}

push_runs() {
    inside_sh 'echo OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 >>/etc/trivet/trivet.env; systemctl restart trivet.target'
    wait_for 60 active trivet-push && equal "$(inside systemctl show -p NRestarts --value trivet-push)" 0
}
