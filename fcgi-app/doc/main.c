/*
 * main.c - trivet-doc: the MongoDB Atlas Data API's dialect. Each thread keeps one buffer, for the BSON of its request.
 */
#include <stddef.h>
#include <stdlib.h>

#include "doc.h"
#include "errors.h"
#include "read_bson.h"

/* What the documents of one request may come to: a body of many small numbers grows when it becomes BSON. */
#define DOCUMENTS_MAX (3u * DOC_DOCUMENT_MAX)
/* Memory that an idle thread keeps for it. */
#define DOCUMENTS_KEPT 16384

static const struct tv_option options[] = {
    {NULL, "data_source", TV_OPTION_TEXT, "mongodb-atlas", 0, 0, offsetof(struct doc_settings, data_source),
     0, "The name that requests must give as dataSource."},
};

static bool open_thread(struct tv_worker *worker, struct tv_error *error)
{
    struct tv_buffer *bson = malloc(sizeof *bson);
    if (!bson)
        return tv_fail(error, 500, NULL, "no memory for a worker");
    tv_buffer_init(bson, DOCUMENTS_MAX);
    tv_worker_set_state(worker, bson);
    return true;
}

static void close_thread(struct tv_worker *worker)
{
    struct tv_buffer *bson = tv_worker_state(worker);
    if (bson)
        tv_buffer_free(bson);
    free(bson);
}

/* POST; the vendor's own examples also show GET with a body, for reads. */
static bool check_method(const struct tv_request *request, const struct doc_action *action,
                         struct tv_error *error)
{
    bool get = request->method == TV_METHOD_GET && request->body.length > 0 && !action->writes;
    return get || tv_request_allow(request, TV_METHOD_POST, error);
}

static bool handle(struct tv_worker *worker, const struct tv_request *request, struct tv_response *response,
                   struct tv_error *error)
{
    const struct doc_settings *settings = tv_worker_settings(worker);
    struct tv_buffer *bson = tv_worker_state(worker);
    const struct doc_action *action = doc_find_action(request, error);
    if (!action)
        return false;
    tv_response_route(response, action->route);
    if (!check_method(request, action, error) || !doc_check_content_type(request, action->writes, error))
        return false;
    struct doc_call call = {worker, request, response, doc_format_wanted(request), {0}};
    bool done =
        doc_read_request(&call.request, request->arena, request->body, settings->data_source, bson, error) &&
        action->run(&call, error);
    tv_buffer_reset(bson, DOCUMENTS_KEPT);
    return done;
}

static const struct tv_app app = {
    .name = "doc",
    .summary = "MongoDB over HTTP, in the Atlas Data API's dialect",
    .routes = doc_routes,
    .stores = 1u << TV_STORE_MONGO,
    .cached = true,
    .options = options,
    .option_count = TV_COUNT(options),
    .settings_size = sizeof(struct doc_settings),
    .open = open_thread,
    .handle = handle,
    .fail = doc_fail,
    .close = close_thread,
};

int main(int argc, char **argv)
{
    return tv_main(&app, argc, argv);
}
