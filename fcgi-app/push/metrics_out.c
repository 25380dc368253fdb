/*
 * metrics_out.c - from samples to data points. Names stay as they are scraped; Prometheus' receiver leaves such names alone.
 */
#include "metrics_out.h"

#include <stdlib.h>
#include <string.h>

#include "../ops/metrics.h"
#include "exposition.h"

#define TEXT_MAX (8 << 20)

/* metrics.proto */
static const struct otlp_field RESOURCE_METRICS = {1, "resourceMetrics"}, SCOPE_METRICS = {2, "scopeMetrics"},
                               METRICS = {2, "metrics"}, NAME = {1, "name"}, DESCRIPTION = {2, "description"},
                               UNIT = {3, "unit"}, GAUGE = {5, "gauge"}, SUM = {7, "sum"},
                               HISTOGRAM = {9, "histogram"}, DATA_POINTS = {1, "dataPoints"},
                               TEMPORALITY = {2, "aggregationTemporality"}, MONOTONIC = {3, "isMonotonic"},
                               START = {2, "startTimeUnixNano"}, TIME = {3, "timeUnixNano"},
                               AS_DOUBLE = {4, "asDouble"}, AS_INT = {6, "asInt"},
                               POINT_ATTRIBUTES = {7, "attributes"}, HISTOGRAM_ATTRIBUTES = {9, "attributes"},
                               COUNT = {4, "count"}, HISTOGRAM_SUM = {5, "sum"},
                               BUCKET_COUNTS = {6, "bucketCounts"}, BOUNDS = {7, "explicitBounds"},
                               FLAGS = {8, "flags"};
enum { CUMULATIVE = 2, NO_RECORDED_VALUE = 1 };

struct metrics_message {
    struct otlp otlp;
    struct tv_slice text;
    uint64_t now_ns;
    bool last;
    struct tv_slice family; /* of the open metric; empty: none is open */
    enum exposition_type type;
    /* of the histogram under way */
    size_t buckets;
    double sum;
    uint64_t counts[TV_BUCKET_COUNT]; /* cumulative, as they are read */
};

static double number(struct tv_slice text)
{
    char copy[64];
    snprintf(copy, sizeof copy, "%.*s", (int)text.length, text.data);
    return strtod(copy, NULL);
}

/* Unix time in nanoseconds; 0: not known. */
static uint64_t start_of(const struct metrics_message *message, struct tv_slice pool)
{
    struct exposition reader;
    exposition_start(&reader, message->text);
    while (exposition_next(&reader))
        if (tv_slice_is(reader.sample, "trivet_pool_start_time_seconds") &&
            tv_slice_equal(exposition_label(&reader, "pool"), pool))
            return (uint64_t)(number(reader.value) * 1000) * 1000000;
    return 0;
}

/* --- a metric --------------------------------------------------------------------------------------------------------- */

static void close_metric(struct metrics_message *message)
{
    struct otlp *otlp = &message->otlp;
    if (message->family.length == 0)
        return;
    otlp_list_end(otlp);
    if (message->type != EXPOSITION_GAUGE)
        otlp_small(otlp, &TEMPORALITY, CUMULATIVE);
    if (message->type == EXPOSITION_COUNTER)
        otlp_boolean(otlp, &MONOTONIC, true);
    otlp_close(otlp);
    otlp_close(otlp);
    message->family.length = 0;
}

static bool has(struct tv_slice name, const char *part)
{
    return memmem(name.data, name.length, part, strlen(part)) != NULL;
}

static void open_metric(struct metrics_message *message, const struct exposition *reader)
{
    struct otlp *otlp = &message->otlp;
    const char *unit = has(reader->name, "_seconds") ? "s" : has(reader->name, "_bytes") ? "By" : NULL;
    message->family = reader->name;
    message->type = reader->type;
    otlp_item(otlp);
    otlp_text(otlp, &NAME, reader->name);
    otlp_text(otlp, &DESCRIPTION, reader->help);
    if (unit)
        otlp_text(otlp, &UNIT, tv_slice_of(unit));
    otlp_open(otlp, reader->type == EXPOSITION_GAUGE     ? &GAUGE
                    : reader->type == EXPOSITION_COUNTER ? &SUM
                                                         : &HISTOGRAM);
    otlp_list(otlp, &DATA_POINTS);
}

/* --- its points ------------------------------------------------------------------------------------------------------- */

static void begin_point(struct metrics_message *message, const struct exposition *reader,
                        const struct otlp_field *attributes)
{
    struct otlp *otlp = &message->otlp;
    otlp_item(otlp);
    otlp_list(otlp, attributes);
    for (size_t i = 0; i < reader->label_count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)reader->labels[i].name.length, reader->labels[i].name.data);
        if (strcmp(name, "le") != 0)
            otlp_attribute_text(otlp, name, reader->labels[i].value);
    }
    otlp_list_end(otlp);
    uint64_t start =
        reader->type == EXPOSITION_GAUGE ? 0 : start_of(message, exposition_label(reader, "pool"));
    if (start)
        otlp_fixed(otlp, &START, start);
    otlp_fixed(otlp, &TIME, message->now_ns);
}

static void write_number(struct metrics_message *message, const struct exposition *reader)
{
    int64_t whole;
    begin_point(message, reader, &POINT_ATTRIBUTES);
    if (message->last && reader->type == EXPOSITION_GAUGE)
        otlp_small(&message->otlp, &FLAGS, NO_RECORDED_VALUE);
    else if (tv_slice_integer(reader->value, &whole))
        otlp_fixed(&message->otlp, &AS_INT, (uint64_t)whole);
    else
        otlp_double(&message->otlp, &AS_DOUBLE, number(reader->value));
    otlp_close(&message->otlp);
}

/* Buckets are cumulative in the text and are not here. */
static void write_histogram(struct metrics_message *message, const struct exposition *reader)
{
    struct otlp *otlp = &message->otlp;
    double bounds[TV_BOUND_COUNT];
    uint64_t count = message->buckets ? message->counts[message->buckets - 1] : 0;
    for (size_t i = 0; i < TV_BOUND_COUNT; i++)
        bounds[i] = (double)tv_bounds[i].us / 1e6;
    for (size_t i = message->buckets; i > 1; i--)
        message->counts[i - 1] -= message->counts[i - 2];
    begin_point(message, reader, &HISTOGRAM_ATTRIBUTES);
    otlp_fixed(otlp, &COUNT, count);
    otlp_double(otlp, &HISTOGRAM_SUM, message->sum);
    otlp_fixed_list(otlp, &BUCKET_COUNTS, message->counts, message->buckets);
    otlp_double_list(otlp, &BOUNDS, bounds, TV_BOUND_COUNT);
    otlp_close(otlp);
    message->buckets = 0;
}

/* A histogram comes as its buckets, then _sum, then _count. */
static void take_histogram(struct metrics_message *message, const struct exposition *reader)
{
    struct tv_slice part = tv_slice_cut(reader->sample, reader->name.length, reader->sample.length);
    if (tv_slice_is(part, "_bucket") && message->buckets < TV_BUCKET_COUNT)
        message->counts[message->buckets++] = (uint64_t)number(reader->value);
    else if (tv_slice_is(part, "_sum"))
        message->sum = number(reader->value);
    else if (tv_slice_is(part, "_count"))
        write_histogram(message, reader);
}

static bool write_message(struct metrics_message *message, const struct resource *resource)
{
    struct exposition reader;
    size_t samples = 0;
    resource_open(&message->otlp, resource, &RESOURCE_METRICS, &SCOPE_METRICS);
    otlp_list(&message->otlp, &METRICS);
    exposition_start(&reader, message->text);
    for (; exposition_next(&reader); samples++) {
        if (!tv_slice_equal(message->family, reader.name)) {
            close_metric(message);
            open_metric(message, &reader);
        }
        if (reader.type == EXPOSITION_HISTOGRAM)
            take_histogram(message, &reader);
        else
            write_number(message, &reader);
    }
    close_metric(message);
    otlp_list_end(&message->otlp);
    resource_close(&message->otlp);
    return otlp_end(&message->otlp) && samples > 0;
}

bool metrics_out(const char *directory, const char *pools, const struct resource *resource,
                 enum otlp_writing writing, bool last, struct tv_buffer *out, struct tv_error *error)
{
    struct tv_buffer text;
    struct metrics_message message = {.now_ns = (uint64_t)tv_clock_wall_ms() * 1000000, .last = last};
    tv_buffer_init(&text, TEXT_MAX);
    bool good = metrics_write(directory, pools, false, &text, error);
    if (good) {
        message.text = tv_buffer_view(&text);
        otlp_start(&message.otlp, writing, out);
        good = !tv_buffer_failed(&text) && write_message(&message, resource);
        if (!good)
            tv_fail(error, 500, NULL, "there is nothing to tell");
    }
    tv_buffer_free(&text);
    return good;
}
