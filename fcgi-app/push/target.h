/*
 * target.h - where a signal (traces or metrics) goes and how, from OpenTelemetry's variables: the signal's own, else the common one.
 */
#ifndef PUSH_TARGET_H
#define PUSH_TARGET_H

#include "otlp.h"

struct target {
    enum tv_push_signal signal;
    const char *name; /* "traces" */
    bool wanted;      /* it has somewhere to go */
    char url[1024];
    enum otlp_writing writing;
    bool gzip;
    int64_t timeout_ms; /* of one attempt */
    /* borrowed from the environment; NULL: none */
    const char *headers; /* key=value,key=value, percent-encoded */
    const char *certificate, *client_certificate, *client_key;
};

/* False: a variable makes no sense; *error names it. A value that is merely not supported is warned of and its default taken. */
bool target_read(struct target *target, enum tv_push_signal signal, struct tv_error *error) TV_MUST_CHECK;

/* A number of milliseconds from a variable; fallback when it is unset or no such number. */
int64_t target_milliseconds(const char *name, int64_t fallback);

#endif
