/*
 * fail.c - errors in the dialect's shape: {"error":"ERR ..."}.
 *
 * Messages that the vendor or Redis fixed are given word for word (kv_error); clients compare them, so what else is known
 * goes into the header X-Trivet-Details. Other errors are put into Redis' form here.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kv.h"

static const char fixed[] = "ERR"; /* code of an error whose message is complete */

bool kv_error(struct tv_error *error, int status, const char *format, ...)
{
    va_list values;
    tv_fail(error, status, fixed, "%s", "");
    va_start(values, format);
    vsnprintf(error->message, sizeof error->message, format, values);
    va_end(values);
    return false;
}

static void write_message(struct tv_json *json, const struct tv_error *error)
{
    if (strcmp(error->code, fixed) == 0)
        tv_json_text(json, error->message);
    else if (error->status == 413)
        tv_json_text(json, "ERR max request size exceeded");
    else if (error->status == 401)
        tv_json_text(json, "WRONGPASS invalid or missing auth token");
    else if (error->details[0] != '\0')
        tv_json_printf(json, "ERR %s (%s)", error->message, error->details);
    else
        tv_json_printf(json, "ERR %s", error->message);
}

void kv_fail(const struct tv_request *request, struct tv_response *response, const struct tv_error *error)
{
    (void)request;
    struct tv_json json;
    tv_response_type(response, "application/json");
    if (strcmp(error->code, fixed) == 0 && error->details[0] != '\0')
        tv_response_header(response, "X-Trivet-Details", tv_slice_of(error->details));
    tv_json_start(&json, tv_response_body(response));
    tv_json_object(&json);
    tv_json_name(&json, "error");
    write_message(&json, error);
    tv_json_object_end(&json);
}
