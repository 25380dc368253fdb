/*
 * trace_context.c - "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": version, trace, parent, flags.
 */
#include "watch/trace_context.h"

enum { AT_TRACE = 3, AT_SPAN = 36, AT_FLAGS = 53 };

/* Lower case alone, as the recommendation has it. */
static bool read_hex(const char *text, unsigned digits, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < digits; i++) {
        char digit = text[i];
        if (digit >= '0' && digit <= '9')
            *out = *out << 4 | (uint64_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            *out = *out << 4 | (uint64_t)(digit - 'a' + 10);
        else
            return false;
    }
    return true;
}

bool tv_traceparent_read(struct tv_slice text, struct tv_trace_context *out)
{
    uint64_t version, flags;
    if (text.length < TV_TRACEPARENT || text.data[AT_TRACE - 1] != '-' || text.data[AT_SPAN - 1] != '-' ||
        text.data[AT_FLAGS - 1] != '-')
        return false;
    if (!read_hex(text.data, 2, &version) || version == 0xff || !read_hex(text.data + AT_FLAGS, 2, &flags))
        return false;
    /* a later version may go on behind a dash */
    if (text.length > TV_TRACEPARENT && (version == 0 || text.data[TV_TRACEPARENT] != '-'))
        return false;
    if (!read_hex(text.data + AT_TRACE, 16, &out->trace[0]) ||
        !read_hex(text.data + AT_TRACE + 16, 16, &out->trace[1]) ||
        !read_hex(text.data + AT_SPAN, 16, &out->span))
        return false;
    /* flags that nobody has defined yet are not passed on */
    out->flags = (uint8_t)(flags & (TV_TRACE_SAMPLED | TV_TRACE_RANDOM));
    return (out->trace[0] || out->trace[1]) && out->span;
}

static void write_hex(uint64_t value, unsigned digits, char *out)
{
    for (unsigned i = digits; i > 0; i--, value >>= 4)
        out[i - 1] = "0123456789abcdef"[value & 15];
}

void tv_trace_id_write(const uint64_t trace[2], char out[TV_TRACE_ID_TEXT])
{
    write_hex(trace[0], 16, out);
    write_hex(trace[1], 16, out + 16);
}

void tv_traceparent_write(const struct tv_trace_context *context, char out[TV_TRACEPARENT + 1])
{
    write_hex(0, 2, out);
    tv_trace_id_write(context->trace, out + AT_TRACE);
    write_hex(context->span, 16, out + AT_SPAN);
    write_hex(context->flags, 2, out + AT_FLAGS);
    out[AT_TRACE - 1] = out[AT_SPAN - 1] = out[AT_FLAGS - 1] = '-';
    out[TV_TRACEPARENT] = '\0';
}
