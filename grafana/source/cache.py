"""cache.py: what the cache on Redis does for /sql and /doc: how much it answers, whether it is trusted, what it costs."""

from panels import GREEN, ORANGE, RED, Row, dashboard, query, stat, thresholds, timeseries

OWN = 'job="trivet"'


def rate(metric, by="pool"):
    return "sum by (%s) (rate(%s[$__rate_interval]))" % (by, metric)


def cache():
    hits = 'trivet_cache_requests_total{%s, result="hit"}' % OWN
    asked = 'trivet_cache_requests_total{%s, result=~"hit|miss"}' % OWN
    return Row(
        "The cache",
        stat("Trusted", "0: at least one instance goes past its cache until Redis has taken what it must know.",
             "min by (pool) (trivet_cache_trusted{%s})" % OWN, "none", thresholds((None, RED), (1, GREEN)), legend="{{pool}}",
             mappings=[{"type": "value", "options": {"0": {"text": "no"}, "1": {"text": "yes"}}}], width=4, height=8),
        stat("Hits", "Share of the reads that the cache answered, within 5 minutes.", "pool:trivet_cache_hits:ratio_rate5m",
             "percentunit", thresholds((None, ORANGE), (0.3, GREEN)), legend="{{pool}}", width=4, height=8),
        timeseries("Hits over time", "Share of the reads that the cache answered.",
                   [query("%s / (%s > 0)" % (rate(hits), rate(asked)), "{{pool}}")], "percentunit", maximum=1),
        timeseries("Results", "Reads a second: answered (hit), read from the store and kept (miss), past the cache (bypass).",
                   [query(rate("trivet_cache_requests_total{%s}" % OWN, "pool, result"), "{{pool}} {{result}}")], "reqps",
                   stack=True),
    )


def cost():
    to_store = '{%s, pool=~"sql|doc", store!="redis"}' % OWN
    to_redis = '{%s, pool=~"sql|doc", store="redis"}' % OWN
    return Row(
        "What it saves and costs",
        timeseries("Calls to the store", "Calls that /sql and /doc make to the store behind the cache.",
                   [query(rate("trivet_store_calls_total" + to_store, "pool, store"), "{{pool}} to {{store}}")], "ops"),
        timeseries("Calls to Redis", "Calls that /sql and /doc make for the cache.",
                   [query(rate("trivet_store_calls_total" + to_redis, "pool"), "{{pool}}")], "ops"),
        timeseries("Time of a cache call", "99 % of the calls to Redis take less. Near the store's own time the cache is no gain.",
                   [query("histogram_quantile(0.99, %s)"
                          % rate("trivet_store_call_duration_seconds_bucket" + to_redis, "pool, le"), "{{pool}}")], "s"),
    )


def redis():
    return Row(
        "Redis behind it",
        timeseries("Memory", "Memory of Redis in use, and maxmemory (0: none set).",
                   [query("redis_memory_used_bytes", "{{instance}} used"),
                    query("redis_memory_max_bytes", "{{instance}} at most")], "bytes"),
        timeseries("Evicted", "Keys thrown away for want of memory, a second.",
                   [query(rate("redis_evicted_keys_total", "instance"), "{{instance}}")], "ops"),
        timeseries("Keyspace", "Lookups a second that found their key, and that did not.",
                   [query(rate("redis_keyspace_hits_total", "instance"), "{{instance}} found"),
                    query(rate("redis_keyspace_misses_total", "instance"), "{{instance}} not found")], "ops"),
    )


def build():
    return dashboard("trivet-cache", "Trivet: cache", "The cache of /sql and /doc on Redis.", [cache(), cost(), redis()])
