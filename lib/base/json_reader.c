/*
 * json_reader.c - strict JSON into a tree of the request's arena, without recursion: depth costs arena, never stack.
 */
#include "base/json_reader.h"

#include <string.h>

struct reader {
    struct tv_arena *arena;
    const char *start;
    const char *at;
    const char *end;
    struct tv_error *error;
};

static bool bad(struct reader *reader, const char *what)
{
    size_t line = 1, column = 1;
    for (const char *byte = reader->start; byte < reader->at; byte++) {
        column++;
        if (*byte == '\n') {
            line++;
            column = 1;
        }
    }
    tv_fail(reader->error, 400, NULL, "the body is not valid JSON");
    tv_error_details(reader->error, "%s (line %zu, column %zu)", what, line, column);
    return false;
}

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end &&
           (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
}

static bool digit(const struct reader *reader)
{
    return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

static bool read_number(struct reader *reader, struct tv_json_value *value)
{
    const char *from = reader->at;
    if (*reader->at == '-')
        reader->at++;
    if (!digit(reader))
        return bad(reader, "a number without digits");
    if (*reader->at == '0')
        reader->at++;
    else
        while (digit(reader))
            reader->at++;
    if (digit(reader))
        return bad(reader, "a number with a leading zero");
    if (reader->at < reader->end && *reader->at == '.') {
        reader->at++;
        if (!digit(reader))
            return bad(reader, "a number without digits after the point");
        while (digit(reader))
            reader->at++;
    }
    if (reader->at < reader->end && (*reader->at == 'e' || *reader->at == 'E')) {
        reader->at++;
        if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '-'))
            reader->at++;
        if (!digit(reader))
            return bad(reader, "a number without digits in the exponent");
        while (digit(reader))
            reader->at++;
    }
    value->type = TV_JSON_NUMBER;
    value->text = (struct tv_slice){from, (size_t)(reader->at - from)};
    return true;
}

/* Four hex digits after \u. */
static bool read_unit(struct reader *reader, unsigned *out)
{
    if (reader->end - reader->at < 4)
        return bad(reader, "an unfinished \\u escape");
    unsigned unit = 0;
    for (int i = 0; i < 4; i++) {
        char byte = *reader->at;
        unsigned nibble;
        if (byte >= '0' && byte <= '9')
            nibble = (unsigned)(byte - '0');
        else if ((byte | 32) >= 'a' && (byte | 32) <= 'f')
            nibble = (unsigned)((byte | 32) - 'a' + 10);
        else
            return bad(reader, "a \\u escape that is not hexadecimal");
        unit = unit * 16 + nibble;
        reader->at++;
    }
    *out = unit;
    return true;
}

static char *put_code_point(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | (code >> 6));
        *out++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *out++ = (char)(0xE0 | (code >> 12));
        *out++ = (char)(0x80 | ((code >> 6) & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        *out++ = (char)(0xF0 | (code >> 18));
        *out++ = (char)(0x80 | ((code >> 12) & 0x3F));
        *out++ = (char)(0x80 | ((code >> 6) & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

static bool read_escape(struct reader *reader, char **out)
{
    static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (reader->at == reader->end)
        return bad(reader, "an unfinished string");
    char letter = *reader->at;
    const char *found = letter ? strchr(plain, letter) : NULL;
    if (found) {
        *(*out)++ = meant[found - plain];
        reader->at++;
        return true;
    }
    if (letter != 'u')
        return bad(reader, "an unknown escape in a string");
    reader->at++;
    unsigned code;
    if (!read_unit(reader, &code))
        return false;
    if (code >= 0xDC00 && code <= 0xDFFF)
        return bad(reader, "half of a surrogate pair");
    if (code >= 0xD800 && code <= 0xDBFF) {
        unsigned low;
        if (reader->end - reader->at < 2 || reader->at[0] != '\\' || reader->at[1] != 'u')
            return bad(reader, "half of a surrogate pair");
        reader->at += 2;
        if (!read_unit(reader, &low))
            return false;
        if (low < 0xDC00 || low > 0xDFFF)
            return bad(reader, "half of a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    *out = put_code_point(*out, code);
    return true;
}

/* At the opening quote. Borrows the input when the string has no escapes. */
static bool read_string(struct reader *reader, struct tv_slice *out)
{
    const char *from = ++reader->at;
    while (reader->at < reader->end && *reader->at != '"' && *reader->at != '\\' &&
           (unsigned char)*reader->at >= 0x20)
        reader->at++;
    if (reader->at < reader->end && *reader->at == '"') {
        *out = (struct tv_slice){from, (size_t)(reader->at++ - from)};
        return true;
    }
    /* an escape never grows: \uXXXX is six bytes for at most three, a pair twelve for four */
    const char *close = reader->at;
    while (close < reader->end && *close != '"')
        close += *close == '\\' && reader->end - close > 1 ? 2 : 1;
    char *text = tv_arena_alloc(reader->arena, (size_t)(close - from) + 1);
    if (!text)
        return tv_arena_fail(reader->arena, reader->error);
    char *to = text;
    memcpy(to, from, (size_t)(reader->at - from));
    to += reader->at - from;
    while (reader->at < reader->end && *reader->at != '"') {
        if ((unsigned char)*reader->at < 0x20)
            return bad(reader, "a control character in a string");
        if (*reader->at != '\\') {
            *to++ = *reader->at++;
            continue;
        }
        reader->at++;
        if (!read_escape(reader, &to))
            return false;
    }
    if (reader->at == reader->end)
        return bad(reader, "an unfinished string");
    reader->at++;
    *out = (struct tv_slice){text, (size_t)(to - text)};
    return true;
}

static bool read_word(struct reader *reader, struct tv_json_value *value)
{
    static const struct {
        const char *word;
        enum tv_json_type type;
    } words[] = {{"null", TV_JSON_NULL}, {"false", TV_JSON_FALSE}, {"true", TV_JSON_TRUE}};
    for (size_t i = 0; i < TV_COUNT(words); i++) {
        size_t length = strlen(words[i].word);
        if ((size_t)(reader->end - reader->at) >= length && memcmp(reader->at, words[i].word, length) == 0) {
            value->type = words[i].type;
            reader->at += length;
            return true;
        }
    }
    return bad(reader, "no value where one belongs");
}

static bool read_scalar(struct reader *reader, struct tv_json_value *value)
{
    char byte = *reader->at;
    if (byte == '"') {
        value->type = TV_JSON_STRING;
        return read_string(reader, &value->text);
    }
    if (byte == '-' || (byte >= '0' && byte <= '9'))
        return read_number(reader, value);
    return read_word(reader, value);
}

/* A container that is being read, with where its next item is to be hung. */
struct open_value {
    struct tv_json_value *value;
    struct tv_json_value **tail;
};

static bool read_key(struct reader *reader, struct tv_slice *key)
{
    if (reader->at == reader->end || *reader->at != '"')
        return bad(reader, "no name where one belongs in an object");
    if (!read_string(reader, key))
        return false;
    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at != ':')
        return bad(reader, "no colon after a name");
    reader->at++;
    skip_blanks(reader);
    return true;
}

/* After a value: closes what ends here; *more says whether another item follows. */
static bool close_values(struct reader *reader, struct open_value *stack, unsigned *depth, bool *more)
{
    *more = false;
    while (*depth > 0) {
        struct tv_json_value *inside = stack[*depth - 1].value;
        char end = inside->type == TV_JSON_OBJECT ? '}' : ']';
        skip_blanks(reader);
        if (reader->at == reader->end)
            return bad(reader,
                       inside->type == TV_JSON_OBJECT ? "an unfinished object" : "an unfinished array");
        if (*reader->at == ',' && inside->count > 0) {
            reader->at++;
            skip_blanks(reader);
            *more = true;
            return true;
        }
        if (*reader->at != end) {
            if (inside->count == 0) {
                *more = true;
                return true;
            }
            return bad(reader, "neither a comma nor the end");
        }
        reader->at++;
        inside->source.length = (size_t)(reader->at - inside->source.data);
        (*depth)--;
    }
    return true;
}

static bool read_tree(struct reader *reader, unsigned depth_max, struct tv_json_value **out)
{
    struct open_value *stack = tv_arena_array(reader->arena, depth_max + 1, sizeof *stack);
    unsigned depth = 0;
    bool more = true;
    if (!stack)
        return tv_arena_fail(reader->arena, reader->error);
    while (more) {
        struct tv_slice key = {0};
        bool member = depth > 0 && stack[depth - 1].value->type == TV_JSON_OBJECT;
        if (member && !read_key(reader, &key))
            return false;
        if (reader->at == reader->end)
            return bad(reader, "no value where one belongs");
        struct tv_json_value *value = tv_arena_array(reader->arena, 1, sizeof *value);
        if (!value)
            return tv_arena_fail(reader->arena, reader->error);
        value->key = key;
        value->source.data = reader->at;
        if (depth > 0) {
            *stack[depth - 1].tail = value;
            stack[depth - 1].tail = &value->next;
            stack[depth - 1].value->count++;
        } else {
            *out = value;
        }
        if (*reader->at == '{' || *reader->at == '[') {
            if (depth == depth_max)
                return bad(reader, "nested too deep");
            value->type = *reader->at == '{' ? TV_JSON_OBJECT : TV_JSON_ARRAY;
            reader->at++;
            stack[depth++] = (struct open_value){value, &value->first};
        } else {
            if (!read_scalar(reader, value))
                return false;
            value->source.length = (size_t)(reader->at - value->source.data);
        }
        if (!close_values(reader, stack, &depth, &more))
            return false;
    }
    return true;
}

bool tv_json_read(struct tv_arena *arena, struct tv_slice input, unsigned depth_max,
                  struct tv_json_value **out, struct tv_error *error)
{
    *out = NULL;
    if (input.length == 0)
        return tv_fail(error, 400, NULL, "the body is empty; JSON is expected");
    struct reader reader = {arena, input.data, input.data, input.data + input.length, error};
    size_t valid = tv_utf8_valid_prefix(input.data, input.length);
    if (valid < input.length) {
        reader.at = input.data + valid;
        return bad(&reader, "bytes that are not UTF-8");
    }
    skip_blanks(&reader);
    if (!read_tree(&reader, depth_max, out))
        return false;
    skip_blanks(&reader);
    if (reader.at != reader.end)
        return bad(&reader, "something after the end of the value");
    return true;
}

const struct tv_json_value *tv_json_member(const struct tv_json_value *object, const char *name)
{
    const struct tv_json_value *found = NULL;
    if (!object || object->type != TV_JSON_OBJECT)
        return NULL;
    for (const struct tv_json_value *item = object->first; item; item = item->next)
        if (tv_slice_is(item->key, name))
            found = item;
    return found;
}
