/*
 * cache_entry.c - tests of an entry's bytes: what was written is read, what is damaged is no entry, and a question's key
 * never changes.
 */
#include "cache/entry.h"

#include "base/arena.h"
#include "exact.h"
#include "tap.h"

static struct tv_buffer bytes;

static void write_entry(struct tv_slice generations, struct tv_slice question, struct tv_slice note_text,
                        struct tv_slice body)
{
    struct tv_cache_entry entry = {generations, question, note_text, body};
    tv_buffer_reset(&bytes, 65536);
    tv_cache_entry_write(&bytes, &entry);
}

static void round_trip(struct tv_slice generations, struct tv_slice question, struct tv_slice note_text,
                       struct tv_slice body, const char *name)
{
    struct tv_cache_entry got;
    write_entry(generations, question, note_text, body);
    struct tv_slice copy = exact_copy(bytes.data, bytes.length);
    ok(!tv_buffer_failed(&bytes) && tv_cache_entry_read(copy, &got), "%s: is read", name);
    ok(tv_slice_equal(got.generations, generations) && tv_slice_equal(got.question, question) &&
           tv_slice_equal(got.note, note_text) && tv_slice_equal(got.body, body),
       "%s: as it was", name);
    exact_free(copy);
}

static void whole(void)
{
    struct tv_slice nothing = {0}, zero = {"\0\0\r\n", 4};
    round_trip(TV_SLICE("0:a0:b"), TV_SLICE("role anon GET /product"), TV_SLICE("0-1/2"),
               TV_SLICE("[{\"a\":1}]"), "an entry");
    round_trip(nothing, nothing, nothing, nothing, "one of nothing");
    round_trip(zero, zero, zero, zero, "one of bytes that mean something elsewhere");
    round_trip(TV_SLICE("g"), TV_SLICE("q"), nothing, TV_SLICE("TVC1TVC1TVC1TVC1TVC1"),
               "one that looks like another inside");
    static char large[60000];
    memset(large, 'L', sizeof large);
    round_trip(TV_SLICE("g"), TV_SLICE("q"), TV_SLICE("n"), (struct tv_slice){large, sizeof large},
               "a large one");
}

static void damaged(void)
{
    struct tv_cache_entry got;
    write_entry(TV_SLICE("generations"), TV_SLICE("question"), TV_SLICE("note"), TV_SLICE("body"));
    size_t length = bytes.length, accepted = 0;
    for (size_t cut = 0; cut < length; cut++) {
        struct tv_slice copy = exact_copy(bytes.data, cut);
        accepted += tv_cache_entry_read(copy, &got);
        exact_free(copy);
    }
    is_number(accepted, 0, "an entry cut at any length is none");
    for (size_t more = 1; more < 20; more++) {
        struct tv_slice copy = exact_copy(bytes.data, length);
        tv_buffer_append(&bytes, "x", 1);
        exact_free(copy);
        copy = exact_copy(bytes.data, bytes.length);
        accepted += tv_cache_entry_read(copy, &got);
        exact_free(copy);
    }
    is_number(accepted, 0, "nor is one with something after it");
    ok(!tv_cache_entry_read((struct tv_slice){0}, &got), "nor is nothing");

    /* every byte of the head changed: a different magic or sum of lengths is no entry; nothing is read past the end */
    write_entry(TV_SLICE("generations"), TV_SLICE("question"), TV_SLICE("note"), TV_SLICE("body"));
    for (size_t at = 0; at < 20; at++) {
        for (unsigned change = 1; change < 256; change++) {
            struct tv_slice copy = exact_copy(bytes.data, bytes.length);
            ((char *)(uintptr_t)copy.data)[at] ^= (char)change;
            accepted += tv_cache_entry_read(copy, &got);
            exact_free(copy);
        }
    }
    is_number(accepted, 0, "nor is one with any byte of its head changed");
    static const uint32_t lengths[] = {0, 1, 11, 27, 28, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    for (size_t i = 0; i < 8 * 8 * 8 * 8; i++) {
        struct tv_slice copy = exact_copy(bytes.data, bytes.length);
        uint32_t four[4] = {lengths[i % 8], lengths[i / 8 % 8], lengths[i / 64 % 8], lengths[i / 512]};
        uint64_t sum = (uint64_t)four[0] + four[1] + four[2] + four[3];
        memcpy((char *)(uintptr_t)copy.data + 4, four, sizeof four);
        if (tv_cache_entry_read(copy, &got)) {
            accepted += sum != 27;
            accepted += got.body.data + got.body.length != copy.data + copy.length;
        } else {
            accepted += sum == 27;
        }
        exact_free(copy);
    }
    is_number(accepted, 0, "lengths are believed only when they add up to what is there");

    struct tv_buffer small;
    struct tv_cache_entry entry = {.body = TV_SLICE("more than fits")};
    tv_buffer_init(&small, 20);
    tv_cache_entry_write(&small, &entry);
    ok(tv_buffer_failed(&small), "an entry larger than its buffer fails");
    tv_buffer_free(&small);
}

static void hash_is(struct tv_slice question, const char *want)
{
    char hash[TV_CACHE_HASH_LENGTH];
    tv_cache_hash(question, hash);
    is_slice(hash, sizeof hash, want, "the hash of a question stays the same for ever");
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, TV_CACHE_HASH_LENGTH);
}

static void hashes(void)
{
    /* keys outlive processes and are shared by versions */
    hash_is((struct tv_slice){0}, "cbf29ce4842223259ae16a3b2f90404f");
    hash_is(TV_SLICE("a"), "af63dc4c8601ec8cbd47b091d21d0e2a");
    hash_is((struct tv_slice){"\0", 1}, "af63bd4c8601b7dfbd47d191d21d463d");
    hash_is(TV_SLICE("foobar"), "85944171f73967e8da8d9427b484b4f6");
    enum { COUNT = 100000 };
    char(*all)[TV_CACHE_HASH_LENGTH] = malloc((size_t)COUNT * sizeof *all);
    if (!all)
        abort();
    bool hex = true;
    for (int i = 0; i < COUNT; i++) {
        char question[64];
        int length = snprintf(question, sizeof question, "anon\nGET\n/product?id=eq.%d", i);
        tv_cache_hash((struct tv_slice){question, (size_t)length}, all[i]);
        for (size_t j = 0; j < TV_CACHE_HASH_LENGTH; j++)
            hex = hex && strchr("0123456789abcdef", all[i][j]);
    }
    ok(hex, "a hash is hexadecimal");
    qsort(all, COUNT, sizeof *all, by_bytes);
    int twice = 0;
    for (int i = 1; i < COUNT; i++)
        twice += memcmp(all[i - 1], all[i], sizeof *all) == 0;
    is_number(twice, 0, "a hundred thousand questions have as many keys");
    free(all);
}

int main(void)
{
    tv_buffer_init(&bytes, 1 << 20);
    whole();
    damaged();
    hashes();
    tv_buffer_free(&bytes);
    return done_testing();
}
