/*
 * master_state.h - private to the master: what it keeps, and what its parts do for each other. One thread, no locks.
 *
 *   master.c    start, signals, the turn of events, the end
 *   children.c  processes are started, counted, told to leave, replaced
 *   reload.c    a new configuration beside the old one, until one of them is let go
 *   orders.c    what comes by the control socket
 */
#ifndef TRIVET_SERVE_MASTER_STATE_H
#define TRIVET_SERVE_MASTER_STATE_H

#include <sys/types.h>

#include "serve/control.h"
#include "serve/serve_settings.h"
#include "watch/ring.h"
#include "watch/scoreboard.h"

#define TV_MASTER_PROCESSES_MAX (TV_PROCESSES_MAX / 2) /* a reload doubles them for a while */

enum tv_child_state { TV_CHILD_NONE, TV_CHILD_SERVING, TV_CHILD_LEAVING };

struct tv_child {
    enum tv_child_state state;
    pid_t pid;
    uint64_t generation;
    int64_t started_ms;
};

/* How large the pool is to be: the configuration's until told otherwise, and again after a reload. */
struct tv_pool_size {
    int64_t processes;
    int64_t workers_min; /* of each process; at most workers_max */
    int64_t workers_max;
};

struct tv_master {
    const struct tv_app *app;
    struct tv_configuration *configuration;
    const char *file;
    int listener;
    int signals;
    struct tv_scoreboard *board;
    struct tv_rings *rings; /* traces to be pushed; NULL: none are recorded */
    struct tv_control_handler handler;
    struct tv_control *control; /* NULL: there is none, signals must do */
    struct tv_child children[TV_PROCESSES_MAX];
    struct tv_pool_size size;
    uint64_t generation; /* of the configuration that new processes get */
    /* a reload under way: processes of the generation before it still serve */
    bool reloading;
    bool reload_again; /* asked for meanwhile */
    struct tv_configuration *before;
    struct tv_pool_size size_before;
    enum tv_log_level level_before;
    uint64_t reloads_begun, reloads_ended;
    struct tv_error reload_failure; /* of the last one that ended; status 0: it went well */
    /* replacing what died */
    int64_t backoff_ms;
    int64_t spawn_after_ms;
    /* stopping */
    bool stopping;
    bool at_once;
    int64_t stop_until_ms;
};

/* --- children.c --- */
/* Children in a state, of one generation or (0) of all. */
int64_t tv_children_count(const struct tv_master *master, enum tv_child_state state, uint64_t generation);
/* Of the newest generation, serving, and past their start. */
int64_t tv_children_running(const struct tv_master *master);
/* Tells all children; SIGTERM makes them leave. */
void tv_children_tell(struct tv_master *master, int signal_number);
/* Tells those that serve the newest generation, or those that serve another, to leave. */
void tv_children_dismiss(struct tv_master *master, bool newest);
/* Starts and dismisses until as many serve as wanted. */
void tv_children_keep(struct tv_master *master);
void tv_children_reap(struct tv_master *master);
/* A process that someone told to leave makes room for its replacement now, not when it is gone. */
void tv_children_notice(struct tv_master *master);

/* --- reload.c --- */
struct tv_pool_size tv_pool_size_of(const struct tv_configuration *configuration);
void tv_reload_begin(struct tv_master *master);
/* Lets the old processes go when all new ones run. */
void tv_reload_turn(struct tv_master *master);
/* The new generation cannot start: the old one goes on as if nothing had been asked. */
void tv_reload_undo(struct tv_master *master, const char *why);

/* --- orders.c --- */
/* The handler's functions; the context is for the master to fill in. */
extern const struct tv_control_handler tv_master_orders;

/* --- master.c --- */
/* Lets all finish and then ends; the second time: at once. */
void tv_master_stop(struct tv_master *master);
/* Puts what is wanted on the board, where the processes read it. */
void tv_master_show(struct tv_master *master);
/* Another log level for the pool, or "default". */
bool tv_master_level(struct tv_master *master, const char *level, struct tv_error *error) TV_MUST_CHECK;

#endif
