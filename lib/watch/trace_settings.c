/*
 * trace_settings.c - the rows of [trace], and OpenTelemetry's variables behind them.
 */
#include "watch/trace_settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "watch/log.h"

#define FIELD(name)     offsetof(struct tv_trace_settings, name)
#define DEFAULT_SAMPLER "parentbased_always_on" /* OpenTelemetry's own */

const struct tv_option tv_trace_options[] = {
    {"trace", "record", TV_OPTION_TEXT, "auto", 0, 0, FIELD(record), TV_OPTION_FIXED,
     "Whether requests are traced: on, off, or auto: when OTEL_EXPORTER_OTLP_ENDPOINT (or its _TRACES_ "
     "sibling) says where to."},
    {"trace", "sampler", TV_OPTION_TEXT, "", 0, 0, FIELD(sampler_name), 0,
     "Which requests are traced, by OpenTelemetry's names (empty: OTEL_TRACES_SAMPLER, or "
     "parentbased_always_on)."},
    {"trace", "ratio", TV_OPTION_TEXT, "", 0, 0, FIELD(ratio), 0,
     "Share of requests that the traceidratio samplers take, from 0 to 1 (empty: OTEL_TRACES_SAMPLER_ARG, or "
     "1)."},
    {"trace", "tail", TV_OPTION_BOOLEAN, "true", 0, 0, FIELD(tail), 0,
     "Whether requests that failed (5xx, cut off) or were slow (log.slow) are kept whatever the sampler "
     "said."},
    {"trace", "ring", TV_OPTION_SIZE, "1m", 65536, 1073741824, FIELD(ring), TV_OPTION_FIXED,
     "Traces that a process may have waiting to be pushed; further ones are dropped and counted."},
};
const size_t tv_trace_option_count = TV_COUNT(tv_trace_options);

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

static bool endpoint_is_set(void)
{
    return strcasecmp(variable("OTEL_SDK_DISABLED"), "true") != 0 &&
           strcmp(variable("OTEL_TRACES_EXPORTER"), "none") != 0 &&
           (*variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") || *variable("OTEL_EXPORTER_OTLP_ENDPOINT"));
}

/* Theirs: what cannot be understood is as if it were not set. */
static void read_variables(struct tv_sampler *out, const char *ratio)
{
    struct tv_error error;
    const char *name = variable("OTEL_TRACES_SAMPLER");
    if (!*name)
        name = DEFAULT_SAMPLER;
    if (tv_sampler_read(name, ratio, out, &error))
        return;
    tv_log(TV_LOG_WARN, "trace.sampler",
           "OTEL_TRACES_SAMPLER and its _ARG are not understood, all are traced: %s", error.message);
    out->follows_parent = true;
    out->threshold = 0;
}

bool tv_trace_settings_check(struct tv_trace_settings *settings, struct tv_error *error)
{
    const char *record = settings->record;
    if (strcmp(record, "auto") != 0 && strcmp(record, "on") != 0 && strcmp(record, "off") != 0)
        return tv_fail(error, 500, NULL, "trace.record: expected auto, on or off, not %s", record);
    settings->recording = strcmp(record, "on") == 0 || (strcmp(record, "auto") == 0 && endpoint_is_set());
    const char *ratio = *settings->ratio ? settings->ratio : variable("OTEL_TRACES_SAMPLER_ARG");
    if (*settings->sampler_name)
        return tv_sampler_read(settings->sampler_name, ratio, &settings->sampler, error);
    if (*settings->ratio) /* ours alone says enough */
        return tv_sampler_read("parentbased_traceidratio", ratio, &settings->sampler, error);
    read_variables(&settings->sampler, ratio);
    return true;
}
