/*
 * log.h - what happened, as JSON lines on stderr or in a file (option log.file). Whole lines a write(2), so lines of several
 * processes do not mix. No secret and no value of a statement is ever logged: callers pass shapes, not values.
 */
#ifndef TRIVET_WATCH_LOG_H
#define TRIVET_WATCH_LOG_H

#include "base/macros.h"

enum tv_log_level { TV_LOG_ERROR, TV_LOG_WARN, TV_LOG_INFO, TV_LOG_DEBUG };

/* event is a short fixed name ("store.away"); the text is for people. */
TV_PUBLIC void tv_log(enum tv_log_level level, const char *event, const char *format, ...) TV_PRINTF(3, 4);

#endif
