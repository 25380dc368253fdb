/*
 * log_line.c - the members of a log line, one after another.
 */
#include "watch/log_line.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "watch/log_setup.h"

/* Most bytes of what clients choose. */
#define GIVEN_MAX 128

/* What stands before a member's value; every line begins with its time, so there is one before. */
#define MEMBER(name) TV_SLICE(",\"" name "\":")

static inline void put(struct tv_buffer *out, struct tv_slice text)
{
    tv_buffer_append(out, text.data, text.length);
}

static void member_word(struct tv_buffer *out, struct tv_slice member, struct tv_slice word)
{
    put(out, member);
    tv_buffer_byte(out, '"');
    put(out, word);
    tv_buffer_byte(out, '"');
}

static void member_given(struct tv_buffer *out, struct tv_slice member, struct tv_slice text)
{
    put(out, member);
    tv_json_quote(out, text);
}

static void member_integer(struct tv_buffer *out, struct tv_slice member, int64_t value)
{
    put(out, member);
    tv_buffer_integer(out, value);
}

static void three_digits(char out[3], int value)
{
    out[0] = (char)('0' + value / 100);
    out[1] = (char)('0' + value / 10 % 10);
    out[2] = (char)('0' + value % 10);
}

/* Milliseconds with three digits after the point; durations are never negative. */
static void member_ms(struct tv_buffer *out, struct tv_slice member, int64_t us)
{
    char fraction[4] = ".";
    three_digits(fraction + 1, (int)(us % 1000));
    member_integer(out, member, us / 1000);
    tv_buffer_append(out, fraction, sizeof fraction);
}

/* The text of a second is made once by each thread that logs in it. */
static void put_time(struct tv_buffer *out)
{
    static _Thread_local int64_t second;
    static _Thread_local char text[25];
    char end[5] = "000Z\"";
    int64_t now = tv_clock_wall_ms();
    if (now / 1000 != second) {
        second = now / 1000;
        tv_clock_text(now, text);
    }
    three_digits(end, (int)(now % 1000));
    tv_buffer_append(out, text, 20);
    tv_buffer_append(out, end, sizeof end);
}

void tv_log_head_make(struct tv_log_head *head, const char *level, const char *pool, pid_t pid,
                      const char *event)
{
    int length = snprintf(head->text, sizeof head->text,
                          ",\"level\":\"%s\",\"pool\":\"%s\",\"pid\":%d,\"event\":\"%.48s\"", level, pool,
                          (int)pid, event);
    head->length = length > 0 && (size_t)length < sizeof head->text ? (size_t)length : 0;
}

void tv_log_line_begin(struct tv_log_line *line, const struct tv_log_head *head)
{
    struct tv_buffer *out = &line->buffer;
    *out = (struct tv_buffer){.data = line->storage, .capacity = TV_LOG_LINE_MAX, .limit = TV_LOG_LINE_MAX};
    put(out, TV_SLICE("{\"time\":\""));
    put_time(out);
    tv_buffer_append(out, head->text, head->length);
}

void tv_log_line_text(struct tv_log_line *line, const char *text)
{
    member_given(&line->buffer, MEMBER("text"), tv_slice_of(text));
}

static void put_phases(struct tv_buffer *out, const int64_t phase_us[TV_PHASE_COUNT])
{
    put(out, MEMBER("phases_ms"));
    for (int phase = TV_PHASE_NONE + 1; phase < TV_PHASE_COUNT; phase++) {
        put(out, phase == TV_PHASE_NONE + 1 ? TV_SLICE("{\"") : TV_SLICE(",\""));
        put(out, tv_slice_of(tv_phase_names[phase]));
        member_ms(out, TV_SLICE("\":"), phase_us[phase]);
    }
    tv_buffer_byte(out, '}');
}

static void put_failure(struct tv_buffer *out, const struct tv_error *failure, int status)
{
    if (failure->code[0])
        member_given(out, MEMBER("code"), tv_slice_of(failure->code));
    if (failure->native)
        member_integer(out, MEMBER("native"), failure->native);
    /* a message of a 4xx may quote what the client sent, a store's own words may quote what it holds: both stay out */
    if (status >= 500 && !failure->quotes)
        member_given(out, MEMBER("error"), tv_slice_of(failure->message));
}

void tv_log_line_request(struct tv_log_line *line, const struct tv_request_line *request, bool slow)
{
    struct tv_buffer *out = &line->buffer;
    member_given(out, MEMBER("request_id"), tv_slice_cut(request->id, 0, GIVEN_MAX));
    if (request->trace.length > 0)
        member_word(out, MEMBER("trace_id"), request->trace);
    member_given(out, MEMBER("role"), tv_slice_cut(request->role, 0, GIVEN_MAX));
    member_given(out, MEMBER("method"), tv_slice_cut(request->method, 0, GIVEN_MAX));
    member_word(out, MEMBER("route"), tv_slice_of(request->route));
    member_integer(out, MEMBER("status"), request->status);
    member_ms(out, MEMBER("total_ms"), request->total_us);
    if (request->queue_us >= 0)
        member_ms(out, MEMBER("queue_ms"), request->queue_us);
    member_ms(out, MEMBER("store_ms"), request->phase_us[TV_PHASE_STORE]);
    member_integer(out, MEMBER("bytes"), (int64_t)request->bytes);
    if (request->cache)
        member_word(out, MEMBER("cache"), tv_slice_of(request->cache));
    if (slow) {
        put(out, TV_SLICE(",\"slow\":true"));
        put_phases(out, request->phase_us);
        if (request->statement.length > 0)
            member_given(out, MEMBER("statement"), request->statement);
    }
    if (request->broken)
        put(out, TV_SLICE(",\"broken\":true"));
    if (request->unread)
        put(out, TV_SLICE(",\"unread\":true"));
    if (request->failure)
        put_failure(out, request->failure, request->status);
}

struct tv_slice tv_log_line_end(struct tv_log_line *line)
{
    struct tv_slice none = {0};
    put(&line->buffer, TV_SLICE("}\n"));
    return tv_buffer_failed(&line->buffer) ? none : tv_buffer_view(&line->buffer);
}
