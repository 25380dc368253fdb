/*
 * store_url.c - logins, hosts and percent escapes of the stores' URLs.
 */
#include "store/store_url.h"

#include <string.h>

#include "base/slice.h"

bool tv_store_url_refuse(const char *option, const char *what, struct tv_error *error)
{
    return tv_fail(error, 500, NULL, "%s: %s", option, what);
}

static int nibble(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if ((byte | 32) >= 'a' && (byte | 32) <= 'f')
        return (byte | 32) - 'a' + 10;
    return -1;
}

bool tv_store_url_decode(const char *option, char *text, struct tv_error *error)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        char byte = *from;
        if (byte == '%') {
            int high = nibble(from[1]);
            int low = high < 0 ? -1 : nibble(from[2]);
            if (low < 0 || (high == 0 && low == 0))
                return tv_store_url_refuse(option, "has a malformed percent escape", error);
            byte = (char)(high * 16 + low);
            from += 2;
        }
        *to++ = byte;
    }
    *to = '\0';
    return true;
}

bool tv_store_url_login(const char *option, char *login, const char **user, const char **password,
                        struct tv_error *error)
{
    char *secret = strchr(login, ':');
    if (secret)
        *secret++ = '\0';
    if (!tv_store_url_decode(option, login, error) || (secret && !tv_store_url_decode(option, secret, error)))
        return false;
    *user = *login ? login : NULL;
    *password = secret && *secret ? secret : NULL;
    return true;
}

bool tv_store_url_host(const char *option, char *text, const char **host, int *port, struct tv_error *error)
{
    char *rest = text;
    int64_t number;
    if (*text == '[') {
        char *end = strchr(text, ']');
        if (!end || (end[1] && end[1] != ':'))
            return tv_store_url_refuse(option, "has a malformed IPv6 address", error);
        text++;
        *end = '\0';
        rest = end + 1;
    }
    char *digits = strchr(rest, ':');
    if (digits) {
        *digits++ = '\0';
        if (!tv_slice_integer(tv_slice_of(digits), &number) || number < 1 || number > 65535)
            return tv_store_url_refuse(option, "has a port that is not a number from 1 to 65535", error);
        *port = (int)number;
    }
    *host = *text ? text : NULL;
    return true;
}
