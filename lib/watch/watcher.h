/*
 * watcher.h - private to the library: what one worker thread notes while it answers a request, so that meters, trace, log line
 * and the live view are all made of one set of looks at the clock. The thread's sessions, cache and guard report here; none of
 * them knows who reads it.
 *
 * Every function takes a NULL watcher and then does nothing: a ping's session and the tests have none.
 */
#ifndef TRIVET_WATCH_WATCHER_H
#define TRIVET_WATCH_WATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "watch/scoreboard.h"
#include "watch/trace.h"

#define TV_SHAPE_MAX 512 /* bytes of a statement's shape in the log */

struct tv_watcher {
    struct tv_slot *slot;
    /* of the request under way */
    enum tv_phase phase;
    int64_t marked_us; /* when the phase began; monotonic */
    int64_t began_us;
    int64_t phase_us[TV_PHASE_COUNT]; /* exclusive: they add up to the whole */
    /* the call that took longest so far */
    int64_t slowest_us;
    size_t shape_length;
    char shape[TV_SHAPE_MAX];
    struct tv_trace trace;
};

void tv_watcher_init(struct tv_watcher *watcher, struct tv_slot *slot);

/* --- a request, by serve ---------------------------------------------------------------------------------------------- */

void tv_watch_begin(struct tv_watcher *watcher);
/* As soon as they are known; method is one bit of enum tv_method. */
void tv_watch_identify(struct tv_watcher *watcher, unsigned method, struct tv_slice id);
/* The request's place in its caller's trace, or in one that begins here (trace.h). After identify; borrows until the end. */
void tv_watch_trace(struct tv_watcher *watcher, struct tv_slice traceparent, struct tv_slice tracestate,
                    struct tv_slice id, bool only_asked);
/* The trace's id for the log, in out, when the request has ended; the empty slice when there is none that the caller or an APM
 * knows. */
struct tv_slice tv_watch_trace_id(const struct tv_watcher *watcher, char out[TV_TRACE_ID_TEXT]);
/* The rest of the way is known by its route: an index into the board's names. */
void tv_watch_route(struct tv_watcher *watcher, unsigned route);

struct tv_outcome {
    unsigned route;
    const char *route_name;
    int status;
    bool broken;      /* the transfer was cut, by us */
    int64_t queue_us; /* how long it waited for a worker; -1: not known */
    uint64_t bytes_in, bytes_out;
};
/* The answer has left: counts it. The microseconds that the request took for whoever asked: waiting for a worker, then the phases. */
int64_t tv_watch_end(struct tv_watcher *watcher, const struct tv_outcome *outcome);

/* --- parts of it ------------------------------------------------------------------------------------------------------ */

/* From now on time belongs to this phase. Returns the phase before, to be entered again by whoever leaves. */
enum tv_phase tv_watch_enter(struct tv_watcher *watcher, enum tv_phase phase);

/* --- stores, by their sessions ---------------------------------------------------------------------------------------- */

/* One call of a store, from being sent to its first answer. */
struct tv_call {
    unsigned store;        /* enum tv_store */
    const char *verb;      /* what is done, a fixed word of few: "SELECT", "find", "GET" */
    struct tv_slice on;    /* the collection or table, where that is known apart; may be empty */
    struct tv_slice shape; /* the statement without a value; borrowed until the call's end */
    bool waits; /* all of it is waiting for the store; otherwise the session tells its waits itself */
    /* the watcher's own */
    int64_t began_us;
    enum tv_phase before;
    unsigned span;
};

/* count: commands that go out together. Fills the last members. */
void tv_watch_call(struct tv_watcher *watcher, struct tv_call *call, uint64_t count);
/* failure: NULL when the store answered, be it with an error of its own that it is the caller's to judge. */
void tv_watch_called(struct tv_watcher *watcher, struct tv_call *call, const struct tv_error *failure);
/* A connection is being made: from tv_watch_reach to tv_watch_reached, which says how many microseconds it took, time is the
 * store's. Both measure without a watcher too. */
struct tv_reach {
    unsigned store; /* enum tv_store */
    /* the watcher's own */
    enum tv_phase before;
    int64_t began_us;
};
struct tv_reach tv_watch_reach(struct tv_watcher *watcher, unsigned store);
int64_t tv_watch_reached(struct tv_watcher *watcher, const struct tv_reach *reach);
/* Time spent waiting for a store, in a call or for more of its answer. From a coarse clock it may be some milliseconds more or less;
 * right on average is good enough. */
void tv_watch_waited(struct tv_watcher *watcher, unsigned store, int64_t us);
/* A connection was made (true) or is gone (false). */
void tv_watch_connection(struct tv_watcher *watcher, unsigned store, bool open);
/* A request is refused because its store is known to be away. The cache does without; that is no refusal. */
void tv_watch_refused(struct tv_watcher *watcher);
/* A store could not be reached or broke off. */
void tv_watch_store_error(struct tv_watcher *watcher, unsigned store);

static inline void tv_watch_count(struct tv_watcher *watcher, enum tv_counter counter, uint64_t amount)
{
    if (watcher)
        tv_slot_add(watcher->slot, counter, amount);
}

#endif
