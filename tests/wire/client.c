/*
 * client.c - the FastCGI client of the wire tests.
 */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int64_t wire_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *grown(void *data, size_t *capacity, size_t need)
{
    if (need <= *capacity)
        return data;
    *capacity = need * 2;
    data = realloc(data, *capacity);
    if (!data) {
        puts("Bail out! no memory");
        exit(1);
    }
    return data;
}

/* --- bytes to be sent ---------------------------------------------------------------------------------------------- */

void wire_free(struct wire_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct wire_bytes){0};
}

void wire_put(struct wire_bytes *bytes, const void *data, size_t length)
{
    if (length == 0)
        return;
    bytes->data = grown(bytes->data, &bytes->capacity, bytes->length + length);
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

void wire_record(struct wire_bytes *out, int type, int id, const void *content, size_t length, size_t padding)
{
    static const unsigned char zeros[256];
    unsigned char header[8] = {1,
                               (unsigned char)type,
                               (unsigned char)(id >> 8),
                               (unsigned char)id,
                               (unsigned char)(length >> 8),
                               (unsigned char)length,
                               (unsigned char)padding,
                               0};
    wire_put(out, header, sizeof header);
    wire_put(out, content, length);
    wire_put(out, zeros, padding);
}

void wire_begin(struct wire_bytes *out, int id, int role, int flags)
{
    unsigned char content[8] = {(unsigned char)(role >> 8), (unsigned char)role, (unsigned char)flags};
    wire_record(out, WIRE_BEGIN, id, content, sizeof content, 0);
}

static void put_length(struct wire_bytes *pairs, size_t length)
{
    unsigned char bytes[4] = {(unsigned char)(length >> 24 | 0x80), (unsigned char)(length >> 16),
                              (unsigned char)(length >> 8), (unsigned char)length};
    if (length < 128)
        wire_put(pairs, bytes + 3, 1);
    else
        wire_put(pairs, bytes, 4);
}

void wire_pair(struct wire_bytes *pairs, const char *name, const char *value)
{
    put_length(pairs, strlen(name));
    put_length(pairs, strlen(value));
    wire_put(pairs, name, strlen(name));
    wire_put(pairs, value, strlen(value));
}

void wire_stream(struct wire_bytes *out, int type, int id, const void *data, size_t length, size_t piece,
                 size_t padding)
{
    const unsigned char *bytes = data;
    piece = piece ? piece : 65535;
    while (length > 0) {
        size_t part = length < piece ? length : piece;
        wire_record(out, type, id, bytes, part, padding);
        bytes += part;
        length -= part;
    }
    wire_record(out, type, id, NULL, 0, padding);
}

void wire_build(struct wire_bytes *out, const struct wire_request *request)
{
    struct wire_bytes pairs = {0};
    int id = request->id ? request->id : 1;
    size_t length = request->length ? request->length : request->body ? strlen(request->body) : 0;
    char truth[32];
    snprintf(truth, sizeof truth, "%zu", length);
    const char *said = request->content_length ? request->content_length : request->body ? truth : "";

    wire_pair(&pairs, "REQUEST_METHOD", request->method ? request->method : request->body ? "POST" : "GET");
    wire_pair(&pairs, "REQUEST_URI", request->path ? request->path : "/");
    wire_pair(&pairs, "TRIVET_PATH", request->path ? request->path : "/");
    wire_pair(&pairs, "QUERY_STRING", request->query ? request->query : "");
    wire_pair(&pairs, "CONTENT_LENGTH", said);
    if (request->second_length)
        wire_pair(&pairs, "CONTENT_LENGTH", request->second_length);
    wire_pair(&pairs, "TRIVET_REQUEST_ID", "0123456789abcdef0123456789abcdef");
    if (request->start)
        wire_pair(&pairs, "TRIVET_START", request->start);
    if (request->header)
        wire_pair(&pairs, "HTTP_X_TEST", request->header);

    wire_begin(out, id, WIRE_RESPONDER, request->leave ? 0 : WIRE_KEEP);
    wire_stream(out, WIRE_PARAMS, id, pairs.data, pairs.length, request->piece, request->padding);
    wire_stream(out, WIRE_STDIN, id, request->body, length, request->piece, request->padding);
    wire_free(&pairs);
}

/* --- a connection -------------------------------------------------------------------------------------------------- */

bool wire_connect(struct wire_peer *peer, const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *peer = (struct wire_peer){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    for (int i = 0; i < WIRE_PATIENCE / 10; i++) { /* a full backlog says EAGAIN at once */
        if (connect(peer->fd, (struct sockaddr *)&address, sizeof address) == 0)
            return true;
        if (errno != EAGAIN && errno != EINTR)
            break;
        usleep(10000);
    }
    close(peer->fd);
    peer->fd = -1;
    return false;
}

void wire_close(struct wire_peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    free(peer->in);
    *peer = (struct wire_peer){.fd = -1};
}

static bool ready(int fd, short events, int64_t until_ms)
{
    struct pollfd door = {.fd = fd, .events = events};
    for (;;) {
        int64_t left = until_ms - wire_now_ms();
        int count = poll(&door, 1, left > 0 ? (int)left : 0);
        if (count >= 0 || errno != EINTR)
            return count > 0;
    }
}

bool wire_send(struct wire_peer *peer, const void *data, size_t length)
{
    const unsigned char *bytes = data;
    int64_t until = wire_now_ms() + WIRE_PATIENCE;
    while (length > 0) {
        ssize_t sent = send(peer->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes += sent;
            length -= (size_t)sent;
        } else if ((errno != EAGAIN && errno != EINTR) || !ready(peer->fd, POLLOUT, until)) {
            return false;
        }
    }
    return true;
}

bool wire_send_slowly(struct wire_peer *peer, const void *data, size_t length, size_t piece, int pause_us)
{
    const unsigned char *bytes = data;
    for (size_t at = 0; at < length; at += piece) {
        if (!wire_send(peer, bytes + at, length - at < piece ? length - at : piece))
            return false;
        if (pause_us > 0)
            usleep((useconds_t)pause_us);
    }
    return true;
}

/* More bytes into peer->in; WIRE_ANSWERED means that some came. */
static enum wire_end read_more(struct wire_peer *peer, int64_t until_ms)
{
    peer->in = grown(peer->in, &peer->capacity, peer->length + 65536);
    if (!ready(peer->fd, POLLIN, until_ms))
        return WIRE_SILENT;
    ssize_t length = recv(peer->fd, peer->in + peer->length, 65536, MSG_DONTWAIT);
    if (length <= 0)
        return WIRE_CLOSED;
    peer->length += (size_t)length;
    return WIRE_ANSWERED;
}

/* One whole record stands at the front of peer->in: its size with header and padding; 0 when it did not come. */
static size_t whole_record(struct wire_peer *peer, int64_t until_ms, enum wire_end *end)
{
    for (;;) {
        const unsigned char *in = peer->in;
        if (peer->length > 0 && in[0] != 1) {
            *end = WIRE_WRONG;
            return 0;
        }
        size_t size = peer->length < 8 ? 0 : 8 + ((size_t)in[4] << 8 | in[5]) + in[6];
        if (size > 0 && peer->length >= size)
            return size;
        *end = read_more(peer, until_ms);
        if (*end != WIRE_ANSWERED)
            return 0;
    }
}

static void consume(struct wire_peer *peer, size_t size)
{
    memmove(peer->in, peer->in + size, peer->length - size);
    peer->length -= size;
}

static void read_header(struct wire_answer *answer)
{
    static const char status[] = "Status: ";
    char *end = answer->text ? strstr(answer->text, "\r\n\r\n") : NULL;
    if (!end)
        return;
    answer->whole_header = true;
    answer->body = end + 4;
    answer->body_length = answer->length - (size_t)(answer->body - answer->text);
    answer->status = strncmp(answer->text, status, sizeof status - 1) == 0
                         ? (int)strtol(answer->text + sizeof status - 1, NULL, 10)
                         : 200;
}

void wire_read(struct wire_peer *peer, int id, int timeout_ms, struct wire_answer *answer)
{
    int64_t until = wire_now_ms() + timeout_ms;
    size_t capacity = 0;
    *answer = (struct wire_answer){.protocol_status = -1};
    for (bool done = false; !done;) {
        size_t size = whole_record(peer, until, &answer->end);
        if (size == 0)
            break;
        const unsigned char *in = peer->in;
        size_t length = (size_t)in[4] << 8 | in[5];
        bool ours = (in[2] << 8 | in[3]) == id;
        if (ours && in[1] == WIRE_STDOUT) {
            answer->text = grown(answer->text, &capacity, answer->length + length + 1);
            memcpy(answer->text + answer->length, in + 8, length);
            answer->length += length;
            answer->text[answer->length] = '\0';
        } else if (ours && in[1] == WIRE_END && length == 8) {
            answer->protocol_status = in[12];
            answer->end = WIRE_ANSWERED;
            done = true;
        } else {
            answer->others++;
            answer->other_type = in[1];
            memcpy(answer->other, in + 8, length < sizeof answer->other ? length : sizeof answer->other);
        }
        consume(peer, size);
    }
    read_header(answer);
}

void wire_answer_free(struct wire_answer *answer)
{
    free(answer->text);
    *answer = (struct wire_answer){0};
}

int wire_read_record(struct wire_peer *peer, int timeout_ms, unsigned char *content, size_t size,
                     size_t *length)
{
    enum wire_end end;
    size_t whole = whole_record(peer, wire_now_ms() + timeout_ms, &end);
    if (whole == 0)
        return 0;
    int type = peer->in[1];
    *length = (size_t)peer->in[4] << 8 | peer->in[5];
    memcpy(content, peer->in + 8, *length < size ? *length : size);
    consume(peer, whole);
    return type;
}

bool wire_closed(struct wire_peer *peer, int timeout_ms)
{
    return peer->length == 0 && read_more(peer, wire_now_ms() + timeout_ms) == WIRE_CLOSED;
}

/* --- all at once --------------------------------------------------------------------------------------------------- */

int wire_ask(const char *socket_path, const struct wire_request *request, char *body, size_t size)
{
    struct wire_peer peer;
    struct wire_bytes bytes = {0};
    struct wire_answer answer = {0};
    int status = 0;
    if (!wire_connect(&peer, socket_path))
        return 0;
    wire_build(&bytes, request);
    if (wire_send(&peer, bytes.data, bytes.length)) {
        wire_read(&peer, request->id ? request->id : 1, WIRE_PATIENCE, &answer);
        status = answer.end == WIRE_ANSWERED ? answer.status : 0;
        if (body && size > 0)
            snprintf(body, size, "%s", answer.body ? answer.body : "");
        wire_answer_free(&answer);
    }
    wire_free(&bytes);
    wire_close(&peer);
    return status;
}
