/*
 * actions.c - which actions there are. Nothing else is known here.
 */
#include "doc.h"

/* X(name, whether it writes, function) */
#define ACTIONS(X)                        \
    X("find", false, doc_run_find)        \
    X("findOne", false, doc_run_find_one) \
    X("insertOne", true, doc_run_insert_one)

static const struct doc_action actions[] = {
#define ACTION_ROW(name, writes, run) {name, "/doc/action/" name, writes, run},
    ACTIONS(ACTION_ROW)
#undef ACTION_ROW
};

const char *const doc_routes[] = {
#define ACTION_ROUTE(name, writes, run) "/doc/action/" name,
    ACTIONS(ACTION_ROUTE)
#undef ACTION_ROUTE
        NULL,
};

const struct doc_action *doc_find_action(const struct tv_request *request, struct tv_error *error)
{
    static const char prefix[] = "/action/";
    struct tv_slice path;
    if (!tv_url_decode(request->arena, request->path, TV_URL_PATH, &path, error))
        return NULL;
    if (!tv_slice_starts(path, prefix)) {
        tv_fail(error, 404, NULL, "there is nothing at this path; actions are at /action/NAME");
        return NULL;
    }
    struct tv_slice name = tv_slice_cut(path, sizeof prefix - 1, path.length);
    for (size_t i = 0; i < TV_COUNT(actions); i++)
        if (tv_slice_is(name, actions[i].name))
            return &actions[i];
    tv_fail(error, 404, NULL, "no such action: '%.*s'", (int)(name.length > 100 ? 100 : name.length),
            name.data);
    return NULL;
}
