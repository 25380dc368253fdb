/*
 * cache_setup.h - private to the library: making a thread's cache, and its settings.
 */
#ifndef TRIVET_CACHE_CACHE_SETUP_H
#define TRIVET_CACHE_CACHE_SETUP_H

#include "base/option.h"
#include "cache/cache.h"
#include "store/session.h"
#include "watch/scoreboard.h"

struct tv_cache_settings {
    bool enabled;
    const char *url;    /* empty: redis.url */
    int64_t ttl;        /* milliseconds */
    int64_t timeout;    /* milliseconds for one question to Redis */
    int64_t wait;       /* milliseconds to wait for another's fill */
    int64_t entry_max;  /* bytes */
    const char *prefix; /* of all keys */
    int64_t
        announcement; /* milliseconds that a write's announcement outlives a writer that died; no option: it follows
                           * from how long a request may take */
};

extern const struct tv_option tv_cache_options[];
extern const size_t tv_cache_option_count;

/* used: whether this pool reads through the cache at all; without, it is a bypass that costs nothing. board keeps the
 * pool's distrust (trust.h); watch as for a session. NULL only without memory. stores and settings must outlive it. */
struct tv_cache *tv_cache_new(const struct tv_cache_settings *settings,
                              const struct tv_store_settings *stores, bool used,
                              struct tv_session_watch watch, struct tv_scoreboard *board);
void tv_cache_free(struct tv_cache *cache);

/* The result of the request's last find, for its log line; NULL when it asked nothing. tv_cache_forget starts anew. */
const char *tv_cache_last(const struct tv_cache *cache);
void tv_cache_forget(struct tv_cache *cache);

#endif
