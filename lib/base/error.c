/*
 * error.c - filling the one error type. Never allocates.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"

__attribute__((format(printf, 3, 0))) static void put_text(char *out, size_t size, const char *format,
                                                           va_list values)
{
    int length = vsnprintf(out, size, format, values);
    if (length >= (int)size) /* cut: never in the middle of a character */
        out[tv_utf8_valid_prefix(out, size - 1)] = '\0';
    else if (length < 0)
        out[0] = '\0';
}

bool tv_fail(struct tv_error *error, int status, const char *code, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    char message[sizeof error->message]; /* the values may point into *error itself */
    put_text(message, sizeof message, format, values);
    va_end(values);
    char kept_code[sizeof error->code];
    snprintf(kept_code, sizeof kept_code, "%s", code ? code : "");
    memset(error, 0, sizeof *error);
    error->status = status;
    memcpy(error->code, kept_code, sizeof kept_code);
    memcpy(error->message, message, sizeof message);
    return false;
}

void tv_error_details(struct tv_error *error, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    put_text(error->details, sizeof error->details, format, values);
    va_end(values);
}

void tv_error_hint(struct tv_error *error, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    put_text(error->hint, sizeof error->hint, format, values);
    va_end(values);
}

const char *tv_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {300, "Multiple Choices"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < TV_COUNT(texts); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return status < 400 ? "OK" : "Error";
}
