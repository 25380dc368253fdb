"""alerts.py: alerts, live: something is really stopped, the right alert fires, the right receiver hears of it, and all ends when it
is back. Durations are those of the rules, divided by scaled.SCALE."""

import os
import signal

from harness import check, equal, test, until
from skipping import Skip


def annotations_are_whole(found):
    for one in found:
        for name, text in one["annotations"].items():
            check("error" not in text and "<no value>" not in text and "{{" not in text, "the annotation " + name, text)


@test("nothing critical fires while all is well; the Watchdog does, and its receiver hears it")
def well(stack):
    until(lambda: stack.webhooks.heard("deadman", "firing", alertname="Watchdog"), "the receiver hears the Watchdog", step=0.2)
    until(lambda: not [one for one in stack.prometheus.alerts(severity="critical") if "Latency" not in one["labels"]["alertname"]], "nothing critical fires", step=0.5)


@test("MySQL stops: its alerts fire, the pager hears of one, the others are inhibited, all end when it is back")
def mysql_away(stack):
    with stack.world.away("mysql"):
        annotations_are_whole(stack.fires("StoreDown", store="mysql"))
        annotations_are_whole(stack.fires("BreakerOpen", pool="sql", store="mysql"))
        annotations_are_whole(stack.fires("MySQLDown"))
        annotations_are_whole(stack.fires("AvailabilityBudgetBurnsFast", pool="sql"))
        until(lambda: stack.webhooks.heard("pager", "firing", alertname="StoreDown", store="mysql"), "the pager hears of it",
              step=0.2)

        def inhibited():
            found = stack.alertmanager.alerts(alertname="BreakerOpen", store="mysql")
            return found and all(one["status"]["inhibitedBy"] for one in found)
        until(inhibited, "Alertmanager knows of BreakerOpen and inhibits it", step=0.2)
        equal(stack.prometheus.alerts(alertname="StoreDown", store="redis"), [], "alerts on the store that is well")
        # Not forbidden for a moment: at a second a scrape, a machine with more to do fails a probe that it would pass.
        stack.ends("EdgeDown")
    stack.ends("StoreDown", store="mysql")
    stack.ends("MySQLDown")
    stack.ends("BreakerOpen", store="mysql")
    until(lambda: stack.webhooks.heard("pager", "resolved", alertname="StoreDown", store="mysql"), "the pager hears of the end",
          step=0.2)
    stack.ends("AvailabilityBudgetBurnsFast", pool="sql")


@test("Redis stops: its alerts fire, the cache is distrusted, /sql goes on, all end when it is back")
def redis_away(stack):
    with stack.world.away("redis"):
        annotations_are_whole(stack.fires("StoreDown", store="redis"))
        annotations_are_whole(stack.fires("RedisDown"))
        annotations_are_whole(stack.fires("CacheDistrusted", pool="sql"))
        equal(stack.world.http.get("/sql/product?id=eq.1").status, 200, "the status of a read without its cache")
        stack.ends("EdgeDown")
    for name in ("StoreDown", "RedisDown", "CacheDistrusted"):
        stack.ends(name)


@test("MongoDB stops: Trivet's own metrics say so, without an exporter, and all ends when it is back")
def mongo_away(stack):
    with stack.world.away("mongo"):
        annotations_are_whole(stack.fires("StoreDown", store="mongo"))
        stack.ends("EdgeDown")
    stack.ends("StoreDown", store="mongo")


@test("a pool's master is killed: PoolDown fires, and ends when the pool runs again")
def pool_down(stack):
    pool = stack.world["hello"]
    stack.world.may_die("hello", 10)
    pool.server.kill()
    pool.server = None
    annotations_are_whole(stack.fires("PoolDown", pool="hello"))
    pool.start()
    stack.ends("PoolDown", pool="hello")


@test("processes of a pool die again and again: ProcessesRestart fires and ends")
def restarts(stack):
    pool = stack.world["hello"]
    stack.world.may_die("hello", 40)
    # The alert wants four within its window, which here is a few seconds long; the pool waits ever longer before it starts another.
    for _ in range(20):
        old = set(pool.children())
        victim = max(old)
        os.kill(victim, signal.SIGKILL)
        until(lambda: victim not in pool.children() and len(pool.children()) == len(old), "the process is replaced")
        if stack.prometheus.alerts(alertname="ProcessesRestart", pool="hello"):
            break
    annotations_are_whole(stack.fires("ProcessesRestart", pool="hello"))
    stack.ends("ProcessesRestart", pool="hello")


@test("an exporter stops: ExporterDown fires, and ends when it is back")
def exporter_down(stack):
    stack.exporters["nginx"].stop()
    annotations_are_whole(stack.fires("ExporterDown", job="nginx"))
    until(lambda: stack.webhooks.heard("chat", "firing", alertname="ExporterDown"), "the chat hears of it", step=0.2)
    stack.exporters["nginx"].start()
    stack.ends("ExporterDown", job="nginx")


@test("trivet-push refuses its settings: PushDown fires, and ends when it runs again")
def push_down(stack):
    """It is told to stop and not killed: a batch that was on its way would come twice, which other tests take for a mistake."""
    if not stack.pushes:
        raise Skip("this build has no trivet-push")
    stack.pusher.stop()
    equal(stack.prometheus.alerts(alertname="PushDown"), [], "alerts on one that was told to stop")
    equal(stack.misled_pusher().wait(), 1, "the exit status of one that does not understand its settings")
    annotations_are_whole(stack.fires("PushDown"))
    stack.pusher.start()
    stack.ends("PushDown")


@test("a certificate is about to end: CertificateEnds fires and says when, and ends with a new one")
def certificate(stack):
    stack.edge.stop()
    stack.edge.certificate(2).start()
    found = stack.fires("CertificateEnds")
    annotations_are_whole(found)
    check("1d 23h" in found[0]["annotations"]["summary"], "the time that is left", found[0]["annotations"])
    stack.edge.stop()
    stack.edge.certificate(90).start()
    stack.ends("CertificateEnds")


@test("the load balancer is gone: EdgeDown fires, and ends when it is back")
def edge_down(stack):
    stack.edge.stop()
    annotations_are_whole(stack.fires("EdgeDown"))
    stack.edge.start()
    stack.ends("EdgeDown")


@test("a pool is gone: EdgeDown fires for its dialect alone, and ends when it is back")
def dialect_down(stack):
    pool = stack.world["doc"]
    stack.world.may_die("doc", 10)
    pool.server.kill()
    pool.server = None
    annotations_are_whole(stack.fires("EdgeDown", pool="doc"))
    until(lambda: {one["labels"].get("pool") for one in stack.prometheus.alerts(alertname="EdgeDown")} == {"doc"},
          "this path alone is down", step=0.2)
    pool.start()
    stack.ends("EdgeDown", pool="doc")


@test("nginx is gone: TrivetUnreachable and NginxDown fire, and end when it is back")
def trivet_unreachable(stack):
    stack.world.front.server.stop(signal.SIGQUIT)
    annotations_are_whole(stack.fires("TrivetUnreachable"))
    annotations_are_whole(stack.fires("NginxDown"))
    # What the load balancer says in its place is no answer of Trivet.
    for pool in ("sql", "doc", "kv"):
        stack.fires("EdgeDown", pool=pool)
    stack.world.front._try()
    for name in ("TrivetUnreachable", "NginxDown", "EdgeDown"):
        stack.ends(name)
