/*
 * refused.c - commands that never reach Redis from here, and why: one table, by name.
 *
 * They would disturb others: a connection is shared by all requests of a thread, so what blocks it, changes its state or
 * turns it into a stream of messages would be answered with, or into, other requests' replies. Commands that administer the
 * server are refused for a clear error. This is no security boundary (a Lua script can call what its user may call): that
 * is the ACL user which Redis knows the connection by.
 */
#include <stdlib.h>
#include <string.h>

#include "kv.h"

static const char blocks[] = "It would block a connection that others share";
static const char state[] = "It would change a connection that others share";
static const char stream[] = "Subscriptions are not served over HTTP yet";
static const char transaction[] = "Send transactions to /multi-exec";
static const char server[] = "It administers the server";
/* Redis takes these for an HTTP request that was sent to the wrong port, and closes the connection. */
static const char http[] = "It is not a command of Redis";

static bool blocking_read(const struct tv_slice *words, size_t count);
static bool script_debug(const struct tv_slice *words, size_t count);

struct row {
    const char *name; /* upper case; rows are sorted by it */
    const char *why;
    bool (*when)(const struct tv_slice *words, size_t count); /* NULL: always */
};

static const struct row rows[] = {
    {"ACL", server, NULL},
    {"ASKING", state, NULL},
    {"AUTH", state, NULL},
    {"BGREWRITEAOF", server, NULL},
    {"BGSAVE", server, NULL},
    {"BLMOVE", blocks, NULL},
    {"BLMPOP", blocks, NULL},
    {"BLPOP", blocks, NULL},
    {"BRPOP", blocks, NULL},
    {"BRPOPLPUSH", blocks, NULL},
    {"BZMPOP", blocks, NULL},
    {"BZPOPMAX", blocks, NULL},
    {"BZPOPMIN", blocks, NULL},
    {"CLIENT", state, NULL},
    {"CLUSTER", server, NULL},
    {"COMMANDLOG", server, NULL},
    {"CONFIG", server, NULL},
    {"DEBUG", server, NULL},
    {"DISCARD", transaction, NULL},
    {"EXEC", transaction, NULL},
    {"FAILOVER", server, NULL},
    {"HELLO", state, NULL},
    {"HOST:", http, NULL},
    {"LASTSAVE", server, NULL},
    {"LATENCY", server, NULL},
    {"MIGRATE", server, NULL},
    {"MODULE", server, NULL},
    {"MONITOR", stream, NULL},
    {"MULTI", transaction, NULL},
    {"PFDEBUG", server, NULL},
    {"PFSELFTEST", server, NULL},
    {"POST", http, NULL},
    {"PSUBSCRIBE", stream, NULL},
    {"PSYNC", server, NULL},
    {"PUNSUBSCRIBE", stream, NULL},
    {"QUIT", state, NULL},
    {"READONLY", state, NULL},
    {"READWRITE", state, NULL},
    {"REPLCONF", server, NULL},
    {"REPLICAOF", server, NULL},
    {"RESET", state, NULL},
    {"RESTORE-ASKING", server, NULL},
    {"ROLE", server, NULL},
    {"SAVE", server, NULL},
    {"SCRIPT", state, script_debug},
    {"SELECT", state, NULL},
    {"SHUTDOWN", server, NULL},
    {"SLAVEOF", server, NULL},
    {"SLOWLOG", server, NULL},
    {"SSUBSCRIBE", stream, NULL},
    {"SUBSCRIBE", stream, NULL},
    {"SUNSUBSCRIBE", stream, NULL},
    {"SWAPDB", server, NULL},
    {"SYNC", server, NULL},
    {"UNSUBSCRIBE", stream, NULL},
    {"UNWATCH", transaction, NULL},
    {"WAIT", blocks, NULL},
    {"WAITAOF", blocks, NULL},
    {"WATCH", transaction, NULL},
    {"XREAD", blocks, blocking_read},
    {"XREADGROUP", blocks, blocking_read},
};

enum { NAME_MAX_LENGTH = 15 };

/* XREAD and XREADGROUP with BLOCK among their options, which end at STREAMS; other options' values are stepped over. */
static bool blocking_read(const struct tv_slice *words, size_t count)
{
    for (size_t i = 1; i < count && !tv_slice_is_nocase(words[i], "streams"); i++) {
        if (tv_slice_is_nocase(words[i], "block"))
            return true;
        if (tv_slice_is_nocase(words[i], "count"))
            i += 1;
        else if (tv_slice_is_nocase(words[i], "group"))
            i += 2;
    }
    return false;
}

static bool script_debug(const struct tv_slice *words, size_t count)
{
    return count > 1 && tv_slice_is_nocase(words[1], "debug");
}

static int compare_names(const void *name, const void *row)
{
    return strcmp(name, ((const struct row *)row)->name);
}

static const struct row *find_row(struct tv_slice word)
{
    char name[NAME_MAX_LENGTH + 1];
    if (word.length == 0 || word.length > NAME_MAX_LENGTH)
        return NULL;
    for (size_t i = 0; i < word.length; i++) {
        char byte = word.data[i];
        name[i] = byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A') : byte;
        if (byte == '\0')
            return NULL;
    }
    name[word.length] = '\0';
    return bsearch(name, rows, TV_COUNT(rows), sizeof rows[0], compare_names);
}

bool kv_refuse(struct tv_arena *arena, struct kv_command *command, struct tv_error *error)
{
    if (command->refusal || command->count == 0)
        return true;
    const struct row *row = find_row(command->words[0]);
    if (!row || (row->when && !row->when(command->words, command->count)))
        return true;
    command->refusal = tv_arena_printf(arena, "ERR Command is not available: '%s'. %s", row->name, row->why);
    return command->refusal || tv_arena_fail(arena, error);
}
