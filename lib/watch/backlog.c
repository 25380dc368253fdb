/*
 * backlog.c - how many connections wait at a pool's door. php-fpm shows 0 on unix sockets because TCP_INFO does not know;
 * the kernel's sock_diag does (unix_diag(7)), by the socket's inode, without privilege.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "watch/scoreboard.h"

struct question {
    struct nlmsghdr header;
    struct unix_diag_req body;
};

/* Walks one datagram of answers; true when the socket was in it. */
static bool read_answers(char *data, size_t length, uint32_t inode, uint32_t *waiting, uint32_t *limit,
                         bool *done)
{
    for (struct nlmsghdr *header = (void *)data; NLMSG_OK(header, length);
         header = NLMSG_NEXT(header, length)) {
        if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
            *done = true;
            return false;
        }
        const struct unix_diag_msg *message = NLMSG_DATA(header);
        if (message->udiag_ino != inode)
            continue;
        size_t left = header->nlmsg_len - NLMSG_LENGTH(sizeof *message);
        struct rtattr *attribute = (void *)((char *)NLMSG_DATA(header) + sizeof *message);
        for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
            if (attribute->rta_type == UNIX_DIAG_RQLEN) {
                struct unix_diag_rqlen queue;
                memcpy(&queue, RTA_DATA(attribute), sizeof queue);
                *waiting = queue.udiag_rqueue;
                *limit = queue.udiag_wqueue;
                return true;
            }
        }
    }
    return false;
}

bool tv_scoreboard_backlog(const struct tv_scoreboard *board, uint32_t *waiting, uint32_t *limit,
                           struct tv_error *error)
{
    struct question question = {
        .header = {.nlmsg_len = sizeof question,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = 1u << 10 /* TCP_LISTEN */,
                 .udiag_show = UDIAG_SHOW_RQLEN},
    };
    _Alignas(struct nlmsghdr) char answers[16384];
    bool done = false, found = false;
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0 || send(fd, &question, sizeof question, 0) < 0) {
        tv_fail(error, 500, NULL, "the listen queue cannot be asked for: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    while (!done && !found) {
        ssize_t length = recv(fd, answers, sizeof answers, 0);
        if (length <= 0)
            break;
        found = read_answers(answers, (size_t)length, (uint32_t)board->socket_inode, waiting, limit, &done);
    }
    close(fd);
    return found || tv_fail(error, 404, NULL, "the listening socket is not in this network namespace");
}
