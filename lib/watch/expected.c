/*
 * expected.c - names from a text, or from a directory of units.
 */
#include "watch/expected.h"

#include <dirent.h>
#include <string.h>

#define BLANKS     " \t,"
#define UNIT_BEGIN "trivet@"
#define UNIT_END   ".service"

bool tv_expected_has(const struct tv_expected *expected, const char *pool)
{
    for (size_t i = 0; i < expected->count; i++)
        if (strcmp(expected->names[i], pool) == 0)
            return true;
    return false;
}

/* A name is shown as it is, so it may hold nothing that would have to be escaped anywhere. */
static bool valid(const char *name, size_t length)
{
    return length > 0 && length < sizeof((struct tv_expected *)0)->names[0] &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") >= length;
}

static bool add(struct tv_expected *expected, const char *name, size_t length)
{
    if (!valid(name, length) || expected->count == TV_EXPECTED_MAX)
        return false;
    char *to = expected->names[expected->count];
    memcpy(to, name, length);
    to[length] = '\0';
    if (!tv_expected_has(expected, to))
        expected->count++;
    return true;
}

/* Units of other names are others' matter. */
static void read_units(struct tv_expected *expected, const char *path)
{
    const struct dirent *entry;
    size_t begin = strlen(UNIT_BEGIN), end = strlen(UNIT_END);
    DIR *directory = opendir(path);
    if (!directory)
        return;
    while ((entry = readdir(directory))) {
        size_t length = strlen(entry->d_name);
        if (length > begin + end && strncmp(entry->d_name, UNIT_BEGIN, begin) == 0 &&
            strcmp(entry->d_name + length - end, UNIT_END) == 0)
            add(expected, entry->d_name + begin, length - begin - end);
    }
    closedir(directory);
}

bool tv_expected_read(struct tv_expected *expected, const char *pools, struct tv_error *error)
{
    expected->count = 0;
    if (*pools == '/') {
        read_units(expected, pools);
        return true;
    }
    while (*(pools += strspn(pools, BLANKS))) {
        size_t length = strcspn(pools, BLANKS);
        if (!add(expected, pools, length))
            return tv_fail(
                error, 500, NULL,
                "watch.pools takes up to %d names of small letters and digits, or the absolute path "
                "of a directory, not %.100s",
                TV_EXPECTED_MAX, pools);
        pools += length;
    }
    return true;
}
