/*
 * json_check.c - is this text JSON? For columns whose text goes into an answer as it is: one pass, no memory, a bounded
 * depth. Writing an invalid one raw would break the whole answer.
 */
#include "literal.h"

#include <string.h>

#define DEPTH_MAX 512 /* MariaDB and MySQL themselves stop at 32 and 100 */

struct check {
    const char *at;
    const char *end;
};

static void skip_blanks(struct check *check)
{
    while (check->at < check->end &&
           (*check->at == ' ' || *check->at == '\t' || *check->at == '\n' || *check->at == '\r'))
        check->at++;
}

static bool is_hex(char byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'f');
}

static bool skip_string(struct check *check)
{
    check->at++;
    while (check->at < check->end && *check->at != '"') {
        unsigned char byte = (unsigned char)*check->at;
        if (byte < 0x20)
            return false;
        if (byte != '\\') {
            check->at++;
            continue;
        }
        if (check->end - check->at < 2)
            return false;
        if (check->at[1] == 'u') {
            for (int i = 2; i < 6; i++)
                if (check->end - check->at <= i || !is_hex(check->at[i]))
                    return false;
            check->at += 6;
        } else if (check->at[1] != '\0' && strchr("\"\\/bfnrt", check->at[1])) {
            check->at += 2;
        } else {
            return false;
        }
    }
    if (check->at == check->end)
        return false;
    check->at++;
    return true;
}

static bool skip_digits(struct check *check)
{
    const char *from = check->at;
    while (check->at < check->end && *check->at >= '0' && *check->at <= '9')
        check->at++;
    return check->at > from;
}

static bool skip_number(struct check *check)
{
    if (*check->at == '-')
        check->at++;
    if (check->at < check->end && *check->at == '0')
        check->at++;
    else if (!skip_digits(check))
        return false;
    if (check->at < check->end && *check->at == '.') {
        check->at++;
        if (!skip_digits(check))
            return false;
    }
    if (check->at < check->end && (*check->at | 32) == 'e') {
        check->at++;
        if (check->at < check->end && (*check->at == '+' || *check->at == '-'))
            check->at++;
        return skip_digits(check);
    }
    return true;
}

static bool skip_word(struct check *check, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(check->end - check->at) < length || memcmp(check->at, word, length) != 0)
        return false;
    check->at += length;
    return true;
}

static bool skip_scalar(struct check *check)
{
    switch (*check->at) {
    case '"': return skip_string(check);
    case 't': return skip_word(check, "true");
    case 'f': return skip_word(check, "false");
    case 'n': return skip_word(check, "null");
    default: return skip_number(check);
    }
}

static bool skip_key(struct check *check)
{
    skip_blanks(check);
    if (check->at == check->end || *check->at != '"' || !skip_string(check))
        return false;
    skip_blanks(check);
    return check->at < check->end && *check->at++ == ':';
}

bool sql_json_valid(struct tv_slice text)
{
    struct check check = {text.data, text.data ? text.data + text.length : NULL};
    unsigned char objects[DEPTH_MAX]; /* which of the open brackets are objects */
    size_t depth = 0;
    if (text.length == 0 || tv_utf8_valid_prefix(text.data, text.length) != text.length)
        return false;
    for (;;) { /* a value is due */
        skip_blanks(&check);
        if (check.at == check.end)
            return false;
        bool object = *check.at == '{';
        if (object || *check.at == '[') {
            check.at++;
            skip_blanks(&check);
            if (check.at < check.end && *check.at == (object ? '}' : ']')) {
                check.at++;
            } else {
                if (depth == DEPTH_MAX || (object && !skip_key(&check)))
                    return false;
                objects[depth++] = object;
                continue;
            }
        } else if (!skip_scalar(&check)) {
            return false;
        }
        /* a value ended: brackets may close, then there is a comma or the end */
        skip_blanks(&check);
        while (depth > 0 && check.at < check.end && *check.at == (objects[depth - 1] ? '}' : ']')) {
            check.at++;
            depth--;
            skip_blanks(&check);
        }
        if (depth == 0)
            return check.at == check.end;
        if (check.at == check.end || *check.at++ != ',' || (objects[depth - 1] && !skip_key(&check)))
            return false;
    }
}
