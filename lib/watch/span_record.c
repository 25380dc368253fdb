/*
 * span_record.c - judging a record before anything of it is believed.
 */
#include "watch/span_record.h"

static bool inside(struct tv_record_text text, uint32_t length)
{
    return (uint32_t)text.at + text.length <= length;
}

static bool span_is_sound(const struct tv_span_record *span, size_t number, uint32_t text)
{
    return span->kind < TV_SPAN_KIND_COUNT && span->parent < number && span->took_us >= 0 &&
           inside(span->verb, text) && inside(span->on, text) && inside(span->shape, text);
}

bool tv_record_check(const void *bytes, size_t length, struct tv_record_view *out)
{
    const struct tv_trace_record *head = bytes;
    if (length < sizeof *head || head->size != length || length > TV_RECORD_MAX || length % 8 != 0 ||
        head->spans > TV_SPANS_MAX || head->text > TV_SPAN_TEXT_MAX)
        return false;
    size_t fixed = sizeof *head + head->spans * sizeof(struct tv_span_record);
    if (length < fixed || length - fixed < head->text || length - fixed - head->text >= 8)
        return false;
    *out = (struct tv_record_view){.head = head, .spans = (const struct tv_span_record *)(head + 1)};
    out->text = (const char *)(out->spans + head->spans);
    for (size_t i = 0; i < head->spans; i++)
        if (!span_is_sound(&out->spans[i], i + 1, head->text))
            return false;
    return head->took_us >= 0 && head->span != 0 && (head->trace[0] || head->trace[1]) &&
           inside(head->route, head->text) && inside(head->id, head->text) && inside(head->state, head->text);
}

struct tv_slice tv_record_slice(const struct tv_record_view *view, struct tv_record_text text)
{
    return (struct tv_slice){view->text + text.at, text.length};
}
