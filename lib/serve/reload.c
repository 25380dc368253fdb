/*
 * reload.c - the new configuration is loaded and checked, processes start with it beside the old ones, and when all of them
 * run the old ones drain. Whatever fails on the way leaves the old ones as they were.
 */
#include "base/clock.h"
#include "serve/master_state.h"

struct tv_pool_size tv_pool_size_of(const struct tv_configuration *configuration)
{
    const struct tv_serve_settings *serve = &configuration->serve;
    return (struct tv_pool_size){serve->processes, serve->workers_min, serve->workers_max};
}

/* failure: NULL when it went well. Who waits for this reload is told now: the next one may end before anybody looks. */
static void ended(struct tv_master *master, const struct tv_error *failure)
{
    master->reload_failure = failure ? *failure : (struct tv_error){.status = 0};
    master->reloads_ended = master->reloads_begun;
    tv_control_review(master->control);
}

static void refuse(struct tv_master *master, struct tv_configuration *loaded, const struct tv_error *why)
{
    struct tv_error failure;
    tv_fail(&failure, 409, NULL, "the old configuration stays: %s", why->message);
    tv_log(TV_LOG_ERROR, "reload.refused", "%s", failure.message);
    tv_configuration_free(loaded);
    ended(master, &failure);
}

void tv_reload_begin(struct tv_master *master)
{
    struct tv_error error;
    if (master->reloading) {
        master->reload_again = true;
        return;
    }
    master->reloads_begun++;
    master->level_before = tv_log_level();
    struct tv_configuration *loaded = tv_configuration_load(master->app, master->file, &error);
    if (!loaded || !tv_log_start(&loaded->log, master->app->name, &error)) {
        refuse(master, loaded, &error);
        return;
    }
    master->before = master->configuration;
    master->size_before = master->size;
    master->configuration = loaded;
    master->size = tv_pool_size_of(loaded);
    master->generation++;
    master->reloading = true;
    master->spawn_after_ms = 0;
    tv_log(TV_LOG_INFO, "reload.begin", "generation %llu", (unsigned long long)master->generation);
}

static void begin_again(struct tv_master *master)
{
    if (master->reload_again && !master->stopping) {
        master->reload_again = false;
        tv_reload_begin(master);
    }
}

void tv_reload_undo(struct tv_master *master, const char *why)
{
    struct tv_error error, failure;
    tv_fail(&failure, 409, NULL,
            "processes with the new configuration do not start; the old ones stay (%s; why is in the log)",
            why);
    tv_log(TV_LOG_ERROR, "reload.undone", "%s", failure.message);
    tv_children_dismiss(master, true);
    tv_configuration_free(master->configuration);
    master->configuration = master->before;
    master->size = master->size_before;
    master->before = NULL;
    master->generation--;
    master->reloading = false;
    if (!tv_log_start(&master->configuration->log, master->app->name, &error))
        tv_log(TV_LOG_ERROR, "log", "%s", error.message);
    tv_log_use_level((int)master->level_before);
    ended(master, &failure);
    begin_again(master);
}

void tv_reload_turn(struct tv_master *master)
{
    if (!master->reloading || tv_children_running(master) < master->size.processes)
        return;
    tv_children_dismiss(master, false);
    tv_configuration_free(master->before);
    master->before = NULL;
    master->reloading = false;
    tv_log(TV_LOG_INFO, "reload.done", "generation %llu", (unsigned long long)master->generation);
    ended(master, NULL);
    begin_again(master);
}
