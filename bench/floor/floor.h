/*
 * floor.h - the floor: the least that a FastCGI program in C can do for an answer, to measure Trivet against.
 *
 * Hand-written for exactly the requests of ./dev bench, on libfcgi, with the loop that Trivet has (one epoll set over kept
 * connections, threads that take what is ready). No checks, no limits, no log, no errors of a dialect: what is missing here
 * is what a gateway costs. It may not be installed or used for anything else.
 */
#ifndef FLOOR_H
#define FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct FCGX_Request;

/* A thread's answer: headers and body together. Past its room it fails, and nothing is sent but a 500. */
#define FLOOR_ROOM 262144
struct floor_out {
    size_t length;
    bool failed;
    char data[FLOOR_ROOM];
};

void floor_put(struct floor_out *out, const char *data, size_t length);
void floor_text(struct floor_out *out, const char *text);
void floor_integer(struct floor_out *out, int64_t value);
/* A JSON string with its quotes; data must be UTF-8. */
void floor_json(struct floor_out *out, const char *data, size_t length);

/* One program: what a thread keeps, and how it answers. */
struct floor_program {
    void *(*open)(void); /* NULL: the thread cannot start, which ends the program */
    /* False: 500. */
    bool (*answer)(void *state, const struct FCGX_Request *request, struct floor_out *out);
};

/* Serves the listening socket on fd 0 with FLOOR_PROCESSES (2) processes of FLOOR_WORKERS (4) threads, until killed. */
int floor_run(const struct floor_program *program);

/* An environment variable that must be there. */
const char *floor_setting(const char *name);
/* A FastCGI parameter; "" when it is not there. */
const char *floor_parameter(const struct FCGX_Request *request, const char *name);

#endif
