/*
 * front_listen.c - listening sockets and the filter before them. It waits for nothing.
 */
#include "entry/front_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As nginx has it where `listen` says nothing else; it takes inherited sockets for such. */
#define BACKLOG 511
/* Where the flags are in a TCP header, which is what the filter of a TCP socket sees first. */
#define TCP_FLAGS_AT 13
#define TCP_SYN      0x02
#define TCP_ACK      0x10

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static bool read_port(const char *text, in_port_t *port)
{
    char *end = NULL;
    long number = strtol(text, &end, 10);
    if (*text < '1' || *text > '9' || *end || number > 65535)
        return false;
    *port = htons((uint16_t)number);
    return true;
}

/* The length of the address; 0: it is none. */
static socklen_t read_address(const char *text, union address *address)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    in_port_t port;
    if (!colon || (size_t)(colon - text) >= sizeof host || !read_port(colon + 1, &port))
        return 0;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    memset(address, 0, sizeof *address);
    size_t length = strlen(host);
    if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        address->six.sin6_family = AF_INET6;
        address->six.sin6_port = port;
        return inet_pton(AF_INET6, host + 1, &address->six.sin6_addr) == 1 ? sizeof address->six : 0;
    }
    address->four.sin_family = AF_INET;
    address->four.sin_port = port;
    if (strcmp(host, "*") == 0)
        return sizeof address->four;
    return inet_pton(AF_INET, host, &address->four.sin_addr) == 1 ? sizeof address->four : 0;
}

static bool prepare(int socket, const union address *address, socklen_t length)
{
    static const int yes = 1;
    return setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
           (address->any.sa_family != AF_INET6 ||
            setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) == 0) &&
           bind(socket, &address->any, length) == 0 && listen(socket, BACKLOG) == 0;
}

bool front_listen_add(struct front_listen *listen, const char *address, struct tv_error *error)
{
    union address where;
    socklen_t length = read_address(address, &where);
    if (length == 0)
        return tv_fail(error, 500, NULL, "%.100s is no address: *:8080, 127.0.0.1:8080, [::1]:8080", address);
    if (listen->count == FRONT_SOCKETS_MAX)
        return tv_fail(error, 500, NULL, "more than %d addresses", FRONT_SOCKETS_MAX);
    /* nginx makes its own sockets non-blocking, those that it inherits it takes as they are */
    int opened = socket(where.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (opened < 0 || !prepare(opened, &where, length)) {
        int reason = errno;
        if (opened >= 0)
            close(opened);
        return tv_fail(error, 500, NULL, "cannot listen on %s: %s", address, strerror(reason));
    }
    listen->sockets[listen->count++] = opened;
    return true;
}

bool front_listen_hand_over(const struct front_listen *listen)
{
    char names[FRONT_SOCKETS_MAX * 12] = "";
    size_t length = 0;
    for (int i = 0; i < listen->count; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%d;", listen->sockets[i]);
    return setenv("NGINX", names, 1) == 0;
}

bool front_listen_begin_no_more(const struct front_listen *listen)
{
    static struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS_AT),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TCP_SYN | TCP_ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TCP_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    static const struct sock_fprog filter = {.len = TV_COUNT(steps), .filter = steps};
    for (int i = 0; i < listen->count; i++)
        if (setsockopt(listen->sockets[i], SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
            return false;
    return true;
}

static bool is_own_port(const struct front_listen *listen, unsigned port)
{
    for (int i = 0; i < listen->count; i++) {
        union address own;
        socklen_t length = sizeof own;
        /* the port has its place in both kinds of address */
        if (getsockname(listen->sockets[i], &own.any, &length) == 0 && ntohs(own.four.sin_port) == port)
            return true;
    }
    return false;
}

int front_listen_begun(const struct front_listen *listen)
{
    /* The two of this network namespace; without IPv6 there is no second. */
    static const char *const tables[] = {"/proc/self/net/tcp", "/proc/self/net/tcp6"};
    int begun = -1;
    char *line = NULL;
    size_t room = 0;
    for (size_t i = 0; i < TV_COUNT(tables); i++) {
        unsigned port, state;
        FILE *table = fopen(tables[i], "re");
        if (!table)
            continue;
        begun = begun < 0 ? 0 : begun;
        while (getline(&line, &room, table) > 0)
            if (sscanf(line, "%*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &port, &state) == 2 &&
                state == TCP_SYN_RECV && is_own_port(listen, port))
                begun++;
        fclose(table);
    }
    free(line);
    return begun;
}

unsigned front_listen_waiting(const struct front_listen *listen)
{
    unsigned waiting = 0;
    for (int i = 0; i < listen->count; i++) {
        struct tcp_info info = {0};
        socklen_t length = sizeof info;
        /* of a socket that listens this is the length of its queue */
        if (getsockopt(listen->sockets[i], IPPROTO_TCP, TCP_INFO, &info, &length) == 0)
            waiting += info.tcpi_unacked;
    }
    return waiting;
}

void front_listen_close(struct front_listen *listen)
{
    for (int i = 0; i < listen->count; i++)
        close(listen->sockets[i]);
    listen->count = 0;
}
