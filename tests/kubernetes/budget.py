"""budget.py: sessions with a store = pods x processes x workers, worked out from what is rendered, must fit what the store takes.
The table POOLS is checked against the running pool's own sum in pods.py."""

from harness import check, note, test

import manifests

# The sessions of one worker with each store; the cache is on Redis. ops and hello connect only to look, and hang up again.
POOLS = {
    "sql": ("mysql", "redis"),
    "doc": ("mongo", "redis"),
    "kv": ("redis",),
    "ops": ("mysql", "mongo", "redis"),
    "hello": ("mysql", "mongo", "redis"),
}
STORES = ("mysql", "mongo", "redis")
# Each exporter's own, and one hand of a person; what the stores keep for administrators comes on top of their limit.
OTHERS = 5


def workers(settings, pool):
    name = "TRIVET_%s_" % pool.upper()
    return int(settings[name + "PROCESSES"]) * int(settings[name + "WORKERS_MAX"])


def pods_at_most(overlay):
    """A rollout may have every old pod draining beside every new one (a draining pod no longer counts as surge): twice the most."""
    deployment = manifests.find(overlay, "Deployment", "trivet")["spec"]
    scaled = [one["spec"]["maxReplicas"] for one in manifests.objects(overlay, "HorizontalPodAutoscaler")]
    return 2 * (scaled[0] if scaled else deployment["replicas"])


def sessions(overlay):
    """Store -> sessions at most."""
    settings = manifests.settings(overlay)
    pools = settings["TRIVET_POOLS"].split()
    return {store: OTHERS + pods_at_most(overlay) * sum(workers(settings, pool) for pool in pools if store in POOLS[pool])
            for store in STORES}


def _fits(overlay):
    limits = manifests.find(overlay, "Deployment", "trivet")["metadata"]["annotations"]
    for store, wanted in sessions(overlay).items():
        limit = int(limits["trivet/%s-connections" % store])
        note("%s: %d pods, %d sessions with %s of %d" % (overlay, pods_at_most(overlay), wanted, store, limit))
        check(wanted <= limit, "%s: %s takes %d connections, the pods may open %d" % (overlay, store, limit, wanted))


@test("dev's sessions fit what its stores take")
def dev(_):
    _fits("dev")


@test("staging's sessions fit what its stores take")
def staging(_):
    _fits("staging")


@test("production's sessions fit what its stores take")
def production(_):
    _fits("production")


@test("the sums in the README are the ones that come out")
def readme(_):
    with open(manifests.KUBERNETES + "/README.md", encoding="utf-8") as file:
        text = file.read()
    for overlay in manifests.OVERLAYS:
        sums = sessions(overlay)
        limits = manifests.find(overlay, "Deployment", "trivet")["metadata"]["annotations"]
        row = "| %s | %d | %s |" % (overlay, pods_at_most(overlay), " | ".join(
            "%d of %s" % (sums[store], limits["trivet/%s-connections" % store]) for store in STORES))
        check(row in text, "README.md lacks this row: " + row)
