/*
 * page.h - the greeting's two forms: JSON for programs, a page for people.
 */
#ifndef HELLO_PAGE_H
#define HELLO_PAGE_H

#include "trivet.h"

struct store_state {
    const char *name;
    bool configured;
    bool answers;
    int64_t latency_us;
    char version[64];
    struct tv_error error; /* when it does not answer */
    int64_t looked_ms;
};

/* A browser says text/html in Accept; curl and SDKs do not. */
bool wants_html(struct tv_slice accept);
/* states: TV_STORE_COUNT of them. */
void write_greeting(struct tv_response *response, const struct store_state *states);
void write_page(struct tv_response *response, const struct store_state *states);

#endif
