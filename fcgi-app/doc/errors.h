/*
 * errors.h - the dialect's error codes, and how errors of others are put into its words.
 */
#ifndef TRIVET_DOC_ERRORS_H
#define TRIVET_DOC_ERRORS_H

#include "trivet.h"

#define DOC_INVALID_PARAMETER "InvalidParameter"
#define DOC_MISSING_PARAMETER "MissingParameter"
#define DOC_MONGODB_ERROR     "MongoDBError"

/* What the server answered to an action becomes "Failed to insert document: FunctionError: ..."; what it could not answer
 * stays as it is. Returns false. */
bool doc_store_error(const char *failed_to, struct tv_error *error);

/* tv_app.fail: {"error": ..., "error_code": ..., "link": request id}. */
void doc_fail(const struct tv_request *request, struct tv_response *response, const struct tv_error *error);

#endif
