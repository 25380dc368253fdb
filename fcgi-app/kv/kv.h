/*
 * kv.h - what the files of this worker share. The way of a request: read_request (route, format) -> read_path or read_body
 * (commands) -> refused (which of them never reach Redis), script_flags -> run -> write_json or write_resp2.
 */
#ifndef TRIVET_KV_H
#define TRIVET_KV_H

#include "trivet.h"

struct kv_settings {
    int64_t pipeline_max; /* commands of one pipeline or transaction */
};

/* One command. Words live as long as the request. */
struct kv_command {
    const struct tv_slice *words;
    size_t count;
    const char *refusal; /* NULL: goes to Redis; otherwise the error that answers it, and it does not */
};

enum kv_route { KV_COMMAND, KV_PIPELINE, KV_TRANSACTION };
/* What metrics and traces call them, by enum kv_route. */
extern const char *const kv_routes[];
enum kv_format { KV_JSON, KV_JSON_BASE64, KV_RESP2 };

struct kv_asked {
    enum kv_route route;
    enum kv_format format;
    struct kv_command *commands; /* at least one */
    size_t count;
};

/* read_request.c: everything that the request says. Errors are the dialect's: 400, 405, 413. */
bool kv_read_request(const struct tv_request *request, const struct kv_settings *settings,
                     struct tv_response *response, struct kv_asked *asked,
                     struct tv_error *error) TV_MUST_CHECK;

/* read_path.c: the command that path, body and query spell. segments are the path's, still encoded, the first one first. */
bool kv_read_path(const struct tv_request *request, struct kv_command *command,
                  struct tv_error *error) TV_MUST_CHECK;

/* read_body.c: ["SET","k","v"], and [[...],[...]] for pipelines and transactions. */
bool kv_read_command(const struct tv_request *request, struct kv_command *command,
                     struct tv_error *error) TV_MUST_CHECK;
bool kv_read_commands(const struct tv_request *request, size_t most, struct kv_asked *asked,
                      struct tv_error *error) TV_MUST_CHECK;

/* refused.c: fills command->refusal when the command must not reach Redis. 413 when the arena ends. */
bool kv_refuse(struct tv_arena *arena, struct kv_command *command, struct tv_error *error) TV_MUST_CHECK;

/* script_flags.c: makes a script that was written for Upstash one that Redis takes. 413 when the arena ends. */
bool kv_adapt_script(struct tv_arena *arena, struct kv_command *command,
                     struct tv_error *error) TV_MUST_CHECK;

/* run.c: sends the commands and writes their replies. */
bool kv_run(struct tv_redis *redis, const struct tv_request *request, const struct kv_asked *asked,
            struct tv_response *response, struct tv_error *error) TV_MUST_CHECK;

/* What a writer needs to know beside the reply. */
struct kv_out {
    struct tv_response *response;
    struct tv_json json; /* KV_JSON, KV_JSON_BASE64 */
    enum kv_format format;
    bool gone; /* nobody reads any more: stop */
};

struct redisReply;
/* write_json.c: {"result":...} or {"error":"..."} as the next value. */
void kv_json_reply(struct kv_out *out, const struct redisReply *reply);
void kv_json_error(struct kv_out *out, struct tv_slice message);
/* write_resp2.c: the reply as Redis sent it. */
void kv_resp2_reply(struct kv_out *out, const struct redisReply *reply);
void kv_resp2_error(struct kv_out *out, struct tv_slice message);

/* fail.c */
void kv_fail(const struct tv_request *request, struct tv_response *response, const struct tv_error *error);
/* An error in Redis' or the vendor's own words: the text is not touched any more. Returns false. */
bool kv_error(struct tv_error *error, int status, const char *format, ...) TV_PRINTF(3, 4);

/* sync_token.c: the value of Upstash-Sync-Token, another one after each request of this thread. */
struct kv_sync {
    uint64_t thread;
    uint64_t turn;
};
void kv_sync_start(struct kv_sync *sync);
void kv_sync_next(struct kv_sync *sync, struct tv_response *response);

#endif
