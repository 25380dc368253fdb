/*
 * replay.c - drives a fuzz target over the files of its corpus without any fuzzer: each file whole, cut at every length, and
 * with every byte changed in a few ways. TAP, one line a file; what breaks ends the program, which fails it.
 *
 * The corpus is $srcdir/tests/fuzz/corpus/NAME for the program NAME_replay, or the directory given.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "../unit/exact.h"
#include "../unit/tap.h"
#include "fuzz.h"

#define FILE_MAX 65536
/* Files up to this size are also cut and changed. */
#define SMALL_MAX 600

static void run(const char *bytes, size_t length)
{
    struct tv_slice copy = exact_copy(bytes, length);
    LLVMFuzzerTestOneInput((const uint8_t *)copy.data, copy.length);
    exact_free(copy);
}

static void replay(const char *directory, const char *name)
{
    static char bytes[FILE_MAX];
    char path[PATH_MAX + NAME_MAX + 2];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    if (!ok(file != NULL, "%s can be read", name))
        return;
    size_t length = fread(bytes, 1, sizeof bytes, file), small = length <= SMALL_MAX ? length : 0;
    fclose(file);
    run(bytes, length);
    for (size_t cut = 0; cut < small; cut++)
        run(bytes, cut);
    for (size_t at = 0; at < small; at++) {
        static const char changes[] = {1, '\x20', '\x7F', '\x80', '\xFF'};
        for (size_t i = 0; i < sizeof changes; i++) {
            bytes[at] ^= changes[i];
            run(bytes, length);
            bytes[at] ^= changes[i];
        }
    }
    ok(true, "%s, %zu bytes", name, length);
}

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    char corpus[PATH_MAX];
    const char *sources = getenv("srcdir"), *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];
    const char *suffix = strstr(name, "_replay");
    snprintf(corpus, sizeof corpus, "%s/tests/fuzz/corpus/%.*s", sources ? sources : ".",
             suffix ? (int)(suffix - name) : 0, name);
    const char *directory = argc > 1 ? argv[1] : corpus;
    struct dirent **entries;
    int count = scandir(directory, &entries, is_file, alphasort);
    if (!ok(count > 0, "%s has files", directory)) {
        note("%s", count < 0 ? strerror(errno) : "none");
        return done_testing();
    }
    for (int i = 0; i < count; i++) {
        replay(directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return done_testing();
}
