/*
 * doc.h - what the files of this worker share. The way of a request: actions (path) -> formats (headers) -> read_request
 * (body: names, read_bson, refuse) -> find or insert -> write_bson.
 */
#ifndef TRIVET_DOC_DOC_H
#define TRIVET_DOC_DOC_H

#include "formats.h"
#include "read_request.h"
#include "trivet.h"

struct doc_settings {
    const char *data_source;
};

/* One request on its way through the files. */
struct doc_call {
    struct tv_worker *worker;
    const struct tv_request *http;
    struct tv_response *response;
    enum doc_format format;
    struct doc_request request;
};

typedef bool doc_run(struct doc_call *call, struct tv_error *error);

struct doc_action {
    const char *name;
    const char *route; /* for log and metrics */
    bool writes;
    doc_run *run;
};

/* Of all actions. */
extern const char *const doc_routes[];

/* actions.c: the action that the path names; NULL with a 404. */
const struct doc_action *doc_find_action(const struct tv_request *request, struct tv_error *error);

/* find.c */
doc_run doc_run_find, doc_run_find_one;
/* insert.c */
doc_run doc_run_insert_one;

#endif
