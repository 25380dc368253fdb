/*
 * log_batch.h - private to the library: lines of requests wait a moment for company, since a write for each costs a tenth of a short
 * request. A worker that has had nothing to do for a moment ends the wait, an important line at once, and the housekeeper that
 * of a worker which is busy for long. What a killed process takes along is the last lines of its busiest moments, at most TV_LOG_BATCH bytes a
 * worker.
 */
#ifndef TRIVET_WATCH_LOG_BATCH_H
#define TRIVET_WATCH_LOG_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* What a pipe takes in one piece (PIPE_BUF): batches of several processes do not mix. */
#define TV_LOG_BATCH 4096

/* Adds a whole line to this thread's batch. What does not fit any more is written to fd first. False when the thread has no
 * batch: write the line yourself. */
bool tv_log_batch_add(int fd, struct tv_slice line) TV_MUST_CHECK;
/* Whether this thread has lines that wait. */
bool tv_log_batch_pending(void);
/* Writes this thread's lines. */
void tv_log_batch_flush(int fd);
/* Writes all threads' lines that have waited longer than age_ms. By the housekeeper. */
void tv_log_batch_flush_older(int fd, int64_t age_ms);
/* A thread takes a batch / gives it back, flushed. Threads without one write every line. */
void tv_log_batch_open(void);
void tv_log_batch_close(int fd);

#endif
