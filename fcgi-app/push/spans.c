/*
 * spans.c - from a record to spans. Attributes are made here of fixed words, numbers and what the record holds; there is no other
 * source, so no value of a request can get in.
 */
#include "spans.h"

#include <stdio.h>
#include <string.h>

/* Span and Status of trace.proto. */
static const struct otlp_field TRACE_ID = {1, "traceId"}, SPAN_ID = {2, "spanId"},
                               TRACE_STATE = {3, "traceState"}, PARENT = {4, "parentSpanId"},
                               NAME = {5, "name"}, KIND = {6, "kind"}, START = {7, "startTimeUnixNano"},
                               END = {8, "endTimeUnixNano"}, ATTRIBUTES = {9, "attributes"},
                               STATUS = {15, "status"}, FLAGS = {16, "flags"}, CODE = {3, "code"};

enum { KIND_INTERNAL = 1, KIND_SERVER = 2, KIND_CLIENT = 3 };
enum { CODE_ERROR = 2 };
/* SpanFlags: beside the trace's own, whether it is known that the parent is remote, and whether it is. */
enum { FLAG_REMOTE_KNOWN = 0x100, FLAG_REMOTE = 0x200 };

static const char *const systems[TV_STORE_COUNT] = {"mysql", "mongodb", "redis"};

static void begin_span(struct otlp *otlp, const struct tv_record_view *trace, uint64_t id, uint64_t parent,
                       bool remote, int64_t start_us, int64_t took_us)
{
    const struct tv_trace_record *head = trace->head;
    struct tv_slice state = tv_record_slice(trace, head->state);
    int64_t start = head->began_us + start_us;
    otlp_item(otlp);
    otlp_id(otlp, &TRACE_ID, head->trace, 2);
    otlp_id(otlp, &SPAN_ID, &id, 1);
    if (state.length > 0)
        otlp_text(otlp, &TRACE_STATE, state);
    if (parent)
        otlp_id(otlp, &PARENT, &parent, 1);
    otlp_flags(otlp, &FLAGS, head->flags | FLAG_REMOTE_KNOWN | (remote ? FLAG_REMOTE : 0u));
    otlp_fixed(otlp, &START, (uint64_t)start * 1000);
    otlp_fixed(otlp, &END, (uint64_t)(start + took_us) * 1000);
}

static void end_span(struct otlp *otlp, bool failed)
{
    otlp_list_end(otlp);
    if (failed) {
        otlp_open(otlp, &STATUS);
        otlp_small(otlp, &CODE, CODE_ERROR);
        otlp_close(otlp);
    }
    otlp_close(otlp);
}

static void put_name(struct otlp *otlp, const char *first, struct tv_slice second)
{
    char text[2 * TV_TRACE_WORD_MAX + 2];
    int length = snprintf(text, sizeof text, "%s%s%.*s", first, second.length ? " " : "", (int)second.length,
                          second.length ? second.data : "");
    otlp_text(otlp, &NAME,
              (struct tv_slice){text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1});
}

static void attribute_some(struct otlp *otlp, const char *key, struct tv_slice value)
{
    if (value.length > 0)
        otlp_attribute_text(otlp, key, value);
}

static void attribute_number_text(struct otlp *otlp, const char *key, int number)
{
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    otlp_attribute_text(otlp, key, tv_slice_of(text));
}

/* --- the request ------------------------------------------------------------------------------------------------------ */

static const char *method_of(const struct tv_trace_record *head)
{
    static const struct {
        enum tv_method method;
        const char *name;
    } methods[] = {
        {TV_METHOD_GET, "GET"},         {TV_METHOD_HEAD, "HEAD"},   {TV_METHOD_POST, "POST"},
        {TV_METHOD_PUT, "PUT"},         {TV_METHOD_PATCH, "PATCH"}, {TV_METHOD_DELETE, "DELETE"},
        {TV_METHOD_OPTIONS, "OPTIONS"},
    };
    for (size_t i = 0; i < TV_COUNT(methods); i++)
        if (head->method == methods[i].method)
            return methods[i].name;
    return NULL;
}

static void write_failure(struct otlp *otlp, const struct tv_trace_record *head)
{
    if (head->broken)
        otlp_attribute_text(otlp, "error.type", TV_SLICE("broken_transfer"));
    else if (head->status >= 500)
        attribute_number_text(otlp, "error.type", head->status);
}

static void write_request(struct otlp *otlp, const struct tv_record_view *trace, const char *pool)
{
    static const char *const kept[] = {"sampled", "failed", "slow"};
    const struct tv_trace_record *head = trace->head;
    const char *method = method_of(head);
    struct tv_slice route = tv_record_slice(trace, head->route);
    begin_span(otlp, trace, head->span, head->parent, head->remote, 0, head->took_us);
    put_name(otlp, method ? method : "HTTP", route);
    otlp_small(otlp, &KIND, KIND_SERVER);
    otlp_list(otlp, &ATTRIBUTES);
    otlp_attribute_text(otlp, "http.request.method", tv_slice_of(method ? method : "_OTHER"));
    attribute_some(otlp, "http.route", route);
    otlp_attribute_integer(otlp, "http.response.status_code", head->status);
    otlp_attribute_text(otlp, "url.scheme", TV_SLICE("http")); /* TLS ends before nginx */
    otlp_attribute_integer(otlp, "http.request.body.size", (int64_t)head->bytes_in);
    otlp_attribute_integer(otlp, "http.response.body.size", (int64_t)head->bytes_out);
    write_failure(otlp, head);
    otlp_attribute_text(otlp, "trivet.pool", tv_slice_of(pool));
    attribute_some(otlp, "trivet.request_id", tv_record_slice(trace, head->id));
    if (head->queue_us >= 0)
        otlp_attribute_double(otlp, "trivet.queue_ms", (double)head->queue_us / 1000.0);
    otlp_attribute_text(otlp, "trivet.kept", tv_slice_of(kept[head->kept < TV_COUNT(kept) ? head->kept : 0]));
    if (head->lost > 0)
        otlp_attribute_integer(otlp, "trivet.lost_spans", head->lost);
    end_span(otlp, head->broken || head->status >= 500);
}

/* --- what was done for it --------------------------------------------------------------------------------------------- */

/* A word of few, by what the failure stands for. */
static const char *failure_name(int status)
{
    switch (status) {
    case 503: return "unavailable";
    case 504: return "timeout";
    case 413: return "too_large";
    case 409: return "conflict";
    default: return status >= 500 ? "error" : "refused";
    }
}

static void write_call(struct otlp *otlp, const struct tv_record_view *trace,
                       const struct tv_span_record *span)
{
    char verb[TV_TRACE_WORD_MAX + 1];
    struct tv_slice word = tv_record_slice(trace, span->verb), on = tv_record_slice(trace, span->on);
    const char *system = span->store < TV_STORE_COUNT ? systems[span->store] : "other_sql";
    snprintf(verb, sizeof verb, "%.*s", (int)word.length, word.length ? word.data : "");
    put_name(otlp, *verb ? verb : system, on);
    otlp_small(otlp, &KIND, KIND_CLIENT);
    otlp_list(otlp, &ATTRIBUTES);
    otlp_attribute_text(otlp, "db.system.name", tv_slice_of(system));
    attribute_some(otlp, "db.operation.name", word);
    attribute_some(otlp, "db.collection.name", on);
    attribute_some(otlp, "db.query.text", tv_record_slice(trace, span->shape));
    if (span->batch > 1)
        otlp_attribute_integer(otlp, "db.operation.batch.size", span->batch);
    if (span->native) {
        attribute_number_text(otlp, "db.response.status_code", span->native);
        attribute_number_text(otlp, "error.type", span->native);
    } else if (span->failure) {
        otlp_attribute_text(otlp, "error.type", tv_slice_of(failure_name(span->failure)));
    }
}

static void write_part(struct otlp *otlp, const struct tv_record_view *trace,
                       const struct tv_span_record *span)
{
    uint64_t parent = span->parent ? trace->spans[span->parent - 1].id : trace->head->span;
    begin_span(otlp, trace, span->id, parent, false, span->start_us, span->took_us);
    if (span->kind == TV_SPAN_CALL) {
        write_call(otlp, trace, span);
    } else {
        otlp_text(otlp, &NAME, span->kind == TV_SPAN_GUARD ? TV_SLICE("guard") : TV_SLICE("cache"));
        otlp_small(otlp, &KIND, KIND_INTERNAL);
        otlp_list(otlp, &ATTRIBUTES);
    }
    end_span(otlp, span->failure != 0);
}

void spans_write(struct otlp *otlp, const struct tv_record_view *trace, const char *pool)
{
    write_request(otlp, trace, pool);
    for (size_t i = 0; i < trace->head->spans; i++)
        write_part(otlp, trace, &trace->spans[i]);
}
