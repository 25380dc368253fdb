/*
 * error.h - the one error type. It is filled where a thing fails and written out, in the dialect's shape, where the
 * request ends. It owns nothing: texts are copied in and cut at a character boundary when too long.
 */
#ifndef TRIVET_BASE_ERROR_H
#define TRIVET_BASE_ERROR_H

#include <stdbool.h>

#include "base/macros.h"

struct tv_error {
    int status;        /* HTTP status that this error becomes; 0 = no error */
    int retry_after;   /* seconds for the Retry-After header; 0 = no such header */
    int native;        /* the store's own error number, for the log; 0 = none */
    bool quotes;       /* message is a store's own words, which may hold values: not for the log */
    char allow[64];    /* methods for the Allow header of a 405; empty = no such header */
    char code[40];     /* the dialect's code; empty = the dialect chooses one by status */
    char message[480]; /* for the client: never a secret, never raw SQL */
    char details[320]; /* empty = none */
    char hint[320];    /* empty = none */
};

/* Fills *error anew (details and hint empty) and returns false, so that a function can end in `return tv_fail(...)`.
 * code may be NULL: the dialect then chooses one by the status. */
TV_PUBLIC bool tv_fail(struct tv_error *error, int status, const char *code, const char *format, ...)
    TV_PRINTF(4, 5);

/* Add to an error that is already filled. */
TV_PUBLIC void tv_error_details(struct tv_error *error, const char *format, ...) TV_PRINTF(2, 3);
TV_PUBLIC void tv_error_hint(struct tv_error *error, const char *format, ...) TV_PRINTF(2, 3);

/* The reason phrase of an HTTP status ("Not Found"), never NULL. Static. */
TV_PUBLIC const char *tv_status_text(int status);

#endif
