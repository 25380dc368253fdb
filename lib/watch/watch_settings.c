/*
 * watch_settings.c - the table of [watch].
 */
#include "watch/watch_settings.h"

#include "watch/expected.h"

#define FIELD(name) offsetof(struct tv_watch_settings, name)

const struct tv_option tv_watch_options[] = {
    {"watch", "directory", TV_OPTION_TEXT, "/run/trivet", 0, 0, FIELD(directory), TV_OPTION_FIXED,
     "Where the pools keep their scoreboards and traces; on a memory file system."},
    {"watch", "pools", TV_OPTION_TEXT, "", 0, 0, FIELD(pools), 0,
     "Pools that are meant to run (sql doc kv), or the directory of the systemd units that are: /metrics "
     "says that they are down when they never came up or were stopped. Empty: a pool is down when its "
     "master has died."},
    {"watch", "look", TV_OPTION_DURATION, "5s", 100, 3600000, FIELD(look), 0,
     "How often trivet-ops looks whether the stores answer."},
};
const size_t tv_watch_option_count = TV_COUNT(tv_watch_options);

bool tv_watch_settings_check(const struct tv_watch_settings *settings, struct tv_error *error)
{
    struct tv_expected expected;
    return tv_expected_read(&expected, settings->pools, error);
}
