/*
 * counters.h - what is counted and shown, once: a family's row makes its enum member, its HELP in /metrics and its line in
 * docs/metrics.md; a counter's row makes its enum member, its name in /status and its labels.
 *
 * Counters only grow; a dead worker's are folded into the pool's retired meters, so that no sum ever goes backwards.
 * Cardinality is bounded here: labels are pools, route templates, methods, status classes and the words of these tables.
 */
#ifndef TRIVET_WATCH_COUNTERS_H
#define TRIVET_WATCH_COUNTERS_H

/* X(MEMBER, name without "trivet_", type, labels for docs, help). Counters end in _total, units are seconds and bytes. */
#define TV_FAMILIES(X)                                                                                       \
    X(BUILD_INFO, "build_info", gauge, "pool, version, libraries", "What runs; always 1")                    \
    X(POOL_UP, "pool_up", gauge, "pool",                                                                     \
      "Whether the pool's master lives; without a sample: it was stopped in order and watch.pools does not " \
      "name it")                                                                                             \
    X(POOL_START, "pool_start_time_seconds", gauge, "pool", "When the pool was started, in Unix time")       \
    X(GENERATION, "generation", gauge, "pool", "Configurations that the pool has had since it was started")  \
    X(REQUESTS, "http_requests_total", counter, "pool, route, method, code",                                 \
      "Requests answered, by route template, method and class of status")                                    \
    X(DURATION, "http_request_duration_seconds", histogram, "pool, route",                                   \
      "From nginx passing a request on to its answer being sent")                                            \
    X(QUEUE_WAIT, "queue_wait_seconds", histogram, "pool",                                                   \
      "From nginx passing a request on to a worker taking it; up to a millisecond less than it was")         \
    X(STORE_DURATION, "store_call_duration_seconds", histogram, "pool, store",                               \
      "One statement, operation or pipeline: from being sent to its first answer; the cache's are Redis'")   \
    X(WORKERS, "workers", gauge, "pool, state", "Worker threads by what they do: busy or idle")              \
    X(WORKERS_LIMIT, "workers_limit", gauge, "pool", "Worker threads that the pool may grow to")             \
    X(AT_LIMIT, "workers_at_limit_seconds_total", counter, "pool",                                           \
      "Seconds in which all workers of a process were busy and it might not grow; summed over its "          \
      "processes")                                                                                           \
    X(WINDOW, "window_changes_total", counter, "pool, direction", "Workers that were added and let go")      \
    X(PROCESSES, "processes", gauge, "pool", "Processes that serve")                                         \
    X(PROCESSES_WANTED, "processes_wanted", gauge, "pool", "Processes that the pool is to have")             \
    X(RESTARTS, "process_restarts_total", counter, "pool", "Processes that died and were replaced")          \
    X(BACKLOG, "listen_backlog", gauge, "pool", "Connections that wait to be accepted")                      \
    X(BACKLOG_LIMIT, "listen_backlog_limit", gauge, "pool", "Connections that may wait to be accepted")      \
    X(WAITING, "requests_waiting", gauge, "pool",                                                            \
      "Processes in which a request waits and no worker is free")                                            \
    X(PEERS, "fastcgi_connections", gauge, "pool", "Connections of nginx that are open")                     \
    X(SHED, "shed_requests_total", counter, "pool, cause",                                                   \
      "Requests that were not served: waited too long (queue), client left before its answer or in the "     \
      "middle of it (gone), torn or too slow to arrive (broken), store known to be away (breaker)")          \
    X(GUARD, "guard_refusals_total", counter, "pool, cause",                                                 \
      "Requests that were refused before any work: who may do what")                                         \
    X(STORE_CONNECTIONS, "store_connections", gauge, "pool, store", "Connections to stores that are open")   \
    X(STORE_CONNECTIONS_LIMIT, "store_connections_limit", gauge, "pool, store",                              \
      "Connections to stores that the pool may come to hold")                                                \
    X(STORE_CONNECTS, "store_connects_total", counter, "pool, store", "Connections made to stores")          \
    X(STORE_CALLS, "store_calls_total", counter, "pool, store", "Statements and commands sent to stores")    \
    X(STORE_ERRORS, "store_errors_total", counter, "pool, store",                                            \
      "Times that a store could not be reached or broke off")                                                \
    X(STORE_SECONDS, "store_wait_seconds_total", counter, "pool, store", "Seconds spent waiting for stores") \
    X(BREAKER, "store_breaker_open", gauge, "pool, store",                                                   \
      "1 while the store is taken for away and requests are refused at once")                                \
    X(STORE_UP, "store_up", gauge, "store", "Whether the store answered when trivet-ops last looked")        \
    X(CACHE, "cache_requests_total", counter, "pool, result",                                                \
      "Reads by what the cache did: hit, miss, bypass")                                                      \
    X(CACHE_TRUSTED, "cache_trusted", gauge, "pool", "Whether the pool uses what the cache holds")           \
    X(BYTES_OUT, "response_bytes_total", counter, "pool", "Body bytes sent")                                 \
    X(BYTES_IN, "request_bytes_total", counter, "pool", "Body bytes received")                               \
    X(ROWS, "rows_total", counter, "pool, direction", "Rows and documents read from and written to stores")  \
    X(BUSY, "busy_seconds_total", counter, "pool", "Seconds that workers spent on requests")                 \
    X(MEMORY, "resident_memory_bytes", gauge, "pool",                                                        \
      "Resident memory of the pool's processes; shared pages count in each")                                 \
    X(PUSH_UP, "push_up", gauge, "",                                                                         \
      "Whether trivet-push lives; not there when it never ran here or ended as it was told to")              \
    X(PUSH, "push_batches_total", counter, "signal, outcome",                                                \
      "Batches of traces and metrics: accepted (sent), attempts that failed and are made again (failed), "   \
      "given up (dropped)")                                                                                  \
    X(SPANS, "traces_total", counter, "pool, outcome",                                                       \
      "Traces handed to the exporter (kept) and lost for want of room (dropped)")

/* X(MEMBER, FAMILY, label, value, name in /status, unit per microsecond or whole) */
#define TV_COUNTERS(X)                                             \
    X(SHED_QUEUE, SHED, "cause", "queue", "shed_queue")            \
    X(SHED_GONE, SHED, "cause", "gone", "shed_gone")               \
    X(BROKEN, SHED, "cause", "broken", "broken")                   \
    X(SHED_BREAKER, SHED, "cause", "breaker", "shed_breaker")      \
    X(GUARD_NO_ROLE, GUARD, "cause", "no_role", "guard_no_role")   \
    X(BYTES_OUT, BYTES_OUT, "", "", "bytes_out")                   \
    X(BYTES_IN, BYTES_IN, "", "", "bytes_in")                      \
    X(ROWS_READ, ROWS, "direction", "read", "rows_read")           \
    X(ROWS_WRITTEN, ROWS, "direction", "written", "rows_written")  \
    X(BUSY_US, BUSY, "", "", "busy_us")                            \
    X(CACHE_HITS, CACHE, "result", "hit", "cache_hits")            \
    X(CACHE_MISSES, CACHE, "result", "miss", "cache_misses")       \
    X(CACHE_BYPASSES, CACHE, "result", "bypass", "cache_bypasses") \
    X(TRACES_KEPT, SPANS, "outcome", "kept", "traces_kept")        \
    X(TRACES_DROPPED, SPANS, "outcome", "dropped", "traces_dropped")

#endif
