/*
 * mongo_dial.h - private to the store: connecting to a MongoDB server without waiting, address by address. Whoever polls the
 * descriptor says when to go on.
 */
#ifndef TRIVET_STORE_MONGO_DIAL_H
#define TRIVET_STORE_MONGO_DIAL_H

#include <mongoc/mongoc.h>
#include <stdbool.h>
#include <stdint.h>

struct addrinfo;

struct tv_mongo_dial {
    struct addrinfo *found;    /* all addresses of the name; NULL for a unix socket and when it is over */
    const struct addrinfo *at; /* the one that is being tried */
    int64_t share_ms;          /* what each may take */
    int64_t end_ms;            /* when the present one has had its share (tv_clock_ms) */
    bool connected;
    int error;       /* errno of the last address that failed */
    const char *why; /* when the name could not even be resolved; static */
};

/* Begins: a descriptor that is connecting or connected, or -1 with error or why set. timeout_ms is for all addresses
 * together. Resolving the name is the C library's and has its own limits. */
int tv_mongo_dial_start(struct tv_mongo_dial *dial, const mongoc_host_list_t *host, int64_t timeout_ms);
/* fd was found ready, or its share of time is over. Gives the descriptor to go on with: the same, now connected; another one,
 * to the next address (fd is closed); or -1 when there is none left (fd is closed). */
int tv_mongo_dial_next(struct tv_mongo_dial *dial, int fd);
/* Frees what a dial holds, at any time. */
void tv_mongo_dial_end(struct tv_mongo_dial *dial);

#endif
