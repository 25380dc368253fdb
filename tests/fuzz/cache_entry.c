/*
 * cache_entry.c - a target: any bytes as an entry of the cache. What is accepted is whole: written again, it is the same.
 */
#include "cache/entry.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tv_slice bytes = {(const char *)data, size};
    struct tv_cache_entry entry;
    struct tv_buffer out;
    tv_buffer_init(&out, 1 << 22);
    if (tv_cache_entry_read(bytes, &entry)) {
        tv_cache_entry_write(&out, &entry);
        PROMISE(tv_slice_equal(tv_buffer_view(&out), bytes));
    }
    /* and any bytes as its parts */
    size_t third = size / 3;
    entry = (struct tv_cache_entry){tv_slice_cut(bytes, 0, third), tv_slice_cut(bytes, third, 2 * third),
                                    tv_slice_cut(bytes, 2 * third, size), bytes};
    struct tv_cache_entry again;
    tv_buffer_reset(&out, 1 << 22);
    tv_cache_entry_write(&out, &entry);
    PROMISE(tv_cache_entry_read(tv_buffer_view(&out), &again));
    PROMISE(tv_slice_equal(entry.generations, again.generations) &&
            tv_slice_equal(entry.question, again.question));
    PROMISE(tv_slice_equal(entry.note, again.note) && tv_slice_equal(entry.body, again.body));
    tv_buffer_free(&out);
    return 0;
}
