/*
 * dates.c - see dates.h. Civil dates from days and back by Gregorian arithmetic: the C library's ends where its years do.
 */
#include "dates.h"

#include <stdio.h>

#define DAY_MS    86400000
#define ERA_DAYS  146097 /* in 400 years */
#define EPOCH_ERA 719468 /* days from 0000-03-01 to 1970-01-01 */

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* Years are counted from March here, so that the leap day is the last one. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = floor_divide(year, 400), year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - EPOCH_ERA;
}

size_t doc_date_write(int64_t milliseconds, char out[DOC_DATE_SIZE])
{
    int64_t days = floor_divide(milliseconds, DAY_MS), rest = milliseconds % DAY_MS;
    rest += rest < 0 ? DAY_MS : 0;
    int64_t shifted = days + EPOCH_ERA, era = floor_divide(shifted, ERA_DAYS);
    int64_t day_of_era = shifted - era * ERA_DAYS;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    int day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    int month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    long long year = (long long)(year_of_era + era * 400 + (month <= 2));
    bool ordinary = year >= 0 && year <= 9999;
    int length = snprintf(out, DOC_DATE_SIZE,
                          ordinary ? "%04lld-%02d-%02dT%02d:%02d:%02d.%03dZ"
                                   : "%+07lld-%02d-%02dT%02d:%02d:%02d.%03dZ",
                          year, month, day, (int)(rest / 3600000), (int)(rest / 60000 % 60),
                          (int)(rest / 1000 % 60), (int)(rest % 1000));
    return length < 0 ? 0 : (size_t)length;
}

struct cursor {
    const char *at, *end;
};

static bool take(struct cursor *cursor, char byte)
{
    if (cursor->at == cursor->end || *cursor->at != byte)
        return false;
    cursor->at++;
    return true;
}

/* Exactly that many digits, within bounds. */
static bool take_number(struct cursor *cursor, int digits, int64_t low, int64_t high, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < digits; i++) {
        if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9')
            return false;
        *out = *out * 10 + (*cursor->at++ - '0');
    }
    return *out >= low && *out <= high;
}

/* Digits after the point: three count, more are cut off. */
static bool take_fraction(struct cursor *cursor, int64_t *milliseconds)
{
    int digits = 0;
    for (*milliseconds = 0; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
         cursor->at++)
        if (digits++ < 3)
            *milliseconds = *milliseconds * 10 + (*cursor->at - '0');
    for (int i = digits; i < 3; i++)
        *milliseconds *= 10;
    return digits > 0 && digits <= 9;
}

static bool take_zone(struct cursor *cursor, int64_t *minutes)
{
    int64_t hours;
    *minutes = 0;
    if (take(cursor, 'Z'))
        return true;
    int sign = take(cursor, '-') ? -1 : take(cursor, '+') ? 1 : 0;
    if (sign == 0 || !take_number(cursor, 2, 0, 23, &hours))
        return false;
    take(cursor, ':');
    if (!take_number(cursor, 2, 0, 59, minutes))
        return false;
    *minutes = sign * (hours * 60 + *minutes);
    return true;
}

static bool take_year(struct cursor *cursor, int64_t *year)
{
    if (take(cursor, '-')) {
        bool good = take_number(cursor, 6, 1, 271821, year);
        *year = -*year;
        return good;
    }
    return take(cursor, '+') ? take_number(cursor, 6, 0, 275760, year)
                             : take_number(cursor, 4, 0, 9999, year);
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 ? 28 + leap : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool doc_date_read(struct tv_slice text, int64_t *milliseconds)
{
    struct cursor cursor = {text.data, text.data + text.length};
    int64_t year, month, day, hour, minute, second = 0, fraction = 0, zone;
    if (text.length == 0 || !take_year(&cursor, &year) || !take(&cursor, '-') ||
        !take_number(&cursor, 2, 1, 12, &month) || !take(&cursor, '-') ||
        !take_number(&cursor, 2, 1, days_in_month(year, month), &day) || !take(&cursor, 'T') ||
        !take_number(&cursor, 2, 0, 23, &hour) || !take(&cursor, ':') ||
        !take_number(&cursor, 2, 0, 59, &minute))
        return false;
    if (take(&cursor, ':')) {
        if (!take_number(&cursor, 2, 0, 59, &second) ||
            (take(&cursor, '.') && !take_fraction(&cursor, &fraction)))
            return false;
    }
    if (!take_zone(&cursor, &zone) || cursor.at != cursor.end)
        return false;
    *milliseconds = days_from_civil(year, month, day) * DAY_MS +
                    ((hour * 60 + minute - zone) * 60 + second) * 1000 + fraction;
    return true;
}
