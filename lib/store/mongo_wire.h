/*
 * mongo_wire.h - private to the store: the sockets under libmongoc, made by us instead of by the driver.
 *
 * The driver keeps speaking the protocol; what it cannot tell is told here: whether a connection died while idle, whether
 * anything was sent, and that no read or write goes on past the request's deadline (the driver's own limit is one for all
 * operations of a client). One wire belongs to one session, one thread.
 */
#ifndef TRIVET_STORE_MONGO_WIRE_H
#define TRIVET_STORE_MONGO_WIRE_H

#include <mongoc/mongoc.h>
#include <stdbool.h>
#include <stdint.h>

#include "watch/watcher.h"

struct tv_mongo_stream;

struct tv_mongo_wire {
    struct tv_mongo_stream *streams; /* open now; each is the driver's to destroy */
    struct tv_watcher *watcher;      /* may be NULL */
    int64_t connect_timeout_ms;
    int64_t deadline_ms; /* tv_clock_ms(): nothing is awaited past it */
    uint64_t sent;       /* bytes that left; whoever wants to know sets it to 0 before */
    char why[160];       /* the last connect that failed, for the log; empty when none did */
};

/* The driver's mongoc_stream_initiator_t; user_data is the wire. It only begins to connect: the driver polls several members
 * of a set at once. A server that cannot be reached gives a stream that fails, since libmongoc 1.23 locks itself out when
 * opening the stream to a member fails at once. */
mongoc_stream_t *tv_mongo_wire_open(const mongoc_uri_t *uri, const mongoc_host_list_t *host, void *user_data,
                                    bson_error_t *error);
/* False when the peer of an idle stream has closed it, or sent what nobody asked for: the client must be replaced before
 * it is used again. */
bool tv_mongo_wire_alive(const struct tv_mongo_wire *wire);

#endif
