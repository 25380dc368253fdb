/*
 * literal.c - reading literals by type. What is accepted is what PostgreSQL accepts of the usual forms; what MySQL would
 * understand otherwise (offsets of timestamps) is put into the form that it understands alike.
 */
#include "literal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DECIMAL_DIGITS_MAX 65 /* of MySQL's and MariaDB's DECIMAL */

/* --- errors --- */

static bool bad(struct tv_error *error, const char *code, const char *type, struct tv_slice text)
{
    return tv_fail(error, 400, code, "invalid input syntax for type %s: \"%.*s\"", type,
                   (int)tv_slice_cut(text, 0, 300).length, text.data ? text.data : "");
}

static const char *type_name(enum sql_type type, const struct sql_column *column)
{
    static const char *const names[] = {
        [SQL_TYPE_BOOLEAN] = "boolean",
        [SQL_TYPE_INTEGER] = "integer",
        [SQL_TYPE_DECIMAL] = "numeric",
        [SQL_TYPE_FLOAT] = "real",
        [SQL_TYPE_DOUBLE] = "double precision",
        [SQL_TYPE_TEXT] = "text",
        [SQL_TYPE_BINARY] = "bytea",
        [SQL_TYPE_DATE] = "date",
        [SQL_TYPE_TIME] = "time",
        [SQL_TYPE_DATETIME] = "timestamp",
        [SQL_TYPE_TIMESTAMP] = "timestamp with time zone",
        [SQL_TYPE_JSON] = "json",
        [SQL_TYPE_BIT] = "bit",
        [SQL_TYPE_GEOMETRY] = "geometry",
    };
    return column && column->type == type ? column->type_name.data : names[type];
}

static bool no_memory(struct tv_arena *arena, struct tv_error *error)
{
    return tv_arena_fail(arena, error);
}

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct tv_slice trimmed(struct tv_slice text)
{
    while (text.length > 0 && is_space(text.data[0]))
        text = tv_slice_cut(text, 1, text.length);
    while (text.length > 0 && is_space(text.data[text.length - 1]))
        text.length--;
    return text;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* --- numbers --- */

static bool read_integer(const struct sql_column *column, struct tv_slice given, struct tv_value *out,
                         struct tv_error *error)
{
    const char *name = type_name(SQL_TYPE_INTEGER, column);
    int64_t minimum = column && column->type == SQL_TYPE_INTEGER ? column->minimum : INT64_MIN;
    uint64_t maximum = column && column->type == SQL_TYPE_INTEGER ? column->maximum : INT64_MAX;
    struct tv_slice text = trimmed(given);
    bool negative = text.length > 0 && text.data[0] == '-', overflow = false;
    size_t i = negative || (text.length > 0 && text.data[0] == '+') ? 1 : 0;
    uint64_t value = 0;
    if (i == text.length)
        return bad(error, "22P02", name, given);
    for (; i < text.length; i++) {
        if (!is_digit(text.data[i]))
            return bad(error, "22P02", name, given);
        overflow = overflow || __builtin_mul_overflow(value, (uint64_t)10, &value) ||
                   __builtin_add_overflow(value, (uint64_t)(text.data[i] - '0'), &value);
    }
    uint64_t lowest = 0 - (uint64_t)minimum;
    if (overflow || value > (negative ? lowest : maximum))
        return tv_fail(error, 400, "22003", "value \"%.*s\" is out of range for type %s",
                       (int)tv_slice_cut(text, 0, 100).length, text.data, name);
    if (negative)
        *out = (struct tv_value){TV_VALUE_INTEGER, {.integer = (int64_t)(0 - value)}};
    else if (value <= INT64_MAX)
        *out = (struct tv_value){TV_VALUE_INTEGER, {.integer = (int64_t)value}};
    else
        *out = (struct tv_value){TV_VALUE_UNSIGNED, {.unsigned_integer = value}};
    return true;
}

/* [sign] digits [. digits] [e [sign] digits]; *digits counts those of the mantissa. */
static bool is_number(struct tv_slice text, size_t *digits)
{
    size_t i = 0;
    *digits = 0;
    if (i < text.length && (text.data[i] == '-' || text.data[i] == '+'))
        i++;
    for (; i < text.length && is_digit(text.data[i]); i++)
        ++*digits;
    if (i < text.length && text.data[i] == '.')
        for (i++; i < text.length && is_digit(text.data[i]); i++)
            ++*digits;
    if (*digits == 0)
        return false;
    if (i < text.length && (text.data[i] == 'e' || text.data[i] == 'E')) {
        i++;
        if (i < text.length && (text.data[i] == '-' || text.data[i] == '+'))
            i++;
        size_t from = i;
        while (i < text.length && is_digit(text.data[i]))
            i++;
        if (i == from)
            return false;
    }
    return i == text.length;
}

static bool read_decimal(enum sql_type type, const struct sql_column *column, struct tv_slice given,
                         struct tv_value *out, struct tv_error *error)
{
    struct tv_slice text = trimmed(given);
    size_t digits;
    if (!is_number(text, &digits))
        return bad(error, "22P02", type_name(type, column), given);
    if (digits > DECIMAL_DIGITS_MAX)
        return tv_fail(error, 400, "22003", "numeric field overflow: more than %d digits",
                       DECIMAL_DIGITS_MAX);
    if (text.data[0] == '+')
        text = tv_slice_cut(text, 1, text.length);
    *out = (struct tv_value){TV_VALUE_DECIMAL, {.text = text}};
    return true;
}

static bool read_real(struct tv_arena *arena, enum sql_type type, const struct sql_column *column,
                      struct tv_slice given, struct tv_value *out, struct tv_error *error)
{
    struct tv_slice text = trimmed(given);
    size_t digits;
    if (!is_number(text, &digits))
        return bad(error, "22P02", type_name(type, column), given);
    char *terminated = tv_arena_text(arena, text);
    if (!terminated)
        return no_memory(arena, error);
    errno = 0;
    double value = type == SQL_TYPE_FLOAT ? (double)strtof(terminated, NULL) : strtod(terminated, NULL);
    if (errno == ERANGE && (value > 1 || value < -1))
        return tv_fail(error, 400, "22003", "\"%.*s\" is out of range for type %s",
                       (int)tv_slice_cut(text, 0, 100).length, text.data, type_name(type, column));
    *out = (struct tv_value){TV_VALUE_DOUBLE, {.real = value}};
    return true;
}

/* Any beginning of the words that is not another's too, as PostgreSQL has it. */
static bool read_boolean(const struct sql_column *column, struct tv_slice given, struct tv_value *out,
                         struct tv_error *error)
{
    static const struct {
        const char *word;
        size_t shortest;
        int value;
    } words[] = {{"true", 1, 1}, {"false", 1, 0}, {"yes", 1, 1}, {"no", 1, 0},
                 {"on", 2, 1},   {"off", 2, 0},   {"1", 1, 1},   {"0", 1, 0}};
    struct tv_slice text = trimmed(given);
    for (size_t i = 0; i < TV_COUNT(words); i++) {
        size_t length = strlen(words[i].word);
        if (text.length < words[i].shortest || text.length > length ||
            strncasecmp(text.data, words[i].word, text.length) != 0)
            continue;
        *out = (struct tv_value){TV_VALUE_INTEGER, {.integer = words[i].value}};
        return true;
    }
    return bad(error, "22P02", type_name(SQL_TYPE_BOOLEAN, column), given);
}

/* "0101" */
static bool read_bits(const struct sql_column *column, struct tv_slice given, struct tv_value *out,
                      struct tv_error *error)
{
    uint64_t value = 0;
    if (given.length == 0 || given.length > 64)
        return bad(error, "22P02", type_name(SQL_TYPE_BIT, column), given);
    for (size_t i = 0; i < given.length; i++) {
        if (given.data[i] != '0' && given.data[i] != '1')
            return bad(error, "22P02", type_name(SQL_TYPE_BIT, column), given);
        value = value << 1 | (uint64_t)(given.data[i] - '0');
    }
    if (column && given.length > column->bits && value >> (column->bits % 64))
        return tv_fail(error, 400, "22001", "bit string length %zu does not match type bit(%u)", given.length,
                       column->bits);
    *out = (struct tv_value){TV_VALUE_UNSIGNED, {.unsigned_integer = value}};
    return true;
}

/* --- bytes --- */

static int nibble(char byte)
{
    if (is_digit(byte))
        return byte - '0';
    if ((byte | 32) >= 'a' && (byte | 32) <= 'f')
        return (byte | 32) - 'a' + 10;
    return -1;
}

/* \x68656c as PostgreSQL writes bytes; anything else stands for its own bytes. */
static bool read_binary(struct tv_arena *arena, struct tv_slice given, struct tv_value *out,
                        struct tv_error *error)
{
    *out = (struct tv_value){TV_VALUE_TEXT, {.text = given}};
    if (!tv_slice_starts(given, "\\x"))
        return true;
    size_t length = (given.length - 2) / 2;
    char *bytes = tv_arena_alloc(arena, length ? length : 1);
    if (!bytes)
        return no_memory(arena, error);
    if (given.length % 2)
        return tv_fail(error, 400, "22023", "invalid hexadecimal data: odd number of digits");
    for (size_t i = 0; i < length; i++) {
        int high = nibble(given.data[2 + 2 * i]), low = nibble(given.data[3 + 2 * i]);
        if (high < 0 || low < 0)
            return tv_fail(error, 400, "22023", "invalid hexadecimal digit in \"%.*s\"",
                           (int)tv_slice_cut(given, 0, 100).length, given.data);
        bytes[i] = (char)(high * 16 + low);
    }
    out->text = (struct tv_slice){bytes, length};
    return true;
}

/* --- dates and times --- */

struct moment {
    int year, month, day, hour, minute, second;
    struct tv_slice fraction; /* digits behind the point, at most six */
    bool has_date, has_zone;
    int zone_minutes;
};

/* Up to most digits, at least one. */
static bool take_number(struct tv_slice *text, size_t most, int *out)
{
    size_t i = 0;
    *out = 0;
    for (; i < text->length && i < most && is_digit(text->data[i]); i++)
        *out = *out * 10 + (text->data[i] - '0');
    *text = tv_slice_cut(*text, i, text->length);
    return i > 0;
}

static bool take_byte(struct tv_slice *text, char byte)
{
    if (text->length == 0 || text->data[0] != byte)
        return false;
    *text = tv_slice_cut(*text, 1, text->length);
    return true;
}

static bool take_date(struct tv_slice *text, struct moment *out)
{
    out->has_date = true;
    return take_number(text, 4, &out->year) && take_byte(text, '-') && take_number(text, 2, &out->month) &&
           take_byte(text, '-') && take_number(text, 2, &out->day);
}

/* h:m[:s[.f]] */
static bool take_time(struct tv_slice *text, size_t hour_digits, struct moment *out)
{
    if (!take_number(text, hour_digits, &out->hour) || !take_byte(text, ':') ||
        !take_number(text, 2, &out->minute))
        return false;
    if (!take_byte(text, ':'))
        return true;
    if (!take_number(text, 2, &out->second))
        return false;
    if (take_byte(text, '.')) {
        size_t digits = 0;
        while (digits < text->length && is_digit(text->data[digits]))
            digits++;
        out->fraction = tv_slice_cut(*text, 0, digits < 6 ? digits : 6);
        *text = tv_slice_cut(*text, digits, text->length);
    }
    return true;
}

/* Z, +hh, +hhmm, +hh:mm */
static bool take_zone(struct tv_slice *text, struct moment *out)
{
    int hours, minutes = 0;
    if (text->length == 0)
        return true;
    out->has_zone = true;
    if (take_byte(text, 'Z') || take_byte(text, 'z'))
        return true;
    bool west = take_byte(text, '-');
    if (!west && !take_byte(text, '+'))
        return false;
    if (!take_number(text, 2, &hours))
        return false;
    if (text->length > 0 && ((void)take_byte(text, ':'), !take_number(text, 2, &minutes)))
        return false;
    out->zone_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
    return hours < 16 && minutes < 60;
}

static bool in_calendar(const struct moment *moment)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (moment->year % 4 == 0 && moment->year % 100 != 0) || moment->year % 400 == 0;
    return moment->year >= 1 && moment->month >= 1 && moment->month <= 12 && moment->day >= 1 &&
           moment->day <= days[moment->month - 1] + (leap && moment->month == 2) && moment->hour <= 23 &&
           moment->minute <= 59 && moment->second <= 59;
}

/* Takes the offset off: sessions run in UTC. */
static void to_utc(struct moment *moment)
{
    struct tm parts = {.tm_year = moment->year - 1900,
                       .tm_mon = moment->month - 1,
                       .tm_mday = moment->day,
                       .tm_hour = moment->hour,
                       .tm_min = moment->minute,
                       .tm_sec = moment->second};
    time_t at = timegm(&parts) - (time_t)moment->zone_minutes * 60;
    gmtime_r(&at, &parts);
    moment->year = parts.tm_year + 1900;
    moment->month = parts.tm_mon + 1;
    moment->day = parts.tm_mday;
    moment->hour = parts.tm_hour;
    moment->minute = parts.tm_min;
}

static bool read_moment(struct tv_arena *arena, enum sql_type type, struct tv_slice given,
                        struct tv_value *out, struct tv_error *error)
{
    struct moment moment = {0};
    struct tv_slice text = trimmed(given);
    bool good = take_date(&text, &moment);
    if (good && text.length > 0 && (take_byte(&text, 'T') || take_byte(&text, 't') || take_byte(&text, ' ')))
        good = take_time(&text, 2, &moment) && ((void)take_byte(&text, ' '), take_zone(&text, &moment));
    if (!good || text.length > 0)
        return bad(error, "22007", type_name(type, NULL), given);
    if (!in_calendar(&moment))
        return tv_fail(error, 400, "22008", "date/time field value out of range: \"%.*s\"",
                       (int)tv_slice_cut(given, 0, 100).length, given.data);
    if (type == SQL_TYPE_TIMESTAMP && moment.zone_minutes != 0)
        to_utc(&moment);
    char *printed = type == SQL_TYPE_DATE
                        ? tv_arena_printf(arena, "%04d-%02d-%02d", moment.year, moment.month, moment.day)
                        : tv_arena_printf(arena, "%04d-%02d-%02d %02d:%02d:%02d.%.*s", moment.year,
                                          moment.month, moment.day, moment.hour, moment.minute, moment.second,
                                          moment.fraction.length ? (int)moment.fraction.length : 1,
                                          moment.fraction.length ? moment.fraction.data : "0");
    if (!printed)
        return no_memory(arena, error);
    *out = (struct tv_value){TV_VALUE_TEXT, {.text = tv_slice_of(printed)}};
    return true;
}

/* A TIME is a span as well: up to 838 hours, also negative. */
static bool read_time(struct tv_slice given, struct tv_value *out, struct tv_error *error)
{
    struct moment moment = {0};
    struct tv_slice text = trimmed(given), whole = text;
    (void)take_byte(&text, '-');
    if (!take_time(&text, 3, &moment) || text.length > 0)
        return bad(error, "22007", type_name(SQL_TYPE_TIME, NULL), given);
    if (moment.hour > 838 || moment.minute > 59 || moment.second > 59)
        return tv_fail(error, 400, "22008", "date/time field value out of range: \"%.*s\"",
                       (int)tv_slice_cut(given, 0, 100).length, given.data);
    *out = (struct tv_value){TV_VALUE_TEXT, {.text = whole}};
    return true;
}

/* --- both ways in --- */

bool sql_literal(struct tv_arena *arena, enum sql_type type, const struct sql_column *column,
                 struct tv_slice text, struct tv_value *out, struct tv_error *error)
{
    switch (type) {
    case SQL_TYPE_BOOLEAN: return read_boolean(column, text, out, error);
    case SQL_TYPE_INTEGER: return read_integer(column, text, out, error);
    case SQL_TYPE_DECIMAL: return read_decimal(type, column, text, out, error);
    case SQL_TYPE_FLOAT:
    case SQL_TYPE_DOUBLE: return read_real(arena, type, column, text, out, error);
    case SQL_TYPE_BINARY: return read_binary(arena, text, out, error);
    case SQL_TYPE_DATE:
    case SQL_TYPE_DATETIME:
    case SQL_TYPE_TIMESTAMP: return read_moment(arena, type, text, out, error);
    case SQL_TYPE_TIME: return read_time(text, out, error);
    case SQL_TYPE_BIT: return read_bits(column, text, out, error);
    case SQL_TYPE_JSON:
    case SQL_TYPE_GEOMETRY:
        if (!sql_json_valid(text))
            return bad(error, "22P02", type_name(type, column), text);
        break;
    case SQL_TYPE_TEXT: break;
    }
    *out = (struct tv_value){TV_VALUE_TEXT, {.text = text}};
    return true;
}

bool sql_json_literal(struct tv_arena *arena, const struct sql_column *column,
                      const struct tv_json_value *json, struct tv_value *out, struct tv_error *error)
{
    bool whole = column->type == SQL_TYPE_JSON || column->type == SQL_TYPE_GEOMETRY;
    *out = (struct tv_value){.type = TV_VALUE_NULL};
    if (json->type == TV_JSON_NULL)
        return true;
    if (whole) {
        *out = (struct tv_value){TV_VALUE_TEXT, {.text = json->source}};
        return true;
    }
    return sql_literal(arena, column->type, column, json->type == TV_JSON_STRING ? json->text : json->source,
                       out, error);
}
