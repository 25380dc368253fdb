/*
 * table.c - text in columns, as wide as their widest cell; and numbers as people read them.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define TABLE_BYTES (4 << 20)
#define COLUMNS_MAX 24

void table_start(struct table *table, const char *const *heads)
{
    *table = (struct table){.heads = heads};
    while (heads[table->columns] && table->columns < COLUMNS_MAX)
        table->columns++;
    tv_buffer_init(&table->text, TABLE_BYTES);
}

void table_cell(struct table *table, const char *format, ...)
{
    char cell[512];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(cell, sizeof cell, format, values);
    va_end(values);
    for (char *byte = cell; length > 0 && *byte; byte++)
        if (*byte < ' ' || *byte > '~') /* bytes above 0x7f are negative or above '~' */
            *byte = '?';
    tv_buffer_text(&table->text, length > 0 ? cell : "-");
    tv_buffer_byte(&table->text, '\0');
}

static void measure(const struct table *table, size_t widths[COLUMNS_MAX])
{
    size_t length = table->text.length;
    const char *cell = length > 0 ? table->text.data : "", *end = cell + length;
    for (size_t i = 0; i < table->columns; i++)
        widths[i] = strlen(table->heads[i]) - 1;
    for (size_t i = 0; cell < end; cell += strlen(cell) + 1, i = (i + 1) % table->columns)
        if (strlen(cell) > widths[i])
            widths[i] = strlen(cell);
}

/* A line under way: what goes beyond the width is left out, blanks at its end as well. */
struct row {
    struct tv_buffer *out;
    size_t used, width, blanks;
};

static void put(struct row *row, const char *text, size_t length)
{
    for (size_t i = 0; i < length && (row->width == 0 || row->used < row->width); i++, row->used++) {
        if (text[i] == ' ') {
            row->blanks++;
            continue;
        }
        for (; row->blanks > 0; row->blanks--)
            tv_buffer_byte(row->out, ' ');
        tv_buffer_byte(row->out, text[i]);
    }
}

static void put_blanks(struct row *row, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(row, " ", 1);
}

static void put_cell(struct row *row, const char *cell, size_t width, bool right)
{
    size_t length = strlen(cell), room = width > length ? width - length : 0;
    if (row->used > 0)
        put_blanks(row, 2);
    put_blanks(row, right ? room : 0);
    put(row, cell, length);
    put_blanks(row, right ? 0 : room);
}

void table_finish(struct table *table, struct tv_buffer *out, size_t lines, size_t width, const char *end)
{
    size_t widths[COLUMNS_MAX];
    size_t length = table->text.length;
    const char *cell = length > 0 ? table->text.data : "", *last = cell + length;
    bool whole = !tv_buffer_failed(&table->text);
    measure(table, widths);
    for (size_t line = 0; whole && line < lines && (line == 0 || cell < last); line++) {
        struct row row = {.out = out, .width = width};
        for (size_t i = 0; i < table->columns; i++) {
            bool right = table->heads[i][0] == '>';
            put_cell(&row, line == 0 ? table->heads[i] + 1 : cell, widths[i], right);
            cell += line == 0 ? 0 : strlen(cell) + 1;
        }
        tv_buffer_text(out, end);
    }
    tv_buffer_free(&table->text);
}

const char *duration_text(double us, char out[16])
{
    if (us < 0)
        snprintf(out, 16, "-");
    else if (us < 999.5)
        snprintf(out, 16, "%.0fus", us);
    else if (us < 9995)
        snprintf(out, 16, "%.2fms", us / 1e3);
    else if (us < 99950)
        snprintf(out, 16, "%.1fms", us / 1e3);
    else if (us < 999500)
        snprintf(out, 16, "%.0fms", us / 1e3);
    else if (us < 99.5e6)
        snprintf(out, 16, "%.1fs", us / 1e6);
    else
        snprintf(out, 16, "%.0fs", us / 1e6);
    return out;
}

const char *uptime_text(int64_t seconds, char out[16])
{
    unsigned long days = seconds < 0 ? 0 : (unsigned long)seconds / 86400 % 100000;
    unsigned rest = seconds < 0 ? 0 : (unsigned)(seconds % 86400);
    if (seconds < 0)
        snprintf(out, 16, "-");
    else if (days > 0)
        snprintf(out, 16, "%lud%02uh", days, rest / 3600);
    else if (rest >= 3600)
        snprintf(out, 16, "%uh%02um", rest / 3600, rest / 60 % 60);
    else if (rest >= 60)
        snprintf(out, 16, "%um%02us", rest / 60, rest % 60);
    else
        snprintf(out, 16, "%us", rest);
    return out;
}
