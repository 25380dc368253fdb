/*
 * cache.c - the protocol of the read-through cache. Generations:
 *
 *   key PREFIXg:THING holds "N:TOKEN"; N counts writes under way. A write adds one before the store is asked and takes one
 *   away after, with a fresh token each time. Readers use a thing only while N is 0. The first announcement puts a time to
 *   live on the key, so that a writer that died cannot block it for ever: the key vanishes, the next reader makes a new
 *   token, and every entry of before is void. PREFIXg:* is a generation that all entries carry.
 *
 * Why no entry can be stale: an entry's generations were read before the store was. A write that the store's read did not
 * see ends after that read, hence gives a new token after it, hence the entry no longer matches.
 */
#include "cache/cache.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "cache/cache_setup.h"
#include "cache/entry.h"
#include "cache/server.h"
#include "cache/trust.h"
#include "store/redis.h"

/* A filler that has not filled by then is taken for dead. */
#define FILL_LOCK_MS   "5000"
#define WAIT_STEP_MS   4
#define GENERATION_MAX 96
#define KEY_MAX        512

const struct tv_option tv_cache_options[] = {
    {"cache", "enabled", TV_OPTION_BOOLEAN, "true", 0, 0, offsetof(struct tv_cache_settings, enabled), 0,
     "Whether reads go through the cache. Must be the same everywhere that writes to the same stores."},
    {"cache", "url", TV_OPTION_TEXT, "", 0, 0, offsetof(struct tv_cache_settings, url), TV_OPTION_SECRET,
     "Redis that holds the cache (empty: redis.url)."},
    {"cache", "ttl", TV_OPTION_DURATION, "60s", 100, 86400000, offsetof(struct tv_cache_settings, ttl), 0,
     "How long an entry may be used: what others change in a store behind Trivet's back is seen after this."},
    {"cache", "timeout", TV_OPTION_DURATION, "100ms", 5, 10000, offsetof(struct tv_cache_settings, timeout),
     0, "How long the cache may take to answer before the store is asked."},
    {"cache", "wait", TV_OPTION_DURATION, "40ms", 0, 10000, offsetof(struct tv_cache_settings, wait), 0,
     "How long to wait for an answer that another worker is fetching."},
    {"cache", "entry_max", TV_OPTION_SIZE, "256k", 1024, 67108864,
     offsetof(struct tv_cache_settings, entry_max), 0, "Largest answer that is kept."},
    {"cache", "prefix", TV_OPTION_TEXT, "trivet:", 0, 0, offsetof(struct tv_cache_settings, prefix), 0,
     "What every key of the cache begins with."},
};
const size_t tv_cache_option_count = TV_COUNT(tv_cache_options);

struct tv_cache {
    const struct tv_cache_settings *settings;
    struct tv_store_settings stores; /* with the cache's own URL in the Redis leg */
    struct tv_redis *redis;          /* NULL: no cache */
    struct tv_watcher *watcher;
    struct tv_scoreboard *board;
    tv_trust *trust;     /* a word of the board */
    uint64_t connection; /* the last one whose server was looked at */
    uint64_t token_start[2];
    uint64_t tokens;
    bool announced; /* the write under way is known to Redis */
    const char *last;
    struct tv_buffer value; /* an entry being written */
};

/* What a MISS keeps for its fill. */
struct fill {
    struct tv_slice key;
    struct tv_slice lock;
    struct tv_slice generations;
    struct tv_slice question;
};

struct tv_cache *tv_cache_new(const struct tv_cache_settings *settings,
                              const struct tv_store_settings *stores, bool used,
                              struct tv_session_watch watch, struct tv_scoreboard *board)
{
    struct tv_cache *cache = calloc(1, sizeof *cache);
    struct tv_error error;
    if (!cache)
        return NULL;
    cache->settings = settings;
    cache->stores = *stores;
    cache->watcher = watch.watcher;
    cache->board = board;
    cache->trust = &board->cache_distrust;
    tv_buffer_init(&cache->value, (size_t)settings->entry_max + 65536);
    if (*settings->url)
        cache->stores.leg[TV_STORE_REDIS].url = settings->url;
    if (getrandom(cache->token_start, sizeof cache->token_start, 0) != sizeof cache->token_start)
        cache->token_start[0] = (uint64_t)tv_clock_us() ^ (uint64_t)(uintptr_t)cache;
    if (used && settings->enabled && tv_store_configured(&cache->stores, TV_STORE_REDIS))
        cache->redis = tv_redis_new(&cache->stores, watch, &error); /* a bad URL was refused at start */
    return cache;
}

void tv_cache_free(struct tv_cache *cache)
{
    if (!cache)
        return;
    tv_redis_free(cache->redis);
    tv_buffer_free(&cache->value);
    free(cache);
}

const char *tv_cache_last(const struct tv_cache *cache)
{
    return cache->last;
}

void tv_cache_forget(struct tv_cache *cache)
{
    cache->last = NULL;
}

size_t tv_cache_entry_max(const struct tv_cache *cache)
{
    return (size_t)cache->settings->entry_max;
}

const char *tv_cache_result_name(enum tv_cache_result result)
{
    static const char *const names[] = {"hit", "miss", "bypass"};
    return names[result];
}

/* A value that no one ever used before: random start, counter. */
static struct tv_slice new_token(struct tv_cache *cache, char out[GENERATION_MAX])
{
    int length =
        snprintf(out, GENERATION_MAX, "%016llx%016llx%llx", (unsigned long long)cache->token_start[0],
                 (unsigned long long)cache->token_start[1], (unsigned long long)++cache->tokens);
    return (struct tv_slice){out, (size_t)length};
}

static struct tv_slice key_of(const struct tv_cache *cache, struct tv_arena *arena, const char *kind,
                              struct tv_slice name)
{
    char *key =
        tv_arena_printf(arena, "%s%s:%.*s", cache->settings->prefix, kind, (int)name.length, name.data);
    return tv_slice_of(key);
}

static int64_t cache_deadline(const struct tv_cache *cache, int64_t deadline_ms)
{
    return tv_deadline_within(deadline_ms, cache->settings->timeout);
}

static struct tv_slice text_of(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_STRING ? (struct tv_slice){reply->str, (size_t)reply->len}
                                                      : (struct tv_slice){0};
}

/* --- generations ------------------------------------------------------------------------------------------------------ */

/* ARGV: token, change (+1, -1 or 0), time to live of an announcement. Returns the values after it. */
static const char announce_script[] = "local out = {} "
                                      "for i, key in ipairs(KEYS) do "
                                      "  local v = redis.call('GET', key) "
                                      "  local before = v and tonumber(string.match(v, '^(%d+):')) or 0 "
                                      "  local n = math.max(0, before + tonumber(ARGV[2])) "
                                      "  local new = n .. ':' .. ARGV[1] "
                                      "  if n == 0 then redis.call('SET', key, new) "
                                      "  elseif before > 0 then redis.call('SET', key, new, 'KEEPTTL') "
                                      "  else redis.call('SET', key, new, 'PX', ARGV[3]) end "
                                      "  out[i] = new "
                                      "end "
                                      "return out";

/* Makes the generations that are missing, leaves the others. */
static const char ensure_script[] = "for i, key in ipairs(KEYS) do "
                                    "  redis.call('SET', key, '0:' .. ARGV[1], 'NX') "
                                    "end "
                                    "return redis.call('MGET', unpack(KEYS))";

/* Runs a script over the generations of the things; a failure and an error of Redis are the same to the caller. */
static bool run_script(struct tv_cache *cache, const char *script, const struct tv_slice *keys, size_t count,
                       const char *change, int64_t deadline_ms, redisReply **reply)
{
    struct tv_slice words[3 + TV_CACHE_THINGS_MAX + 1 + 3];
    struct tv_error error;
    char number[8], token[GENERATION_MAX], lifetime[24];
    size_t n = 0;
    snprintf(number, sizeof number, "%zu", count);
    words[n++] = TV_SLICE("EVAL");
    words[n++] = tv_slice_of(script);
    words[n++] = tv_slice_of(number);
    for (size_t i = 0; i < count; i++)
        words[n++] = keys[i];
    words[n++] = new_token(cache, token);
    words[n++] = tv_slice_of(change);
    snprintf(lifetime, sizeof lifetime, "%lld", (long long)cache->settings->announcement);
    words[n++] = tv_slice_of(lifetime);
    redisReply *got = NULL;
    if (!tv_redis_call(cache->redis, words, n, cache_deadline(cache, deadline_ms), &got, &error))
        return false;
    bool good = got->type == REDIS_REPLY_ARRAY && got->elements == count;
    if (good && reply) {
        *reply = got;
        return true;
    }
    freeReplyObject(got);
    return good;
}

static void mend_trust(struct tv_cache *cache, struct tv_arena *arena, int64_t deadline_ms)
{
    uint64_t claim;
    /* until an unannounced write has ended, a fill could keep what it is about to change */
    if (tv_scoreboard_unannounced(cache->board) || !tv_trust_claim(cache->trust, &claim))
        return;
    struct tv_slice everything = key_of(cache, arena, "g", TV_SLICE("*"));
    if (everything.data && run_script(cache, announce_script, &everything, 1, "0", deadline_ms, NULL))
        tv_trust_mended(cache->trust, claim);
    else
        tv_trust_lose(cache->trust);
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

/* Joins "0:token" of all generations; empty when one of them may not be used now. */
static struct tv_slice join_generations(struct tv_arena *arena, redisReply **values, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        struct tv_slice value = text_of(values[i]);
        if (!tv_slice_starts(value, "0:"))
            return (struct tv_slice){0};
        total += value.length;
    }
    char *joined = tv_arena_alloc(arena, total);
    size_t at = 0;
    for (size_t i = 0; joined && i < count; i++) {
        memcpy(joined + at, values[i]->str, (size_t)values[i]->len);
        at += (size_t)values[i]->len;
    }
    return (struct tv_slice){joined, joined ? total : 0};
}

struct find {
    struct tv_slice
        keys[3 + TV_CACHE_THINGS_MAX]; /* entry, lock, generation of all, generations of the things */
    size_t count;
    struct tv_slice question;
    int64_t deadline_ms;
};

static bool prepare_find(struct tv_cache *cache, struct tv_arena *arena,
                         const struct tv_cache_question *question, struct find *find)
{
    char hash[TV_CACHE_HASH_LENGTH];
    tv_cache_hash(question->text, hash);
    struct tv_slice name = {hash, sizeof hash};
    find->keys[0] = key_of(cache, arena, "e", name);
    find->keys[1] = key_of(cache, arena, "l", name);
    find->keys[2] = key_of(cache, arena, "g", TV_SLICE("*"));
    find->count = 3;
    for (size_t i = 0; i < question->thing_count && i < TV_CACHE_THINGS_MAX; i++)
        find->keys[find->count++] = key_of(cache, arena, "g", question->things[i]);
    for (size_t i = 0; i < find->count; i++)
        if (!find->keys[i].data)
            return false;
    find->question = question->text;
    return question->thing_count <= TV_CACHE_THINGS_MAX;
}

static bool fetch(struct tv_cache *cache, const struct find *find, redisReply **reply)
{
    struct tv_slice words[1 + 3 + TV_CACHE_THINGS_MAX];
    struct tv_error error;
    words[0] = TV_SLICE("MGET");
    memcpy(words + 1, find->keys, find->count * sizeof *words);
    if (!tv_redis_call(cache->redis, words, find->count + 1, cache_deadline(cache, find->deadline_ms), reply,
                       &error))
        return false;
    if ((*reply)->type == REDIS_REPLY_ARRAY && (*reply)->elements == find->count)
        return true;
    freeReplyObject(*reply);
    return false;
}

/* Takes over a matching entry: copied, since the reply goes. */
static bool take_entry(struct tv_arena *arena, struct tv_slice data, struct tv_slice generations,
                       struct tv_slice question, struct tv_cache_lookup *lookup)
{
    struct tv_cache_entry entry;
    if (!tv_cache_entry_read(data, &entry) || !tv_slice_equal(entry.generations, generations) ||
        !tv_slice_equal(entry.question, question))
        return false;
    char *note = tv_arena_text(arena, entry.note), *body = tv_arena_text(arena, entry.body);
    if (!note || !body)
        return false;
    lookup->note = (struct tv_slice){note, entry.note.length};
    lookup->body = (struct tv_slice){body, entry.body.length};
    lookup->result = TV_CACHE_HIT;
    return true;
}

/* True when this caller is the one who fills. */
static bool lock_fill(struct tv_cache *cache, const struct find *find)
{
    const struct tv_slice words[] = {TV_SLICE("SET"), find->keys[1],  TV_SLICE("1"),
                                     TV_SLICE("NX"),  TV_SLICE("PX"), TV_SLICE(FILL_LOCK_MS)};
    struct tv_error error;
    redisReply *reply;
    if (!tv_redis_call(cache->redis, words, TV_COUNT(words), cache_deadline(cache, find->deadline_ms), &reply,
                       &error))
        return false;
    bool mine = reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return mine;
}

/* What a new connection brought does not count until the server is known to be the one of before: it may be older than a
 * write that the pool knows of. */
static bool server_known(struct tv_cache *cache, int64_t deadline_ms)
{
    if (!tv_cache_server_same(cache->redis, &cache->board->cache_server, cache->trust,
                              cache_deadline(cache, deadline_ms)))
        return false;
    cache->connection = tv_redis_connections(cache->redis);
    return tv_trusted(cache->trust);
}

/* fetch, over a connection whose server is known. */
static bool fetch_known(struct tv_cache *cache, const struct find *find, redisReply **reply)
{
    if (!fetch(cache, find, reply))
        return false;
    if (tv_redis_connections(cache->redis) == cache->connection)
        return true;
    freeReplyObject(*reply);
    if (!server_known(cache, find->deadline_ms) || !fetch(cache, find, reply))
        return false;
    if (tv_redis_connections(cache->redis) == cache->connection)
        return true;
    freeReplyObject(*reply);
    return false;
}

enum look { LOOK_DONE, LOOK_OTHERS_FILL };

/* One look at Redis. LOOK_DONE: lookup says what is to be done. */
static enum look look(struct tv_cache *cache, struct tv_arena *arena, const struct find *find,
                      struct tv_cache_lookup *lookup)
{
    redisReply *reply, *made = NULL;
    if (!fetch_known(cache, find, &reply))
        return LOOK_DONE;
    redisReply **generations = reply->element + 2;
    size_t count = find->count - 2;
    bool missing = false;
    for (size_t i = 0; i < count; i++)
        missing = missing || generations[i]->type != REDIS_REPLY_STRING;
    if (missing) {
        if (!run_script(cache, ensure_script, find->keys + 2, count, "0", find->deadline_ms, &made)) {
            freeReplyObject(reply);
            return LOOK_DONE;
        }
        generations = made->element;
    }
    struct tv_slice joined = join_generations(arena, generations, count);
    bool locked = reply->element[1]->type == REDIS_REPLY_STRING;
    bool done =
        joined.length == 0 || take_entry(arena, text_of(reply->element[0]), joined, find->question, lookup);
    freeReplyObject(reply);
    if (made)
        freeReplyObject(made);
    if (done)
        return LOOK_DONE;
    if (locked || !lock_fill(cache, find))
        return LOOK_OTHERS_FILL;
    struct fill *fill = tv_arena_alloc(arena, sizeof *fill);
    if (fill) {
        *fill = (struct fill){find->keys[0], find->keys[1], joined, find->question};
        lookup->fill = fill;
        lookup->result = TV_CACHE_MISS;
    }
    return LOOK_DONE;
}

void tv_cache_find(struct tv_cache *cache, struct tv_arena *arena, const struct tv_cache_question *question,
                   int64_t deadline_ms, struct tv_cache_lookup *lookup)
{
    static const enum tv_counter counters[] = {TV_COUNT_CACHE_HITS, TV_COUNT_CACHE_MISSES,
                                               TV_COUNT_CACHE_BYPASSES};
    struct find find = {.deadline_ms = deadline_ms};
    enum tv_phase before = tv_watch_enter(cache->watcher, TV_PHASE_CACHE);
    *lookup = (struct tv_cache_lookup){.result = TV_CACHE_BYPASS};
    if (cache->redis && !tv_trusted(cache->trust))
        mend_trust(cache, arena, deadline_ms);
    if (cache->redis && tv_trusted(cache->trust) && prepare_find(cache, arena, question, &find)) {
        int64_t until = tv_deadline_within(deadline_ms, cache->settings->wait);
        while (look(cache, arena, &find, lookup) == LOOK_OTHERS_FILL && tv_clock_ms() < until) {
            struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000};
            nanosleep(&step, NULL);
        }
    }
    cache->last = tv_cache_result_name(lookup->result);
    tv_watch_count(cache->watcher, counters[lookup->result], 1);
    tv_watch_enter(cache->watcher, before);
}

/* --- filling ---------------------------------------------------------------------------------------------------------- */

/* Sends commands whose answers do not matter, in one write. */
static void send_all(struct tv_cache *cache, const struct tv_slice *const *commands, const size_t *counts,
                     size_t count)
{
    struct tv_error error;
    redisReply *reply;
    enum tv_phase before = tv_watch_enter(cache->watcher, TV_PHASE_CACHE);
    bool good = tv_redis_begin(cache->redis, tv_clock_ms() + cache->settings->timeout, &error);
    for (size_t i = 0; good && i < count; i++)
        good = tv_redis_add(cache->redis, commands[i], counts[i], &error);
    for (size_t i = 0; good && i < count; i++) {
        good = tv_redis_read(cache->redis, &reply, &error);
        if (good)
            freeReplyObject(reply);
    }
    if (!good)
        tv_redis_abandon(cache->redis);
    tv_watch_enter(cache->watcher, before);
}

void tv_cache_fill(struct tv_cache *cache, const struct tv_cache_lookup *lookup, struct tv_slice note,
                   struct tv_slice body)
{
    const struct fill *fill = lookup->fill;
    if (!fill || !cache->redis)
        return;
    if (body.length > (size_t)cache->settings->entry_max || !tv_trusted(cache->trust)) {
        tv_cache_give_up(cache, lookup);
        return;
    }
    char ttl[24];
    snprintf(ttl, sizeof ttl, "%lld", (long long)cache->settings->ttl);
    struct tv_cache_entry entry = {fill->generations, fill->question, note, body};
    tv_buffer_reset(&cache->value, 65536);
    tv_cache_entry_write(&cache->value, &entry);
    if (tv_buffer_failed(&cache->value)) {
        tv_cache_give_up(cache, lookup);
        return;
    }
    const struct tv_slice set[] = {TV_SLICE("SET"), fill->key, tv_buffer_view(&cache->value), TV_SLICE("PX"),
                                   tv_slice_of(ttl)};
    const struct tv_slice unlock[] = {TV_SLICE("DEL"), fill->lock};
    send_all(cache, (const struct tv_slice *const[]){set, unlock},
             (const size_t[]){TV_COUNT(set), TV_COUNT(unlock)}, 2);
}

void tv_cache_give_up(struct tv_cache *cache, const struct tv_cache_lookup *lookup)
{
    const struct fill *fill = lookup->fill;
    if (!fill || !cache->redis)
        return;
    const struct tv_slice unlock[] = {TV_SLICE("DEL"), fill->lock};
    send_all(cache, (const struct tv_slice *const[]){unlock}, (const size_t[]){TV_COUNT(unlock)}, 1);
}

/* --- writing ---------------------------------------------------------------------------------------------------------- */

static bool announce(struct tv_cache *cache, const struct tv_slice *things, size_t count, const char *change)
{
    char names[TV_CACHE_THINGS_MAX][KEY_MAX];
    struct tv_slice keys[TV_CACHE_THINGS_MAX];
    if (count > TV_CACHE_THINGS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        int length = snprintf(names[i], KEY_MAX, "%sg:%.*s", cache->settings->prefix, (int)things[i].length,
                              things[i].data);
        if (length < 0 || length >= KEY_MAX)
            return false;
        keys[i] = (struct tv_slice){names[i], (size_t)length};
    }
    enum tv_phase before = tv_watch_enter(cache->watcher, TV_PHASE_CACHE);
    bool done = run_script(cache, announce_script, keys, count, change,
                           tv_clock_ms() + cache->settings->timeout, NULL);
    tv_watch_enter(cache->watcher, before);
    return done;
}

static void set_unannounced(struct tv_cache *cache, uint64_t value)
{
    _Atomic uint64_t *unannounced = cache->watcher ? &cache->watcher->slot->unannounced : NULL;
    if (unannounced && atomic_load(unannounced) != value)
        atomic_store(unannounced, value);
}

void tv_cache_write_begin(struct tv_cache *cache, const struct tv_slice *things, size_t count)
{
    if (!cache->redis)
        return;
    cache->announced = announce(cache, things, count, "1");
    if (!cache->announced) { /* before the store is asked: this process may not live to remember it later */
        set_unannounced(cache, 1);
        tv_trust_lose(cache->trust);
    }
}

void tv_cache_write_end(struct tv_cache *cache, const struct tv_slice *things, size_t count)
{
    if (!cache->redis)
        return;
    if (!announce(cache, things, count, cache->announced ? "-1" : "0"))
        tv_trust_lose(cache->trust);
    set_unannounced(cache, 0);
    cache->announced = false;
}
