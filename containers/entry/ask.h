/*
 * ask.h - one question to a server that should answer soon: connect, send, read until an answer can be judged, never longer
 * than a deadline. Knows no protocol.
 */
#ifndef TRIVET_ENTRY_ASK_H
#define TRIVET_ENTRY_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/macros.h"

struct ask {
    int fd;
    int64_t deadline_ms; /* monotonic */
    unsigned char bytes[4096];
    size_t length; /* of bytes */
    bool late;     /* what went wrong is that nobody had time for us; whoever listens there may be busy */
};

/* NULL, or what went wrong. */
const char *ask_connect(struct ask *ask, const struct sockaddr *address, socklen_t size,
                        int64_t deadline_ms) TV_MUST_CHECK;
const char *ask_send(struct ask *ask, const void *data, size_t length) TV_MUST_CHECK;
/* What comes next, added to bytes. "closed" at the end of the connection. */
const char *ask_more(struct ask *ask) TV_MUST_CHECK;
void ask_close(struct ask *ask);

#endif
