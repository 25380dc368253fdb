/*
 * orders.c - trivet-ops scale, reload, drain, level: checked as far as it can be from outside, then told to the master, whose
 * answer is printed.
 */
#include <string.h>

#include "tool.h"

#define ARENA_BYTES (1 << 20)

/* Gives one pool one order and prints what came of it. */
static int give(struct tool *tool, const char *directory, const char *pool, const char *order)
{
    struct tv_arena arena;
    struct tv_error error;
    struct tv_json_value *answer;
    tv_arena_init(&arena, ARENA_BYTES);
    bool done = ask_pool(directory, pool, order, tool->timeout_ms, &arena, &answer, &error);
    const struct tv_json_value *text = done ? tv_json_member(answer, "text") : NULL;
    if (!done)
        tool_fail(&error);
    else if (tool->json)
        printf("%.*s\n", (int)answer->source.length, answer->source.data);
    else
        printf("%s: %.*s\n", pool, text ? (int)text->text.length : 4, text ? text->text.data : "done");
    tv_arena_free(&arena);
    return done ? TOOL_DONE : TOOL_REFUSED;
}

/* The same to one, or to all that run; the worst of their statuses. */
static int give_named(struct tool *tool, const char *name, const char *order)
{
    bool all = strcmp(name, "all") == 0;
    struct tv_error error;
    struct boards boards;
    int status = TOOL_DONE, told = 0;
    const char *directory = tool_directory(tool, &error);
    if (!directory || !boards_open(&boards, directory, all ? NULL : name, &error))
        return tool_fail(&error);
    for (size_t i = 0; i < boards.count; i++) {
        if (all && !tv_scoreboard_alive(boards.list[i]))
            continue;
        told++;
        if (give(tool, directory, boards.list[i]->pool, order) != TOOL_DONE)
            status = TOOL_REFUSED;
    }
    boards_close(&boards);
    if (told > 0)
        return status;
    tv_fail(&error, 404, NULL, "no pool runs in %s", directory);
    return tool_fail(&error);
}

int command_reload(struct tool *tool)
{
    return give_named(tool, tool->words[0], "reload");
}

int command_drain(struct tool *tool)
{
    return give_named(tool, tool->words[0], "drain");
}

int command_level(struct tool *tool)
{
    static const char *const levels[] = {"error", "warn", "info", "debug", "default"};
    for (size_t i = 0; i < TV_COUNT(levels); i++) {
        char order[32];
        if (strcmp(tool->words[1], levels[i]) != 0)
            continue;
        snprintf(order, sizeof order, "level %s", levels[i]);
        return give_named(tool, tool->words[0], order);
    }
    return tool_misused(tool, "\"%s\" is no level; there are error, warn, info, debug and default",
                        tool->words[1]);
}

/* --- scale ------------------------------------------------------------------------------------------------------------ */

struct step {
    bool workers; /* of each process; otherwise processes */
    char sign;
    int64_t number;
};

static bool read_step(const struct tool *tool, struct step *out)
{
    const char *what = tool->count == 3 ? tool->words[1] : "processes";
    const char *by = tool->words[tool->count - 1];
    out->workers = strcmp(what, "workers") == 0;
    if (!out->workers && strcmp(what, "processes") != 0)
        return false;
    out->sign = *by;
    return *by != '\0' && strchr("+-=", *by) && by[1] >= '0' && by[1] <= '9' &&
           tv_slice_integer(tv_slice_of(by + 1), &out->number) && out->number <= 1000000;
}

static uint64_t step_from(const struct step *step, uint64_t now)
{
    int64_t wanted = step->sign == '+'   ? (int64_t)now + step->number
                     : step->sign == '-' ? (int64_t)now - step->number
                                         : step->number;
    return wanted < 0 ? 0 : (uint64_t)wanted;
}

/* Growing is looked at from the stores' side; shrinking, and what the master will refuse anyway, is not. */
static bool borne(struct tool *tool, const struct boards *boards, const struct tv_scoreboard *board,
                  const struct step *step, struct tv_error *error)
{
    uint64_t processes = tv_word(&board->processes_wanted), workers = tv_word(&board->workers_max);
    struct wish wish = {board->pool, step->workers ? processes : step_from(step, processes),
                        step->workers ? step_from(step, workers) : workers};
    if (tool->force || (wish.processes <= processes && wish.workers <= workers) ||
        wish.processes > TV_PROCESSES_MAX / 2 || wish.workers > TV_WORKERS_MAX)
        return true;
    return budget_allows(tool, boards, &wish, error);
}

int command_scale(struct tool *tool)
{
    struct step step;
    struct tv_error error;
    struct boards boards;
    const struct tv_scoreboard *board = NULL;
    char order[64];
    if (!read_step(tool, &step))
        return tool_misused(tool, "expected POOL [processes|workers] +N, -N or =N");
    const char *directory = tool_directory(tool, &error);
    if (!directory || !boards_open(&boards, directory, NULL, &error))
        return tool_fail(&error);
    for (size_t i = 0; i < boards.count; i++)
        if (strcmp(boards.list[i]->pool, tool->words[0]) == 0)
            board = boards.list[i];
    bool good = board ? borne(tool, &boards, board, &step, &error)
                      : tv_fail(&error, 404, NULL, "there is no pool %s in %s", tool->words[0], directory);
    boards_close(&boards);
    if (!good)
        return tool_fail(&error);
    snprintf(order, sizeof order, "%s %c%lld", step.workers ? "workers" : "processes", step.sign,
             (long long)step.number);
    return give(tool, directory, tool->words[0], order);
}
