/*
 * scan.c - names, JSON paths and quoted texts.
 */
#include "scan.h"

#include <string.h>

bool sql_scan_fail(struct sql_scan *scan, const char *expected)
{
    struct tv_slice rest = tv_slice_cut(scan->text, scan->at, scan->text.length);
    size_t length = 1; /* one whole character */
    while (length < rest.length && ((unsigned char)rest.data[length] & 0xC0) == 0x80)
        length++;
    tv_fail(scan->error, 400, "PGRST100", "\"failed to parse %s (%.*s)\" (line 1, column %zu)", scan->what,
            (int)tv_slice_cut(scan->text, 0, 300).length, scan->text.data ? scan->text.data : "",
            scan->at + 1);
    if (rest.length == 0)
        tv_error_details(scan->error, "unexpected end of input expecting %s", expected);
    else
        tv_error_details(scan->error, "unexpected \"%.*s\" expecting %s", (int)length, rest.data, expected);
    return false;
}

bool sql_scan_full(struct sql_scan *scan)
{
    return tv_arena_fail(scan->arena, scan->error);
}

bool sql_scan_ended(const struct sql_scan *scan)
{
    return scan->at >= scan->text.length;
}

char sql_scan_peek(const struct sql_scan *scan)
{
    return scan->at < scan->text.length ? scan->text.data[scan->at] : '\0';
}

bool sql_scan_ahead(const struct sql_scan *scan, const char *word)
{
    size_t length = strlen(word);
    return scan->text.length - scan->at >= length && memcmp(scan->text.data + scan->at, word, length) == 0;
}

bool sql_scan_word(struct sql_scan *scan, const char *word)
{
    if (sql_scan_ended(scan) || !sql_scan_ahead(scan, word))
        return false;
    scan->at += strlen(word);
    return true;
}

void sql_scan_blanks(struct sql_scan *scan)
{
    while (sql_scan_peek(scan) == ' ' || sql_scan_peek(scan) == '\t')
        scan->at++;
}

bool sql_scan_quoted(struct sql_scan *scan, struct tv_slice *out)
{
    const char *data = scan->text.data;
    size_t from = scan->at + 1, end = from, escapes = 0;
    while (end < scan->text.length && data[end] != '"') {
        if (data[end] == '\\') {
            escapes++;
            end++;
        }
        end++;
    }
    if (end >= scan->text.length)
        return false;
    scan->at = end + 1;
    *out = (struct tv_slice){data + from, end - from};
    if (escapes == 0)
        return true;
    char *text = tv_arena_alloc(scan->arena, out->length - escapes);
    if (!text)
        return sql_scan_full(scan);
    size_t length = 0;
    for (size_t i = from; i < end; i++) {
        if (data[i] == '\\')
            i++;
        text[length++] = data[i];
    }
    *out = (struct tv_slice){text, length};
    return true;
}

static bool in_name(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == ' ' || byte == '$' || (unsigned char)byte >= 0x80;
}

static bool in_key(char byte)
{
    return byte != '\0' && !strchr("(-:.,>)", byte);
}

/* Runs of bytes, joined by single dashes that do not begin an arrow. */
static struct tv_slice dashed(struct sql_scan *scan, bool (*belongs)(char))
{
    size_t from = scan->at;
    while (belongs(sql_scan_peek(scan)) ||
           (scan->at > from && sql_scan_peek(scan) == '-' && scan->at + 1 < scan->text.length &&
            belongs(scan->text.data[scan->at + 1])))
        scan->at++;
    return tv_slice_cut(scan->text, from, scan->at);
}

bool sql_scan_name(struct sql_scan *scan, struct tv_slice *out)
{
    if (sql_scan_peek(scan) == '"') {
        if (sql_scan_quoted(scan, out))
            return true;
        return scan->error->status ? false : sql_scan_fail(scan, "a closing quote");
    }
    size_t from = scan->at;
    *out = tv_slice_trim(dashed(scan, in_name));
    if (out->length > 0)
        return true;
    scan->at = from;
    return sql_scan_fail(scan, "a field name (a letter, a digit, \"_\", \"$\" or a quoted name)");
}

/* A number counts as an index only where the step ends behind it. */
static bool read_index(struct sql_scan *scan, struct sql_step *step)
{
    size_t from = scan->at, at = from;
    const char *data = scan->text.data;
    if (at < scan->text.length && data[at] == '-')
        at++;
    size_t digits = at;
    while (at < scan->text.length && data[at] >= '0' && data[at] <= '9')
        at++;
    if (at == digits || (at < scan->text.length && !strchr(".,)", data[at]) &&
                         !(at + 1 < scan->text.length &&
                           (memcmp(data + at, "->", 2) == 0 || memcmp(data + at, "::", 2) == 0))))
        return false;
    if (!tv_slice_integer(tv_slice_cut(scan->text, from, at), &step->index))
        return false;
    step->is_index = true;
    scan->at = at;
    return true;
}

static bool read_step(struct sql_scan *scan, struct sql_step *step)
{
    scan->at += 2;
    if (sql_scan_peek(scan) == '>') {
        step->as_text = true;
        scan->at++;
    }
    if (read_index(scan, step))
        return true;
    if (sql_scan_peek(scan) == '"') {
        if (sql_scan_quoted(scan, &step->key))
            return true;
        return scan->error->status ? false : sql_scan_fail(scan, "a closing quote");
    }
    step->key = dashed(scan, in_key);
    return step->key.length > 0 || sql_scan_fail(scan, "a key or an index");
}

bool sql_scan_field(struct sql_scan *scan, struct sql_field *out)
{
    struct sql_step **end = &out->path;
    out->path = NULL;
    if (!sql_scan_name(scan, &out->name))
        return false;
    while (sql_scan_ahead(scan, "->")) {
        struct sql_step *step = tv_arena_array(scan->arena, 1, sizeof *step);
        if (!step)
            return sql_scan_full(scan);
        if (!read_step(scan, step))
            return false;
        *end = step;
        end = &step->next;
    }
    return true;
}

bool sql_scan_add(struct sql_scan *scan, struct tv_slice text, struct sql_word ***end)
{
    struct sql_word *word = tv_arena_alloc(scan->arena, sizeof *word);
    if (!word)
        return sql_scan_full(scan);
    *word = (struct sql_word){NULL, text};
    **end = word;
    *end = &word->next;
    return true;
}
