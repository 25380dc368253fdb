/*
 * formats.c - see formats.h. Both kinds of body are read alike: clients send EJSON's types under application/json too.
 */
#include "formats.h"

#include "errors.h"

/* "application/json; charset=utf-8" without what follows the semicolon. */
static struct tv_slice media_type(struct tv_slice text)
{
    return tv_slice_trim(tv_slice_cut(text, 0, tv_slice_find(text, ';')));
}

enum doc_format doc_format_wanted(const struct tv_request *request)
{
    struct tv_slice accept = tv_request_header(request, "accept");
    bool several = tv_slice_find(accept, ',') < accept.length;
    return !several && tv_slice_is_nocase(media_type(accept), "application/ejson") ? DOC_EJSON : DOC_JSON;
}

const char *doc_format_type(enum doc_format format)
{
    return format == DOC_EJSON ? "application/ejson" : "application/json";
}

bool doc_check_content_type(const struct tv_request *request, bool writes, struct tv_error *error)
{
    struct tv_slice type = media_type(request->content_type);
    if (!writes || tv_slice_is_nocase(type, "application/json") ||
        tv_slice_is_nocase(type, "application/ejson"))
        return true;
    return tv_fail(
        error, 400, DOC_MISSING_PARAMETER,
        "Header missing: please add content-type: application/json or application/ejson to specify payload "
        "data types");
}
