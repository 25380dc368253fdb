/*
 * orders.c - what the control socket asks for: begun, looked after, said to be done. Bounds are checked here; what a store
 * bears is not known here (trivet-ops asks it).
 */
#include <stdio.h>

#include "serve/master_state.h"

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "es";
}

static bool begin_processes(struct tv_master *master, struct tv_order *order, struct tv_error *error)
{
    int64_t now = master->size.processes, wanted;
    if (!tv_order_apply(order, "processes", now, 1, TV_MASTER_PROCESSES_MAX, &wanted, error))
        return false;
    order->ticket = wanted < now; /* then those that leave are waited for */
    master->size.processes = wanted;
    master->spawn_after_ms = 0;
    tv_log(TV_LOG_INFO, "processes", "%lld processes wanted", (long long)wanted);
    return true;
}

static bool begin_workers(struct tv_master *master, struct tv_order *order, struct tv_error *error)
{
    int64_t wanted;
    if (!tv_order_apply(order, "workers a process", master->size.workers_max, 1, TV_WORKERS_MAX, &wanted,
                        error))
        return false;
    int64_t configured = master->configuration->serve.workers_min;
    master->size.workers_max = wanted;
    master->size.workers_min = configured < wanted ? configured : wanted;
    tv_log(TV_LOG_INFO, "workers", "%lld to %lld workers a process", (long long)master->size.workers_min,
           (long long)wanted);
    return true;
}

static bool begin_reload(struct tv_master *master, struct tv_order *order)
{
    order->ticket = master->reloads_begun + 1;
    tv_reload_begin(master);
    return true;
}

static bool begin(void *context, struct tv_order *order, struct tv_error *error)
{
    struct tv_master *master = context;
    bool begun = true;
    if (master->stopping && order->verb != TV_ORDER_DRAIN)
        return tv_fail(error, 409, NULL, "the pool is stopping");
    switch (order->verb) {
    case TV_ORDER_PROCESSES: begun = begin_processes(master, order, error); break;
    case TV_ORDER_WORKERS: begun = begin_workers(master, order, error); break;
    case TV_ORDER_RELOAD: begun = begin_reload(master, order); break;
    case TV_ORDER_LEVEL: begun = tv_master_level(master, order->level, error); break;
    case TV_ORDER_DRAIN:
        if (!master->stopping) /* a second one would end it at once */
            tv_master_stop(master);
        break;
    }
    if (begun)
        tv_master_show(master);
    return begun;
}

/* --- is it done? ------------------------------------------------------------------------------------------------------ */

static int64_t all_children(const struct tv_master *master)
{
    return tv_children_count(master, TV_CHILD_SERVING, 0) + tv_children_count(master, TV_CHILD_LEAVING, 0);
}

static bool processes_settled(const struct tv_master *master, const struct tv_order *order, char text[256])
{
    bool fewer = order->ticket != 0;
    if (master->reloading || tv_children_running(master) != master->size.processes ||
        (fewer && tv_children_count(master, TV_CHILD_LEAVING, 0) > 0))
        return false;
    snprintf(text, 256, "%lld process%s serve%s", (long long)master->size.processes,
             plural(master->size.processes), master->size.processes == 1 ? "s" : "");
    return true;
}

/* Counted in the slots: the number on the board is as old as the process's last tick. */
static uint64_t workers_of(const struct tv_process_board *process)
{
    uint64_t count = 0;
    for (size_t i = 0; i < TV_WORKERS_MAX; i++)
        count += tv_word(&process->slots[i].state) != TV_SLOT_UNUSED;
    return count;
}

/* More workers come when requests wait for them; fewer, when those that are too many have finished. */
static bool workers_settled(const struct tv_master *master, char text[256])
{
    uint64_t window = tv_scoreboard_window(master->board);
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++)
        if (master->children[i].state == TV_CHILD_SERVING &&
            workers_of(&master->board->processes[i]) > window)
            return false;
    int length = snprintf(text, 256, "%lld to %lld workers in each of %lld process%s",
                          (long long)master->size.workers_min, (long long)master->size.workers_max,
                          (long long)master->size.processes, plural(master->size.processes));
    if ((int64_t)window < master->size.workers_max && length > 0 && length < 256)
        snprintf(text + length, (size_t)(256 - length), "; the pool's budget of connections leaves it %llu",
                 (unsigned long long)window);
    return true;
}

static bool reload_settled(const struct tv_master *master, const struct tv_order *order, char text[256],
                           struct tv_error *error)
{
    if (master->reloads_ended < order->ticket)
        return false;
    int64_t leaving = tv_children_count(master, TV_CHILD_LEAVING, 0);
    if (master->reload_failure.status)
        *error = master->reload_failure;
    else
        snprintf(text, 256,
                 "generation %llu serves; %lld process%s of before may still finish what they have",
                 (unsigned long long)master->generation, (long long)leaving, plural(leaving));
    return true;
}

static bool settled(void *context, const struct tv_order *order, char text[256], struct tv_error *error)
{
    const struct tv_master *master = context;
    if (order->verb == TV_ORDER_DRAIN) {
        snprintf(text, 256, "stopped%s", master->at_once ? " at once" : "");
        return all_children(master) == 0;
    }
    if (master->stopping) {
        tv_fail(error, 409, NULL, "the pool is stopping");
        return true;
    }
    switch (order->verb) {
    case TV_ORDER_PROCESSES: return processes_settled(master, order, text);
    case TV_ORDER_WORKERS: return workers_settled(master, text);
    case TV_ORDER_RELOAD: return reload_settled(master, order, text, error);
    case TV_ORDER_LEVEL: snprintf(text, 256, "lines from level %s on", tv_log_level_name()); break;
    case TV_ORDER_DRAIN: break;
    }
    return true;
}

static void describe(void *context, struct tv_json *json)
{
    const struct tv_master *master = context;
    tv_json_member_integer(json, "processes", master->size.processes);
    tv_json_member_integer(json, "workers_min", master->size.workers_min);
    tv_json_member_integer(json, "workers_max", master->size.workers_max);
    tv_json_member_integer(json, "generation", (int64_t)master->generation);
    tv_json_member_text(json, "level", tv_log_level_name());
}

const struct tv_control_handler tv_master_orders = {.begin = begin, .settled = settled, .describe = describe};
