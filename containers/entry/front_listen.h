/*
 * front_listen.h - the sockets that nginx listens on, opened before nginx and handed over to it, so that somebody else can see
 * to their end: first no handshake is begun any more, then those begun are finished and taken, then they are closed. It takes no
 * connection itself and knows nothing of nginx but how it inherits sockets.
 */
#ifndef TRIVET_ENTRY_FRONT_LISTEN_H
#define TRIVET_ENTRY_FRONT_LISTEN_H

#include <stdbool.h>

#include "base/error.h"

#define FRONT_SOCKETS_MAX 8

struct front_listen {
    int sockets[FRONT_SOCKETS_MAX];
    int count;
};

/* Adds one that listens on "*:8080", "127.0.0.1:8080" or "[::1]:8080", numbers only, with the settings that nginx gives its own.
 * What was added stays open across exec until front_listen_close. False with the reason in *error; *listen is as it was then. */
bool front_listen_add(struct front_listen *listen, const char *address, struct tv_error *error) TV_MUST_CHECK;
/* Says in the environment of this process which sockets a started nginx inherits. False: there is no memory for it. */
bool front_listen_hand_over(const struct front_listen *listen) TV_MUST_CHECK;
/* From now on a segment that begins a handshake is as good as lost on its way: its sender repeats it a second later. Those that
 * end one get through. For whoever has the sockets, and never taken back. False with errno: not on all of them. */
bool front_listen_begin_no_more(const struct front_listen *listen) TV_MUST_CHECK;
/* Handshakes that were begun and not ended yet, at the ports of all sockets; -1: it cannot be seen. Those of SYN cookies are no
 * state of anybody's and not among them. */
int front_listen_begun(const struct front_listen *listen);
/* Connections whose handshake is done and that nobody has taken yet, on all sockets. */
unsigned front_listen_waiting(const struct front_listen *listen);
/* Closes them here; nginx has its own. Nothing happens the second time. */
void front_listen_close(struct front_listen *listen);

#endif
