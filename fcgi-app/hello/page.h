/*
 * page.h - the greeting's two forms: JSON for programs, a page for people.
 */
#ifndef HELLO_PAGE_H
#define HELLO_PAGE_H

#include "trivet.h"

/* A browser says text/html in Accept; curl and SDKs do not. */
bool wants_html(struct tv_slice accept);
/* states: TV_STORE_COUNT of them. */
void write_greeting(struct tv_response *response, const struct tv_store_state *states);
void write_page(struct tv_response *response, const struct tv_store_state *states);

#endif
