/*
 * mysql_row.c - values on their way to parameters, and result columns on their way to values. Numbers and times travel in
 * the library's binary form; text up to a few hundred bytes lies in the column's cell, longer text is fetched apart into
 * memory that the session reuses, so what is held does not grow with the result.
 */
#include <stdlib.h>
#include <string.h>

#include "store/mysql_session.h"

enum { CHARSET_BINARY = 63, TYPE_VECTOR = 242, TYPE_JSON = 245 };

enum cell_form { CELL_INTEGER, CELL_UNSIGNED, CELL_FLOAT, CELL_DOUBLE, CELL_TEXT, CELL_TIME };

/* Where the library puts one column of one row. */
struct tv_mysql_cell {
    enum cell_form form;
    unsigned field_type; /* what the column was when it was described */
    unsigned field_flags;
    unsigned long length;
    tv_mysql_bool is_null;
    union {
        int64_t integer;
        uint64_t unsigned_integer;
        float single;
        double real;
        struct {
            char *data;
            unsigned long capacity;
        } text;
        struct {
            MYSQL_TIME time;
            char printed[40];
        };
    };
};

/* --- values to parameters --- */

/* The library takes what it only reads as void *. */
static void *bare(const void *pointer)
{
    return (void *)(uintptr_t)pointer;
}

static void bind_value(MYSQL_BIND *bind, const struct tv_value *value)
{
    *bind = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_NULL};
    switch (value->type) {
    case TV_VALUE_NULL: break;
    case TV_VALUE_INTEGER:
    case TV_VALUE_UNSIGNED:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = bare(&value->integer);
        bind->is_unsigned = value->type == TV_VALUE_UNSIGNED;
        break;
    case TV_VALUE_FLOAT: /* a float, widened, is the same number */
    case TV_VALUE_DOUBLE:
        bind->buffer_type = MYSQL_TYPE_DOUBLE;
        bind->buffer = bare(&value->real);
        break;
    case TV_VALUE_DECIMAL:
    case TV_VALUE_TEXT:
        bind->buffer_type = value->type == TV_VALUE_TEXT ? MYSQL_TYPE_STRING : MYSQL_TYPE_NEWDECIMAL;
        bind->buffer = bare(value->text.data ? value->text.data : "");
        bind->buffer_length = (unsigned long)value->text.length;
        break;
    }
}

bool tv_mysql_bind_values(struct tv_mysql *session, struct tv_mysql_statement *statement,
                          const struct tv_value *values, size_t count, struct tv_error *error)
{
    if (mysql_stmt_param_count(statement->handle) != count)
        return tv_fail(error, 500, NULL, "a statement for %lu values was given %zu",
                       mysql_stmt_param_count(statement->handle), count);
    if (count == 0)
        return true;
    if (count > session->param_capacity) {
        MYSQL_BIND *params = reallocarray(session->params, count, sizeof *params);
        if (!params)
            return tv_fail(error, 500, NULL, "out of memory for %zu values", count);
        session->params = params;
        session->param_capacity = count;
    }
    for (size_t i = 0; i < count; i++)
        bind_value(&session->params[i], &values[i]);
    if (mysql_stmt_bind_param(statement->handle, session->params))
        return tv_fail(error, 500, NULL, "values cannot be bound: %s", mysql_stmt_error(statement->handle));
    return true;
}

/* --- columns --- */

static bool is_binary(const MYSQL_FIELD *field)
{
    return field->charsetnr == CHARSET_BINARY;
}

static enum tv_column_kind kind_of(const MYSQL_FIELD *field)
{
    switch ((int)field->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE: return TV_COLUMN_NUMBER;
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL: return TV_COLUMN_DECIMAL;
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_NEWDATE: return TV_COLUMN_DATE;
    case MYSQL_TYPE_TIME: return TV_COLUMN_TIME;
    case MYSQL_TYPE_DATETIME: return TV_COLUMN_DATETIME;
    case MYSQL_TYPE_TIMESTAMP: return TV_COLUMN_TIMESTAMP;
    case MYSQL_TYPE_BIT: return TV_COLUMN_BIT;
    case MYSQL_TYPE_GEOMETRY: return TV_COLUMN_GEOMETRY;
    case TYPE_JSON: return TV_COLUMN_JSON;
    case TYPE_VECTOR: return TV_COLUMN_BINARY;
    default: return is_binary(field) ? TV_COLUMN_BINARY : TV_COLUMN_TEXT;
    }
}

static enum cell_form form_of(const MYSQL_FIELD *field, enum tv_column_kind kind)
{
    switch (kind) {
    case TV_COLUMN_NUMBER:
        if (field->type == MYSQL_TYPE_FLOAT)
            return CELL_FLOAT;
        if (field->type == MYSQL_TYPE_DOUBLE)
            return CELL_DOUBLE;
        return field->flags & UNSIGNED_FLAG ? CELL_UNSIGNED : CELL_INTEGER;
    case TV_COLUMN_DATE:
    case TV_COLUMN_TIME:
    case TV_COLUMN_DATETIME:
    case TV_COLUMN_TIMESTAMP: return CELL_TIME;
    default: return CELL_TEXT;
    }
}

static size_t inline_size(const MYSQL_FIELD *field)
{
    return field->length < TV_MYSQL_INLINE ? field->length : TV_MYSQL_INLINE;
}

/* Expressions may have a type without a length of their own; then the cell is simply small. */
static void bind_cell(MYSQL_BIND *bind, struct tv_mysql_cell *cell, const MYSQL_FIELD *field)
{
    *bind = (MYSQL_BIND){.length = &cell->length, .is_null = &cell->is_null};
    switch (cell->form) {
    case CELL_INTEGER:
    case CELL_UNSIGNED:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = &cell->integer;
        bind->is_unsigned = cell->form == CELL_UNSIGNED;
        break;
    case CELL_FLOAT:
        bind->buffer_type = MYSQL_TYPE_FLOAT;
        bind->buffer = &cell->single;
        break;
    case CELL_DOUBLE:
        bind->buffer_type = MYSQL_TYPE_DOUBLE;
        bind->buffer = &cell->real;
        break;
    case CELL_TIME:
        bind->buffer_type = field->type == MYSQL_TYPE_NEWDATE ? MYSQL_TYPE_DATE : field->type;
        bind->buffer = &cell->time;
        bind->buffer_length = sizeof cell->time;
        break;
    case CELL_TEXT:
        bind->buffer_type = MYSQL_TYPE_STRING;
        bind->buffer = cell->text.data;
        bind->buffer_length = cell->text.capacity;
        break;
    }
}

static size_t rounded(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

void tv_mysql_undescribe(struct tv_mysql_statement *statement)
{
    free(statement->block);
    statement->block = NULL;
    statement->column_count = 0;
}

bool tv_mysql_describe(struct tv_mysql_statement *statement, struct tv_error *error)
{
    MYSQL_STMT *handle = statement->handle;
    unsigned count = mysql_stmt_field_count(handle);
    tv_mysql_undescribe(statement);
    if (count == 0)
        return true;
    size_t sizes[] = {rounded(count * sizeof *statement->binds), rounded(count * sizeof *statement->cells),
                      rounded(count * sizeof *statement->columns), rounded(count * sizeof *statement->row)};
    size_t total = sizes[0] + sizes[1] + sizes[2] + sizes[3];
    for (unsigned i = 0; i < count; i++)
        total += rounded(inline_size(&handle->fields[i])) + rounded(handle->fields[i].name_length);
    char *block = calloc(1, total);
    if (!block)
        return tv_fail(error, 500, NULL, "out of memory for %u columns", count);
    statement->block = block;
    statement->column_count = count;
    statement->binds = (void *)block;
    statement->cells = (void *)(block + sizes[0]);
    statement->columns = (void *)(block + sizes[0] + sizes[1]);
    statement->row = (void *)(block + sizes[0] + sizes[1] + sizes[2]);
    char *rest = block + sizes[0] + sizes[1] + sizes[2] + sizes[3];
    for (unsigned i = 0; i < count; i++) {
        const MYSQL_FIELD *field = &handle->fields[i];
        struct tv_mysql_cell *cell = &statement->cells[i];
        struct tv_column *column = &statement->columns[i];
        column->kind = kind_of(field);
        column->length = (uint32_t)field->length;
        column->name = (struct tv_slice){memcpy(rest, field->name, field->name_length), field->name_length};
        rest += rounded(field->name_length);
        cell->form = form_of(field, column->kind);
        cell->field_type = (unsigned)field->type;
        cell->field_flags = field->flags;
        if (cell->form == CELL_TEXT) {
            cell->text.data = rest;
            cell->text.capacity = inline_size(field);
            rest += rounded(cell->text.capacity);
        }
        bind_cell(&statement->binds[i], cell, field);
    }
    if (mysql_stmt_bind_result(handle, statement->binds))
        return tv_fail(error, 500, NULL, "columns cannot be bound: %s", mysql_stmt_error(handle));
    return true;
}

bool tv_mysql_described(const struct tv_mysql_statement *statement)
{
    const MYSQL_STMT *handle = statement->handle;
    if (handle->field_count != statement->column_count)
        return false;
    for (unsigned i = 0; i < statement->column_count; i++) {
        const MYSQL_FIELD *field = &handle->fields[i];
        if (statement->cells[i].field_type != (unsigned)field->type ||
            (statement->cells[i].field_flags ^ field->flags) & (UNSIGNED_FLAG | BINARY_FLAG) ||
            (statement->columns[i].kind == TV_COLUMN_BIT && statement->columns[i].length != field->length))
            return false;
    }
    return true;
}

/* --- rows --- */

/* Decimal digits with zeros in front; times are in every other row, and printf would cost more than the fetch. */
static char *put_digits(char *out, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--, value /= 10)
        out[i - 1] = (char)('0' + value % 10);
    return out + digits;
}

static char *put_date(char *out, const MYSQL_TIME *time)
{
    out = put_digits(out, time->year, 4);
    *out++ = '-';
    out = put_digits(out, time->month, 2);
    *out++ = '-';
    return put_digits(out, time->day, 2);
}

static char *put_clock(char *out, unsigned hours, const MYSQL_TIME *time)
{
    out = put_digits(out, hours, hours < 100 ? 2 : 3);
    *out++ = ':';
    out = put_digits(out, time->minute, 2);
    *out++ = ':';
    out = put_digits(out, time->second, 2);
    if (time->second_part == 0)
        return out;
    *out++ = '.';
    out = put_digits(out, (unsigned)time->second_part, 6);
    while (out[-1] == '0')
        out--;
    return out;
}

/* A TIME may come with its hours in hours or, from 24 on, partly in days. */
static struct tv_slice time_text(struct tv_mysql_cell *cell, enum tv_column_kind kind)
{
    const MYSQL_TIME *time = &cell->time;
    char *out = cell->printed, *end = out;
    if (kind == TV_COLUMN_TIME) {
        if (time->neg)
            *end++ = '-';
        end = put_clock(end, time->day * 24 + time->hour, time);
    } else {
        end = put_date(end, time);
        if (kind != TV_COLUMN_DATE) {
            *end++ = 'T';
            end = put_clock(end, time->hour, time);
        }
    }
    return (struct tv_slice){out, (size_t)(end - out)};
}

/* Room for all of this row's long values at once: they must not move while the others are fetched. */
static bool reserve_longs(struct tv_mysql *session, const struct tv_mysql_statement *statement,
                          struct tv_error *error)
{
    size_t need = 0;
    for (unsigned i = 0; i < statement->column_count; i++) {
        const struct tv_mysql_cell *cell = &statement->cells[i];
        if (cell->form == CELL_TEXT && !cell->is_null && cell->length > cell->text.capacity)
            need += cell->length;
    }
    if (need <= session->longs_capacity)
        return true;
    free(session->longs); /* what it held belonged to the row before */
    session->longs = malloc(need);
    session->longs_capacity = session->longs ? need : 0;
    return session->longs || tv_fail(error, 500, NULL, "out of memory for a value of %zu bytes", need);
}

static bool fetch_long(struct tv_mysql_statement *statement, unsigned at, char *place, struct tv_error *error)
{
    unsigned long length = 0;
    tv_mysql_bool is_null = 0;
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_STRING,
                       .buffer = place,
                       .buffer_length = statement->cells[at].length,
                       .length = &length,
                       .is_null = &is_null};
    if (mysql_stmt_fetch_column(statement->handle, &bind, at, 0) != 0)
        return tv_fail(error, 500, NULL, "a long value cannot be read: %s",
                       mysql_stmt_error(statement->handle));
    return true;
}

bool tv_mysql_read_row(struct tv_mysql *session, struct tv_mysql_statement *statement, struct tv_error *error)
{
    bool reserved = false;
    size_t longs = 0;
    for (unsigned i = 0; i < statement->column_count; i++) {
        struct tv_mysql_cell *cell = &statement->cells[i];
        struct tv_value *value = &statement->row[i];
        if (cell->is_null) {
            value->type = TV_VALUE_NULL;
            continue;
        }
        switch (cell->form) {
        case CELL_INTEGER: *value = (struct tv_value){TV_VALUE_INTEGER, {.integer = cell->integer}}; break;
        case CELL_UNSIGNED:
            *value = (struct tv_value){TV_VALUE_UNSIGNED, {.unsigned_integer = cell->unsigned_integer}};
            break;
        case CELL_FLOAT: *value = (struct tv_value){TV_VALUE_FLOAT, {.real = (double)cell->single}}; break;
        case CELL_DOUBLE: *value = (struct tv_value){TV_VALUE_DOUBLE, {.real = cell->real}}; break;
        case CELL_TIME:
            *value = (struct tv_value){TV_VALUE_TEXT, {.text = time_text(cell, statement->columns[i].kind)}};
            break;
        case CELL_TEXT:
            *value = (struct tv_value){TV_VALUE_TEXT, {.text = {cell->text.data, cell->length}}};
            if (cell->length <= cell->text.capacity)
                break;
            if (!reserved && !reserve_longs(session, statement, error))
                return false;
            reserved = true;
            value->text.data = session->longs + longs;
            longs += cell->length;
            if (!fetch_long(statement, i, session->longs + (longs - cell->length), error))
                return false;
            break;
        }
    }
    return true;
}
