/*
 * server.c - asks Redis who it is. Done once for each connection, not for each question.
 */
#include "cache/server.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* run_id is 40 hexadecimal digits, random at each start; 16 of them tell servers apart. */
static uint64_t run_id_of(const redisReply *reply)
{
    char digits[17] = "";
    const char *found = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, "run_id:") : NULL;
    if (found && strlen(found) > 7 + 16)
        memcpy(digits, found + 7, 16);
    return strtoull(digits, NULL, 16);
}

bool tv_cache_server_same(struct tv_redis *redis, _Atomic uint64_t *known, tv_trust *trust,
                          int64_t deadline_ms)
{
    const struct tv_slice words[] = {TV_SLICE("INFO"), TV_SLICE("server")};
    struct tv_error error;
    redisReply *reply;
    if (!tv_redis_call(redis, words, TV_COUNT(words), deadline_ms, &reply, &error))
        return false;
    uint64_t now = run_id_of(reply);
    freeReplyObject(reply);
    uint64_t before = atomic_load(known);
    if (now == 0 || before == now)
        return true;
    if (before != 0)
        tv_trust_lose(trust);
    atomic_store(known, now);
    return before == 0;
}
