/*
 * read_request.c - method, route and headers; the commands are read by read_path and read_body.
 */
#include "kv.h"

const char *const kv_routes[] = {
    [KV_COMMAND] = "/kv/{command}",
    [KV_PIPELINE] = "/kv/pipeline",
    [KV_TRANSACTION] = "/kv/multi-exec",
    NULL,
};

/* The first segment decides: pipelines and transactions are places, everything else is a command. */
static enum kv_route route_of(struct tv_slice path)
{
    if (tv_slice_is(path, "/pipeline"))
        return KV_PIPELINE;
    if (tv_slice_is(path, "/multi-exec"))
        return KV_TRANSACTION;
    return KV_COMMAND;
}

static bool read_format(const struct tv_request *request, struct kv_asked *asked, struct tv_error *error)
{
    struct tv_slice format = tv_slice_trim(tv_request_header(request, "upstash-response-format"));
    struct tv_slice encoding = tv_slice_trim(tv_request_header(request, "upstash-encoding"));
    bool base64 = tv_slice_is_nocase(encoding, "base64");
    bool resp2 = tv_slice_is_nocase(format, "resp2");

    asked->format = base64 ? KV_JSON_BASE64 : KV_JSON;
    if (asked->route == KV_TRANSACTION) /* always JSON, whatever the header says */
        return true;
    if (format.length > 0 && !resp2 && !tv_slice_is_nocase(format, "json"))
        return kv_error(error, 400, "ERR Upstash-Response-Format must be json or resp2");
    if (resp2 && base64)
        return kv_error(error, 400,
                        "ERR Upstash-Encoding: base64 does not go with Upstash-Response-Format: resp2");
    if (resp2)
        asked->format = KV_RESP2;
    return true;
}

static bool read_one(const struct tv_request *request, struct kv_asked *asked, struct tv_error *error)
{
    asked->count = 1;
    asked->commands = tv_arena_array(request->arena, 1, sizeof *asked->commands);
    if (!asked->commands)
        return tv_arena_fail(request->arena, error);
    if (request->path.length > 1)
        return kv_read_path(request, asked->commands, error);
    if (!(request->method & (TV_METHOD_POST | TV_METHOD_PUT)))
        return kv_error(error, 400, "ERR empty command");
    return kv_read_command(request, asked->commands, error);
}

bool kv_read_request(const struct tv_request *request, const struct kv_settings *settings,
                     struct tv_response *response, struct kv_asked *asked, struct tv_error *error)
{
    *asked = (struct kv_asked){.route = route_of(request->path)};
    tv_response_route(response, kv_routes[asked->route]);
    unsigned methods = asked->route == KV_COMMAND
                           ? TV_METHOD_GET | TV_METHOD_HEAD | TV_METHOD_POST | TV_METHOD_PUT
                           : TV_METHOD_POST;
    if (!tv_request_allow(request, methods, error) || !read_format(request, asked, error))
        return false;

    if (asked->route == KV_COMMAND) {
        if (!read_one(request, asked, error))
            return false;
    } else if (!kv_read_commands(request, (size_t)settings->pipeline_max, asked, error)) {
        return false;
    }
    for (size_t i = 0; i < asked->count; i++)
        if (!kv_refuse(request->arena, &asked->commands[i], error) ||
            !kv_adapt_script(request->arena, &asked->commands[i], error))
            return false;
    return true;
}
