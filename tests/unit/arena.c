/*
 * arena.c - tests of one request's memory: alignment, the cap, what an overflow leaves behind, the way back.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "tap.h"

/* Sizes that no machine has are asked for on purpose; AddressSanitizer shall say NULL as malloc does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static bool aligned(const void *data)
{
    return (uintptr_t)data % alignof(max_align_t) == 0;
}

static void pieces(void)
{
    struct tv_arena arena;
    tv_arena_init(&arena, 1 << 20);
    is_number(arena.taken, 0, "a new arena has taken nothing");
    unsigned char *blocks[2000];
    bool good = true;
    for (size_t i = 0; i < TV_COUNT(blocks); i++) {
        size_t size = i * 7 % 200;
        blocks[i] = tv_arena_alloc(&arena, size);
        good = good && blocks[i] && aligned(blocks[i]);
        if (blocks[i])
            memset(blocks[i], (int)(i % 251), size);
    }
    ok(good, "pieces of any size are given, aligned for any type");
    for (size_t i = 0; i < TV_COUNT(blocks) && good; i++)
        for (size_t j = 0; j < i * 7 % 200; j++)
            good = good && blocks[i][j] == i % 251;
    ok(good, "no piece overlaps another");
    void *empty = tv_arena_alloc(&arena, 0);
    ok(empty != NULL, "nothing at all is also something that can be had");
    ok(!arena.overflowed, "all this is no overflow");

    uint64_t *numbers = tv_arena_array(&arena, 500, sizeof *numbers);
    bool cleared = numbers != NULL;
    for (size_t i = 0; i < 500 && cleared; i++)
        cleared = numbers[i] == 0;
    ok(cleared, "an array is cleared");
    tv_arena_reset(&arena);
    memset(tv_arena_array(&arena, 100, 8), 0xFF, 800);
    tv_arena_reset(&arena);
    numbers = tv_arena_array(&arena, 100, 8);
    ok(numbers && numbers[0] == 0 && numbers[99] == 0, "also where something stood before the reset");

    struct tv_slice name = {"a\0b", 3};
    char *text = tv_arena_text(&arena, name);
    ok(text && memcmp(text, "a\0b\0", 4) == 0, "a text is copied with its NUL bytes and terminated");
    is_text(tv_arena_text(&arena, (struct tv_slice){0}), "", "the empty slice gives the empty text");
    is_text(tv_arena_printf(&arena, "%s-%d", "x", 7), "x-7", "printf");
    is_text(tv_arena_printf(&arena, "%s", ""), "", "printf of nothing");
    size_t long_length = 100000;
    char *filled = tv_arena_printf(&arena, "%*d", (int)long_length, 5);
    ok(filled && strlen(filled) == long_length && filled[long_length - 1] == '5', "printf of something long");
    tv_arena_free(&arena);
    is_number(arena.taken, 0, "freed, it has nothing");
    ok(tv_arena_alloc(&arena, 10) != NULL, "and can be used again");
    tv_arena_free(&arena);
    tv_arena_free(&arena);
}

static void the_cap(void)
{
    struct tv_arena arena;
    tv_arena_init(&arena, 100000);
    char *first = tv_arena_text(&arena, TV_SLICE("kept"));
    size_t given = 0;
    while (given < 1000 && tv_arena_alloc(&arena, 1000))
        given++;
    ok(given > 50 && given < 100, "the cap is near: %zu pieces of 1000 bytes", given);
    ok(arena.taken <= arena.cap, "never more is taken than the cap");
    ok(arena.overflowed, "the arena remembers that it overflowed");
    ok(tv_arena_alloc(&arena, 1) == NULL, "after that nothing is given, however small");
    ok(!tv_arena_text(&arena, TV_SLICE("x")) && !tv_arena_printf(&arena, "x") &&
           !tv_arena_array(&arena, 1, 1),
       "in whatever shape");
    is_text(first, "kept", "what was given before stays valid");

    struct tv_error error;
    ok(!tv_arena_fail(&arena, &error), "the error returns false");
    is_number(error.status, 413, "it is a 413");
    ok(strstr(error.details, "100000"), "that names the limit: %s", error.details);

    tv_arena_reset(&arena);
    ok(!arena.overflowed && arena.taken <= 16384, "a reset forgives, and keeps one block");
    ok(tv_arena_alloc(&arena, 1000) != NULL, "and the arena works again");
    ok(tv_arena_alloc(&arena, 100001) == NULL && arena.overflowed,
       "one piece larger than the cap is refused");
    tv_arena_reset(&arena);
    ok(tv_arena_alloc(&arena, 60000) != NULL, "a large piece within the cap is given");
    ok(tv_arena_alloc(&arena, 60000) == NULL, "but not twice");
    tv_arena_free(&arena);

    tv_arena_init(&arena, 64);
    ok(tv_arena_alloc(&arena, 48) != NULL, "a cap below a block's size still gives what it can");
    ok(tv_arena_alloc(&arena, 48) == NULL, "and no more");
    tv_arena_free(&arena);
    tv_arena_init(&arena, 0);
    ok(tv_arena_alloc(&arena, 1) == NULL && arena.overflowed, "a cap of nothing gives nothing");
    tv_arena_free(&arena);
}

static void absurd_sizes(void)
{
    static const size_t sizes[] = {SIZE_MAX,      SIZE_MAX - 1,  SIZE_MAX - 15,
                                   SIZE_MAX - 16, SIZE_MAX - 64, SIZE_MAX / 2 + 1};
    struct tv_arena arena;
    for (size_t cap = 1 << 16; cap; cap = cap == SIZE_MAX ? 0 : SIZE_MAX) {
        tv_arena_init(&arena, cap);
        bool refused = true;
        for (size_t i = 0; i < TV_COUNT(sizes); i++) {
            refused = refused && tv_arena_alloc(&arena, sizes[i]) == NULL && arena.overflowed;
            tv_arena_reset(&arena);
            refused = refused && tv_arena_alloc(&arena, 8) != NULL; /* a block is there already */
            refused = refused && tv_arena_alloc(&arena, sizes[i]) == NULL && arena.overflowed;
            tv_arena_reset(&arena);
        }
        ok(refused, "sizes that overflow are refused with a cap of %zu", cap);
        ok(tv_arena_array(&arena, SIZE_MAX / 8 + 2, 8) == NULL && arena.overflowed,
           "so are arrays whose product does");
        tv_arena_reset(&arena);
        ok(tv_arena_array(&arena, SIZE_MAX, SIZE_MAX) == NULL && arena.overflowed, "the largest too");
        tv_arena_reset(&arena);
        struct tv_slice endless = {"x", SIZE_MAX};
        ok(tv_arena_text(&arena, endless) == NULL && arena.overflowed,
           "a text without room for its end overflows");
        tv_arena_free(&arena);
    }
}

static void many_requests(void)
{
    struct tv_arena arena;
    tv_arena_init(&arena, 1 << 22);
    void *start = tv_arena_alloc(&arena, 100);
    bool same = true;
    for (int request = 0; request < 200; request++) {
        tv_arena_reset(&arena);
        same = same && tv_arena_alloc(&arena, 100) == start;
        for (int i = 0; i < request; i++)
            same = same && tv_arena_alloc(&arena, 1 + (size_t)(i * 997 % 20000)) != NULL;
    }
    tv_arena_reset(&arena);
    ok(same, "every request begins at the same place, whatever the one before it took");
    is_number(arena.taken, 16384, "and one block is all that stays");
    tv_arena_free(&arena);
}

int main(void)
{
    pieces();
    the_cap();
    absurd_sizes();
    many_requests();
    return done_testing();
}
