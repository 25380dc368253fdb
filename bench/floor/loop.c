/*
 * loop.c - the loop on libfcgi: listening socket and kept connections in one epoll set, EPOLLONESHOT gives what is ready to
 * one thread, libfcgi reads the request from a descriptor that it did not accept itself. See floor.h for what it is for.
 */
#include <fcgiapp.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floor.h"

static const struct floor_program *program;
static int epoll;

static void watch(int operation, int fd, void *what)
{
    uint32_t events = EPOLLIN | EPOLLONESHOT | (what ? EPOLLRDHUP : 0u);
    struct epoll_event event = {.events = events, .data.ptr = what};
    epoll_ctl(epoll, operation, fd, &event);
}

static void take_connection(void)
{
    int fd = accept4(0, NULL, NULL, SOCK_CLOEXEC);
    watch(EPOLL_CTL_MOD, 0, NULL);
    FCGX_Request *request = fd >= 0 ? calloc(1, sizeof *request) : NULL;
    if (!request) {
        if (fd >= 0)
            close(fd);
        return;
    }
    FCGX_InitRequest(request, -1, 0);
    request->ipcFd = fd;
    /* or the first FCGX_Accept_r would close what it takes for the last request's connection */
    request->keepConnection = 1;
    watch(EPOLL_CTL_ADD, fd, request);
}

/* True when the connection goes back into the set; otherwise libfcgi has closed it, or it is closed here. */
static bool serve(FCGX_Request *request, void *state, struct floor_out *out)
{
    if (FCGX_Accept_r(request) < 0)
        return false;
    out->length = 0;
    out->failed = false;
    if (FCGX_GetError(request->in) != 0 || !program->answer(state, request, out) || out->failed) {
        out->length = 0;
        out->failed = false;
        floor_text(out, "Status: 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\nfailed\n");
    }
    FCGX_PutStr(out->data, (int)out->length, request->out);
    FCGX_Finish_r(request);
    return request->ipcFd >= 0;
}

static void *thread_main(void *unused)
{
    struct floor_out *out = malloc(sizeof *out);
    void *state = program->open();
    (void)unused;
    if (!out || !state)
        exit(1);
    for (;;) {
        struct epoll_event event;
        if (epoll_wait(epoll, &event, 1, -1) != 1)
            continue;
        FCGX_Request *request = event.data.ptr;
        if (!request) {
            take_connection();
        } else if (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
            close(request->ipcFd);
            free(request);
        } else if (serve(request, state, out)) {
            watch(EPOLL_CTL_MOD, request->ipcFd, request);
        } else {
            free(request);
        }
    }
    return NULL;
}

static int number(const char *name, int fallback)
{
    const char *text = getenv(name);
    return text ? atoi(text) : fallback;
}

static void serve_socket(void)
{
    pthread_t thread;
    /* SIGKILL, for libfcgi catches TERM and then waits for one more request */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    FCGX_Init();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(EPOLL_CTL_ADD, 0, NULL);
    for (int i = number("FLOOR_WORKERS", 4); i > 1; i--)
        if (pthread_create(&thread, NULL, thread_main, NULL) != 0)
            exit(1);
    thread_main(NULL);
}

int floor_run(const struct floor_program *what)
{
    program = what;
    fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
    for (int i = number("FLOOR_PROCESSES", 2); i > 0; i--)
        if (fork() == 0)
            serve_socket();
    /* a process that ends is a fault: all end, so that it is seen */
    int status = 0;
    pid_t pid = wait(&status);
    fprintf(stderr, "floor: process %d ended with status %d\n", (int)pid, status);
    return 1;
}

const char *floor_setting(const char *name)
{
    const char *value = getenv(name);
    if (!value) {
        fprintf(stderr, "floor: %s is not set\n", name);
        exit(1);
    }
    return value;
}

const char *floor_parameter(const FCGX_Request *request, const char *name)
{
    const char *value = FCGX_GetParam(name, request->envp);
    return value ? value : "";
}
