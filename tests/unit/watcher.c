/*
 * watcher.c - tests of what a worker notes of a request: times that add up, calls under their store, and a live view that is
 * whole while it changes.
 */
#include "watch/watcher.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "tap.h"
#include "watch/activity.h"

static struct tv_slot slot;
static struct tv_watcher watcher;

static void begin(void)
{
    memset((void *)&slot, 0, sizeof slot);
    tv_watcher_init(&watcher, &slot);
    tv_watch_begin(&watcher);
    tv_watch_identify(&watcher, 4 /* POST */, TV_SLICE("0123456789abcdef0123456789abcdef"));
}

static int64_t end(int status, bool broken)
{
    return tv_watch_end(&watcher, &(struct tv_outcome){.route = 2,
                                                       .status = status,
                                                       .broken = broken,
                                                       .queue_us = 3000,
                                                       .bytes_in = 10,
                                                       .bytes_out = 20});
}

/* Time passes: what is measured now began so much earlier. */
static void pass(struct tv_call *it, int64_t us)
{
    watcher.began_us -= us;
    watcher.marked_us -= us;
    if (it)
        it->began_us -= us;
}

static void call(unsigned store, const char *shape, int64_t us, bool waits)
{
    struct tv_call it = {.store = store, .verb = "x", .shape = tv_slice_of(shape), .waits = waits};
    tv_watch_call(&watcher, &it, 1);
    pass(&it, us);
    tv_watch_called(&watcher, &it, NULL);
}

static void requests(void)
{
    begin();
    tv_watch_enter(&watcher, TV_PHASE_GUARD);
    tv_watch_enter(&watcher, TV_PHASE_WORK);
    call(0, "SELECT 1", 20000000, true);
    call(0, "SELECT 2", 50000000, true);
    call(0, "SELECT 3", 10000000, true);
    enum tv_phase before = tv_watch_enter(&watcher, TV_PHASE_CACHE);
    is_number(before, TV_PHASE_WORK, "entering says what was before");
    call(2, "MGET", 10000000, true);
    is_number(watcher.phase, TV_PHASE_CACHE, "what the cache asks is the cache's time");
    tv_watch_enter(&watcher, before);
    int64_t took = end(201, false), sum = 0;
    for (int phase = 0; phase < TV_PHASE_COUNT; phase++)
        sum += watcher.phase_us[phase];
    is_number(sum + 3000, took, "the phases and the wait for a worker add up to the whole");
    ok(watcher.phase_us[TV_PHASE_STORE] >= 80000000 && watcher.phase_us[TV_PHASE_CACHE] >= 10000000 &&
           watcher.phase_us[TV_PHASE_WORK] < watcher.phase_us[TV_PHASE_STORE],
       "each has its own time");
    ok(watcher.shape_length == 8 && memcmp(watcher.shape, "SELECT 2", 8) == 0,
       "the call that took longest is remembered");
    const struct tv_meters *meters = &slot.meters;
    is_number(meters->stores[0].calls, 3, "calls are counted");
    is_number(tv_histogram_count(&meters->stores[0].duration), 3, "and measured");
    ok(meters->stores[0].wait_us >= 80000000, "they waited all the time");
    is_number(meters->stores[2].calls, 1, "under their store");
    is_number(meters->routes[2].requests[2][0], 1, "the request under route, method and class");
    is_number(tv_histogram_count(&meters->routes[2].duration), 1, "once");
    is_number((int64_t)meters->routes[2].duration.sum_us, took, "with all the time that it took");
    is_number(tv_histogram_count(&meters->queue), 1, "its wait too");
    is_number(meters->counters[TV_COUNT_BYTES_IN] + meters->counters[TV_COUNT_BYTES_OUT], 30, "and bytes");
    is_number(meters->counters[TV_COUNT_BUSY_US], took - 3000, "and a worker's time");
    is_number(slot.requests, 1, "one request");
}

static void outcomes(void)
{
    static const struct {
        int status;
        bool broken;
        unsigned class;
    } cases[] = {{200, false, 0}, {199, false, 0}, {304, false, 1}, {404, false, 2},
                 {503, false, 3}, {700, false, 3}, {200, true, 3},  {404, true, 3}};
    for (size_t i = 0; i < TV_COUNT(cases); i++) {
        begin();
        end(cases[i].status, cases[i].broken);
        ok(slot.meters.routes[2].requests[2][cases[i].class] == 1, "%d%s", cases[i].status,
           cases[i].broken ? ", broken" : "");
    }
    begin();
    tv_watch_end(&watcher, &(struct tv_outcome){.status = 200, .queue_us = -1});
    is_number(tv_histogram_count(&slot.meters.queue), 0, "a wait that nobody knows is not measured");
}

static void stores(void)
{
    begin();
    tv_watch_enter(&watcher, TV_PHASE_WORK);
    pass(NULL, 3000000);
    tv_watch_waited(&watcher, 1, 2000000);
    call(1, "find", 1000000, false);
    is_number(slot.meters.stores[1].wait_us, 2000000, "a session that tells its waits itself is believed");
    int64_t took = end(200, false);
    is_number(watcher.phase_us[TV_PHASE_WORK] + watcher.phase_us[TV_PHASE_STORE] +
                  watcher.phase_us[TV_PHASE_READ] + watcher.phase_us[TV_PHASE_SEND],
              took - 3000, "a wait between calls is taken from the phase it was in");
    ok(watcher.phase_us[TV_PHASE_STORE] >= 3000000, "and given to the store");
    begin();
    tv_watch_enter(&watcher, TV_PHASE_WORK);
    pass(NULL, 1000000);
    tv_watch_waited(&watcher, 1, 1500000);
    took = end(200, false);
    is_number(watcher.phase_us[TV_PHASE_WORK], 0,
              "a wait that was measured too long leaves no time below nothing");
    ok(watcher.phase_us[TV_PHASE_STORE] >= 1000000 && watcher.phase_us[TV_PHASE_STORE] <= took - 3000,
       "and the store no more than there was");
    begin();
    tv_watch_enter(&watcher, TV_PHASE_WORK);
    struct tv_reach reach = tv_watch_reach(&watcher, 1);
    is_number(tv_word(&slot.activity.phase), TV_PHASE_STORE,
              "while a connection is made the store is waited for");
    pass(NULL, 1000000);
    reach.began_us -= 1000000;
    ok(tv_watch_reached(&watcher, &reach) >= 1000000, "as long as it takes");
    is_number(tv_word(&slot.activity.phase), TV_PHASE_WORK, "and then the work goes on");
    ok(watcher.phase_us[TV_PHASE_STORE] >= 1000000, "its time is the store's");
    tv_watch_enter(&watcher, TV_PHASE_CACHE);
    reach = tv_watch_reach(&watcher, 1);
    is_number(tv_word(&slot.activity.phase), TV_PHASE_CACHE, "that of the cache's is the cache's");
    tv_watch_reached(&watcher, &reach);
    tv_watch_connection(&watcher, 1, true);
    tv_watch_connection(&watcher, 1, true);
    tv_watch_connection(&watcher, 1, false);
    tv_watch_store_error(&watcher, 1);
    is_number(slot.connections[1], 1, "connections now");
    is_number(slot.meters.stores[1].connects, 2, "connections ever");
    is_number(slot.meters.stores[1].errors, 1, "errors");
    tv_watch_begin(&watcher);
    tv_watch_refused(&watcher);
    tv_watch_enter(&watcher, TV_PHASE_CACHE);
    tv_watch_refused(&watcher);
    is_number(slot.meters.counters[TV_COUNT_SHED_BREAKER], 1,
              "the cache going without its store refuses nobody");
    struct tv_call it = {.store = 0};
    tv_watch_call(NULL, &it, 1);
    tv_watch_called(NULL, &it, NULL);
    tv_watch_waited(NULL, 0, 1);
    reach = tv_watch_reach(NULL, 0);
    ok(tv_watch_reached(NULL, &reach) >= 0, "a connection is timed all the same");
    tv_watch_connection(NULL, 0, true);
    tv_watch_store_error(NULL, 0);
    tv_watch_refused(NULL);
    tv_watch_count(NULL, TV_COUNT_BROKEN, 1);
    is_number(tv_watch_enter(NULL, TV_PHASE_WORK), TV_PHASE_NONE, "without a watcher nothing is noted");
}

static _Atomic bool stop;

/* Every text is made of one letter only. */
static void *change(void *unused)
{
    char id[TV_ACTIVITY_ID], shape[200];
    (void)unused;
    for (unsigned i = 0; !stop; i++) {
        memset(id, 'a' + (int)(i % 26), sizeof id);
        memset(shape, 'a' + (int)(i % 26), sizeof shape);
        tv_activity_begin(&slot.activity, 1 + i, i % 26, (struct tv_slice){id, sizeof id - i % 7});
        tv_activity_statement(&slot.activity, (struct tv_slice){shape, i % 200});
    }
    return NULL;
}

static bool one_letter(const char *text, char letter)
{
    for (; *text; text++)
        if (*text != letter)
            return false;
    return true;
}

static void live(void)
{
    struct tv_activity_view view;
    pthread_t writer;
    begin();
    tv_watch_route(&watcher, 7);
    ok(tv_activity_read(&slot.activity, &view), "a request under way is seen");
    ok(view.began_us == watcher.began_us && view.phase == TV_PHASE_READ && view.route == 7 &&
           view.method == 4,
       "with its beginning, phase, route and method");
    is_text(view.id, "0123456789abcdef0123456789abcdef", "and its id");
    is_text(view.shape, "", "it has sent nothing yet");
    call(0, "SELECT `id` FROM `product` WHERE `id` = ?", 0, true);
    ok(tv_activity_read(&slot.activity, &view), "later");
    is_text(view.shape, "SELECT `id` FROM `product` WHERE `id` = ?", "what it sent last is seen");
    end(200, false);
    ok(tv_activity_read(&slot.activity, &view) && view.began_us == 0, "afterwards the worker is idle");
    if (pthread_create(&writer, NULL, change, NULL) != 0)
        return;
    size_t read = 0, torn = 0;
    for (int64_t until = tv_clock_ms() + 300; tv_clock_ms() < until;) {
        if (!tv_activity_read(&slot.activity, &view) || view.id[0] < 'a')
            continue; /* in the middle of a change, or before the first one */
        read++;
        torn += view.id[0] && !one_letter(view.id, (char)('a' + view.method));
        torn += view.shape[0] && !one_letter(view.shape, view.id[0]);
    }
    stop = true;
    pthread_join(writer, NULL);
    ok(read > 100, "while it changes it can be read (%zu times)", read);
    is_number(torn, 0, "and is never half of one and half of another");
}

static void exemplars(void)
{
    struct tv_exemplar exemplar = {0};
    struct tv_exemplar_view view, given = {{0x0af7651916cd43dd, 0x8448eb211c80319c}, 1234, 1795000000000, 3};
    ok(!tv_exemplar_read(&exemplar, &view), "at first there is none");
    tv_exemplar_write(&exemplar, &given);
    ok(tv_exemplar_read(&exemplar, &view) && view.trace[0] == given.trace[0] &&
           view.trace[1] == given.trace[1] && view.us == given.us && view.at_ms == given.at_ms &&
           view.route == given.route,
       "then the last one");
}

int main(void)
{
    requests();
    outcomes();
    stores();
    live();
    exemplars();
    return done_testing();
}
