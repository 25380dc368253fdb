/*
 * control.c - accept, one line, one answer. All descriptors are non-blocking and everything is bounded: clients, their lines,
 * their time.
 */
#include "serve/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "watch/log.h"

#define LINE_BYTES   128 /* far above the longest order */
#define LINE_MS      2000
#define ANSWER_BYTES 4096
#define BACKLOG      64

struct client {
    int fd; /* -1: a free place */
    int64_t came_ms;
    bool waiting; /* its order is being carried out */
    struct tv_order order;
    size_t length;
    char line[LINE_BYTES];
};

struct tv_control {
    const struct tv_control_handler *handler;
    int listener;
    char pool[32];
    struct sockaddr_un address;
    dev_t device; /* of the socket's file, by which it is known to be ours still */
    ino_t inode;
    struct client clients[TV_CONTROL_CLIENTS];
};

/* --- the socket ------------------------------------------------------------------------------------------------------- */

static bool set_address(struct sockaddr_un *address, const char *directory, const char *pool,
                        const char *suffix, struct tv_error *error)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length =
        snprintf(address->sun_path, sizeof address->sun_path, "%s/%s.control%s", directory, pool, suffix);
    return (length > 0 && (size_t)length < sizeof address->sun_path) ||
           tv_fail(error, 500, NULL, "watch.directory: %s is too long for a socket", directory);
}

/* Bound under another name and then moved, so that whoever connects meets the old master or this one, never a gap. */
static bool bind_socket(struct tv_control *control, const char *directory, struct tv_error *error)
{
    struct sockaddr_un fresh;
    struct stat status;
    if (!set_address(&control->address, directory, control->pool, "", error) ||
        !set_address(&fresh, directory, control->pool, ".new", error))
        return false;
    control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(fresh.sun_path);
    mode_t mask = umask(0177);
    bool bound =
        control->listener >= 0 && bind(control->listener, (const struct sockaddr *)&fresh, sizeof fresh) == 0;
    umask(mask);
    if (bound && listen(control->listener, BACKLOG) == 0 && stat(fresh.sun_path, &status) == 0 &&
        rename(fresh.sun_path, control->address.sun_path) == 0) {
        control->device = status.st_dev;
        control->inode = status.st_ino;
        return true;
    }
    tv_fail(error, 500, NULL, "watch.directory: %s: %s", control->address.sun_path, strerror(errno));
    if (bound)
        unlink(fresh.sun_path);
    return false;
}

struct tv_control *tv_control_open(const char *directory, const char *pool,
                                   const struct tv_control_handler *handler, struct tv_error *error)
{
    struct tv_control *control = calloc(1, sizeof *control);
    if (!control) {
        tv_fail(error, 500, NULL, "no memory for the control socket");
        return NULL;
    }
    control->handler = handler;
    control->listener = -1;
    snprintf(control->pool, sizeof control->pool, "%s", pool);
    for (size_t i = 0; i < TV_CONTROL_CLIENTS; i++)
        control->clients[i].fd = -1;
    if (bind_socket(control, directory, error))
        return control;
    tv_control_forget(control);
    return NULL;
}

void tv_control_forget(struct tv_control *control)
{
    if (!control)
        return;
    for (size_t i = 0; i < TV_CONTROL_CLIENTS; i++)
        if (control->clients[i].fd >= 0)
            close(control->clients[i].fd);
    if (control->listener >= 0)
        close(control->listener);
    free(control);
}

void tv_control_close(struct tv_control *control)
{
    struct stat status;
    if (!control)
        return;
    if (stat(control->address.sun_path, &status) == 0 && status.st_dev == control->device &&
        status.st_ino == control->inode)
        unlink(control->address.sun_path);
    tv_control_forget(control);
}

/* --- answers ---------------------------------------------------------------------------------------------------------- */

static void drop(struct client *client)
{
    close(client->fd);
    *client = (struct client){.fd = -1};
}

/* One send: an answer always fits into a fresh socket's buffer. error: NULL when the order was carried out. */
static void answer(struct tv_control *control, struct client *client, const char *text,
                   const struct tv_error *error)
{
    struct tv_buffer out;
    struct tv_json json;
    tv_buffer_init(&out, ANSWER_BYTES);
    tv_json_start(&json, &out);
    tv_json_object(&json);
    tv_json_member_boolean(&json, "done", !error);
    tv_json_member_text(&json, "pool", control->pool);
    tv_json_member_text(&json, error ? "error" : "text", error ? error->message : text);
    control->handler->describe(control->handler->context, &json);
    tv_json_object_end(&json);
    tv_buffer_byte(&out, '\n');
    if (!tv_buffer_failed(&out)) {
        ssize_t sent = send(client->fd, out.data, out.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent; /* who does not want the answer does not get it */
    }
    tv_buffer_free(&out);
    drop(client);
}

static void review(struct tv_control *control, struct client *client)
{
    const struct tv_control_handler *handler = control->handler;
    struct tv_error error = {.status = 0};
    char text[256] = "";
    if (handler->settled(handler->context, &client->order, text, &error))
        answer(control, client, text, error.status ? &error : NULL);
}

void tv_control_review(struct tv_control *control)
{
    for (size_t i = 0; control && i < TV_CONTROL_CLIENTS; i++)
        if (control->clients[i].fd >= 0 && control->clients[i].waiting)
            review(control, &control->clients[i]);
}

/* --- questions -------------------------------------------------------------------------------------------------------- */

static void log_order(const struct client *client, size_t length)
{
    struct ucred who = {.pid = 0, .uid = (uid_t)-1};
    socklen_t size = sizeof who;
    getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
    tv_log(TV_LOG_INFO, "control", "%.*s (user %u, process %d)", (int)length, client->line, (unsigned)who.uid,
           (int)who.pid);
}

static void take_line(struct tv_control *control, struct client *client, size_t length)
{
    const struct tv_control_handler *handler = control->handler;
    struct tv_error error = {.status = 0};
    log_order(client, length);
    if (!tv_order_read((struct tv_slice){client->line, length}, &client->order, &error) ||
        !handler->begin(handler->context, &client->order, &error)) {
        answer(control, client, "", &error);
        return;
    }
    client->waiting = true;
    review(control, client);
}

/* Reads what is there. A line counts when its end has come: half an order could be another one. */
static void read_client(struct tv_control *control, struct client *client)
{
    struct tv_error error;
    ssize_t got = recv(client->fd, client->line + client->length, LINE_BYTES - client->length, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (tv_clock_ms() - client->came_ms <= LINE_MS)
            return;
        tv_fail(&error, 408, NULL, "no order within %d ms", LINE_MS);
        answer(control, client, "", &error);
        return;
    }
    if (got < 0) {
        drop(client);
        return;
    }
    client->length += (size_t)got;
    size_t length = tv_slice_find((struct tv_slice){client->line, client->length}, '\n');
    if (length < client->length) {
        take_line(control, client, length);
    } else if (got == 0 || client->length == LINE_BYTES) {
        tv_fail(&error, 400, NULL, "an order is one line of at most %d bytes, with its end", LINE_BYTES - 1);
        answer(control, client, "", &error);
    }
}

/* A client that closed is not waiting any more; one that only said that it has no more to say is. */
static bool left(const struct client *client)
{
    struct pollfd watched = {.fd = client->fd};
    return poll(&watched, 1, 0) > 0 && watched.revents & (POLLHUP | POLLERR);
}

/* A free place, or that of the one who has been silent longest; NULL when all wait for their orders. */
static struct client *place(struct tv_control *control)
{
    struct client *found = NULL;
    for (size_t i = 0; i < TV_CONTROL_CLIENTS; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0)
            return client;
        if (!client->waiting && (!found || client->came_ms < found->came_ms))
            found = client;
    }
    if (found)
        drop(found);
    return found;
}

static void take_clients(struct tv_control *control)
{
    for (int count = 0; count < TV_CONTROL_CLIENTS; count++) {
        int fd = accept4(control->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct client *client = place(control);
        struct client refused = {.fd = fd};
        if (client) {
            *client = (struct client){.fd = fd, .came_ms = tv_clock_ms()};
            read_client(control, client); /* most have sent their line by now */
        } else {
            struct tv_error error;
            tv_fail(&error, 503, NULL, "%d orders are being carried out; try again when one is done",
                    TV_CONTROL_CLIENTS);
            answer(control, &refused, "", &error);
        }
    }
}

size_t tv_control_watch(const struct tv_control *control, struct pollfd *out)
{
    size_t count = 0;
    if (!control)
        return 0;
    out[count++] = (struct pollfd){.fd = control->listener, .events = POLLIN};
    for (size_t i = 0; i < TV_CONTROL_CLIENTS; i++)
        if (control->clients[i].fd >= 0)
            out[count++] = (struct pollfd){.fd = control->clients[i].fd,
                                           .events = control->clients[i].waiting ? 0 : POLLIN};
    return count;
}

void tv_control_turn(struct tv_control *control)
{
    if (!control)
        return;
    take_clients(control);
    for (size_t i = 0; i < TV_CONTROL_CLIENTS; i++) {
        struct client *client = &control->clients[i];
        if (client->fd >= 0 && client->waiting && left(client))
            drop(client);
        else if (client->fd >= 0 && !client->waiting)
            read_client(control, client);
    }
    tv_control_review(control);
}

bool tv_control_waiting(const struct tv_control *control)
{
    for (size_t i = 0; control && i < TV_CONTROL_CLIENTS; i++)
        if (control->clients[i].fd >= 0 && control->clients[i].waiting)
            return true;
    return false;
}
