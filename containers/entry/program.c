/*
 * program.c - fork, exec, and the patience between two attempts.
 */
#include "entry/program.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "watch/log.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  5000
/* A program that lived this long did not die of its start. */
#define HEALTHY_MS 10000
/* What a shell says of a program that cannot be run. */
#define EXIT_NOT_RUN 127

bool program_due(const struct program *program)
{
    return program->pid == 0 && tv_clock_ms() >= program->start_after_ms;
}

static void later(struct program *program)
{
    /* at once the first time, then doubled; spread by up to a quarter so that five pools do not start in step */
    int64_t spread = (int64_t)(tv_clock_us() % 256) * program->backoff_ms / 1024;
    program->start_after_ms = tv_clock_ms() + program->backoff_ms + spread;
    program->backoff_ms = program->backoff_ms == 0                    ? BACKOFF_FIRST_MS
                          : program->backoff_ms * 2 < BACKOFF_LAST_MS ? program->backoff_ms * 2
                                                                      : BACKOFF_LAST_MS;
}

/* Becomes the program, or ends. */
static void become(const struct program *program)
{
    char *arguments[PROGRAM_ARGUMENTS_MAX];
    sigset_t kept;
    memcpy(arguments, program->arguments, sizeof arguments);
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    /* What is told to all programs would by default end one that has not begun to listen yet. Blocked, it waits for that. */
    sigemptyset(&kept);
    sigaddset(&kept, SIGHUP);
    sigaddset(&kept, SIGUSR1);
    sigprocmask(SIG_SETMASK, &kept, NULL);
    execv(arguments[0], arguments);
    tv_log(TV_LOG_ERROR, "program.exec", "%s: %s", arguments[0], strerror(errno));
    _exit(EXIT_NOT_RUN);
}

void program_start(struct program *program)
{
    /* What is left of a killed pool answers on the old socket until it has drained, and spawn-fcgi would not take its place.
     * Without the name nobody new comes to it. */
    if (program->socket && unlink(program->socket) != 0 && errno != ENOENT)
        tv_log(TV_LOG_WARN, "socket.old", "%s: %s", program->socket, strerror(errno));
    pid_t pid = fork();
    if (pid == 0)
        become(program);
    if (pid < 0) {
        tv_log(TV_LOG_ERROR, "fork", "%s: %s", program->name, strerror(errno));
        later(program);
        return;
    }
    setpgid(pid, pid); /* here as well: whoever is first, the group is there before anything is sent to it */
    program->pid = pid;
    program->started_ms = tv_clock_ms();
    program->starts++;
    tv_log(TV_LOG_INFO, "program.start", "%s: process %d%s", program->name, (int)pid,
           program->starts > 1 ? ", again" : "");
}

void program_died(struct program *program, int status)
{
    pid_t pid = program->pid;
    /* A pool's processes know from the kernel that their master is gone, and finish what they have. */
    program->pid = 0;
    if (tv_clock_ms() - program->started_ms >= HEALTHY_MS)
        program->backoff_ms = 0;
    later(program);
    int64_t pause = program->start_after_ms - tv_clock_ms();
    if (WIFSIGNALED(status))
        tv_log(TV_LOG_ERROR, "program.died", "%s: process %d was killed by signal %d (%s); again in %lld ms",
               program->name, (int)pid, WTERMSIG(status), strsignal(WTERMSIG(status)), (long long)pause);
    else
        tv_log(TV_LOG_ERROR, "program.died", "%s: process %d ended with status %d; again in %lld ms",
               program->name, (int)pid, WEXITSTATUS(status), (long long)pause);
}

void program_tell(const struct program *program, int signal_number)
{
    if (program->pid != 0)
        kill(program->pid, signal_number);
}

void program_kill(const struct program *program)
{
    if (program->pid != 0)
        kill(-program->pid, SIGKILL);
}
