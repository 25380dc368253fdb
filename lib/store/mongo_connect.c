/*
 * mongo_connect.c - connecting with a limit: every address that the name has is tried, none may use up the time of all.
 */
#include "store/mongo_connect.h"

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

static int failed(bson_error_t *error, uint32_t code, const mongoc_host_list_t *host, const char *why)
{
    bson_set_error(error, MONGOC_ERROR_STREAM, code, "%s: %s", host->host_and_port, why);
    return -1;
}

/* Waits for a connect that is under way. 0 or an errno. */
static int await_connect(int fd, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd watched = {.fd = fd, .events = POLLOUT};
        int64_t left = deadline_ms - tv_clock_ms();
        if (left <= 0)
            return ETIMEDOUT;
        int ready = poll(&watched, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (ready < 0 && errno != EINTR)
            return errno;
        if (ready > 0) {
            int result = 0;
            socklen_t size = sizeof result;
            return getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size) == 0 ? result : errno;
        }
    }
}

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

/* A connected descriptor, or -1 with errno set. */
static int connect_one(const struct sockaddr *address, socklen_t length, int64_t deadline_ms)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int result = connect(fd, address, length) == 0 ? 0 : errno;
    if (result == EINPROGRESS || result == EINTR)
        result = await_connect(fd, deadline_ms);
    if (result != 0) {
        close(fd);
        errno = result;
        return -1;
    }
    if (address->sa_family != AF_UNIX)
        keep_alive(fd);
    return fd;
}

static int connect_unix(const mongoc_host_list_t *host, int64_t deadline_ms, bson_error_t *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(host->host);
    if (length >= sizeof address.sun_path)
        return failed(error, MONGOC_ERROR_STREAM_CONNECT, host, "the path of the socket is too long");
    memcpy(address.sun_path, host->host, length + 1);
    int fd = connect_one((const struct sockaddr *)&address, sizeof address, deadline_ms);
    return fd >= 0 ? fd : failed(error, MONGOC_ERROR_STREAM_CONNECT, host, strerror(errno));
}

static int connect_tcp(const mongoc_host_list_t *host, int64_t deadline_ms, bson_error_t *error)
{
    struct addrinfo hints = {
        .ai_family = host->family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    int fd = -1;
    snprintf(port, sizeof port, "%u", host->port);
    int result = getaddrinfo(host->host, port, &hints, &found);
    if (result != 0)
        return failed(error, MONGOC_ERROR_STREAM_NAME_RESOLUTION, host, gai_strerror(result));
    errno = ETIMEDOUT;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        int64_t left = deadline_ms - tv_clock_ms();
        fd = connect_one(at->ai_addr, at->ai_addrlen, deadline_ms - (at->ai_next && left > 0 ? left / 2 : 0));
    }
    int why = errno;
    freeaddrinfo(found);
    return fd >= 0 ? fd : failed(error, MONGOC_ERROR_STREAM_CONNECT, host, strerror(why));
}

int tv_mongo_connect(const mongoc_host_list_t *host, int64_t deadline_ms, bson_error_t *error)
{
    return host->family == AF_UNIX ? connect_unix(host, deadline_ms, error)
                                   : connect_tcp(host, deadline_ms, error);
}
