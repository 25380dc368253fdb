/*
 * errors.c - see errors.h. The vendor's "link" led to a log entry; ours is the request's id, which is in our log.
 */
#include "errors.h"

#include <string.h>

bool doc_store_error(const char *failed_to, struct tv_error *error)
{
    if (error->status != 400 && error->status != 403)
        return false;
    char said[sizeof error->message];
    int native = error->native;
    memcpy(said, error->message, sizeof said);
    tv_fail(error, error->status, DOC_MONGODB_ERROR, "Failed to %s: FunctionError: %s", failed_to, said);
    error->native = native;
    return false;
}

static const char *code_of(const struct tv_error *error)
{
    static const struct {
        int status;
        const char *code;
    } codes[] = {
        {400, DOC_INVALID_PARAMETER}, {401, "InvalidSession"},
        {403, "NoMatchingRuleFound"}, {404, "NotFound"},
        {405, "MethodNotAllowed"},    {408, "RequestTimeout"},
        {413, "RequestTooLarge"},     {414, "RequestTooLarge"},
        {415, DOC_INVALID_PARAMETER}, {429, "TooManyRequests"},
        {503, "ServiceUnavailable"},  {504, "ExecutionTimeLimitExceeded"},
    };
    if (error->code[0] != '\0')
        return error->code;
    for (size_t i = 0; i < TV_COUNT(codes); i++)
        if (codes[i].status == error->status)
            return codes[i].code;
    return error->status < 500 ? DOC_INVALID_PARAMETER : "InternalServerError";
}

void doc_fail(const struct tv_request *request, struct tv_response *response, const struct tv_error *error)
{
    struct tv_json json;
    tv_response_type(response, "application/json");
    tv_json_start(&json, tv_response_body(response));
    tv_json_object(&json);
    tv_json_name(&json, "error");
    if (error->details[0] != '\0')
        tv_json_printf(&json, "%s: %s", error->message, error->details);
    else
        tv_json_text(&json, error->message);
    tv_json_member_text(&json, "error_code", code_of(error));
    tv_json_name(&json, "link");
    tv_json_string(&json, request ? request->id : (struct tv_slice){0});
    tv_json_object_end(&json);
}
