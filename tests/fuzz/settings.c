/*
 * settings.c - a target: any bytes as a configuration file. What is accepted lies within its bounds and can be shown; what
 * is refused says why.
 */
#include "base/settings.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/macros.h"
#include "fuzz.h"

static struct {
    const char *text, *secret;
    int64_t number, wait, room;
    bool on;
} values;

#define FIELD(name) (size_t)((char *)&values.name - (char *)&values)

/* The secret's own line alone is looked at: a secret may well be a text that another line shows with good reason. */
static bool masks_secret(const char *shown)
{
    static const char key[] = "\nsecret = ";
    const char *line = strstr(shown, "[b]\n"), *value;
    if (!line || !(line = strstr(line, key)))
        return false;
    value = line + sizeof key - 1;
    return strncmp(value, *values.secret ? "********    ; " : "    ; ", *values.secret ? 14 : 6) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct tv_option rows[] = {
        {NULL, "number", TV_OPTION_INTEGER, "2", 1, 64, FIELD(number), 0, "n"},
        {"a", "wait", TV_OPTION_DURATION, "10s", 10, 3600000, FIELD(wait), 0, "w"},
        {"a", "room", TV_OPTION_SIZE, "64k", 1, 4294967296, FIELD(room), TV_OPTION_FIXED, "r"},
        {"a", "on", TV_OPTION_BOOLEAN, "true", 0, 0, FIELD(on), 0, "o"},
        {"b", "text", TV_OPTION_TEXT, "", 0, 0, FIELD(text), 0, "t"},
        {"b", "secret", TV_OPTION_TEXT, "", 0, 0, FIELD(secret), TV_OPTION_SECRET, "s"},
    };
    struct tv_settings settings;
    struct tv_error error = {0};
    char path[64], *shown = NULL;
    size_t length;
    int fd = memfd_create("settings", MFD_CLOEXEC);
    PROMISE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    tv_settings_init(&settings, "sql");
    tv_settings_add(&settings, rows, TV_COUNT(rows), &values);
    if (tv_settings_load(&settings, path, &error)) {
        FILE *out = open_memstream(&shown, &length);
        PROMISE(out != NULL);
        tv_settings_print(&settings, out);
        fclose(out);
        PROMISE(masks_secret(shown));
        PROMISE(values.number >= 1 && values.number <= 64 && values.wait >= 10 && values.wait <= 3600000);
        PROMISE(values.room >= 1 && values.room <= 4294967296);
        free(shown);
    } else {
        PROMISE(error.status == 500 && error.message[0]);
    }
    tv_settings_free(&settings);
    close(fd);
    return 0;
}
