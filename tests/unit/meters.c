/*
 * meters.c - tests of what is counted: the tables are whole, a duration falls into the bucket that Prometheus would put it in, and
 * adding loses nothing.
 */
#include "watch/meters.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static bool is_name(const char *text)
{
    for (const char *byte = text; *byte; byte++)
        if (!islower((unsigned char)*byte) && !isdigit((unsigned char)*byte) && *byte != '_')
            return false;
    return *text != '\0';
}

static bool ends_in(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length > tail && strcmp(text + length - tail, ending) == 0;
}

static void tables(void)
{
    bool named = true, meant = true, totals = true, twice = false;
    for (int i = 0; i < TV_FAMILY_COUNT; i++) {
        const struct tv_family_info *info = &tv_family_info[i];
        named = named && is_name(info->name);
        meant = meant && strlen(info->help) > 10 && info->help[strlen(info->help) - 1] != '.';
        totals = totals && ends_in(info->name, "_total") == (strcmp(info->type, "counter") == 0);
        for (int j = 0; j < i; j++)
            twice = twice || strcmp(info->name, tv_family_info[j].name) == 0;
    }
    ok(named, "every family has a name that Prometheus takes");
    ok(meant, "and a meaning, without the full stop that is added");
    ok(totals, "counters end in _total, and nothing else does");
    ok(!twice, "no name stands twice");
    bool counts = true;
    for (int i = 0; i < TV_COUNTER_COUNT; i++) {
        const struct tv_counter_info *info = &tv_counter_info[i];
        counts = counts && is_name(info->name) && strcmp(tv_family_info[info->family].type, "counter") == 0 &&
                 (!*info->label) == (!*info->value) &&
                 (!*info->label || strstr(tv_family_info[info->family].labels, info->label));
    }
    ok(counts, "every counter belongs to a counter's family, under one of its labels");
    bool rising = true;
    for (int i = 0; i < TV_BOUND_COUNT; i++)
        rising = rising && (i == 0 || tv_bounds[i].us > tv_bounds[i - 1].us) &&
                 (int64_t)(strtod(tv_bounds[i].seconds, NULL) * 1e6 + 0.5) == tv_bounds[i].us;
    ok(rising, "bounds rise, and say in seconds what they are in microseconds");
}

static void histograms(void)
{
    is_number(tv_bucket_of(0), 0, "nothing falls into the first bucket");
    is_number(tv_bucket_of(1000), 0, "a bound belongs to its bucket: le");
    is_number(tv_bucket_of(1001), 1, "above it begins the next");
    is_number(tv_bucket_of(250000), TV_BOUND_250000, "an objective is a bound");
    is_number(tv_bucket_of(30000001), TV_BUCKET_COUNT - 1, "the last has none");
    struct tv_histogram histogram = {0};
    int64_t sum = 0;
    for (int64_t us = 1; us < 100000000; us *= 3) {
        tv_histogram_observe(&histogram, us);
        sum += us;
    }
    is_number(tv_histogram_count(&histogram), 17, "every observation is in one bucket");
    is_number(histogram.sum_us, sum, "and in the sum");
}

static void adding(void)
{
    static struct tv_meters one, all;
    struct tv_process_meters process = {1, 2, 3}, processes = {10, 20, 30};
    _Atomic uint64_t *words = (_Atomic uint64_t *)&one;
    for (size_t i = 0; i < sizeof one / sizeof *words; i++)
        words[i] = i;
    tv_meters_add(&all, &one);
    tv_meters_add(&all, &one);
    bool whole = true;
    for (size_t i = 0; i < sizeof all / sizeof *words; i++)
        whole = whole && ((_Atomic uint64_t *)&all)[i] == 2 * i;
    ok(whole, "every word is added");
    tv_process_meters_add(&processes, &process);
    ok(processes.at_limit_us == 11 && processes.grown == 22 && processes.shrunk == 33, "a process's too");
    static struct tv_meters requests;
    requests.routes[0].requests[0][0] = 1;
    requests.routes[TV_ROUTES_MAX - 1].requests[TV_METHODS - 1][0] = 2;
    requests.routes[3].requests[2][3] = 4;
    is_number(tv_meters_requests(&requests, 0), 3, "2xx over all routes and methods");
    is_number(tv_meters_requests(&requests, 3), 4, "5xx");
}

int main(void)
{
    tables();
    histograms();
    adding();
    return done_testing();
}
