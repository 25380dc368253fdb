/*
 * tap.h - the whole test library: checks that print TAP lines. Not for threads, and never included by anything that is
 * installed.
 *
 * A check returns what it found, so that a test may stop where going on makes no sense. A failed check says where it
 * stands and what it saw; the program's exit status is 1 when one failed. End main() with `return done_testing();`.
 */
#ifndef TRIVET_TESTS_TAP_H
#define TRIVET_TESTS_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Weak: one of each for all files of a program. */
__attribute__((weak)) int tap_count;
__attribute__((weak)) int tap_failed;

/* One line of TAP; the name is printed with printf's rules. */
__attribute__((format(printf, 4, 5))) static inline bool tap_line(bool passed, const char *file, int line,
                                                                  const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%s %d - ", passed ? "ok" : "not ok", ++tap_count);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    if (!passed) {
        tap_failed++;
        printf("# failed at %s:%d\n", file, line);
    }
    fflush(stdout); /* what a crash follows must still be seen */
    return passed;
}

/* Bytes as a diagnostic: what is not printable ASCII is shown in hexadecimal. */
static inline void tap_show(const char *label, const char *bytes, size_t length)
{
    printf("# %s", label);
    for (size_t i = 0; bytes && i < length; i++)
        printf(bytes[i] >= ' ' && bytes[i] <= '~' ? "%c" : "\\x%02x", (unsigned char)bytes[i]);
    puts(bytes ? "" : "(null)");
}

static inline bool tap_bytes(const char *got, size_t got_length, const char *want, size_t want_length,
                             const char *file, int line, const char *name)
{
    bool same = got && want ? got_length == want_length && !memcmp(got, want, want_length) : got == want;
    if (!tap_line(same, file, line, "%s", name)) {
        tap_show(" got: ", got, got_length);
        tap_show("want: ", want, want_length);
    }
    return same;
}

/* Terminated texts; either may be NULL. */
static inline bool tap_text(const char *got, const char *want, const char *file, int line, const char *name)
{
    return tap_bytes(got, got ? strlen(got) : 0, want, want ? strlen(want) : 0, file, line, name);
}

static inline bool tap_number(int64_t got, int64_t want, const char *file, int line, const char *name)
{
    if (!tap_line(got == want, file, line, "%s", name))
        printf("#  got: %" PRId64 "\n# want: %" PRId64 "\n", got, want);
    return got == want;
}

/* ok(condition, "name with %s", ...) */
#define ok(condition, ...) tap_line((condition), __FILE__, __LINE__, __VA_ARGS__)
/* Terminated texts, either may be NULL. */
#define is_text(got, want, name) tap_text((got), (want), __FILE__, __LINE__, (name))
/* Bytes with their length, against a terminated text or against bytes. */
#define is_slice(got, length, want, name) \
    tap_bytes((got), (length), (want), strlen(want), __FILE__, __LINE__, (name))
#define is_bytes(got, got_length, want, want_length, name) \
    tap_bytes((got), (got_length), (want), (want_length), __FILE__, __LINE__, (name))
#define is_number(got, want, name) tap_number((int64_t)(got), (int64_t)(want), __FILE__, __LINE__, (name))
/* A remark for people. */
#define note(format, ...) printf("# " format "\n", ##__VA_ARGS__)

/* Counts as passed, with the reason why it could not run. */
static inline void skip(const char *name, const char *reason)
{
    printf("ok %d - %s # SKIP %s\n", ++tap_count, name, reason);
}

/* The plan stands at the end, so nobody has to count; a program that dies early has none, which fails it. */
static inline int done_testing(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed ? 1 : 0;
}

#endif
