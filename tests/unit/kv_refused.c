/*
 * kv_refused.c - tests of the table of commands that never reach Redis.
 */
#include "../../fcgi-app/kv/kv.h"

#include "tap.h"

/* Splits at blanks; "" stands for no words at all. */
static struct kv_command command_of(struct tv_arena *arena, const char *line)
{
    struct tv_slice rest = tv_slice_of(line);
    struct tv_slice *words = tv_arena_array(arena, 32, sizeof *words);
    size_t count = 0;
    while (words && rest.length > 0) {
        size_t end = tv_slice_find(rest, ' ');
        words[count++] = tv_slice_cut(rest, 0, end);
        rest = tv_slice_cut(rest, end + 1, rest.length);
    }
    return (struct kv_command){.words = words, .count = count};
}

static const char *const refused[] = {
    "ACL LIST",
    "asking",
    "Auth secret",
    "BGREWRITEAOF",
    "BGSAVE",
    "BLMOVE a b LEFT RIGHT 0",
    "BLMPOP 0 1 k LEFT",
    "blpop k 0",
    "BRPOP k 0",
    "BRPOPLPUSH a b 0",
    "BZMPOP 0 1 k MIN",
    "BZPOPMAX k 0",
    "BZPOPMIN k 0",
    "CLIENT REPLY OFF",
    "client id",
    "CLUSTER INFO",
    "COMMANDLOG GET",
    "CONFIG GET *",
    "DEBUG SLEEP 1",
    "DISCARD",
    "EXEC",
    "FAILOVER",
    "HELLO 3",
    "Host: x",
    "LASTSAVE",
    "LATENCY DOCTOR",
    "MIGRATE h 1 k 0 1",
    "MODULE LIST",
    "MONITOR",
    "MULTI",
    "PFDEBUG x",
    "PFSELFTEST",
    "POST /",
    "PSUBSCRIBE *",
    "PSYNC ? -1",
    "PUNSUBSCRIBE",
    "QUIT",
    "READONLY",
    "READWRITE",
    "REPLCONF x",
    "REPLICAOF NO ONE",
    "RESET",
    "RESTORE-ASKING k 0 v",
    "ROLE",
    "SAVE",
    "SCRIPT DEBUG YES",
    "script debug no",
    "SELECT 1",
    "SHUTDOWN",
    "SLAVEOF NO ONE",
    "SLOWLOG GET",
    "SSUBSCRIBE c",
    "SUBSCRIBE c",
    "SUNSUBSCRIBE",
    "SWAPDB 0 1",
    "SYNC",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WAIT 1 0",
    "WAITAOF 1 1 0",
    "WATCH k",
    "XREAD BLOCK 0 STREAMS s $",
    "xread count 1 block 0 streams s $",
    "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
    "XREADGROUP GROUP g c COUNT 1 NOACK BLOCK 0 STREAMS s >",
    "XREADGROUP GROUP g c CLAIM 5 BLOCK 0 STREAMS s >",
};

static const char *const allowed[] = {
    "",
    "GET k",
    "SET k v",
    "PING",
    "ECHO x",
    "EVAL x 0",
    "SCRIPT LOAD x",
    "SCRIPT EXISTS x",
    "SCRIPT",
    "FLUSHDB",
    "KEYS *",
    "INFO",
    "PUBLISH c m",
    "XREAD STREAMS block 0",
    "XREAD COUNT 1 STREAMS s 0",
    "XREADGROUP GROUP block block STREAMS s >",
    "XREADGROUP GROUP g c COUNT block STREAMS block >",
    "XADD s * block 0",
    "A",
    "AC",
    "ACLX",
    "XREADGROUPS BLOCK",
    "A_NAME_LONGER_THAN_ANY_IN_THE_TABLE",
};

int main(void)
{
    struct tv_error error;
    struct tv_arena arena;
    tv_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < TV_COUNT(refused); i++) {
        struct kv_command command = command_of(&arena, refused[i]);
        bool done = kv_refuse(&arena, &command, &error);
        ok(done && command.refusal && strncmp(command.refusal, "ERR Command is not available: '", 31) == 0,
           "%s is refused", refused[i]);
    }
    for (size_t i = 0; i < TV_COUNT(allowed); i++) {
        struct kv_command command = command_of(&arena, allowed[i]);
        ok(kv_refuse(&arena, &command, &error) && !command.refusal, "\"%s\" is not", allowed[i]);
    }

    struct tv_slice nul[] = {{"GET\0", 4}};
    struct kv_command command = {.words = nul, .count = 1};
    ok(kv_refuse(&arena, &command, &error) && !command.refusal,
       "a name with a NUL byte is no name of the table");
    struct tv_slice close[] = {{"ACL\0x", 5}};
    command = (struct kv_command){.words = close, .count = 1};
    ok(kv_refuse(&arena, &command, &error) && !command.refusal, "nor is one that only begins like it");
    command = command_of(&arena, "MULTI");
    command.refusal = "ERR said before";
    ok(kv_refuse(&arena, &command, &error), "what was refused before");
    is_text(command.refusal, "ERR said before", "stays as it was");
    tv_arena_free(&arena);
    return done_testing();
}
