/*
 * mongo_wire.c - a mongoc_stream_t over a socket of our own: buffered reads, deadlines, and knowledge of what was sent.
 * It must behave as the driver's own socket stream does, also with a timeout of zero, which its scanner uses.
 */
#include "store/mongo_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/mongo_dial.h"
#include "store/store.h"

/* Any number but those of the driver's own kinds (1 to 5): it tells kinds apart only to poll them together. */
#define STREAM_TYPE 84
/* The driver reads a reply's length first and then the rest: with this, a small reply is one system call. */
#define READ_BUFFER 8192
/* Parts of a message that go into one sendmsg. */
#define PARTS 16

struct tv_mongo_stream {
    mongoc_stream_t base; /* first: the driver sees only this */
    struct tv_mongo_wire *wire;
    struct tv_mongo_stream *previous, *next;
    struct tv_mongo_dial dial;
    char host[64];  /* for the log */
    int fd;         /* -1: there is no connection, and all that is tried fails */
    bool counted;   /* as a connection that is open */
    bool tls;       /* what is read here is TLS records, which may come unasked */
    bool asked;     /* something was sent and nothing read since */
    int last_errno; /* of the last read or write, for the driver's questions afterwards */
    size_t from, to;
    char buffer[READ_BUFFER];
};

/* When a call that the driver gives timeout_msec has to end; negative is its word for "no limit". */
static int64_t end_of_call(const struct tv_mongo_stream *stream, int32_t timeout_msec)
{
    return timeout_msec < 0 ? stream->wire->deadline_ms
                            : tv_deadline_within(stream->wire->deadline_ms, timeout_msec);
}

/* Waits until the socket is ready; false with last_errno set when it did not become so. */
static bool await(struct tv_mongo_stream *stream, short events, int64_t end_ms, bool may_wait)
{
    struct pollfd watched = {.fd = stream->fd, .events = events};
    stream->last_errno = may_wait ? ETIMEDOUT : EAGAIN;
    if (!may_wait)
        return false;
    int64_t from_us = tv_clock_us();
    int ready = 0;
    while (ready <= 0) {
        int64_t left = end_ms - tv_clock_ms();
        if (left <= 0)
            break;
        ready = poll(&watched, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (ready < 0 && errno != EINTR) {
            stream->last_errno = errno;
            break;
        }
    }
    tv_watch_waited(stream->wire->watcher, TV_STORE_MONGO, tv_clock_us() - from_us);
    return ready > 0;
}

/* Bytes read, 0 at the end of the stream, -1 with last_errno set. */
static ssize_t receive(struct tv_mongo_stream *stream, void *to, size_t length, int64_t end_ms, bool may_wait)
{
    bool wait = stream->asked && may_wait; /* the answer cannot be here yet: saves a read in vain */
    for (;;) {
        if (wait && !await(stream, POLLIN, end_ms, may_wait))
            return -1;
        ssize_t count = recv(stream->fd, to, length, MSG_DONTWAIT);
        if (count >= 0) {
            stream->asked = false;
            stream->last_errno = 0;
            return count;
        }
        wait = errno == EAGAIN;
        if (errno != EAGAIN && errno != EINTR) {
            stream->last_errno = errno;
            return -1;
        }
    }
}

static size_t take_buffered(struct tv_mongo_stream *stream, char *to, size_t length)
{
    size_t count = stream->to - stream->from;
    if (count > length)
        count = length;
    memcpy(to, stream->buffer + stream->from, count);
    stream->from += count;
    return count;
}

static ssize_t wire_readv(mongoc_stream_t *base, mongoc_iovec_t *parts, size_t part_count, size_t minimum,
                          int32_t timeout_msec)
{
    struct tv_mongo_stream *stream = (struct tv_mongo_stream *)base;
    int64_t end_ms = end_of_call(stream, timeout_msec);
    size_t total = 0;
    for (size_t i = 0; i < part_count; i++) {
        char *to = parts[i].iov_base;
        size_t left = parts[i].iov_len;
        while (left > 0) {
            size_t count = take_buffered(stream, to, left);
            if (count == 0) {
                if (total > 0 && total >= minimum)
                    goto done;
                bool direct = left >= sizeof stream->buffer;
                ssize_t got = receive(stream, direct ? to : stream->buffer,
                                      direct ? left : sizeof stream->buffer, end_ms, timeout_msec != 0);
                if (got <= 0) {
                    errno = stream->last_errno;
                    return total >= minimum ? (ssize_t)total : -1;
                }
                if (!direct) {
                    stream->from = 0;
                    stream->to = (size_t)got;
                    continue;
                }
                count = (size_t)got;
            }
            to += count;
            left -= count;
            total += count;
        }
    }
done:
    errno = stream->last_errno = 0;
    return (ssize_t)total;
}

/* The parts from byte `done` on, as many as fit. */
static size_t parts_left(const mongoc_iovec_t *parts, size_t part_count, size_t done, struct iovec out[PARTS])
{
    size_t count = 0;
    for (size_t i = 0; i < part_count && count < PARTS; i++) {
        if (done >= parts[i].iov_len) {
            done -= parts[i].iov_len;
            continue;
        }
        out[count].iov_base = (char *)parts[i].iov_base + done;
        out[count].iov_len = parts[i].iov_len - done;
        done = 0;
        count++;
    }
    return count;
}

static ssize_t wire_writev(mongoc_stream_t *base, mongoc_iovec_t *parts, size_t part_count,
                           int32_t timeout_msec)
{
    struct tv_mongo_stream *stream = (struct tv_mongo_stream *)base;
    int64_t end_ms = end_of_call(stream, timeout_msec);
    size_t done = 0;
    struct iovec now[PARTS];
    size_t count;
    stream->last_errno = 0;
    while ((count = parts_left(parts, part_count, done, now)) > 0) {
        struct msghdr message = {.msg_iov = now, .msg_iovlen = count};
        ssize_t sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            done += (size_t)sent;
            stream->wire->sent += (uint64_t)sent;
            stream->asked = true;
        } else if (errno == EAGAIN) {
            if (!await(stream, POLLOUT, end_ms, timeout_msec != 0))
                break;
        } else if (errno != EINTR) {
            stream->last_errno = errno;
            break;
        }
    }
    errno = stream->last_errno;
    return done > 0 || stream->last_errno == 0 ? (ssize_t)done : -1;
}

static void count_open(struct tv_mongo_stream *stream, bool open)
{
    if (stream->counted == open)
        return;
    stream->counted = open;
    tv_watch_connection(stream->wire->watcher, TV_STORE_MONGO, open);
}

/* After the dial was started or went on. */
static void see_dial(struct tv_mongo_stream *stream)
{
    const struct tv_mongo_dial *dial = &stream->dial;
    if (dial->connected)
        count_open(stream, true);
    if (stream->fd < 0)
        snprintf(stream->wire->why, sizeof stream->wire->why, "%s: %s", stream->host,
                 dial->why ? dial->why : strerror(dial->error));
}

/* What the driver is told about one stream, from what poll(2) found. */
static int events_of(struct tv_mongo_stream *stream, int asked, short found, int64_t now_ms)
{
    if (stream->fd < 0)
        return POLLERR | POLLHUP;
    if (!stream->dial.connected) {
        if (found == 0 && now_ms < stream->dial.end_ms)
            return 0;
        stream->fd = tv_mongo_dial_next(&stream->dial, stream->fd);
        see_dial(stream);
        return stream->fd < 0 ? POLLERR | POLLHUP : stream->dial.connected ? asked & POLLOUT : 0;
    }
    return found | (stream->from < stream->to ? asked & POLLIN : 0);
}

/* One round: how many streams have something to tell; what poll(2) waited for at most is wait_ms. */
static ssize_t poll_once(mongoc_stream_poll_t *streams, struct pollfd *watched, size_t count, int64_t wait_ms)
{
    int64_t now_ms = tv_clock_ms();
    for (size_t i = 0; i < count; i++) {
        const struct tv_mongo_stream *stream = (const struct tv_mongo_stream *)streams[i].stream;
        bool at_once = stream->fd < 0 || (stream->from < stream->to && (streams[i].events & POLLIN));
        int64_t left = at_once ? 0 : stream->dial.connected ? wait_ms : stream->dial.end_ms - now_ms;
        wait_ms = left < 0 ? 0 : left < wait_ms ? left : wait_ms;
        watched[i] = (struct pollfd){.fd = stream->fd, .events = (short)streams[i].events};
    }
    int ready = poll(watched, count, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms);
    if (ready < 0 && errno != EINTR)
        return -1;
    ssize_t telling = 0;
    now_ms = tv_clock_ms();
    for (size_t i = 0; i < count; i++) {
        struct tv_mongo_stream *stream = (struct tv_mongo_stream *)streams[i].stream;
        streams[i].revents = events_of(stream, streams[i].events, ready > 0 ? watched[i].revents : 0, now_ms);
        telling += streams[i].revents != 0;
    }
    return telling;
}

/* All streams that the driver polls together are of this kind and of one wire. */
static ssize_t wire_poll(mongoc_stream_poll_t *streams, size_t count, int32_t timeout)
{
    if (count == 0)
        return 0;
    struct pollfd few[16], *watched = count <= TV_COUNT(few) ? few : calloc(count, sizeof *watched);
    if (!watched)
        return -1;
    struct tv_mongo_stream *first = (struct tv_mongo_stream *)streams[0].stream;
    int64_t from_us = tv_clock_us(), end_ms = end_of_call(first, timeout), now_ms;
    ssize_t telling;
    do {
        now_ms = tv_clock_ms();
        telling = poll_once(streams, watched, count, end_ms > now_ms ? end_ms - now_ms : 0);
    } while (telling == 0 && tv_clock_ms() < end_ms);
    if (telling == 0 && tv_clock_ms() >= first->wire->deadline_ms) {
        for (size_t i = 0; i < count; i++) /* or the driver would go on asking until its own limit */
            streams[i].revents = POLLERR;
        telling = (ssize_t)count;
    }
    if (watched != few)
        free(watched);
    tv_watch_waited(first->wire->watcher, TV_STORE_MONGO, tv_clock_us() - from_us);
    return telling;
}

static bool closed_by_peer(const struct tv_mongo_stream *stream)
{
    struct pollfd watched = {.fd = stream->fd, .events = POLLIN | POLLRDHUP};
    if (stream->fd < 0 || stream->from < stream->to)
        return true;
    if (poll(&watched, 1, 0) == 0)
        return false;
    /* bytes that nobody asked for are the end of a reply that was given up: no later one could be trusted */
    return !stream->tls || watched.revents != POLLIN;
}

/* The driver asks this between two commands only. */
static bool wire_check_closed(mongoc_stream_t *base)
{
    return closed_by_peer((struct tv_mongo_stream *)base);
}

bool tv_mongo_wire_alive(const struct tv_mongo_wire *wire)
{
    for (const struct tv_mongo_stream *stream = wire->streams; stream; stream = stream->next)
        if (closed_by_peer(stream))
            return false;
    return true;
}

static int wire_close(mongoc_stream_t *base)
{
    struct tv_mongo_stream *stream = (struct tv_mongo_stream *)base;
    if (stream->fd >= 0) {
        close(stream->fd);
        stream->fd = -1;
        count_open(stream, false);
    }
    return 0;
}

static void wire_destroy(mongoc_stream_t *base)
{
    struct tv_mongo_stream *stream = (struct tv_mongo_stream *)base;
    wire_close(base);
    tv_mongo_dial_end(&stream->dial);
    if (stream->next)
        stream->next->previous = stream->previous;
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        stream->wire->streams = stream->next;
    free(stream);
}

static int wire_flush(mongoc_stream_t *base)
{
    (void)base;
    return 0;
}

static int wire_setsockopt(mongoc_stream_t *base, int level, int name, void *value, mongoc_socklen_t length)
{
    return setsockopt(((struct tv_mongo_stream *)base)->fd, level, name, value, length);
}

static bool wire_timed_out(mongoc_stream_t *base)
{
    return ((struct tv_mongo_stream *)base)->last_errno == ETIMEDOUT;
}

static bool wire_should_retry(mongoc_stream_t *base)
{
    int last = ((struct tv_mongo_stream *)base)->last_errno;
    return last == EAGAIN || last == EINPROGRESS;
}

static struct tv_mongo_stream *new_stream(struct tv_mongo_wire *wire)
{
    struct tv_mongo_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->base.type = STREAM_TYPE;
    stream->base.destroy = wire_destroy;
    stream->base.failed = wire_destroy;
    stream->base.close = wire_close;
    stream->base.flush = wire_flush;
    stream->base.readv = wire_readv;
    stream->base.writev = wire_writev;
    stream->base.setsockopt = wire_setsockopt;
    stream->base.check_closed = wire_check_closed;
    stream->base.poll = wire_poll;
    stream->base.timed_out = wire_timed_out;
    stream->base.should_retry = wire_should_retry;
    stream->wire = wire;
    stream->fd = -1;
    stream->next = wire->streams;
    if (stream->next)
        stream->next->previous = stream;
    wire->streams = stream;
    return stream;
}

/* TLS over the stream, which it then owns; the driver shakes hands when it is connected. Without TLS, a stream that fails. */
static mongoc_stream_t *with_tls(const mongoc_uri_t *uri, const mongoc_host_list_t *host,
                                 struct tv_mongo_stream *stream)
{
    mongoc_stream_t *tls = NULL;
#ifdef MONGOC_ENABLE_SSL
    bool insecure = mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSINSECURE, false);
    mongoc_ssl_opt_t options = {
        .pem_file = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILE, NULL),
        .pem_pwd = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD, NULL),
        .ca_file = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCAFILE, NULL),
        .weak_cert_validation =
            mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDCERTIFICATES, insecure),
        .allow_invalid_hostname =
            mongoc_uri_get_option_as_bool(uri, MONGOC_URI_TLSALLOWINVALIDHOSTNAMES, insecure),
    };
    stream->tls = true;
    tls = mongoc_stream_tls_new_with_hostname(&stream->base, host->host, &options, 1);
#else
    (void)uri, (void)host;
#endif
    if (tls)
        return tls;
    wire_close(&stream->base);
    snprintf(stream->wire->why, sizeof stream->wire->why, "%s: TLS cannot be set up", stream->host);
    return &stream->base;
}

mongoc_stream_t *tv_mongo_wire_open(const mongoc_uri_t *uri, const mongoc_host_list_t *host, void *user_data,
                                    bson_error_t *error)
{
    struct tv_mongo_wire *wire = user_data;
    int64_t from_us = tv_clock_us();
    struct tv_mongo_stream *stream = new_stream(wire);
    if (!stream) {
        bson_set_error(error, MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET, "out of memory");
        return NULL;
    }
    snprintf(stream->host, sizeof stream->host, "%.63s", host->host_and_port);
    stream->fd = tv_mongo_dial_start(&stream->dial, host, wire->connect_timeout_ms);
    see_dial(stream);
    tv_watch_waited(wire->watcher, TV_STORE_MONGO, tv_clock_us() - from_us); /* resolving takes its time */
    return mongoc_uri_get_tls(uri) && stream->fd >= 0 ? with_tls(uri, host, stream) : &stream->base;
}
