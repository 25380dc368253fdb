/*
 * front.c - trivet-front: process 1 of the nginx container. nginx that is told to finish closes its listening sockets, and the
 * kernel resets the connections that wait in them to be taken; no setting of nginx changes that. So this program opens the sockets,
 * lets nginx inherit them and tells it to finish when none waits any more. It reads no configuration: which addresses nginx listens
 * on is said to it.
 */
#include <stdio.h>
#include <string.h>

#include "entry/front_listen.h"
#include "entry/front_serve.h"
#include "watch/log_setup.h"

#define EXIT_USAGE 2

static const char help[] =
    "trivet-front - starts nginx on sockets of its own and stops it without losing a connection\n"
    "\n"
    "Usage: trivet-front ADDRESS:PORT... -- NGINX [ARGUMENT...]\n"
    "\n"
    "  ADDRESS:PORT   as in nginx's `listen`: *:8080, 127.0.0.1:8080, [::1]:8080\n"
    "  NGINX          its path; it must stay in the foreground (-g 'daemon off;')\n"
    "\n"
    "The addresses must be those of nginx's `listen` lines, each of them. One that nginx does not have\n"
    "takes connections that nobody answers. One that is missing here nginx opens itself and closes as it\n"
    "always did; it does not start when the port is taken by another address of this line.\n"
    "\n"
    "Signals: QUIT finishes what is under way (a second one ends it), TERM and INT end at once, HUP and\n"
    "USR1 go to nginx. The exit status is nginx's, or 128 and the signal that killed it.\n";

static int usage(const char *wrong)
{
    fprintf(stderr, "trivet-front: %s (see --help)\n", wrong);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    /* the log keeps it for as long as it writes */
    static const struct tv_log_settings log = {.level = "info", .file = "", .requests = "none", .slow = 500};
    struct front_listen listen = {.count = 0};
    struct tv_error error;
    int at = 1;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    while (at < argc && strcmp(argv[at], "--") != 0)
        at++;
    if (at == 1)
        return usage("it needs an address");
    if (at + 1 >= argc)
        return usage("-- and nginx are missing");
    if (!tv_log_start(&log, "front", &error))
        return usage(error.message);
    for (int i = 1; i < at; i++) {
        if (!front_listen_add(&listen, argv[i], &error)) {
            tv_log(TV_LOG_ERROR, "start", "%s", error.message);
            return 1;
        }
    }
    if (!front_listen_hand_over(&listen)) {
        tv_log(TV_LOG_ERROR, "start", "no memory for the environment");
        return 1;
    }
    int status = front_serve(&listen, argv + at + 1);
    front_listen_close(&listen);
    return status;
}
