/*
 * front_serve.c - one loop around a signalfd, in one thread. It touches no connection: nginx takes and answers them all.
 */
#include "entry/front_serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "entry/signals.h"
#include "watch/log.h"

/* How long handshakes that were begun may take to end. The first answer to a client is repeated after a second, so one may be lost;
 * who never ends his holds up nobody longer. */
#define HANDSHAKE_MS 1500
/* How long nginx may take for the connections that wait, before it is told to finish all the same. */
#define WAITING_MS 2000
/* Nobody tells when a queue has become empty. */
#define LOOK_MS 10
/* What a shell says of a program that cannot be run, and adds to the signal that killed one. */
#define EXIT_NOT_RUN 127
#define EXIT_KILLED  128

enum stage { STAGE_RUN, STAGE_LAST_ONES, STAGE_TOLD };

struct front {
    struct front_listen *listen;
    int signals;
    pid_t nginx; /* the master and its process group; 0: it has ended */
    int status;  /* of nginx that has ended, as waitpid gave it */
    enum stage stage;
    int64_t stop_ms; /* when it was told to stop */
    int64_t handshakes_until_ms;
};

/* Becomes nginx, or ends. */
static void become(char **command, pid_t parent)
{
    /* nginx without this program has nobody who stops it well; so it finishes and goes. */
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (getppid() != parent)
        _exit(EXIT_NOT_RUN);
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    /* Signals stay blocked: nginx's master lets them in when it can act on them, and its workers begin with none blocked. One that
     * comes early is kept for it so, and does not kill it. */
    execv(command[0], command);
    tv_log(TV_LOG_ERROR, "nginx.exec", "%s: %s", command[0], strerror(errno));
    _exit(EXIT_NOT_RUN);
}

static bool start(struct front *front, char **command)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become(command, parent);
    if (pid < 0) {
        tv_log(TV_LOG_ERROR, "fork", "%s", strerror(errno));
        return false;
    }
    setpgid(pid, pid); /* here as well: whoever is first, the group is there */
    front->nginx = pid;
    tv_log(TV_LOG_INFO, "start", "%s: process %d, %d sockets", command[0], (int)pid, front->listen->count);
    return true;
}

/* --- stopping --------------------------------------------------------------------------------------------------------- */

static void tell(const struct front *front, int signal_number)
{
    if (front->nginx != 0)
        kill(front->nginx, signal_number);
}

static void stop_now(struct front *front)
{
    tv_log(TV_LOG_INFO, "stop.now", "nginx ends what is under way");
    front->stage = STAGE_TOLD;
    tell(front, SIGTERM);
    front_listen_close(front->listen);
}

static void begin_stop(struct front *front)
{
    if (front->stage != STAGE_RUN) {
        stop_now(front);
        return;
    }
    front->stage = STAGE_LAST_ONES;
    front->stop_ms = front->handshakes_until_ms = tv_clock_ms();
    if (front_listen_begin_no_more(front->listen))
        front->handshakes_until_ms += HANDSHAKE_MS;
    else
        tv_log(TV_LOG_WARN, "stop.filter", "connections go on coming in and the last may be lost: %s",
               strerror(errno));
    tv_log(TV_LOG_INFO, "stop", "%u connections wait for nginx", front_listen_waiting(front->listen));
}

/* Tells nginx to finish when it has all connections that there will be. */
static void go_on_stopping(struct front *front)
{
    int64_t now = tv_clock_ms();
    if (now < front->handshakes_until_ms && front_listen_begun(front->listen) != 0)
        return;
    /* after the handshakes: one that has just ended waits here */
    unsigned waiting = front_listen_waiting(front->listen);
    if (waiting > 0 && now < front->stop_ms + WAITING_MS)
        return;
    if (waiting > 0)
        tv_log(TV_LOG_WARN, "stop.late", "%u connections that nginx did not take in time are lost", waiting);
    tv_log(TV_LOG_INFO, "stop.nginx", "nginx finishes what is under way");
    front->stage = STAGE_TOLD;
    tell(front, SIGQUIT);
    front_listen_close(front->listen);
}

/* nginx has ended: why, and with what this program ends. */
static int ended(const struct front *front)
{
    bool told = front->stage == STAGE_TOLD;
    if (WIFSIGNALED(front->status)) {
        int number = WTERMSIG(front->status);
        tv_log(TV_LOG_ERROR, "nginx.died", "killed by signal %d (%s)", number, strsignal(number));
        return EXIT_KILLED + number;
    }
    tv_log(told ? TV_LOG_INFO : TV_LOG_ERROR, told ? "stopped" : "nginx.died", "nginx ended with status %d",
           WEXITSTATUS(front->status));
    return WEXITSTATUS(front->status);
}

/* --- what happens ----------------------------------------------------------------------------------------------------- */

static void take_signals(struct front *front)
{
    struct signalfd_siginfo info;
    while (read(front->signals, &info, sizeof info) == sizeof info) {
        switch (info.ssi_signo) {
        case SIGHUP: tell(front, SIGHUP); break;
        case SIGUSR1: tell(front, SIGUSR1); break;
        case SIGQUIT: begin_stop(front); break;
        case SIGTERM:
        case SIGINT: stop_now(front); break;
        default: break; /* SIGCHLD: children are reaped at every turn */
        }
    }
}

static void reap(struct front *front)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != front->nginx)
            continue; /* an orphan that was taken in */
        /* Workers do not notice that their master was killed; in a container they end with this program anyway. */
        kill(-pid, SIGTERM);
        front->nginx = 0;
        front->status = status;
    }
}

int front_serve(struct front_listen *listen, char **command)
{
    struct front front = {.listen = listen, .stage = STAGE_RUN};
    front.signals = signals_open();
    if (front.signals < 0) {
        tv_log(TV_LOG_ERROR, "start", "signalfd: %s", strerror(errno));
        return 1;
    }
    /* elsewhere than in a container: orphans come to us, not to the machine's process 1 */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (!start(&front, command))
        return 1;
    while (front.nginx != 0) {
        struct pollfd watched = {.fd = front.signals, .events = POLLIN};
        poll(&watched, 1, front.stage == STAGE_LAST_ONES ? LOOK_MS : -1);
        take_signals(&front);
        reap(&front);
        if (front.stage == STAGE_LAST_ONES)
            go_on_stopping(&front);
    }
    return ended(&front);
}
