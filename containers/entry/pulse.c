/*
 * pulse.c - two looks at a scoreboard. It compares counts, never clocks: what stands still stands still from the first moment.
 */
#include "entry/pulse.h"

#include <stddef.h>

void pulse_take(struct pulse *pulse, const char *directory, const char *pool)
{
    struct tv_error error;
    pulse->board = tv_scoreboard_open(directory, pool, &error);
    for (size_t i = 0; pulse->board && i < TV_PROCESSES_MAX; i++)
        pulse->beats[i] = tv_word(&pulse->board->processes[i].beats);
}

bool pulse_goes_on(const struct pulse *pulse)
{
    size_t serving = 0;
    if (!pulse->board || !tv_scoreboard_alive(pulse->board))
        return false;
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        const struct tv_process_board *place = &pulse->board->processes[i];
        if (tv_word(&place->state) != TV_PROCESS_RUNNING)
            continue; /* one that starts or drains has its own time for that */
        if (tv_word(&place->beats) == pulse->beats[i])
            return false;
        serving++;
    }
    return serving > 0;
}

void pulse_end(struct pulse *pulse)
{
    if (pulse->board)
        tv_scoreboard_close(pulse->board);
    pulse->board = NULL;
}
