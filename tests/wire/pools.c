/*
 * pools.c - looks at the pools from outside: /proc and ordinary requests.
 */
#include "pools.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

struct pool hello = {.name = "hello"}, kv = {.name = "kv"};

static int find_children(long master, long *children, int most)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", master, master);
    FILE *file = fopen(path, "r");
    while (file && count < most && fscanf(file, "%ld", &children[count]) == 1)
        count++;
    if (file)
        fclose(file);
    return count;
}

static int count_descriptors(const struct pool *pool)
{
    int count = 0;
    for (int i = 0; i < pool->child_count; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%ld/fd", pool->children[i]);
        DIR *directory = opendir(path);
        while (directory && readdir(directory))
            count++;
        if (directory)
            closedir(directory);
    }
    return count;
}

static bool find(struct pool *pool, const char *socket_variable, const char *master_variable)
{
    const char *master = getenv(master_variable);
    pool->socket = getenv(socket_variable);
    if (!pool->socket || !master)
        return false;
    pool->master = strtol(master, NULL, 10);
    pool->child_count = find_children(pool->master, pool->children, 16);
    return pool->child_count > 0;
}

static int ask_ordinary(const struct pool *pool)
{
    struct wire_request request = {.path = pool == &kv ? "/ping" : "/hello"};
    return wire_ask(pool->socket, &request, NULL, 0);
}

bool pools_find(void)
{
    if (!find(&hello, "WIRE_HELLO_SOCKET", "WIRE_HELLO_MASTER") ||
        !find(&kv, "WIRE_KV_SOCKET", "WIRE_KV_MASTER"))
        return false;
    /* every worker has what it needs before descriptors are counted */
    struct pool *pools[] = {&hello, &kv};
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < 2; i++)
            ask_ordinary(pools[i]);
    usleep(100000);
    for (int i = 0; i < 2; i++)
        pools[i]->descriptors = count_descriptors(pools[i]);
    return true;
}

static bool same_children(const struct pool *pool)
{
    long now[16];
    int count = find_children(pool->master, now, 16);
    return count == pool->child_count && memcmp(now, pool->children, sizeof now[0] * (size_t)count) == 0;
}

void pools_are_well(const char *after)
{
    struct pool *pools[] = {&hello, &kv};
    for (int i = 0; i < 2; i++) {
        int64_t started = wire_now_ms();
        int status = ask_ordinary(pools[i]);
        ok(status == 200 && wire_now_ms() - started < AT_ONCE, "after %s: %s answers (%d, %d ms)", after,
           pools[i]->name, status, (int)(wire_now_ms() - started));
        ok(same_children(pools[i]), "after %s: %s has the same processes", after, pools[i]->name);
    }
}

void pools_hold_nothing(void)
{
    struct pool *pools[] = {&hello, &kv};
    for (int i = 0; i < 2; i++) {
        int now = 0;
        for (int tries = 0; tries < WIRE_PATIENCE / 100; tries++) {
            now = count_descriptors(pools[i]);
            if (now <= pools[i]->descriptors + 8) /* stores' connections of workers that were idle before */
                break;
            usleep(100000);
        }
        ok(now <= pools[i]->descriptors + 8,
           "%s holds no forgotten connection (%d descriptors, %d at the start)", pools[i]->name, now,
           pools[i]->descriptors);
    }
}

struct wire_request command(const char *body)
{
    return (struct wire_request){.body = body};
}

long counter_value(const char *key)
{
    char body[256], text[256];
    snprintf(body, sizeof body, "[\"INCRBY\",\"%s\",0]", key);
    struct wire_request request = command(body);
    if (wire_ask(kv.socket, &request, text, sizeof text) != 200 || strncmp(text, "{\"result\":", 10) != 0)
        return -1;
    return strtol(text + 10, NULL, 10);
}
