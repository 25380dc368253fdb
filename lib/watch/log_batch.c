/*
 * log_batch.c - a buffer for each worker thread. Its mutex is taken by its thread and, rarely, by the housekeeper.
 */
#include "watch/log_batch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "watch/scoreboard.h"

struct batch {
    pthread_mutex_t lock;
    _Atomic bool taken;
    _Atomic size_t length; /* changed under the lock; looked at without */
    int64_t since_ms;      /* when the first line came */
    char data[TV_LOG_BATCH];
};

static struct batch batches[TV_WORKERS_MAX] = {
    [0 ... TV_WORKERS_MAX - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER},
};
static _Thread_local struct batch *own;

/* Under the lock. */
static void write_out(struct batch *batch, int fd)
{
    if (batch->length > 0) {
        ssize_t written = write(fd, batch->data, batch->length);
        (void)written; /* nowhere left to complain to */
    }
    batch->length = 0;
}

void tv_log_batch_open(void)
{
    for (size_t i = 0; i < TV_WORKERS_MAX && !own; i++)
        if (!atomic_exchange(&batches[i].taken, true))
            own = &batches[i];
}

void tv_log_batch_close(int fd)
{
    if (!own)
        return;
    tv_log_batch_flush(fd);
    atomic_store(&own->taken, false);
    own = NULL;
}

bool tv_log_batch_add(int fd, struct tv_slice line)
{
    if (!own || line.length > TV_LOG_BATCH)
        return false;
    pthread_mutex_lock(&own->lock);
    if (own->length + line.length > TV_LOG_BATCH)
        write_out(own, fd);
    if (own->length == 0)
        own->since_ms = tv_clock_ms();
    memcpy(own->data + own->length, line.data, line.length);
    own->length += line.length;
    pthread_mutex_unlock(&own->lock);
    return true;
}

bool tv_log_batch_pending(void)
{
    return own && atomic_load_explicit(&own->length, memory_order_relaxed) > 0;
}

void tv_log_batch_flush(int fd)
{
    if (!tv_log_batch_pending())
        return;
    pthread_mutex_lock(&own->lock);
    write_out(own, fd);
    pthread_mutex_unlock(&own->lock);
}

void tv_log_batch_flush_older(int fd, int64_t age_ms)
{
    int64_t now = tv_clock_ms();
    for (size_t i = 0; i < TV_WORKERS_MAX; i++) {
        struct batch *batch = &batches[i];
        if (atomic_load_explicit(&batch->length, memory_order_relaxed) == 0)
            continue;
        pthread_mutex_lock(&batch->lock);
        if (now - batch->since_ms > age_ms)
            write_out(batch, fd);
        pthread_mutex_unlock(&batch->lock);
    }
}
