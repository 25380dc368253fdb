/*
 * write_rows.c - rows as JSON. The schema says what a value is; what the store sends decides where both disagree, so that an
 * altered table never makes invalid JSON.
 */
#include <string.h>

#include "literal.h"
#include "sql.h"

static void put_string(struct tv_buffer *out, struct tv_slice text)
{
    struct tv_json json;
    tv_json_start(&json, out);
    tv_json_string(&json, text);
}

/* Nothing but digits and what stands between them in numbers and times. */
static bool is_plain(struct tv_slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((text.data[i] < '0' || text.data[i] > '9') && !(text.data[i] && strchr("-:.T", text.data[i])))
            return false;
    return text.length > 0;
}

static void put_plain(struct tv_buffer *out, struct tv_slice text, const char *suffix)
{
    tv_buffer_byte(out, '"');
    tv_buffer_slice(out, text);
    tv_buffer_text(out, suffix);
    tv_buffer_byte(out, '"');
}

/* All digits as they are; zeros in front (ZEROFILL) are not JSON, zeros at the end of a cast are noise. */
static void put_decimal(struct tv_buffer *out, struct tv_slice text, bool trim)
{
    if (text.length > 0 && text.data[0] == '-') {
        tv_buffer_byte(out, '-');
        text = tv_slice_cut(text, 1, text.length);
    }
    while (text.length > 1 && text.data[0] == '0' && text.data[1] != '.')
        text = tv_slice_cut(text, 1, text.length);
    if (trim && tv_slice_find(text, '.') < text.length) {
        while (text.data[text.length - 1] == '0')
            text.length--;
        if (text.data[text.length - 1] == '.')
            text.length--;
    }
    if (text.length > 0 && text.data[0] == '.')
        tv_buffer_byte(out, '0');
    tv_buffer_slice(out, text);
}

/* "\\x68656c", as PostgreSQL prints bytes. */
static void put_binary(struct tv_buffer *out, struct tv_slice bytes)
{
    static const char hex[] = "0123456789abcdef";
    char *room = tv_buffer_reserve(out, 2 * bytes.length + 5);
    if (!room)
        return;
    size_t at = 4;
    memcpy(room, "\"\\\\x", 4);
    for (size_t i = 0; i < bytes.length; i++) {
        room[at++] = hex[(unsigned char)bytes.data[i] >> 4];
        room[at++] = hex[(unsigned char)bytes.data[i] & 15];
    }
    room[at++] = '"';
    tv_buffer_commit(out, at);
}

static void put_bits(struct tv_buffer *out, struct tv_slice bytes, uint32_t bits)
{
    tv_buffer_byte(out, '"');
    for (uint32_t i = bits; i > 0; i--) {
        size_t back = (i - 1) / 8;
        unsigned byte = back < bytes.length ? (unsigned char)bytes.data[bytes.length - 1 - back] : 0;
        tv_buffer_byte(out, byte >> ((i - 1) % 8) & 1 ? '1' : '0');
    }
    tv_buffer_byte(out, '"');
}

/* MySQL's own JSON type is valid by its nature; where it only is text by a constraint, it is looked at. */
static void put_json(struct tv_buffer *out, struct tv_slice text)
{
    if (sql_json_valid(text))
        tv_buffer_slice(out, text);
    else
        put_string(out, text);
}

static void put_text(struct tv_buffer *out, const struct sql_expression *expression, struct tv_slice text)
{
    bool numeric = expression->type == SQL_TYPE_DECIMAL ||
                   (expression->type >= SQL_TYPE_DATE && expression->type <= SQL_TYPE_TIMESTAMP);
    if (numeric && !is_plain(text)) { /* the column is not what it was when the schema was read */
        put_string(out, text);
        return;
    }
    switch (expression->type) {
    case SQL_TYPE_DECIMAL: put_decimal(out, text, expression->cast == SQL_CAST_DECIMAL); break;
    case SQL_TYPE_DATE:
    case SQL_TYPE_TIME:
    case SQL_TYPE_DATETIME: put_plain(out, text, ""); break;
    case SQL_TYPE_TIMESTAMP: put_plain(out, text, "+00:00"); break;
    case SQL_TYPE_JSON:
    case SQL_TYPE_GEOMETRY: put_json(out, text); break;
    case SQL_TYPE_BINARY: put_binary(out, text); break;
    case SQL_TYPE_BIT: put_bits(out, text, expression->column->bits); break;
    default: put_string(out, text); break;
    }
}

static void put_real(struct tv_buffer *out, const struct tv_value *value)
{
    struct tv_json json;
    tv_json_start(&json, out);
    if (value->type == TV_VALUE_FLOAT)
        tv_json_float(&json, (float)value->real);
    else
        tv_json_double(&json, value->real);
}

static void put_value(struct tv_buffer *out, const struct sql_expression *expression,
                      const struct tv_value *value)
{
    switch (value->type) {
    case TV_VALUE_NULL: tv_buffer_append(out, "null", 4); break;
    case TV_VALUE_INTEGER:
    case TV_VALUE_UNSIGNED:
        if (expression->type == SQL_TYPE_BOOLEAN)
            tv_buffer_text(out, value->integer ? "true" : "false");
        else if (value->type == TV_VALUE_INTEGER)
            tv_buffer_integer(out, value->integer);
        else
            tv_buffer_unsigned(out, value->unsigned_integer);
        break;
    case TV_VALUE_FLOAT:
    case TV_VALUE_DOUBLE: put_real(out, value); break;
    case TV_VALUE_DECIMAL:
    case TV_VALUE_TEXT: put_text(out, expression, value->text); break;
    }
}

void sql_write_row(struct tv_buffer *out, const struct sql_plan *plan, const struct tv_value *row,
                   bool strip_nulls)
{
    size_t from = out->length;
    for (size_t i = 0; i < plan->output_count; i++) {
        if (strip_nulls && row[i].type == TV_VALUE_NULL)
            continue;
        tv_buffer_slice(out, plan->outputs[i].json_key);
        put_value(out, &plan->outputs[i].expression, &row[i]);
    }
    if (out->length == from)
        tv_buffer_byte(out, '{');
    else
        out->data[from] = '{'; /* in place of the first key's comma */
    tv_buffer_byte(out, '}');
}
