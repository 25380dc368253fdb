/*
 * store.c - the legs' settings and the one way to ask any of them for a sign of life.
 */
#include "store/store.h"

#include <hiredis/hiredis.h>
#include <mongoc/mongoc.h>
#include <mysql.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/session.h"

#define LEG(field, at) offsetof(struct tv_store_settings, leg[at]) + offsetof(struct tv_leg_settings, field)
#define LEG_ROWS(name, at, example)                                                                       \
    {name, "url", TV_OPTION_TEXT, "", 0, 0, LEG(url, at), TV_OPTION_SECRET, "Where it is: " example "."}, \
        {name,                                                                                            \
         "connect_timeout",                                                                               \
         TV_OPTION_DURATION,                                                                              \
         "2s",                                                                                            \
         50,                                                                                              \
         60000,                                                                                           \
         LEG(connect_timeout, at),                                                                        \
         0,                                                                                               \
         "How long connecting may take."},                                                                \
    {                                                                                                     \
        name, "query_timeout", TV_OPTION_DURATION, "10s", 50, 300000, LEG(query_timeout, at), 0,          \
            "How long one statement or command may take."                                                 \
    }

const struct tv_option tv_store_options[] = {
    LEG_ROWS("mysql", TV_STORE_MYSQL,
             "mysql://user:password@host:3306/database?socket=/path (empty: no MySQL)"),
    LEG_ROWS("mongo", TV_STORE_MONGO, "mongodb://user:password@host:27017/ (empty: no MongoDB)"),
    LEG_ROWS("redis", TV_STORE_REDIS,
             "redis://user:password@host:6379/0 or unix:///path?db=0 (empty: no Redis)"),
    {"redis", "reply_max", TV_OPTION_SIZE, "64m", 65536, 1 << 30,
     offsetof(struct tv_store_settings, redis_reply_max), 0,
     "Bytes that one reply of Redis may have; a larger one ends in an error."},
    {"breaker", "failures", TV_OPTION_INTEGER, "3", 1, 1000,
     offsetof(struct tv_store_settings, breaker_failures), 0,
     "Failures to reach a store, one after the other, after which requests are refused at once."},
    {"breaker", "probe", TV_OPTION_DURATION, "500ms", 50, 60000,
     offsetof(struct tv_store_settings, breaker_probe), 0, "How often a store that is away is looked for."},
};
const size_t tv_store_option_count = TV_COUNT(tv_store_options);

const char *tv_store_name(enum tv_store store)
{
    static const char *const names[TV_STORE_COUNT] = {"mysql", "mongo", "redis"};
    return (unsigned)store < TV_STORE_COUNT ? names[store] : "";
}

bool tv_store_configured(const struct tv_store_settings *settings, enum tv_store store)
{
    return settings->leg[store].url[0] != '\0';
}

bool tv_store_ping(const struct tv_store_settings *settings, enum tv_store store, int64_t timeout_ms,
                   int64_t *latency_us, char version[64], struct tv_error *error)
{
    char unused[64];
    *latency_us = 0;
    version = version ? version : unused;
    version[0] = '\0';
    switch (store) {
    case TV_STORE_MYSQL: return tv_mysql_ping(settings, timeout_ms, latency_us, version, error);
    case TV_STORE_MONGO: return tv_mongo_ping(settings, timeout_ms, latency_us, version, error);
    case TV_STORE_REDIS: return tv_redis_ping(settings, timeout_ms, latency_us, version, error);
    }
    return tv_fail(error, 500, NULL, "there is no such store");
}

void tv_stores_start(void)
{
    mysql_library_init(0, NULL, NULL);
    /* libmongoc keeps counters in /dev/shm that a killed process leaves behind, and complains on stderr when it meets them */
    setenv("MONGOC_DISABLE_SHM", "1", 1);
    mongoc_init();
}

void tv_stores_stop(void)
{
    mongoc_cleanup();
    mysql_library_end();
}

void tv_stores_thread_end(void)
{
    mysql_thread_end();
}

void tv_stores_libraries(char out[128])
{
    snprintf(out, 128, "mysql client %s, libmongoc %s, hiredis %d.%d.%d", mysql_get_client_info(),
             mongoc_get_version(), HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
}
