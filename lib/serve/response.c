/*
 * response.c - headers and body into FastCGI records, in as few writes as possible.
 */
#include "serve/response_send.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "serve/fastcgi.h"

#define HEADERS_MAX 16384 /* nginx.conf's fastcgi_buffer_size holds them */
#define MEMORY_KEPT 65536

void tv_response_init(struct tv_response *response, const struct tv_serve_settings *limits,
                      const _Atomic bool *draining, const char *const *routes, struct tv_watcher *watcher)
{
    *response = (struct tv_response){
        .limits = limits, .draining = draining, .routes = routes, .watcher = watcher, .fd = -1};
    tv_buffer_init(&response->headers, HEADERS_MAX);
    tv_buffer_init(&response->body, (size_t)limits->response);
}

void tv_response_free(struct tv_response *response)
{
    tv_buffer_free(&response->headers);
    tv_buffer_free(&response->body);
}

void tv_response_begin(struct tv_response *response, int fd, uint16_t id, bool head, int64_t deadline_ms)
{
    response->fd = fd;
    response->id = id;
    response->head = head;
    response->deadline_ms = deadline_ms;
    response->route = 0;
    response->started = response->final = response->broken = response->unread = false;
    response->sent = 0;
    tv_response_clear(response);
}

void tv_response_clear(struct tv_response *response)
{
    response->status = 200;
    tv_buffer_reset(&response->headers, HEADERS_MAX);
    tv_buffer_reset(&response->body, MEMORY_KEPT);
}

void tv_response_status(struct tv_response *response, int status)
{
    if (!response->started)
        response->status = status;
}

int tv_response_get_status(const struct tv_response *response)
{
    return response->status;
}

void tv_response_route(struct tv_response *response, const char *route)
{
    response->route = 0;
    for (unsigned i = 0; response->routes && response->routes[i] && response->route == 0; i++)
        if (response->routes[i] == route || strcmp(response->routes[i], route) == 0)
            response->route = i + 1;
    if (response->watcher)
        tv_watch_route(response->watcher, response->route);
}

struct tv_buffer *tv_response_body(struct tv_response *response)
{
    return &response->body;
}

bool tv_response_started(const struct tv_response *response)
{
    return response->started;
}

/* Takes a header of that name out of the lines written so far. */
static void remove_header(struct tv_buffer *headers, const char *name)
{
    size_t length = strlen(name), at = 0;
    while (at < headers->length) {
        const char *line = headers->data + at;
        const char *newline = memchr(line, '\n', headers->length - at);
        size_t whole = newline ? (size_t)(newline - line) + 1 : headers->length - at;
        if (whole > length && line[length] == ':' &&
            tv_slice_is_nocase((struct tv_slice){line, length}, name)) {
            memmove(headers->data + at, line + whole, headers->length - at - whole);
            headers->length -= whole;
        } else {
            at += whole;
        }
    }
}

void tv_response_header(struct tv_response *response, const char *name, struct tv_slice value)
{
    struct tv_slice given = tv_slice_of(name);
    /* these two are written below, once */
    if (response->started || tv_slice_is_nocase(given, "Content-Length") ||
        tv_slice_is_nocase(given, "Status"))
        return;
    for (size_t i = 0; i < value.length; i++)
        if (value.data[i] == '\r' || value.data[i] == '\n' || value.data[i] == '\0')
            return;
    remove_header(&response->headers, name);
    tv_buffer_text(&response->headers, name);
    tv_buffer_append(&response->headers, ": ", 2);
    tv_buffer_slice(&response->headers, value);
    tv_buffer_append(&response->headers, "\r\n", 2);
}

void tv_response_type(struct tv_response *response, const char *content_type)
{
    tv_response_header(response, "Content-Type", tv_slice_of(content_type));
}

/* --- sending ---------------------------------------------------------------------------------------------------------- */

void tv_response_break(struct tv_response *response)
{
    response->broken = true;
}

static bool wait_writable(const struct tv_response *response, int64_t until_ms)
{
    struct pollfd door = {.fd = response->fd, .events = POLLOUT};
    int64_t left = until_ms - tv_clock_ms();
    int ready = left > 0 ? poll(&door, 1, left > INT_MAX ? INT_MAX : (int)left) : 0;
    return ready > 0 || (ready < 0 && errno == EINTR);
}

/* Writes all pieces or breaks the response; a peer that does not read has write_time. */
static bool write_pieces(struct tv_response *response, struct iovec *pieces, size_t count)
{
    int64_t until = 0; /* the clock is asked only when the peer makes us wait */
    while (count > 0) {
        struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
        ssize_t written = sendmsg(response->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written < 0) {
            if (errno == EAGAIN) {
                until = until ? until : tv_clock_ms() + response->limits->write_time;
                if (wait_writable(response, until))
                    continue;
            } else if (errno == EINTR) {
                continue;
            }
            response->broken = response->unread = true;
            return false;
        }
        if (until)
            until = tv_clock_ms() + response->limits->write_time; /* it reads, if slowly */
        size_t left = (size_t)written;
        while (count > 0 && left >= pieces->iov_len) {
            left -= pieces->iov_len;
            pieces++;
            count--;
        }
        if (count > 0 && left > 0) {
            pieces->iov_base = (char *)pieces->iov_base + left;
            pieces->iov_len -= left;
        }
    }
    return true;
}

struct outgoing {
    struct iovec pieces[7]; /* record's head, status, headers, blank line, body, padding, end */
    size_t count;
};

static void add_piece(struct outgoing *out, const void *data, size_t length)
{
    if (length > 0)
        out->pieces[out->count++] = (struct iovec){(void *)(uintptr_t)data, length};
}

/* HTTP has no body in these answers; what a worker wrote all the same is not sent. */
static bool bodiless(const struct tv_response *response)
{
    return response->head || response->status == 204 || response->status == 304;
}

/* Room for the status line, Content-Length and traceresponse, whatever the numbers are. */
#define HEAD_MAX 256

static void write_head(struct tv_response *response, bool whole, struct tv_buffer *head)
{
    tv_buffer_append(head, "Status: ", 8);
    tv_buffer_integer(head, response->status);
    tv_buffer_byte(head, ' ');
    tv_buffer_text(head, tv_status_text(response->status));
    if (whole && !bodiless(response)) {
        tv_buffer_append(head, "\r\nContent-Length: ", 18);
        tv_buffer_unsigned(head, response->body.length);
    }
    char trace[TV_TRACEPARENT + 1];
    if (response->watcher && tv_trace_response(&response->watcher->trace, trace)) {
        tv_buffer_append(head, "\r\ntraceresponse: ", 17);
        tv_buffer_append(head, trace, TV_TRACEPARENT);
    }
    tv_buffer_append(head, "\r\n", 2);
}

/* One record in one write: what of head, headers and body fits, then the end of the request when that was all. The end
 * and its mark must leave together, or the peer could use the connection again between the two. */
static bool send_record(struct tv_response *response, struct tv_slice head, struct tv_slice body, bool last,
                        size_t *taken)
{
    static const unsigned char zeros[8];
    unsigned char record[TV_FASTCGI_HEADER], end[TV_FASTCGI_END_MAX];
    struct outgoing out = {.count = 0};
    struct tv_slice headers = head.length > 0 ? tv_buffer_view(&response->headers) : (struct tv_slice){0};
    size_t blank = head.length > 0 ? 2 : 0;
    size_t room = TV_FASTCGI_CONTENT_MAX - head.length - headers.length - blank;
    *taken = body.length < room ? body.length : room;
    size_t content = head.length + headers.length + blank + *taken;
    if (content > 0) {
        size_t padding = tv_fastcgi_stdout_header(response->id, content, record);
        add_piece(&out, record, sizeof record);
        add_piece(&out, head.data, head.length);
        add_piece(&out, headers.data, headers.length);
        add_piece(&out, "\r\n", blank);
        add_piece(&out, body.data, *taken);
        add_piece(&out, zeros, padding);
    }
    if (last && *taken == body.length) {
        response->final = atomic_load_explicit(response->draining, memory_order_relaxed);
        add_piece(&out, end, tv_fastcgi_end(response->id, response->final, end));
    }
    enum tv_phase before = tv_watch_enter(response->watcher, TV_PHASE_SEND);
    bool written = write_pieces(response, out.pieces, out.count);
    tv_watch_enter(response->watcher, before);
    return written;
}

/* Sends what is gathered; last: and the end. */
static bool send_gathered(struct tv_response *response, bool last)
{
    char storage[HEAD_MAX];
    struct tv_buffer head = {.data = storage, .capacity = HEAD_MAX, .limit = HEAD_MAX};
    struct tv_slice body = tv_buffer_view(&response->body);
    if (bodiless(response))
        body.length = 0;
    if (!response->started)
        write_head(response, last, &head);
    bool done = false;
    while (!done) {
        size_t taken;
        if (!send_record(response, tv_buffer_view(&head), body, last, &taken))
            return false;
        response->started = true;
        response->sent += taken;
        head.length = 0;
        body = tv_slice_cut(body, taken, body.length);
        done = body.length == 0;
    }
    tv_buffer_reset(&response->body, MEMORY_KEPT + (size_t)response->limits->flow);
    return true;
}

bool tv_response_flow(struct tv_response *response)
{
    if (response->broken)
        return false;
    if (response->body.length < (size_t)response->limits->flow && !tv_buffer_failed(&response->body))
        return true;
    if (tv_buffer_failed(&response->body) || tv_buffer_failed(&response->headers) ||
        tv_clock_ms() > response->deadline_ms) {
        tv_response_break(response);
        return false;
    }
    return send_gathered(response, false);
}

bool tv_response_end(struct tv_response *response)
{
    if (tv_buffer_failed(&response->body) || tv_buffer_failed(&response->headers))
        tv_response_break(response);
    return !response->broken && send_gathered(response, true);
}
