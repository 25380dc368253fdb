/*
 * headers.h - what a request's headers ask for: the form of the answer, preferences, a range, a schema.
 */
#ifndef TRIVET_SQL_HEADERS_H
#define TRIVET_SQL_HEADERS_H

#include "settings.h"

enum sql_return { SQL_RETURN_NONE, SQL_RETURN_MINIMAL, SQL_RETURN_HEADERS, SQL_RETURN_REPRESENTATION };
enum sql_count { SQL_COUNT_NONE, SQL_COUNT_EXACT, SQL_COUNT_PLANNED, SQL_COUNT_ESTIMATED };
enum sql_resolution { SQL_RESOLUTION_NONE, SQL_RESOLUTION_MERGE, SQL_RESOLUTION_IGNORE };
enum sql_missing { SQL_MISSING_UNSAID, SQL_MISSING_DEFAULT, SQL_MISSING_NULL };
enum sql_handling { SQL_HANDLING_UNSAID, SQL_HANDLING_STRICT, SQL_HANDLING_LENIENT };
enum sql_tx { SQL_TX_UNSAID, SQL_TX_COMMIT, SQL_TX_ROLLBACK };

/* The first of a kind wins. */
struct sql_preferences {
    enum sql_return returns;
    enum sql_count count;
    enum sql_resolution resolution;
    enum sql_missing missing;
    enum sql_handling handling;
    enum sql_tx tx;
    bool has_timezone;
    bool has_max_affected;
    struct tv_slice max_affected;
    char unknown[200]; /* "a, b"; cut when there are many */
};

/* 400 PGRST122 with handling=strict and something unknown. */
bool sql_read_preferences(const struct tv_request *request, struct sql_preferences *out,
                          struct tv_error *error) TV_MUST_CHECK;

/* One bit for each preference that was honoured; see sql_applied_preferences. */
enum sql_applied {
    SQL_APPLIED_RESOLUTION = 1,
    SQL_APPLIED_MISSING = 2,
    SQL_APPLIED_RETURN = 4,
    SQL_APPLIED_COUNT = 8,
    SQL_APPLIED_TX = 16,
};
/* Sets Preference-Applied, or nothing when nothing was applied. */
void sql_applied_preferences(struct tv_response *response, const struct sql_preferences *preferences,
                             unsigned applied);

enum sql_shape {
    SQL_SHAPE_ARRAY,  /* application/json */
    SQL_SHAPE_OBJECT, /* application/vnd.pgrst.object+json: exactly one row */
};

struct sql_format {
    enum sql_shape shape;
    bool strip_nulls;
    const char *content_type;
};

/* The first of the client's wishes that can be met, best quality first; 406 PGRST107 when there is none. */
bool sql_read_accept(const struct tv_request *request, struct sql_format *out,
                     struct tv_error *error) TV_MUST_CHECK;

/* "Range: 0-9" of a GET, as limit and offset that are not there yet or narrower than these. 416 PGRST103 when it ends
 * before it begins; anything else that cannot be read is ignored. */
bool sql_read_range(const struct tv_request *request, bool *has_limit, int64_t *limit, int64_t *offset,
                    struct tv_error *error) TV_MUST_CHECK;

/* Accept-Profile or Content-Profile, by the method: 406 PGRST106 for any schema but ours. */
bool sql_check_profile(const struct tv_request *request, const struct sql_settings *settings,
                       struct tv_error *error) TV_MUST_CHECK;

/* Headers of every answer, errors too: Vary, and what browsers of other origins need. */
void sql_common_headers(const struct tv_request *request, struct tv_response *response);
/* Whether it is a browser's question beforehand; then it is answered. */
bool sql_preflight(const struct tv_request *request, struct tv_response *response);

#endif
