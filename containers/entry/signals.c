/*
 * signals.c - one mask for all of them. It runs no code in a handler.
 */
#include "entry/signals.h"

#include <signal.h>
#include <sys/signalfd.h>

#include "base/macros.h"

/* Process 1 is sent nothing that it has no handler for; what is not listed cannot end it. */
int signals_open(void)
{
    static const int taken[] = {SIGHUP,  SIGTERM, SIGQUIT, SIGINT,  SIGUSR1,
                                SIGCHLD, SIGTTIN, SIGTTOU, SIGUSR2, SIGALRM};
    sigset_t mask;
    sigemptyset(&mask);
    for (size_t i = 0; i < TV_COUNT(taken); i++)
        sigaddset(&mask, taken[i]);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}
