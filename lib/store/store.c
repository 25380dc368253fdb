/*
 * store.c - the legs' settings and the one way to ask any of them for a sign of life.
 */
#include "store/store.h"

#include <hiredis/hiredis.h>
#include <mongoc/mongoc.h>
#include <mysql.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/session.h"

/* For the login's answers and the ping's, beyond connecting. */
#define ANSWER_MS 1000

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

int64_t tv_store_patience(const struct tv_store_settings *settings, enum tv_store store)
{
    const struct tv_leg_settings *leg = &settings->leg[store];
    return leg->connect_timeout + (leg->query_timeout < ANSWER_MS ? leg->query_timeout : ANSWER_MS);
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

/* --- all at once ------------------------------------------------------------------------------------------------------ */

struct glance {
    const struct tv_store_settings *settings;
    enum tv_store store;
    int64_t timeout_ms;
    struct tv_store_state *state;
    pthread_t thread;
    bool running;
};

static void look_at(struct glance *glance)
{
    struct tv_store_state *state = glance->state;
    state->answers = tv_store_ping(glance->settings, glance->store, glance->timeout_ms, &state->latency_us,
                                   state->version, &state->error);
}

static void *glance_main(void *context)
{
    look_at(context);
    tv_stores_thread_end();
    return NULL;
}

void tv_stores_look(const struct tv_store_settings *settings, int64_t timeout_ms,
                    struct tv_store_state states[TV_STORE_COUNT])
{
    struct glance glances[TV_STORE_COUNT];
    for (int store = 0; store < TV_STORE_COUNT; store++) {
        struct glance *glance = &glances[store];
        *glance = (struct glance){settings, (enum tv_store)store, timeout_ms, &states[store], 0, false};
        memset(glance->state, 0, sizeof *glance->state);
        glance->state->name = tv_store_name(glance->store);
        glance->state->configured = tv_store_configured(settings, glance->store);
        if (glance->state->configured)
            glance->running = pthread_create(&glance->thread, NULL, glance_main, glance) == 0;
    }
    for (int store = 0; store < TV_STORE_COUNT; store++) {
        if (glances[store].running)
            pthread_join(glances[store].thread, NULL);
        else if (states[store].configured) /* no thread to be had: one after the other */
            look_at(&glances[store]);
    }
}

/* --- the libraries ---------------------------------------------------------------------------------------------------- */

/* libmongoc keeps counters in a file in /dev/shm, some builds from the moment that they are loaded, and complains on stderr when
 * it meets one that a killed process left behind. Nobody reads ours: its name is taken away as soon as there is one. */
__attribute__((constructor)) static void hide_counters(void)
{
    char name[32];
    snprintf(name, sizeof name, "/mongoc-%hu", (unsigned short)getpid());
    shm_unlink(name);
    setenv("MONGOC_DISABLE_SHM", "1", 1); /* for builds that make it later, and for children */
}

void tv_stores_start(void)
{
    mysql_library_init(0, NULL, NULL);
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
