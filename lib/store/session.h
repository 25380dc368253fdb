/*
 * session.h - private to the library: how sessions are made and ended. Workers get theirs from tv_worker_mysql and its
 * siblings. Making one takes no connection; the first use does.
 */
#ifndef TRIVET_STORE_SESSION_H
#define TRIVET_STORE_SESSION_H

#include "store/breaker.h"
#include "store/store.h"
#include "watch/watcher.h"

struct tv_mysql;
struct tv_mongo;
struct tv_redis;

/* What a session reports to, all borrowed; may be NULL (a ping's own session, tests). */
struct tv_session_watch {
    tv_breaker *breaker;
    struct tv_watcher *watcher; /* the thread's: calls, waits, connections, errors */
};

/* NULL with *error filled when the URL cannot be understood or memory ends. *settings must outlive the session. */
struct tv_mysql *tv_mysql_new(const struct tv_store_settings *settings, struct tv_session_watch watch,
                              struct tv_error *error);
void tv_mysql_free(struct tv_mysql *session);
struct tv_redis *tv_redis_new(const struct tv_store_settings *settings, struct tv_session_watch watch,
                              struct tv_error *error);
void tv_redis_free(struct tv_redis *session);
struct tv_mongo *tv_mongo_new(const struct tv_store_settings *settings, struct tv_session_watch watch,
                              struct tv_error *error);
void tv_mongo_free(struct tv_mongo *session);

/* The legs' own parts of tv_store_ping: connect, ask, close. */
bool tv_mysql_ping(const struct tv_store_settings *settings, int64_t timeout_ms, int64_t *latency_us,
                   char version[64], struct tv_error *error) TV_MUST_CHECK;
bool tv_mongo_ping(const struct tv_store_settings *settings, int64_t timeout_ms, int64_t *latency_us,
                   char version[64], struct tv_error *error) TV_MUST_CHECK;
bool tv_redis_ping(const struct tv_store_settings *settings, int64_t timeout_ms, int64_t *latency_us,
                   char version[64], struct tv_error *error) TV_MUST_CHECK;

/* Once per process, before threads start / after they ended (libraries with global state). */
void tv_stores_start(void);
void tv_stores_stop(void);
/* When a thread that had sessions ends. */
void tv_stores_thread_end(void);
/* Client libraries and their versions, for people. */
void tv_stores_libraries(char out[128]);

#endif
