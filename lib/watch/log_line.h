/*
 * log_line.h - private to the library: the text of one log line. It knows neither levels that are off nor where lines go.
 *
 * A line stands in memory of its own and never grows: building one cannot fail for want of memory. Every request makes one, so
 * names and words of ours are put down as they are; only what others chose is looked at for what JSON must escape.
 */
#ifndef TRIVET_WATCH_LOG_LINE_H
#define TRIVET_WATCH_LOG_LINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buffer.h"

struct tv_request_line;

/* Longest text of an event. */
#define TV_LOG_TEXT_MAX 2048
/* Holds it, every byte of it escaped (\u001f), and the rest: no line is ever too long to be written. */
#define TV_LOG_LINE_MAX (8 * TV_LOG_TEXT_MAX)

struct tv_log_line {
    struct tv_buffer buffer;
    char storage[TV_LOG_LINE_MAX + 1];
};

/* What stands behind the time in all lines of a kind, so that it need not be made for each. */
struct tv_log_head {
    char text[160];
    size_t length;
};
/* level, pool and event: words of ours, with nothing to escape in them. */
void tv_log_head_make(struct tv_log_head *head, const char *level, const char *pool, pid_t pid,
                      const char *event);

/* The time is now. */
void tv_log_line_begin(struct tv_log_line *line, const struct tv_log_head *head);
/* For people; any bytes. */
void tv_log_line_text(struct tv_log_line *line, const char *text);
/* slow: with its phases and what it asked of a store. */
void tv_log_line_request(struct tv_log_line *line, const struct tv_request_line *request, bool slow);
/* The whole line, with its end; lives as long as the line. Empty when it did not fit. */
struct tv_slice tv_log_line_end(struct tv_log_line *line);

#endif
