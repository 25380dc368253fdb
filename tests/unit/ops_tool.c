/*
 * ops_tool.c - tests of what trivet-ops shows: percentiles from buckets, tables that hold no surprise for a terminal, numbers as
 * people read them.
 */
#include "tool/tool.h"

#include <math.h>

#include "tap.h"

static bool near(double got, double want)
{
    bool same = fabs(got - want) < 0.5;
    if (!same)
        note(" got: %f\n# want: %f", got, want);
    return same;
}

static void percentiles(void)
{
    struct tv_histogram histogram = {0};
    struct spread spread = {0}, before;
    ok(spread_percentile(&spread, 0.5) == -1, "of nothing there is none");
    for (int i = 0; i < 100; i++)
        tv_histogram_observe(&histogram, 30000); /* between 25 and 50 ms */
    spread_add(&spread, &histogram);
    is_number(spread.total, 100, "a hundred observations");
    ok(near(spread_percentile(&spread, 0.5), 37500), "the middle of their bucket");
    ok(near(spread_percentile(&spread, 0.99), 49750), "and near its end");
    before = spread;
    for (int i = 0; i < 9; i++)
        tv_histogram_observe(&histogram, 500);
    tv_histogram_observe(&histogram, 60000000); /* beyond the last bound */
    spread = (struct spread){0};
    spread_add(&spread, &histogram);
    spread_since(&spread, &before);
    is_number(spread.total, 10, "ten since");
    ok(near(spread_percentile(&spread, 0.5), 555.6), "half of them within the first bucket");
    ok(near(spread_percentile(&spread, 0.99), 30000000), "what has no bound is shown as the last one");
    struct spread later = spread;
    spread_since(&later, &spread);
    ok(later.total == 0 && spread_percentile(&later, 0.95) == -1, "nothing came since");
    struct spread sum = {0};
    spread_add(&sum, &histogram);
    spread_add(&sum, &histogram);
    is_number(sum.total, 220, "histograms add up");
}

static void tables(void)
{
    static const char *const heads[] = {"<NAME", ">COUNT", "<WHAT", NULL};
    struct table table;
    struct tv_buffer out;
    tv_buffer_init(&out, 65536);
    table_start(&table, heads);
    table_cell(&table, "a");
    table_cell(&table, "%d", 12345678);
    table_cell(&table, "%s", "");
    table_cell(&table, "longer name");
    table_cell(&table, "%d", 1);
    table_cell(&table, "%s",
               "\033[2J\x07"
               "b\xc3\xa4\n");
    table_finish(&table, &out, SIZE_MAX, 0, "\n");
    is_slice(out.data, out.length,
             "NAME            COUNT  WHAT\n"
             "a            12345678  -\n"
             "longer name         1  ?[2J?b???\n",
             "columns, aligned, without blanks at the end, and nothing that a terminal would obey");
    tv_buffer_reset(&out, 65536);
    table_start(&table, heads);
    for (int i = 0; i < 30; i++)
        table_cell(&table, "cell");
    table_finish(&table, &out, 3, 7, "|");
    is_slice(out.data, out.length, "NAME  C|cell|cell|", "cut to lines and columns");
    tv_buffer_reset(&out, 65536);
    table_start(&table, heads);
    table_finish(&table, &out, SIZE_MAX, 0, "\n");
    is_slice(out.data, out.length, "NAME  COUNT  WHAT\n", "a table without rows");
    tv_buffer_free(&out);
}

static void numbers(void)
{
    static const struct {
        double us;
        const char *text;
    } durations[] = {{-1, "-"},        {0, "0us"},          {999, "999us"},    {1000, "1.00ms"},
                     {9990, "9.99ms"}, {9999, "10.0ms"},    {12345, "12.3ms"}, {123456, "123ms"},
                     {999600, "1.0s"}, {12345678, "12.3s"}, {1e9, "1000s"}};
    static const struct {
        int64_t seconds;
        const char *text;
    } uptimes[] = {{-1, "-"}, {0, "0s"}, {59, "59s"}, {61, "1m01s"}, {3661, "1h01m"}, {90061, "1d01h"}};
    char text[16];
    for (size_t i = 0; i < TV_COUNT(durations); i++)
        is_text(duration_text(durations[i].us, text), durations[i].text, "a duration");
    for (size_t i = 0; i < TV_COUNT(uptimes); i++)
        is_text(uptime_text(uptimes[i].seconds, text), uptimes[i].text, "an uptime");
}

int main(void)
{
    percentiles();
    tables();
    numbers();
    return done_testing();
}
