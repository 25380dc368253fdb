/*
 * phases.c - what the phases of a request are called; apart, for programs that log and serve nothing.
 */
#include "watch/scoreboard.h"

const char *const tv_phase_names[TV_PHASE_COUNT] = {"none",  "read",  "guard", "work",
                                                    "cache", "store", "send"};
