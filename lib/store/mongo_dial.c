/*
 * mongo_dial.c - see mongo_dial.h. Every address that a name has is tried ("localhost" is often two, and a server listens on
 * one of them); none may use up the time of all.
 */
#include "store/mongo_dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

/* A dead peer behind a silent network is noticed within minutes even when nothing is asked. */
static void keep_alive(int fd)
{
    int on = 1, idle_seconds = 120, between_seconds = 10, times = 9;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_seconds, sizeof between_seconds);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
}

static int finished(struct tv_mongo_dial *dial, int fd)
{
    tv_mongo_dial_end(dial);
    dial->connected = true;
    return fd;
}

/* Begins to connect; -1 with dial->error set. */
static int try_address(struct tv_mongo_dial *dial, const struct sockaddr *address, socklen_t length)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && address->sa_family != AF_UNIX)
        keep_alive(fd);
    if (fd >= 0 && connect(fd, address, length) == 0)
        return finished(dial, fd);
    dial->error = errno;
    if (fd >= 0 && dial->error != EINPROGRESS) {
        close(fd);
        fd = -1;
    }
    dial->end_ms = tv_clock_ms() + dial->share_ms;
    return fd;
}

/* From dial->at on, the first address where connecting can at least begin. */
static int try_addresses(struct tv_mongo_dial *dial)
{
    for (; dial->at; dial->at = dial->at->ai_next) {
        int fd = try_address(dial, dial->at->ai_addr, dial->at->ai_addrlen);
        if (fd >= 0)
            return fd;
    }
    tv_mongo_dial_end(dial);
    return -1;
}

static int start_unix(struct tv_mongo_dial *dial, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path) {
        dial->error = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, length + 1);
    return try_address(dial, (const struct sockaddr *)&address, sizeof address);
}

int tv_mongo_dial_start(struct tv_mongo_dial *dial, const mongoc_host_list_t *host, int64_t timeout_ms)
{
    struct addrinfo hints = {
        .ai_family = host->family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char port[8];
    int64_t count = 0;
    *dial = (struct tv_mongo_dial){.share_ms = timeout_ms};
    if (host->family == AF_UNIX)
        return start_unix(dial, host->host);
    snprintf(port, sizeof port, "%u", host->port);
    int result = getaddrinfo(host->host, port, &hints, &dial->found);
    if (result != 0) {
        dial->found = NULL;
        dial->why = gai_strerror(result);
        return -1;
    }
    for (dial->at = dial->found; dial->at; dial->at = dial->at->ai_next)
        count++;
    dial->share_ms = timeout_ms / (count > 0 ? count : 1);
    dial->at = dial->found;
    return try_addresses(dial);
}

int tv_mongo_dial_next(struct tv_mongo_dial *dial, int fd)
{
    struct pollfd watched = {.fd = fd, .events = POLLOUT};
    int result = ETIMEDOUT;
    socklen_t size = sizeof result;
    if (poll(&watched, 1, 0) > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size) != 0)
        result = errno;
    if (result == 0)
        return finished(dial, fd);
    close(fd);
    dial->error = result;
    dial->at = dial->at ? dial->at->ai_next : NULL;
    return try_addresses(dial);
}

void tv_mongo_dial_end(struct tv_mongo_dial *dial)
{
    if (dial->found)
        freeaddrinfo(dial->found);
    dial->found = NULL;
    dial->at = NULL;
}
