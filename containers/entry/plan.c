/*
 * plan.c - TRIVET_POOLS and its companions, and where the programs are.
 */
#include "entry/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_POOLS     "sql doc kv ops hello"
#define DEFAULT_DIRECTORY "/run/trivet"
#define DEFAULT_PATH      "/usr/local/bin:/usr/bin:/bin"
/* A pool ends itself 31 s after TERM at the latest (serve.drain, and a second more). What is left is for trivet-push, whose last batch
 * is sent when the pools have ended; and for a pool that does not end. */
#define DEFAULT_DRAIN "35"
#define DRAIN_MAX_S   3600
#define BLANKS        " \t,"

static const char *setting(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value && *value ? value : fallback;
}

static bool refuse(struct tv_error *error, const char *what, const char *value)
{
    return tv_fail(error, 500, NULL, "%s: %.200s", what, value);
}

/* A name becomes part of a path and of a program's name. */
static bool valid_name(const char *name, size_t length)
{
    return length > 0 && length < PLAN_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") >= length;
}

/* DIRECTORY/NAMESUFFIX, when it fits. */
static bool below(char to[PLAN_PATH_MAX], const char *directory, const char *name, const char *suffix)
{
    size_t parts[3] = {strlen(directory), strlen(name), strlen(suffix)};
    if (parts[0] + 1 + parts[1] + parts[2] >= PLAN_PATH_MAX)
        return false;
    char *end = mempcpy(to, directory, parts[0]);
    *end++ = '/';
    end = mempcpy(end, name, parts[1]);
    memcpy(end, suffix, parts[2] + 1);
    return true;
}

static bool add_pool(struct plan *plan, const char *name, size_t length, struct tv_error *error)
{
    if (!valid_name(name, length))
        return refuse(error, "TRIVET_POOLS takes names of small letters and digits, not", name);
    if (plan->pool_count == PLAN_POOLS_MAX)
        return refuse(error, "TRIVET_POOLS names too many pools, from this one on", name);
    struct plan_pool *pool = &plan->pools[plan->pool_count];
    snprintf(pool->name, sizeof pool->name, "%.*s", (int)length, name);
    for (int i = 0; i < plan->pool_count; i++)
        if (strcmp(plan->pools[i].name, pool->name) == 0)
            return refuse(error, "TRIVET_POOLS names a pool twice", pool->name);
    if (!below(pool->socket, plan->directory, pool->name, ".sock"))
        return refuse(error, "TRIVET_RUN_DIRECTORY is too long for a socket's address", plan->directory);
    plan->pool_count++;
    return true;
}

static bool read_drain(struct plan *plan, struct tv_error *error)
{
    const char *text = setting("TRIVET_POOLS_DRAIN", DEFAULT_DRAIN);
    char *end;
    errno = 0;
    long seconds = strtol(text, &end, 10);
    if (errno != 0 || end == text || (strcmp(end, "") != 0 && strcmp(end, "s") != 0) || seconds < 1 ||
        seconds > DRAIN_MAX_S)
        return refuse(error, "TRIVET_POOLS_DRAIN takes seconds from 1 to 3600, such as 35s, not", text);
    plan->drain_ms = seconds * 1000;
    return true;
}

static bool copy_path(char *to, size_t size, const char *path, const char *variable, struct tv_error *error)
{
    int written = snprintf(to, size, "%s", path);
    if (path[0] != '/' || written < 0 || (size_t)written >= size)
        return tv_fail(error, 500, NULL, "%s takes an absolute path of a directory, not too long: %.200s",
                       variable, path);
    return true;
}

bool plan_read(struct plan *plan, const char *names, struct tv_error *error)
{
    *plan = (struct plan){.pool_count = 0};
    if (!copy_path(plan->directory, sizeof plan->directory,
                   setting("TRIVET_RUN_DIRECTORY", DEFAULT_DIRECTORY), "TRIVET_RUN_DIRECTORY", error))
        return false;
    char watch[PLAN_PATH_MAX];
    if (!below(watch, plan->directory, "watch", ""))
        return refuse(error, "TRIVET_RUN_DIRECTORY is too long", plan->directory);
    /* what the pools inherit wins: /metrics must look where they write */
    if (!copy_path(plan->watch, sizeof plan->watch, setting("TRIVET_WATCH_DIRECTORY", watch),
                   "TRIVET_WATCH_DIRECTORY", error) ||
        !read_drain(plan, error))
        return false;
    const char *name = names ? names : setting("TRIVET_POOLS", DEFAULT_POOLS);
    while (*(name += strspn(name, BLANKS))) {
        size_t length = strcspn(name, BLANKS);
        if (!add_pool(plan, name, length, error))
            return false;
        name += length;
    }
    return plan->pool_count > 0 || refuse(error, "TRIVET_POOLS names no pool", setting("TRIVET_POOLS", ""));
}

/* In PATH, as execvp would; but without its falling back to a shell, which is not there. */
static bool find(const char *name, char *found, size_t size)
{
    const char *path = setting("PATH", DEFAULT_PATH);
    for (;; path++) {
        int length = (int)strcspn(path, ":");
        int written = snprintf(found, size, "%.*s/%s", length, path, name);
        struct stat status;
        if (length > 0 && written > 0 && (size_t)written < size && stat(found, &status) == 0 &&
            S_ISREG(status.st_mode) && access(found, X_OK) == 0)
            return true;
        path += length;
        if (!*path)
            return false;
    }
}

static bool make_directory(const char *path, struct tv_error *error)
{
    struct stat status;
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return tv_fail(error, 500, NULL, "cannot make %s: %s", path, strerror(errno));
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode) || access(path, W_OK | X_OK) != 0)
        return tv_fail(error, 500, NULL, "%s is no directory that user %d can write to", path, (int)getuid());
    return true;
}

static bool wants_push(void)
{
    return *setting("OTEL_EXPORTER_OTLP_ENDPOINT", "") ||
           *setting("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "") ||
           *setting("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "");
}

bool plan_prepare(struct plan *plan, struct tv_error *error)
{
    char name[PLAN_NAME_MAX + 8];
    if (!find("spawn-fcgi", plan->spawn, sizeof plan->spawn))
        return refuse(error, "spawn-fcgi is not in PATH", setting("PATH", DEFAULT_PATH));
    for (int i = 0; i < plan->pool_count; i++) {
        struct plan_pool *pool = &plan->pools[i];
        snprintf(name, sizeof name, "trivet-%s", pool->name);
        if (!find(name, pool->program, sizeof pool->program))
            return tv_fail(error, 500, NULL, "TRIVET_POOLS names %s, but there is no %s in PATH", pool->name,
                           name);
    }
    if (wants_push() && !find("trivet-push", plan->push, sizeof plan->push))
        return refuse(error, "OTEL_EXPORTER_OTLP_ENDPOINT is set, but trivet-push is not in PATH",
                      setting("PATH", DEFAULT_PATH));
    return make_directory(plan->directory, error) && make_directory(plan->watch, error);
}

/* "sql doc kv": the pools of a plan, as one text. */
static void list_pools(const struct plan *plan, char to[PLAN_POOLS_MAX * PLAN_NAME_MAX])
{
    char *end = to;
    for (int i = 0; i < plan->pool_count; i++) {
        if (i > 0)
            *end++ = ' ';
        end = stpcpy(end, plan->pools[i].name);
    }
}

bool plan_environment(const struct plan *plan)
{
    char pools[PLAN_POOLS_MAX * PLAN_NAME_MAX];
    list_pools(plan, pools);
    /* a pool that never comes up has nothing by which /metrics could tell that it is missing */
    return setenv("TRIVET_WATCH_POOLS", pools, 0) == 0 && unsetenv("TRIVET_POOLS") == 0 &&
           unsetenv("TRIVET_POOLS_DRAIN") == 0 && unsetenv("TRIVET_RUN_DIRECTORY") == 0 &&
           setenv("TRIVET_WATCH_DIRECTORY", plan->watch, 1) == 0;
}
