/*
 * exposition.c - one line after the other. Our own labels need no escapes, so none are undone.
 */
#include "exposition.h"

void exposition_start(struct exposition *reader, struct tv_slice text)
{
    *reader = (struct exposition){.rest = text};
}

static struct tv_slice take_until(struct tv_slice *rest, char end)
{
    size_t at = tv_slice_find(*rest, end);
    struct tv_slice taken = tv_slice_cut(*rest, 0, at);
    *rest = tv_slice_cut(*rest, at + 1, rest->length);
    return taken;
}

/* "# HELP name text" and "# TYPE name type". */
static void read_comment(struct exposition *reader, struct tv_slice line)
{
    take_until(&line, ' ');
    struct tv_slice what = take_until(&line, ' ');
    reader->name = take_until(&line, ' ');
    if (tv_slice_is(what, "HELP"))
        reader->help = line;
    else
        reader->type = tv_slice_is(line, "counter")     ? EXPOSITION_COUNTER
                       : tv_slice_is(line, "histogram") ? EXPOSITION_HISTOGRAM
                                                        : EXPOSITION_GAUGE;
}

/* name{label="value",label="value"} number */
static bool read_sample(struct exposition *reader, struct tv_slice line)
{
    reader->label_count = 0;
    reader->sample = take_until(&line, '{');
    while (line.length > 0 && line.data[0] != '}') {
        if (reader->label_count == EXPOSITION_LABELS_MAX)
            return false;
        reader->labels[reader->label_count].name = take_until(&line, '=');
        take_until(&line, '"');
        reader->labels[reader->label_count++].value = take_until(&line, '"');
        if (line.length > 0 && line.data[0] == ',')
            line = tv_slice_cut(line, 1, line.length);
    }
    take_until(&line, ' ');
    reader->value = line;
    return line.length > 0;
}

bool exposition_next(struct exposition *reader)
{
    while (reader->rest.length > 0) {
        struct tv_slice line = take_until(&reader->rest, '\n');
        if (line.length > 0 && line.data[0] != '#')
            return read_sample(reader, line);
        read_comment(reader, line);
    }
    return false;
}

struct tv_slice exposition_label(const struct exposition *reader, const char *name)
{
    for (size_t i = 0; i < reader->label_count; i++)
        if (tv_slice_is(reader->labels[i].name, name))
            return reader->labels[i].value;
    return (struct tv_slice){0};
}
