/*
 * script_flags.c - Lua scripts that were written for Upstash. Their first line may hold a flag that only Upstash knows
 * (allow-key-locking: it lets its server run scripts side by side); Redis refuses a script with a flag it does not know. The
 * flag says nothing about what the script does, so it is taken out. @upstash/ratelimit sends such scripts.
 *
 * Redis then knows the script by another hash than its author computed: EVALSHA finds nothing and clients send EVAL again.
 */
#include <string.h>

#include "kv.h"

static const char flag[] = "allow-key-locking";

/* Which word is the script's text; 0 when the command has none. */
static size_t script_at(const struct kv_command *command)
{
    const struct tv_slice *words = command->words;
    if (command->count > 1 &&
        (tv_slice_is_nocase(words[0], "eval") || tv_slice_is_nocase(words[0], "eval_ro")))
        return 1;
    if (command->count > 2 && tv_slice_is_nocase(words[0], "script") && tv_slice_is_nocase(words[1], "load"))
        return 2;
    return 0;
}

/* Where the flag stands in the first line, "#!lua flags=a,b"; script.length when it does not. */
static size_t flag_at(struct tv_slice script)
{
    struct tv_slice line = tv_slice_cut(script, 0, tv_slice_find(script, '\n'));
    if (!tv_slice_starts(line, "#!lua"))
        return script.length;
    const char *found = memmem(line.data, line.length, flag, sizeof flag - 1);
    if (!found || (found[-1] != '=' && found[-1] != ','))
        return script.length;
    size_t end = (size_t)(found - line.data) + sizeof flag - 1;
    bool whole = end == line.length || strchr(", \t\r", line.data[end]);
    return whole ? (size_t)(found - line.data) : script.length;
}

bool kv_adapt_script(struct tv_arena *arena, struct kv_command *command, struct tv_error *error)
{
    size_t word = command->refusal ? 0 : script_at(command);
    size_t at = word ? flag_at(command->words[word]) : 0;
    if (word == 0 || at == command->words[word].length)
        return true;
    struct tv_slice script = command->words[word];
    size_t after = at + sizeof flag - 1;
    if (after < script.length && script.data[after] == ',')
        after++; /* the comma goes with it, whichever side it stands on */
    else if (script.data[at - 1] == ',')
        at--;
    char *text = tv_arena_alloc(arena, script.length);
    struct tv_slice *words = tv_arena_array(arena, command->count, sizeof *words);
    if (!text || !words)
        return tv_arena_fail(arena, error);
    memcpy(text, script.data, at);
    memcpy(text + at, script.data + after, script.length - after);
    memcpy(words, command->words, command->count * sizeof *words);
    words[word] = (struct tv_slice){text, at + script.length - after};
    command->words = words;
    return true;
}
