/*
 * tool.h - trivet-ops as a program for people: what its commands share. It reads scoreboards, asks stores for their limits and
 * gives pools orders through their control sockets; it serves nobody.
 *
 *   commands.c    the table of commands, and their words and options
 *   boards.c      which pools there are
 *   reading.c     one look at a pool, and what happened between two
 *   spread.c      percentiles from histograms
 *   table.c       columns for people
 *   print_status.c print_workers.c top.c    commands that look; top's pictures are frame.c's, its screen terminal.c's
 *   orders.c ask.c budget.c                 commands that change something
 */
#ifndef OPS_TOOL_TOOL_H
#define OPS_TOOL_TOOL_H

#include <stdio.h>

#include "ops.h"

/* Exit statuses. */
enum { TOOL_DONE = 0, TOOL_REFUSED = 1, TOOL_USAGE = 2 };

#define POOLS_MAX 32

/* --- commands.c --- */

struct tool {
    const char *name; /* of the command */
    /* options; each command takes only those that its row names */
    const char *watch; /* NULL: the configuration's */
    const char *config;
    bool json, once, force;
    int64_t interval_ms, timeout_ms, pods;
    /* words after the command */
    size_t count;
    char **words;
    struct tv_setup *setup; /* loaded when first needed */
};

/* Whether the first argument names a command. */
bool tool_names_command(int argc, char **argv);
/* Runs it. The exit status of the program. */
int tool_main(int argc, char **argv);
void tool_print_commands(FILE *out);
/* "trivet-ops: MESSAGE" and its details on stderr; returns TOOL_REFUSED. */
int tool_fail(const struct tv_error *error);
/* The same for words that cannot be understood; returns TOOL_USAGE. */
int tool_misused(const struct tool *tool, const char *format, ...) TV_PRINTF(2, 3);
/* The configuration, loaded once. */
bool tool_setup(struct tool *tool, struct tv_error *error) TV_MUST_CHECK;
/* The directory of the scoreboards; NULL with *error filled. Lives as long as the tool. */
const char *tool_directory(struct tool *tool, struct tv_error *error);

int command_status(struct tool *tool);
int command_workers(struct tool *tool);
int command_top(struct tool *tool);
int command_scale(struct tool *tool);
int command_reload(struct tool *tool);
int command_drain(struct tool *tool);
int command_level(struct tool *tool);

/* --- boards.c --- */

struct boards {
    const char *directory;
    const struct tv_scoreboard *list[POOLS_MAX]; /* by name */
    size_t count;
};

/* Opens the boards of a directory: all, or one pool's (only not NULL; 404 when there is none, naming those that are there).
 * Boards of another version are left out. */
bool boards_open(struct boards *boards, const char *directory, const char *only,
                 struct tv_error *error) TV_MUST_CHECK;
void boards_close(struct boards *boards);

/* --- spread.c --- */

/* Observations by bucket, for percentiles. */
struct spread {
    uint64_t counts[TV_BUCKET_COUNT];
    uint64_t total;
};

void spread_add(struct spread *spread, const struct tv_histogram *histogram);
/* What came since; nothing when before is no earlier state of it. */
void spread_since(struct spread *spread, const struct spread *before);
/* Microseconds under which this share (0 to 1) of the observations lies, interpolated within its bucket; the last bound for
 * what lies above it; -1 when there is none. */
double spread_percentile(const struct spread *spread, double share);

/* --- reading.c --- */

enum pool_state { POOL_RUNNING, POOL_STOPPED, POOL_DEAD };
const char *pool_state_name(enum pool_state state);

/* A pool at one moment. */
struct reading {
    char pool[32];
    enum pool_state state;
    int64_t at_us;
    uint64_t master, started_ms, generation, restarts;
    uint64_t processes, processes_wanted; /* that serve */
    uint64_t workers, busy, workers_max;  /* of all processes */
    uint64_t connections, connections_max;
    uint64_t stores_used, breakers[TV_STORE_COUNT];
    bool queue_known, cache_trusted;
    uint32_t queue, queue_max;
    uint64_t requests, failed, shed, hits, lookups; /* since the pool was started */
    struct spread durations, queue_waits;
};

void reading_take(struct reading *reading, const struct tv_scoreboard *board);

/* What happened between two readings of a pool. */
struct change {
    double seconds;
    double requests, shed;                       /* a second */
    double failed_share;                         /* of the requests, 0 to 1; -1: there were none */
    double hit_share;                            /* of the cache's lookups; -1: there were none */
    double p50_us, p95_us, p99_us, queue_p95_us; /* -1: unknown */
};

/* before: NULL, or of a pool that was started anew: since the pool's start. */
void change_between(struct change *change, const struct reading *before, const struct reading *after);

/* --- table.c --- */

/* Rows of cells; an empty one is shown as "-". Bytes that a terminal could take for a command, and all that is not ASCII, are shown as '?'. */
struct table {
    const char *const *heads; /* "<NAME" stands left, ">NAME" right; NULL after the last */
    size_t columns;
    struct tv_buffer text; /* cells, each ended by a NUL */
};

void table_start(struct table *table, const char *const *heads);
void table_cell(struct table *table, const char *format, ...) TV_PRINTF(2, 3);
/* Appends head and rows, at most so many lines, each cut at width columns (0: not at all) and ended by end. Frees the table. */
void table_finish(struct table *table, struct tv_buffer *out, size_t lines, size_t width, const char *end);
/* "1.2ms", "340us", "12s"; "-" when negative. Returns out. */
const char *duration_text(double us, char out[16]);
/* "3d04h", "2h05m", "7m12s", "9s". Returns out. */
const char *uptime_text(int64_t seconds, char out[16]);

/* --- frame.c, frame_json.c --- */

/* What top shows at one moment. */
struct frame {
    double seconds; /* between the readings */
    size_t pools;
    struct reading readings[POOLS_MAX];
    struct change changes[POOLS_MAX];
    size_t slow_count;
    struct worker_view slowest[64]; /* requests that are being answered, the longest first */
};

/* Looks at all pools. before: the frame of the last look, or NULL. */
bool frame_take(struct frame *frame, const struct frame *before, const char *directory,
                struct tv_error *error) TV_MUST_CHECK;
/* Text of at most so many lines and columns (0: as it comes), each line ended by end. */
void frame_write_text(const struct frame *frame, struct tv_buffer *out, size_t lines, size_t width,
                      const char *end);
/* One line of JSON. */
void frame_write_json(const struct frame *frame, struct tv_buffer *out);

/* --- terminal.c --- */

enum terminal_event { TERMINAL_TICK, TERMINAL_REDRAW, TERMINAL_QUIT };

/* Takes the terminal over: another screen, no echo. Everything is put back by terminal_stop, at exit, and while the program is
 * suspended. False with *error when stdin or stdout is no terminal. */
bool terminal_start(struct tv_error *error) TV_MUST_CHECK;
void terminal_stop(void);
void terminal_size(size_t *lines, size_t *columns);
/* Replaces what is on the screen; lines of text end in TERMINAL_LINE. */
void terminal_draw(struct tv_slice text);
#define TERMINAL_LINE "\033[K\r\n"
/* Waits until the deadline, for a change of the size, or for someone who wants to leave (q, Ctrl-C, a signal). */
enum terminal_event terminal_wait(int64_t deadline_ms);

/* --- ask.c --- */

/* Sends one order to a pool's master and waits for its answer, which is parsed into the arena. False: refused, failed, or no
 * answer in time. */
bool ask_pool(const char *directory, const char *pool, const char *order, int64_t timeout_ms,
              struct tv_arena *arena, struct tv_json_value **answer, struct tv_error *error) TV_MUST_CHECK;

/* --- budget.c --- */

struct wish {
    const char *pool;
    uint64_t processes, workers; /* what the pool would have, workers in each */
};

/* Whether the stores bear the pool as wished, beside all other pools of the boards, times the pods. What is not known is said on
 * stderr and does not refuse. */
bool budget_allows(struct tool *tool, const struct boards *boards, const struct wish *wish,
                   struct tv_error *error) TV_MUST_CHECK;

#endif
