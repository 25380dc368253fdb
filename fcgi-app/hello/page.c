/*
 * page.c - writes the greeting. The page is one answer: no script, no image, no second request.
 */
#include "page.h"

#include <string.h>

static const char greeting[] = "Hello. This is Trivet: MySQL, MongoDB and Redis over HTTP.";

bool wants_html(struct tv_slice accept)
{
    return accept.data && memmem(accept.data, accept.length, "text/html", 9) != NULL;
}

static const char *state_of(const struct tv_store_state *state)
{
    return !state->configured ? "not configured" : state->answers ? "up" : "down";
}

void write_greeting(struct tv_response *response, const struct tv_store_state *states)
{
    struct tv_json json;
    tv_response_type(response, "application/json");
    tv_json_start(&json, tv_response_body(response));
    tv_json_object(&json);
    tv_json_member_text(&json, "greeting", greeting);
    tv_json_member_text(&json, "version", tv_version());
    tv_json_name(&json, "stores");
    tv_json_object(&json);
    for (int store = 0; store < TV_STORE_COUNT; store++) {
        tv_json_name(&json, states[store].name);
        tv_json_object(&json);
        tv_json_member_text(&json, "state", state_of(&states[store]));
        if (states[store].answers) {
            tv_json_name(&json, "latency_ms");
            tv_json_double(&json, (double)states[store].latency_us / 1000.0);
            tv_json_member_text(&json, "version", states[store].version);
        } else if (states[store].configured) {
            tv_json_member_text(&json, "error", states[store].error.message);
        }
        tv_json_object_end(&json);
    }
    tv_json_object_end(&json);
    tv_json_object_end(&json);
    tv_buffer_byte(tv_response_body(response), '\n');
}

/* Text from a store: it must not become markup. */
static void put_escaped(struct tv_buffer *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<': tv_buffer_text(out, "&lt;"); break;
        case '>': tv_buffer_text(out, "&gt;"); break;
        case '&': tv_buffer_text(out, "&amp;"); break;
        case '"': tv_buffer_text(out, "&quot;"); break;
        default: tv_buffer_byte(out, *text); break;
        }
    }
}

static void put_store(struct tv_buffer *out, const struct tv_store_state *state)
{
    const char *class = !state->configured ? "off" : state->answers ? "up" : "down";
    tv_buffer_printf(out, "<tr class=\"%s\"><th scope=\"row\">%s</th><td><b>%s</b></td><td>", class,
                     state->name, state_of(state));
    if (state->answers)
        tv_buffer_printf(out, "%.2f ms", (double)state->latency_us / 1000.0);
    tv_buffer_text(out, "</td><td>");
    put_escaped(out, state->answers ? state->version : state->configured ? state->error.message : "");
    tv_buffer_text(out, "</td></tr>\n");
}

void write_page(struct tv_response *response, const struct tv_store_state *states)
{
    static const char head[] =
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Hello from "
        "Trivet</title>\n<style>\n"
        ":root { color-scheme: light dark }\n"
        "body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 46rem; margin: 12vh auto; padding: 0 "
        "1.5rem }\n"
        "h1 { font-size: 2.2rem; line-height: 1.2; margin: 0 0 .5rem }\n"
        "table { border-collapse: collapse; width: 100%; margin: 2rem 0 }\n"
        "th, td { text-align: left; padding: .6rem .8rem; border-bottom: 1px solid #8884; font-weight: 400 "
        "}\n"
        "thead th { font-size: .85rem; opacity: .75 }\n"
        "tr.up b { color: #1a7f4b } tr.down b { color: #c2342c } tr.off b { opacity: .65 }\n"
        "@media (prefers-color-scheme: dark) { tr.up b { color: #5fd39a } tr.down b { color: #ff8a80 } }\n"
        "code { font-size: .95em }\n</style>\n</head>\n<body>\n<h1>Hello.</h1>\n"
        "<p>This is Trivet: MySQL, MongoDB and Redis over HTTP.</p>\n"
        "<table>\n<thead><tr><th scope=\"col\">Store</th><th scope=\"col\">State</th><th "
        "scope=\"col\">Answers in</th>"
        "<th scope=\"col\">Server</th></tr></thead>\n<tbody>\n";
    struct tv_buffer *out = tv_response_body(response);
    tv_response_type(response, "text/html; charset=utf-8");
    tv_response_header(
        response, "Content-Security-Policy",
        TV_SLICE("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"));
    tv_buffer_append(out, head, sizeof head - 1);
    for (int store = 0; store < TV_STORE_COUNT; store++)
        put_store(out, &states[store]);
    tv_buffer_printf(
        out,
        "</tbody>\n</table>\n<p>Programs get the same as JSON: <code>curl</code> this address. "
        "<a href=\"/\">What Trivet offers</a>.</p>\n<p><small>Trivet %s</small></p>\n</body>\n</html>\n",
        tv_version());
}
