/*
 * client.h - a FastCGI client for tests: it builds records byte by byte, so that they can be torn anywhere, lie, or be none
 * at all, and reads answers with a deadline. It trusts nothing that comes back. Memory that cannot be had ends the program.
 */
#ifndef TRIVET_TESTS_WIRE_CLIENT_H
#define TRIVET_TESTS_WIRE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_BEGIN = 1,
    WIRE_ABORT = 2,
    WIRE_END = 3,
    WIRE_PARAMS = 4,
    WIRE_STDIN = 5,
    WIRE_STDOUT = 6,
    WIRE_GET_VALUES = 9,
    WIRE_GET_VALUES_RESULT = 10,
    WIRE_UNKNOWN_TYPE = 11,
};
enum { WIRE_RESPONDER = 1, WIRE_KEEP = 1 };
/* Milliseconds. For what has to come: tells what hangs from what goes on, never what is fast from what is slow. */
enum { WIRE_PATIENCE = 60000 };
enum { WIRE_COMPLETE = 0, WIRE_CANT_MPX = 1, WIRE_UNKNOWN_ROLE = 3 };

/* --- bytes to be sent ---------------------------------------------------------------------------------------------- */

struct wire_bytes {
    unsigned char *data;
    size_t length;
    size_t capacity;
};

void wire_free(struct wire_bytes *bytes);
void wire_put(struct wire_bytes *bytes, const void *data, size_t length);
/* A record with its content; padding bytes follow it. */
void wire_record(struct wire_bytes *out, int type, int id, const void *content, size_t length,
                 size_t padding);
void wire_begin(struct wire_bytes *out, int id, int role, int flags);
/* A name-value pair, as PARAMS hold them. */
void wire_pair(struct wire_bytes *pairs, const char *name, const char *value);
/* Data in records of at most piece bytes each, and the empty record that ends the stream. */
void wire_stream(struct wire_bytes *out, int type, int id, const void *data, size_t length, size_t piece,
                 size_t padding);

/* A request as nginx would send it; what is NULL or 0 gets a sensible value. */
struct wire_request {
    const char *method; /* GET, or POST with a body */
    const char *path;   /* "/" */
    const char *query;
    const char *body;
    size_t length;              /* of the body; 0: strlen */
    const char *content_length; /* what is said about it; NULL: the truth; "": nothing */
    const char *second_length;  /* CONTENT_LENGTH once more */
    const char *start;          /* TRIVET_START */
    const char *header;         /* value of a header X-Test */
    int id;                     /* 1 */
    bool leave;                 /* without FCGI_KEEP_CONN */
    size_t piece;               /* of the streams' records: 65535 */
    size_t padding;             /* of each record */
};
void wire_build(struct wire_bytes *out, const struct wire_request *request);

/* --- a connection -------------------------------------------------------------------------------------------------- */

struct wire_peer {
    int fd;
    unsigned char *in; /* bytes that were read and not looked at yet */
    size_t length, capacity;
};

bool wire_connect(struct wire_peer *peer, const char *socket_path);
void wire_close(struct wire_peer *peer);
/* All of it within WIRE_PATIENCE; false when the other side does not want it. */
bool wire_send(struct wire_peer *peer, const void *data, size_t length);
/* In pieces, with a pause between them. */
bool wire_send_slowly(struct wire_peer *peer, const void *data, size_t length, size_t piece, int pause_us);

enum wire_end {
    WIRE_ANSWERED, /* END_REQUEST came */
    WIRE_CLOSED,   /* the connection ended before it */
    WIRE_SILENT,   /* neither within the time */
    WIRE_WRONG,    /* bytes that are no FastCGI */
};

struct wire_answer {
    enum wire_end end;
    int protocol_status; /* of END_REQUEST */
    int status;          /* HTTP; 0: no header came */
    bool whole_header;
    char *text; /* all of STDOUT, terminated */
    size_t length;
    const char *body; /* within text */
    size_t body_length;
    int others; /* records beside STDOUT and END_REQUEST of this id */
    int other_type;
    unsigned char other[64]; /* content of the last of them */
};

/* Reads one answer to request id. Free with wire_answer_free. */
void wire_read(struct wire_peer *peer, int id, int timeout_ms, struct wire_answer *answer);
void wire_answer_free(struct wire_answer *answer);
/* The next record that does not belong to a request: its type, 0 when none comes in time. */
int wire_read_record(struct wire_peer *peer, int timeout_ms, unsigned char *content, size_t size,
                     size_t *length);
/* Waits for the other side to close; false when it did not, or sent something before. */
bool wire_closed(struct wire_peer *peer, int timeout_ms);

/* --- all at once --------------------------------------------------------------------------------------------------- */

/* Sends on a connection of its own and reads the answer. The status, 0 when none came; the body's copy, if wanted, is cut to
 * size. */
int wire_ask(const char *socket_path, const struct wire_request *request, char *body, size_t size);
int64_t wire_now_ms(void);

#endif
