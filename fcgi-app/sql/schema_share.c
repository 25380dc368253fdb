/*
 * schema_share.c - one schema a role for all threads of the process. A thread keeps hold of what it uses and looks at one
 * number to know whether that is still the newest; only when it is not, the lock is taken. A schema is freed when nobody
 * holds it any more.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema.h"

#define ROLES_MAX 32   /* schemas of more roles than that push each other out */
#define RENEW_MS  1000 /* the least time between two loads because of something unknown */

struct sql_schema_entry {
    char role[SQL_ROLE_MAX];
    size_t role_length;
    bool used;
    bool loading;
    uint64_t asked; /* in order of use, for pushing out */
    struct sql_schema *schema;
    _Atomic uint64_t generation; /* changes with the schema and with the role */
    _Atomic int64_t loaded_ms;
};

/* All fields but the entries' atomics are guarded by the lock. Never taken while the store is asked. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t loaded;
    bool ready; /* loaded has its clock */
    uint64_t uses;
    struct sql_schema_entry entries[ROLES_MAX];
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock(void)
{
    pthread_mutex_lock(&shared.lock);
    if (!shared.ready) {
        pthread_condattr_t attributes;
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&shared.loaded, &attributes);
        pthread_condattr_destroy(&attributes);
        shared.ready = true;
    }
}

static void unlock(void)
{
    pthread_mutex_unlock(&shared.lock);
}

static void let_go(struct sql_schema *schema)
{
    if (schema && --schema->holders == 0)
        sql_schema_free(schema);
}

static struct sql_schema *held(const struct sql_schema_hold *hold)
{
    return (struct sql_schema *)(uintptr_t)hold->schema; /* the counter is not what is constant about it */
}

static void take(struct sql_schema_hold *hold, struct sql_schema_entry *entry)
{
    entry->schema->holders++;
    let_go(held(hold));
    hold->schema = entry->schema;
    hold->entry = entry;
    hold->role_length = entry->role_length;
    memcpy(hold->role, entry->role, entry->role_length);
    hold->generation = atomic_load_explicit(&entry->generation, memory_order_relaxed);
}

void sql_schema_drop(struct sql_schema_hold *hold)
{
    lock();
    let_go(held(hold));
    unlock();
    *hold = (struct sql_schema_hold){0};
}

static void publish(struct sql_schema_entry *entry, struct sql_schema *schema)
{
    let_go(entry->schema);
    entry->schema = schema;
    if (schema)
        schema->holders++;
    atomic_store_explicit(&entry->loaded_ms, schema ? schema->loaded_ms : 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&entry->generation, 1, memory_order_release);
}

/* The role's entry; made, by pushing out the one that nobody asked for the longest, when it has none. NULL: all entries
 * are being loaded. */
static struct sql_schema_entry *entry_of(struct tv_slice role)
{
    struct sql_schema_entry *oldest = NULL;
    for (size_t i = 0; i < ROLES_MAX; i++) {
        struct sql_schema_entry *entry = &shared.entries[i];
        if (entry->used && entry->role_length == role.length &&
            memcmp(entry->role, role.data, role.length) == 0) {
            entry->asked = ++shared.uses;
            return entry;
        }
        if (!entry->loading && (!oldest || !entry->used || (oldest->used && entry->asked < oldest->asked)))
            oldest = entry;
    }
    if (!oldest || role.length > SQL_ROLE_MAX)
        return NULL;
    publish(oldest, NULL);
    memcpy(oldest->role, role.data, role.length);
    oldest->role_length = role.length;
    oldest->used = true;
    oldest->asked = ++shared.uses;
    return oldest;
}

/* Asks the store, the lock being open meanwhile. False: *error says why, and what was there stays. */
static bool load(struct sql_schema_entry *entry, struct tv_mysql *session,
                 const struct sql_settings *settings, struct tv_slice role, int64_t deadline_ms,
                 struct tv_error *error)
{
    entry->loading = true;
    unlock();
    struct tv_slice as = *settings->schema_role ? tv_slice_of(settings->schema_role) : role;
    struct sql_schema *schema = tv_mysql_role(session, as, deadline_ms, error)
                                    ? sql_schema_load(session, settings, deadline_ms, error)
                                    : NULL;
    lock();
    entry->loading = false;
    if (schema)
        publish(entry, schema);
    pthread_cond_broadcast(&shared.loaded);
    return schema != NULL;
}

/* Another thread loads: wait for it, not beyond the deadline. */
static bool wait_for_load(int64_t deadline_ms)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    return pthread_cond_timedwait(&shared.loaded, &shared.lock, &until) == 0;
}

static bool is_old(const struct sql_schema_entry *entry, const struct sql_settings *settings)
{
    int64_t loaded = atomic_load_explicit(&entry->loaded_ms, memory_order_relaxed);
    return tv_clock_ms() - loaded >= settings->schema_max_age;
}

/* Whom entries are kept by: one for all when a role of its own looks. */
static struct tv_slice keeper(const struct sql_settings *settings, struct tv_slice role)
{
    return *settings->schema_role ? tv_slice_of(settings->schema_role) : role;
}

static bool is_current(const struct sql_schema_hold *hold, struct tv_slice role)
{
    return hold->schema && hold->role_length == role.length &&
           memcmp(hold->role, role.data, role.length) == 0 &&
           atomic_load_explicit(&hold->entry->generation, memory_order_acquire) == hold->generation;
}

const struct sql_schema *sql_schema_get(struct sql_schema_hold *hold, struct tv_mysql *session,
                                        const struct sql_settings *settings, struct tv_slice role,
                                        int64_t deadline_ms, struct tv_error *error)
{
    role = keeper(settings, role);
    if (is_current(hold, role) && !is_old(hold->entry, settings))
        return hold->schema;
    lock();
    struct sql_schema_entry *entry;
    while ((entry = entry_of(role)) && !entry->schema && entry->loading)
        if (!wait_for_load(deadline_ms)) {
            unlock();
            tv_fail(error, 504, NULL, "the schema was not loaded in time");
            return NULL;
        }
    bool good = entry != NULL;
    if (!entry)
        tv_fail(error, 503, "PGRST002", "Could not query the database for the schema cache. Retrying.");
    else if (!entry->loading && (!entry->schema || is_old(entry, settings)))
        good = load(entry, session, settings, role, deadline_ms, error) || entry->schema;
    if (good)
        take(hold, entry);
    unlock();
    return good ? hold->schema : NULL;
}

bool sql_schema_renew(struct sql_schema_hold *hold, struct tv_mysql *session,
                      const struct sql_settings *settings, struct tv_slice role, int64_t deadline_ms)
{
    struct tv_error unused;
    const struct sql_schema *before = hold->schema;
    role = keeper(settings, role);
    lock();
    struct sql_schema_entry *entry = entry_of(role);
    while (entry && entry->loading && wait_for_load(deadline_ms))
        entry = entry_of(role);
    if (entry && !entry->loading && entry->schema == before && tv_clock_ms() - before->loaded_ms >= RENEW_MS)
        (void)!load(entry, session, settings, role, deadline_ms, &unused);
    bool newer = entry && entry->schema && entry->schema != before;
    if (newer)
        take(hold, entry);
    unlock();
    return newer;
}
