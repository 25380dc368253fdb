/*
 * counters.h - what is counted, once: a row makes the enum member, the name in /status and the sentence for operators.
 * Counters only grow; a dead worker's are folded into the pool's retired slot, so that no sum ever goes backwards.
 */
#ifndef TRIVET_WATCH_COUNTERS_H
#define TRIVET_WATCH_COUNTERS_H

/* X(ENUM, name, help) */
#define TV_COUNTERS(X)                                                                                      \
    X(REQUESTS_2XX, "requests_2xx", "Requests answered with a status below 300")                            \
    X(REQUESTS_3XX, "requests_3xx", "Requests answered with a 3xx status")                                  \
    X(REQUESTS_4XX, "requests_4xx", "Requests that were refused: the client's mistake")                     \
    X(REQUESTS_5XX, "requests_5xx", "Requests that failed: ours or a store's fault")                        \
    X(SHED_QUEUE, "shed_queue", "Requests refused because they had waited longer than limits.queue_budget") \
    X(SHED_GONE, "shed_gone", "Requests dropped unread because the client had left")                        \
    X(BROKEN, "broken", "Connections closed on a request that was torn, incomplete or too slow to arrive")  \
    X(BYTES_OUT, "bytes_out", "Body bytes sent")                                                            \
    X(BUSY_US, "busy_us", "Microseconds spent on requests, from whole to answered")                         \
    X(STORE_US, "store_us", "Microseconds of these that were spent waiting for a store")                    \
    X(STORE_CALLS, "store_calls", "Statements and commands sent to stores")                                 \
    X(STORE_ERRORS, "store_errors", "Times that a store could not be reached or broke off")                 \
    X(STORE_CONNECTS, "store_connects", "Connections made to stores")                                       \
    X(CACHE_HITS, "cache_hits", "Reads answered from the cache")                                            \
    X(CACHE_MISSES, "cache_misses", "Reads that asked the store and could be kept")                         \
    X(CACHE_BYPASSES, "cache_bypasses", "Reads that went past the cache")

#endif
