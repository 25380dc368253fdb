/*
 * meters.c - the tables' texts, and adding up.
 */
#include "watch/meters.h"

const struct tv_bound tv_bounds[TV_BOUND_COUNT] = {
#define TV_BOUND_ROW(us, text) {us, text},
    TV_BOUNDS(TV_BOUND_ROW)
#undef TV_BOUND_ROW
};

const struct tv_family_info tv_family_info[TV_FAMILY_COUNT] = {
#define TV_FAMILY_ROW(member, name, type, labels, help) {name, #type, labels, help},
    TV_FAMILIES(TV_FAMILY_ROW)
#undef TV_FAMILY_ROW
};

const struct tv_counter_info tv_counter_info[TV_COUNTER_COUNT] = {
#define TV_COUNTER_ROW(member, family, label, value, name) {name, TV_FAMILY_##family, label, value},
    TV_COUNTERS(TV_COUNTER_ROW)
#undef TV_COUNTER_ROW
};

/* Both structs are such words and nothing else. */
static void add_words(void *to, const void *from, size_t bytes)
{
    _Atomic uint64_t *sum = to;
    const _Atomic uint64_t *words = from;
    for (size_t i = 0; i < bytes / sizeof *sum; i++) {
        uint64_t amount = tv_word(&words[i]);
        if (amount) /* most are zero: pages that nobody used stay untouched */
            tv_word_add(&sum[i], amount);
    }
}

void tv_meters_add(struct tv_meters *to, const struct tv_meters *from)
{
    add_words(to, from, sizeof *to);
}

void tv_process_meters_add(struct tv_process_meters *to, const struct tv_process_meters *from)
{
    add_words(to, from, sizeof *to);
}

uint64_t tv_meters_requests(const struct tv_meters *meters, unsigned status_class)
{
    uint64_t sum = 0;
    for (size_t route = 0; route < TV_ROUTES_MAX; route++)
        for (size_t method = 0; method < TV_METHODS; method++)
            sum += tv_word(&meters->routes[route].requests[method][status_class]);
    return sum;
}

uint64_t tv_histogram_count(const struct tv_histogram *histogram)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < TV_BUCKET_COUNT; i++)
        sum += tv_word(&histogram->buckets[i]);
    return sum;
}
