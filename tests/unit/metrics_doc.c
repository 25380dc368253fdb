/*
 * metrics_doc.c - test that docs/metrics.md says what the tables of watch/counters.h say. With TRIVET_UPDATE=1 it writes the page
 * instead of complaining.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "tap.h"
#include "watch/meters.h"

static void write_page(struct tv_buffer *page)
{
    tv_buffer_text(
        page,
        "# Metrics\n\n"
        "`GET /metrics` on the operations port, answered by trivet-ops from shared memory: also when every "
        "other pool is\n"
        "saturated or dead. Text format 0.0.4, or OpenMetrics with exemplars (trace ids on buckets of the "
        "request duration) for\n"
        "who asks for it. Counters never go back while a pool runs, whichever of its processes die; they "
        "begin anew with the pool.\n\n"
        "Labels take few values by construction: pools, route templates (`/sql/{table}`; empty for what is "
        "no route), methods,\n"
        "status classes, stores, and the words named here. This page is made from `lib/watch/counters.h`.\n\n"
        "| family | type | labels | meaning |\n|---|---|---|---|\n");
    for (int i = 0; i < TV_FAMILY_COUNT; i++) {
        const struct tv_family_info *info = &tv_family_info[i];
        tv_buffer_printf(page, "| `trivet_%s` | %s | %s | %s |\n", info->name, info->type, info->labels,
                         info->help);
    }
    tv_buffer_text(page, "\nHistograms have these upper bounds in seconds:");
    for (int i = 0; i < TV_BOUND_COUNT; i++)
        tv_buffer_printf(page, "%s %s", i == 0 ? "" : ",", tv_bounds[i].seconds);
    tv_buffer_text(page, ".\n");
}

int main(void)
{
    const char *source = getenv("srcdir");
    char path[4096], found[65536];
    struct tv_buffer page;
    tv_buffer_init(&page, sizeof found);
    write_page(&page);
    snprintf(path, sizeof path, "%s/docs/metrics.md", source ? source : ".");
    if (getenv("TRIVET_UPDATE")) {
        FILE *out = fopen(path, "w");
        ok(out && fwrite(page.data, 1, page.length, out) == page.length && fclose(out) == 0, "%s is written",
           path);
        return done_testing();
    }
    FILE *in = fopen(path, "r");
    size_t length = in ? fread(found, 1, sizeof found, in) : 0;
    if (in)
        fclose(in);
    ok(!tv_buffer_failed(&page) && length == page.length && memcmp(found, page.data, length) == 0,
       "docs/metrics.md is made from the tables; TRIVET_UPDATE=1 writes it anew");
    tv_buffer_free(&page);
    return done_testing();
}
