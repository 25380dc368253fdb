/*
 * mongo_connect.h - private to the store: a socket to a MongoDB server, within a deadline.
 */
#ifndef TRIVET_STORE_MONGO_CONNECT_H
#define TRIVET_STORE_MONGO_CONNECT_H

#include <mongoc/mongoc.h>
#include <stdint.h>

/* Connects to the host (TCP or unix socket) by deadline_ms (tv_clock_ms). The caller closes the descriptor; -1 with *error
 * filled. Resolving the name is the C library's and has its own limits. */
int tv_mongo_connect(const mongoc_host_list_t *host, int64_t deadline_ms, bson_error_t *error);

#endif
