/*
 * kv.c - the floor of /kv: GET of the key that the path names. See floor.h.
 */
#include <fcgiapp.h>
#include <hiredis/hiredis.h>
#include <string.h>

#include "floor.h"

static void *open_thread(void)
{
    redisContext *redis = redisConnectUnix(floor_setting("FLOOR_REDIS_SOCKET"));
    return redis && !redis->err ? redis : NULL;
}

static bool answer(void *state, const FCGX_Request *request, struct floor_out *out)
{
    const char *path = floor_parameter(request, "TRIVET_PATH");
    if (strncmp(path, "/get/", 5) != 0)
        return false;
    redisReply *reply = redisCommand(state, "GET %s", path + 5);
    bool found = reply && reply->type == REDIS_REPLY_STRING;
    if (found) {
        floor_text(out, "Content-Type: application/json\r\n\r\n{\"result\":");
        floor_json(out, reply->str, (size_t)reply->len);
        floor_put(out, "}", 1);
    }
    freeReplyObject(reply);
    return found;
}

int main(void)
{
    static const struct floor_program program = {open_thread, answer};
    return floor_run(&program);
}
