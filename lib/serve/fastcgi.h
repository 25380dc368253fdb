/*
 * fastcgi.h - the protocol (FastCGI 1.0) at the responder's side, without sockets: bytes in, whole requests out; answers in,
 * bytes out. Nothing else knows record types.
 *
 * It is our own because the reader of a library that blocks holds a worker for every torn request and hands over what was
 * cut short; this one takes bytes as they come and gives nothing until the request is whole.
 */
#ifndef TRIVET_SERVE_FASTCGI_H
#define TRIVET_SERVE_FASTCGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "serve/request.h"

enum tv_fastcgi_state {
    TV_FASTCGI_MORE,   /* the request is not whole yet (or none has begun) */
    TV_FASTCGI_WHOLE,  /* it is: stop feeding until it is answered */
    TV_FASTCGI_BROKEN, /* the peer does not speak FastCGI: close */
};

struct tv_fastcgi {
    /* what is being read */
    unsigned char header[8];
    unsigned header_length;
    size_t content_left;
    size_t padding_left;
    /* the request */
    bool active;
    bool parameters_ended;
    bool body_ended;
    bool keep; /* the peer wants the connection kept */
    bool parameters_overflow;
    bool body_overflow;
    uint16_t id;
    struct tv_buffer parameters;
    struct tv_buffer body;
    struct tv_buffer small;   /* content of a record that is looked at whole: BEGIN, management */
    struct tv_buffer replies; /* to be sent at once: refusals, answers to management records */
};

void tv_fastcgi_init(struct tv_fastcgi *reader, size_t parameters_max, size_t body_max);
void tv_fastcgi_free(struct tv_fastcgi *reader);
/* After an answer: ready for the next request on the connection. */
void tv_fastcgi_next(struct tv_fastcgi *reader);
/* True while nothing of a request has come: the connection may be closed without loss. */
bool tv_fastcgi_idle(const struct tv_fastcgi *reader);

/* Takes bytes up to the end of a request; *used says how many. Past its bounds a request is still read to its end, without
 * keeping it, so that it can be refused in order (parameters_overflow, body_overflow). */
enum tv_fastcgi_state tv_fastcgi_feed(struct tv_fastcgi *reader, const void *data, size_t length,
                                      size_t *used);

/* The parameters as pairs; they borrow from the reader. 400 when they are torn, 413 past the arena. */
bool tv_fastcgi_parameters(const struct tv_fastcgi *reader, struct tv_arena *arena,
                           const struct tv_parameter **out, size_t *count,
                           struct tv_error *error) TV_MUST_CHECK;

/* Largest content of one record that keeps the next one aligned. */
#define TV_FASTCGI_CONTENT_MAX 65528
#define TV_FASTCGI_HEADER      8
/* The head of a STDOUT record; returns the padding (zero bytes, up to 7) that must follow the content. */
size_t tv_fastcgi_stdout_header(uint16_t id, size_t length, unsigned char out[TV_FASTCGI_HEADER]);
/* The end of an answer. With last, a management record follows that the peer has nothing to do with: nginx takes bytes
 * after END_REQUEST as a sign not to use the connection again, so a draining process can leave without cutting a request
 * that is just being sent. Returns the length. */
#define TV_FASTCGI_END_MAX 40
size_t tv_fastcgi_end(uint16_t id, bool last, unsigned char out[TV_FASTCGI_END_MAX]);

#endif
