/*
 * run.c - commands to Redis, replies to the writer: one command, a pipeline (one write, replies written as they come), or a
 * transaction on the thread's connection.
 */
#include <hiredis/hiredis.h>
#include <string.h>

#include "kv.h"

/* The writers call themselves for arrays within arrays; a Lua script can nest as it likes. */
enum { REPLY_DEPTH_MAX = 100 };

static bool too_deep(const redisReply *reply, unsigned depth)
{
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    if (depth == REPLY_DEPTH_MAX)
        return true;
    for (size_t i = 0; i < reply->elements; i++)
        if (too_deep(reply->element[i], depth + 1))
            return true;
    return false;
}

static void put_error(struct kv_out *out, const char *message)
{
    if (out->format == KV_RESP2)
        kv_resp2_error(out, tv_slice_of(message));
    else
        kv_json_error(out, tv_slice_of(message));
}

static void put_reply(struct kv_out *out, const redisReply *reply)
{
    if (too_deep(reply, 0))
        put_error(out, "ERR the reply is nested too deep");
    else if (out->format == KV_RESP2)
        kv_resp2_reply(out, reply);
    else
        kv_json_reply(out, reply);
}

static void start(struct kv_out *out, enum kv_format format, struct tv_response *response)
{
    *out = (struct kv_out){.response = response, .format = format};
    tv_response_type(response, format == KV_RESP2 ? "application/octet-stream" : "application/json");
    tv_json_start(&out->json, tv_response_body(response));
}

/* A reply that is too large is not the request's size, which is what a bare 413 says in this dialect. */
static bool explain(struct tv_error *error)
{
    struct tv_error cause = *error;
    if (cause.status == 413)
        kv_error(error, 413, "ERR %s", cause.message);
    return false;
}

/* --- one command --------------------------------------------------------------------------------------------------- */

/* Redis is there but has no data to answer from: to the client that is the same as away. */
static bool not_served(const redisReply *reply)
{
    static const char *const prefixes[] = {"LOADING ", "MASTERDOWN ", "CLUSTERDOWN "};
    for (size_t i = 0; i < TV_COUNT(prefixes); i++)
        if (strncmp(reply->str, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool run_command(struct tv_redis *redis, const struct tv_request *request,
                        const struct kv_asked *asked, struct tv_response *response, struct tv_error *error)
{
    const struct kv_command *command = asked->commands;
    struct kv_out out;
    redisReply *reply;
    if (command->refusal) {
        start(&out, asked->format, response);
        tv_response_status(response, 400);
        put_error(&out, command->refusal);
        return true;
    }
    if (!tv_redis_call(redis, command->words, command->count, request->deadline_ms, &reply, error))
        return explain(error);
    start(&out, asked->format, response);
    if (reply->type == REDIS_REPLY_ERROR) {
        bool away = not_served(reply);
        tv_response_status(response, away ? 503 : 400);
        if (away)
            tv_response_header(response, "Retry-After", TV_SLICE("1"));
    } else if (too_deep(reply, 0)) {
        tv_response_status(response, 400);
    }
    put_reply(&out, reply);
    freeReplyObject(reply);
    return true;
}

/* --- pipelines ----------------------------------------------------------------------------------------------------- */

/* Sends what may be sent. Nothing is sent when there is nothing. */
static bool send_all(struct tv_redis *redis, const struct tv_request *request, const struct kv_asked *asked,
                     struct tv_error *error)
{
    bool begun = false;
    for (size_t i = 0; i < asked->count; i++) {
        const struct kv_command *command = &asked->commands[i];
        if (command->refusal)
            continue;
        if (!begun && !tv_redis_begin(redis, request->deadline_ms, error))
            return false;
        begun = true;
        if (!tv_redis_add(redis, command->words, command->count, error)) {
            tv_redis_abandon(redis);
            return false;
        }
    }
    return true;
}

/* The first reply that fails decides about the answer while there is none yet; later ones find some items already
 * written, which stay true: each item that is left then gets the error as its own. */
static bool run_pipeline(struct tv_redis *redis, const struct tv_request *request,
                         const struct kv_asked *asked, struct tv_response *response, struct tv_error *error)
{
    struct kv_out out;
    const char *broken = NULL;
    bool answered = false;
    if (!send_all(redis, request, asked, error))
        return explain(error);
    start(&out, asked->format, response);
    if (asked->format != KV_RESP2)
        tv_json_array(&out.json);
    for (size_t i = 0; i < asked->count && !out.gone; i++) {
        redisReply *reply = NULL;
        if (asked->commands[i].refusal) {
            put_error(&out, asked->commands[i].refusal);
        } else if (broken) {
            put_error(&out, broken);
        } else if (tv_redis_read(redis, &reply, error)) {
            answered = true;
            put_reply(&out, reply);
            freeReplyObject(reply);
        } else if (answered && (broken = tv_arena_printf(request->arena, "ERR %s", error->message))) {
            put_error(&out, broken);
        } else {
            return explain(error);
        }
        out.gone = out.gone || !tv_response_flow(response);
    }
    if (asked->format != KV_RESP2 && !out.gone)
        tv_json_array_end(&out.json);
    tv_redis_abandon(redis);
    return true;
}

/* --- transactions -------------------------------------------------------------------------------------------------- */

/* A transaction with a command that is refused is not begun, as Redis discards one with a command that it refuses. */
static bool check_all(const struct kv_asked *asked, struct tv_error *error)
{
    for (size_t i = 0; i < asked->count; i++)
        if (asked->commands[i].refusal)
            return kv_error(error, 400, "EXECABORT Transaction discarded because of: %s",
                            asked->commands[i].refusal);
    return true;
}

/* MULTI alone: were it refused (an ACL may), the commands behind it would run one by one. */
static bool begin_transaction(struct tv_redis *redis, int64_t deadline_ms, struct tv_error *error)
{
    redisReply *reply;
    if (!tv_redis_call(redis, &TV_SLICE("MULTI"), 1, deadline_ms, &reply, error))
        return false;
    bool begun = reply->type == REDIS_REPLY_STATUS || kv_error(error, 400, "%s", reply->str);
    freeReplyObject(reply);
    return begun;
}

/* Sends the commands with EXEC and gives EXEC's reply; those before it say QUEUED or what is wrong, which EXEC repeats. */
static bool finish_transaction(struct tv_redis *redis, const struct kv_asked *asked, redisReply **reply,
                               struct tv_error *error)
{
    for (size_t i = 0; i < asked->count; i++)
        if (!tv_redis_add(redis, asked->commands[i].words, asked->commands[i].count, error))
            return false;
    if (!tv_redis_add(redis, &TV_SLICE("EXEC"), 1, error))
        return false;
    for (size_t i = 0; i < asked->count; i++) {
        if (!tv_redis_read(redis, reply, error))
            return false;
        freeReplyObject(*reply);
    }
    return tv_redis_read(redis, reply, error);
}

static bool run_transaction(struct tv_redis *redis, const struct tv_request *request,
                            const struct kv_asked *asked, struct tv_response *response,
                            struct tv_error *error)
{
    struct kv_out out;
    redisReply *reply;
    if (!check_all(asked, error) || !begin_transaction(redis, request->deadline_ms, error))
        return false;
    if (!finish_transaction(redis, asked, &reply, error)) {
        tv_redis_close(redis); /* it may still stand in the transaction */
        return explain(error);
    }
    start(&out, asked->format, response);
    if (reply->type == REDIS_REPLY_ARRAY) {
        tv_json_array(&out.json);
        for (size_t i = 0; i < reply->elements && !out.gone; i++) {
            put_reply(&out, reply->element[i]);
            out.gone = out.gone || !tv_response_flow(response);
        }
        if (!out.gone)
            tv_json_array_end(&out.json);
    } else {
        tv_response_status(response, 400);
        put_error(&out, reply->type == REDIS_REPLY_ERROR ? reply->str : "EXECABORT Transaction discarded");
    }
    freeReplyObject(reply);
    return true;
}

bool kv_run(struct tv_redis *redis, const struct tv_request *request, const struct kv_asked *asked,
            struct tv_response *response, struct tv_error *error)
{
    switch (asked->route) {
    case KV_COMMAND: return run_command(redis, request, asked, response, error);
    case KV_PIPELINE: return run_pipeline(redis, request, asked, response, error);
    case KV_TRANSACTION: return run_transaction(redis, request, asked, response, error);
    }
    return kv_error(error, 500, "ERR there is no such route");
}
