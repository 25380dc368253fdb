/*
 * target.c - the variables of OpenTelemetry's protocol exporter.
 */
#include "config.h"

#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TIMEOUT_MS 10000

/* An empty variable is as one that is not set. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* OTEL_EXPORTER_OTLP_{signal}_{what}, else OTEL_EXPORTER_OTLP_{what}. */
static const char *option(const struct target *target, const char *what)
{
    char own[96], common[96];
    snprintf(own, sizeof own, "OTEL_EXPORTER_OTLP_%s_%s",
             target->signal == TV_PUSH_TRACES ? "TRACES" : "METRICS", what);
    snprintf(common, sizeof common, "OTEL_EXPORTER_OTLP_%s", what);
    const char *value = variable(own);
    return value ? value : variable(common);
}

int64_t target_milliseconds(const char *name, int64_t fallback)
{
    int64_t value;
    const char *text = variable(name);
    if (!text)
        return fallback;
    if (tv_slice_integer(tv_slice_of(text), &value) && value >= 0 && value <= 86400000)
        return value;
    tv_log(TV_LOG_WARN, "push.variable", "%s is no number of milliseconds; %lld is taken", name,
           (long long)fallback);
    return fallback;
}

static bool read_url(struct target *target, struct tv_error *error)
{
    char own[64];
    snprintf(own, sizeof own, "OTEL_EXPORTER_OTLP_%s_ENDPOINT",
             target->signal == TV_PUSH_TRACES ? "TRACES" : "METRICS");
    const char *given = variable(own), *common = variable("OTEL_EXPORTER_OTLP_ENDPOINT");
    const char *url = given ? given : common;
    target->wanted = url != NULL;
    if (!url)
        return true;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return tv_fail(error, 500, NULL, "%s: expected an address with http:// or https://",
                       given ? own : "OTEL_EXPORTER_OTLP_ENDPOINT");
    /* the common one is a base, a signal's own is taken as it is */
    bool slash = url[strlen(url) - 1] == '/';
    int length =
        given ? snprintf(target->url, sizeof target->url, "%s", url)
              : snprintf(target->url, sizeof target->url, "%s%sv1/%s", url, slash ? "" : "/", target->name);
    return (length > 0 && (size_t)length < sizeof target->url) ||
           tv_fail(error, 500, NULL, "%s: the address is too long", own);
}

static void read_exporter(struct target *target)
{
    const char *exporter =
        variable(target->signal == TV_PUSH_TRACES ? "OTEL_TRACES_EXPORTER" : "OTEL_METRICS_EXPORTER");
    const char *disabled = variable("OTEL_SDK_DISABLED");
    if ((disabled && strcasecmp(disabled, "true") == 0) || (exporter && strcmp(exporter, "none") == 0))
        target->wanted = false;
}

static void read_protocol(struct target *target)
{
    const char *protocol = option(target, "PROTOCOL");
    target->writing = protocol && strcmp(protocol, "http/json") == 0 ? OTLP_JSON : OTLP_PROTOBUF;
    if (protocol && strcmp(protocol, "http/json") != 0 && strcmp(protocol, "http/protobuf") != 0)
        tv_log(TV_LOG_WARN, "push.protocol", "%s: the protocol %s is not spoken here; it is http/protobuf",
               target->name, protocol);
}

static void read_compression(struct target *target)
{
    const char *compression = option(target, "COMPRESSION");
    target->gzip = compression && strcmp(compression, "gzip") == 0;
    if (compression && !target->gzip && strcmp(compression, "none") != 0)
        tv_log(TV_LOG_WARN, "push.compression", "%s: the compression %s is not known; there is none",
               target->name, compression);
#ifndef HAVE_ZLIB
    if (target->gzip)
        tv_log(TV_LOG_WARN, "push.compression", "%s: built without zlib; there is no compression",
               target->name);
    target->gzip = false;
#endif
}

bool target_read(struct target *target, enum tv_push_signal signal, struct tv_error *error)
{
    int64_t timeout;
    *target = (struct target){.signal = signal, .name = tv_push_signal_names[signal]};
    if (!read_url(target, error))
        return false;
    read_exporter(target);
    read_protocol(target);
    read_compression(target);
    target->headers = option(target, "HEADERS");
    target->certificate = option(target, "CERTIFICATE");
    target->client_certificate = option(target, "CLIENT_CERTIFICATE");
    target->client_key = option(target, "CLIENT_KEY");
    const char *text = option(target, "TIMEOUT");
    target->timeout_ms = TIMEOUT_MS;
    if (text && tv_slice_integer(tv_slice_of(text), &timeout) && timeout > 0 && timeout <= 600000)
        target->timeout_ms = timeout;
    else if (text)
        tv_log(TV_LOG_WARN, "push.timeout", "%s: the timeout is no number of milliseconds; it is %d",
               target->name, TIMEOUT_MS);
    return true;
}
