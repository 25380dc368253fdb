/*
 * front_serve.h - runs one nginx on sockets that are open already, and stops it so that no connection is lost.
 *
 *   QUIT       no handshake is begun any more; when those begun are finished and nginx has taken all connections, nginx is told to
 *              finish (QUIT). A second one, or TERM or INT: nginx is told to end at once (TERM)
 *   TERM, INT  at once
 *   HUP, USR1  to nginx: reload, open log files anew
 * WINCH stays here. An nginx that inherits sockets takes it for the order to end its workers, and a terminal sends it whenever its
 * window changes; for the same reason nginx is in a process group of its own. An nginx that ends is not started again: who started
 * this program does that. As process 1 it also takes in orphans.
 */
#ifndef TRIVET_ENTRY_FRONT_SERVE_H
#define TRIVET_ENTRY_FRONT_SERVE_H

#include "entry/front_listen.h"

/* Runs command (a path and its arguments, NULL at the end) until it ends. *listen stays the caller's; it is closed when nginx is told
 * to stop. The exit status: nginx's, 128 and its signal when it was killed, 127 when it could not be run, 1 when it was not started. */
int front_serve(struct front_listen *listen, char **command);

#endif
