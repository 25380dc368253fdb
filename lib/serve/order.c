/*
 * order.c - a table of words, one line at a time.
 */
#include "serve/order.h"

#include <stdio.h>
#include <string.h>

#define NUMBER_MAX 1000000 /* far above every bound; keeps sums from overflowing */

enum argument { ARGUMENT_NONE, ARGUMENT_NUMBER, ARGUMENT_WORD };

static const struct {
    const char *word;
    enum tv_order_verb verb;
    enum argument argument;
    const char *expected;
} verbs[] = {
    {"processes", TV_ORDER_PROCESSES, ARGUMENT_NUMBER, "+N, -N or =N"},
    {"workers", TV_ORDER_WORKERS, ARGUMENT_NUMBER, "+N, -N or =N"},
    {"reload", TV_ORDER_RELOAD, ARGUMENT_NONE, "nothing"},
    {"drain", TV_ORDER_DRAIN, ARGUMENT_NONE, "nothing"},
    {"level", TV_ORDER_LEVEL, ARGUMENT_WORD, "error, warn, info, debug or default"},
};

static bool read_number(struct tv_slice text, struct tv_order *out)
{
    if (text.length < 2 || !strchr("+-=", text.data[0]) || text.data[0] == '\0')
        return false;
    struct tv_slice digits = tv_slice_cut(text, 1, text.length);
    out->sign = text.data[0];
    return digits.data[0] >= '0' && digits.data[0] <= '9' && tv_slice_integer(digits, &out->number) &&
           out->number <= NUMBER_MAX && (out->sign == '=' || out->number > 0);
}

static bool read_argument(enum argument argument, struct tv_slice text, struct tv_order *out)
{
    switch (argument) {
    case ARGUMENT_NUMBER: return read_number(text, out);
    case ARGUMENT_WORD:
        snprintf(out->level, sizeof out->level, "%.*s", (int)text.length, text.data ? text.data : "");
        return text.length > 0 && text.length < sizeof out->level;
    case ARGUMENT_NONE: break;
    }
    return text.length == 0;
}

bool tv_order_read(struct tv_slice line, struct tv_order *out, struct tv_error *error)
{
    line = tv_slice_trim(line);
    struct tv_slice word = tv_slice_cut(line, 0, tv_slice_find(line, ' '));
    struct tv_slice rest = tv_slice_trim(tv_slice_cut(line, word.length, line.length));
    *out = (struct tv_order){.sign = '='};
    for (size_t i = 0; i < TV_COUNT(verbs); i++) {
        if (!tv_slice_is(word, verbs[i].word))
            continue;
        out->verb = verbs[i].verb;
        return read_argument(verbs[i].argument, rest, out) ||
               tv_fail(error, 400, NULL, "%s: expected %s after it, not \"%.*s\"", verbs[i].word,
                       verbs[i].expected, (int)rest.length, rest.data ? rest.data : "");
    }
    return tv_fail(error, 400, NULL,
                   "\"%.*s\" is no order; there are processes, workers, reload, drain and level",
                   (int)word.length, word.data ? word.data : "");
}

bool tv_order_apply(const struct tv_order *order, const char *what, int64_t now, int64_t minimum,
                    int64_t maximum, int64_t *out, struct tv_error *error)
{
    int64_t wanted = order->sign == '+'   ? now + order->number
                     : order->sign == '-' ? now - order->number
                                          : order->number;
    if (wanted < minimum || wanted > maximum)
        return tv_fail(error, 409, NULL, "%lld %s: a pool has %lld to %lld (now %lld)", (long long)wanted,
                       what, (long long)minimum, (long long)maximum, (long long)now);
    *out = wanted;
    return true;
}
