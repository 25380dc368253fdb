/*
 * read_body.c - commands as JSON: a command is an array whose items become words. Strings are taken as they are, numbers
 * keep the text in which they were written (no double in between), true and false are these words; objects and arrays
 * within a command become compact JSON text, null has no meaning as a word and is refused.
 */
#include <string.h>

#include "kv.h"

enum { DEPTH_MAX = 64 };

/* The dialect's message is fixed; where the JSON went wrong is told in a header (see fail.c). */
static bool not_understood(struct tv_error *error, const char *what)
{
    struct tv_error cause = *error;
    kv_error(error, 400, "ERR failed to parse %s", what);
    tv_error_details(error, "%s", cause.details);
    return false;
}

static bool read_array(const struct tv_request *request, const char *what, struct tv_json_value **out,
                       struct tv_error *error)
{
    *error = (struct tv_error){0};
    if (!tv_json_read(request->arena, request->body, DEPTH_MAX, out, error))
        return error->status == 413 ? false : not_understood(error, what);
    if ((*out)->type == TV_JSON_ARRAY)
        return true;
    tv_error_details(error, "an array is expected");
    return not_understood(error, what);
}

/* Drops what stands between the tokens. Never longer than the source. */
static bool compact(struct tv_arena *arena, struct tv_slice source, struct tv_slice *out,
                    struct tv_error *error)
{
    char *text = tv_arena_alloc(arena, source.length);
    size_t length = 0;
    bool in_string = false;
    if (!text)
        return tv_arena_fail(arena, error);
    for (size_t i = 0; i < source.length; i++) {
        char byte = source.data[i];
        if (!in_string && strchr(" \t\r\n", byte))
            continue;
        text[length++] = byte;
        if (byte == '"')
            in_string = !in_string;
        else if (byte == '\\') /* only within a string, and never its last byte */
            text[length++] = source.data[++i];
    }
    *out = (struct tv_slice){text, length};
    return true;
}

static bool read_words(struct tv_arena *arena, const struct tv_json_value *array, const char *when_empty,
                       struct kv_command *command, struct tv_error *error)
{
    struct tv_slice *words = tv_arena_array(arena, array->count, sizeof *words);
    if (!words && array->count > 0)
        return tv_arena_fail(arena, error);
    *command = (struct kv_command){.words = words, .count = array->count};
    if (array->count == 0)
        command->refusal = when_empty;

    struct tv_slice *word = words;
    for (const struct tv_json_value *item = array->first; item; item = item->next, word++) {
        switch (item->type) {
        case TV_JSON_NULL: command->refusal = "ERR null cannot be an argument"; break;
        case TV_JSON_FALSE:
        case TV_JSON_TRUE: *word = item->source; break;
        case TV_JSON_NUMBER:
        case TV_JSON_STRING: *word = item->text; break;
        case TV_JSON_ARRAY:
        case TV_JSON_OBJECT:
            if (!compact(arena, item->source, word, error))
                return false;
            break;
        }
    }
    return true;
}

bool kv_read_command(const struct tv_request *request, struct kv_command *command, struct tv_error *error)
{
    struct tv_json_value *array;
    return read_array(request, "command", &array, error) &&
           read_words(request->arena, array, "ERR empty command", command, error);
}

bool kv_read_commands(const struct tv_request *request, size_t most, struct kv_asked *asked,
                      struct tv_error *error)
{
    struct tv_json_value *list;
    if (!read_array(request, "pipeline request", &list, error))
        return false;
    if (list->count == 0)
        return kv_error(error, 400, "ERR empty pipeline request");
    if (list->count > most)
        return kv_error(error, 413, "ERR pipeline request holds more than %zu commands", most);
    asked->count = list->count;
    asked->commands = tv_arena_array(request->arena, list->count, sizeof *asked->commands);
    if (!asked->commands)
        return tv_arena_fail(request->arena, error);
    struct kv_command *command = asked->commands;
    for (const struct tv_json_value *item = list->first; item; item = item->next, command++) {
        if (item->type != TV_JSON_ARRAY) {
            tv_error_details(error, "command %zu is not an array", (size_t)(command - asked->commands) + 1);
            return not_understood(error, "pipeline request");
        }
        if (!read_words(request->arena, item, "ERR empty pipeline command", command, error))
            return false;
    }
    return true;
}
