/*
 * ask.c - a socket that never blocks longer than its deadline.
 */
#include "entry/ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static const char *wait_for(struct ask *ask, short events)
{
    struct pollfd watched = {.fd = ask->fd, .events = events};
    int ready;
    do {
        int64_t left = ask->deadline_ms - tv_clock_ms();
        ready = poll(&watched, 1, left < 0 ? 0 : (int)left);
    } while (ready < 0 && errno == EINTR);
    ask->late = ready == 0;
    return ready > 0 ? NULL : ready == 0 ? "no answer in time" : strerror(errno);
}

const char *ask_connect(struct ask *ask, const struct sockaddr *address, socklen_t size, int64_t deadline_ms)
{
    int failure = 0;
    socklen_t length = sizeof failure;
    *ask = (struct ask){.fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
                        .deadline_ms = deadline_ms};
    if (ask->fd < 0)
        return strerror(errno);
    if (connect(ask->fd, address, size) == 0)
        return NULL;
    ask->late = errno == EAGAIN; /* a unix socket whose backlog is full */
    if (errno != EINPROGRESS)
        return ask->late ? "no answer in time, its backlog is full" : strerror(errno);
    const char *wrong = wait_for(ask, POLLOUT);
    if (wrong)
        return wrong;
    if (getsockopt(ask->fd, SOL_SOCKET, SO_ERROR, &failure, &length) != 0)
        return strerror(errno);
    return failure ? strerror(failure) : NULL;
}

const char *ask_send(struct ask *ask, const void *data, size_t length)
{
    const char *from = data;
    while (length > 0) {
        const char *wrong = wait_for(ask, POLLOUT);
        if (wrong)
            return wrong;
        ssize_t sent = send(ask->fd, from, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return strerror(errno);
        if (sent > 0) {
            from += sent;
            length -= (size_t)sent;
        }
    }
    return NULL;
}

const char *ask_more(struct ask *ask)
{
    ssize_t got;
    if (ask->length == sizeof ask->bytes)
        return "too long an answer";
    do {
        const char *wrong = wait_for(ask, POLLIN);
        if (wrong)
            return wrong;
        got = recv(ask->fd, ask->bytes + ask->length, sizeof ask->bytes - ask->length, 0);
    } while (got < 0 && (errno == EAGAIN || errno == EINTR));
    if (got < 0)
        return strerror(errno);
    ask->length += (size_t)got;
    return got == 0 ? "closed" : NULL;
}

void ask_close(struct ask *ask)
{
    if (ask->fd >= 0)
        close(ask->fd);
    ask->fd = -1;
}
