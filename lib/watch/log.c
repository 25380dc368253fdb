/*
 * log.c - which lines are written, and where to. A line that cannot be written is lost: logging never stops a request.
 */
#include "watch/log_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "watch/log_batch.h"
#include "watch/log_line.h"

/* Longest wait of a line in a batch, when its worker is busy with something else. */
#define WAIT_MAX_MS 200

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* Set before threads start and by USR1's handler in the main thread; the descriptor is swapped by dup2, so no thread
 * ever writes to a closed one. */
static struct {
    int fd;
    _Atomic int level; /* enum tv_log_level; changed by USR2 while threads write */
    int configured;
    const struct tv_log_settings *settings;
    char pool[32];
    pid_t pid; /* asked once a process: it is on every line */
    struct tv_log_head requests[TV_COUNT(level_names)];
} logger = {.fd = STDERR_FILENO, .level = TV_LOG_INFO, .pool = "trivet"};

/* Whose lines these are: at the start, and in each process that is forked. */
static void note_who(void)
{
    logger.pid = getpid();
    for (size_t level = 0; level < TV_COUNT(level_names); level++)
        tv_log_head_make(&logger.requests[level], level_names[level], logger.pool, logger.pid, "request");
}

const struct tv_option tv_log_options[] = {
    {"log", "level", TV_OPTION_TEXT, "info", 0, 0, offsetof(struct tv_log_settings, level), 0,
     "Least important lines to write: error, warn, info or debug."},
    {"log", "file", TV_OPTION_TEXT, "", 0, 0, offsetof(struct tv_log_settings, file), TV_OPTION_FIXED,
     "File to append lines to instead of stderr; reopened on USR1."},
    {"log", "requests", TV_OPTION_TEXT, "all", 0, 0, offsetof(struct tv_log_settings, requests), 0,
     "Requests that get a line: all, slow (and failed ones) or none."},
    {"log", "slow", TV_OPTION_DURATION, "500ms", 1, 3600000, offsetof(struct tv_log_settings, slow), 0,
     "A request that takes this long is marked as slow."},
};
const size_t tv_log_option_count = TV_COUNT(tv_log_options);

static int open_file(const char *file)
{
    return open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

/* TV_COUNT(level_names) when there is no such level. */
static size_t level_of(const char *name)
{
    size_t level = 0;
    while (level < TV_COUNT(level_names) && strcmp(level_names[level], name) != 0)
        level++;
    return level;
}

bool tv_log_start(const struct tv_log_settings *settings, const char *pool, struct tv_error *error)
{
    size_t level = level_of(settings->level);
    if (level == TV_COUNT(level_names))
        return tv_fail(error, 500, NULL, "log.level: expected error, warn, info or debug, not %s",
                       settings->level);
    if (strcmp(settings->requests, "all") != 0 && strcmp(settings->requests, "slow") != 0 &&
        strcmp(settings->requests, "none") != 0)
        return tv_fail(error, 500, NULL, "log.requests: expected all, slow or none, not %s",
                       settings->requests);
    if (*settings->file && logger.fd == STDERR_FILENO) {
        int fd = open_file(settings->file);
        if (fd < 0)
            return tv_fail(error, 500, NULL, "log.file: %s: %s", settings->file, strerror(errno));
        logger.fd = fd;
    }
    snprintf(logger.pool, sizeof logger.pool, "%s", pool);
    if (logger.pid == 0)
        pthread_atfork(NULL, NULL, note_who);
    note_who();
    logger.configured = (int)level;
    atomic_store(&logger.level, (int)level);
    logger.settings = settings;
    return true;
}

void tv_log_reopen(void)
{
    if (logger.fd == STDERR_FILENO || !logger.settings)
        return;
    int fd = open_file(logger.settings->file);
    if (fd < 0) {
        tv_log(TV_LOG_ERROR, "log.reopen", "%s: %s", logger.settings->file, strerror(errno));
        return;
    }
    tv_log_batch_flush_older(logger.fd, -1); /* what has happened stands in the file of its time */
    dup3(fd, logger.fd, O_CLOEXEC);
    close(fd);
}

void tv_log_use_level(int level)
{
    int before = atomic_load(&logger.level);
    if (level < 0 || (size_t)level >= TV_COUNT(level_names) || level == before)
        return;
    atomic_store(&logger.level, level > before ? level : before); /* the change itself is to be seen */
    if (logger.settings)
        tv_log(TV_LOG_INFO, "log.level", "lines from level %s on", level_names[level]);
    atomic_store(&logger.level, level);
}

void tv_log_toggle(void)
{
    bool raised = atomic_load(&logger.level) == TV_LOG_DEBUG && logger.configured != TV_LOG_DEBUG;
    tv_log_use_level(raised ? logger.configured : TV_LOG_DEBUG);
}

bool tv_log_set_level(const char *name)
{
    size_t level = strcmp(name, "default") == 0 ? (size_t)logger.configured : level_of(name);
    if (level == TV_COUNT(level_names))
        return false;
    tv_log_use_level((int)level);
    return true;
}

enum tv_log_level tv_log_level(void)
{
    return (enum tv_log_level)atomic_load(&logger.level);
}

const char *tv_log_level_name(void)
{
    return level_names[tv_log_level()];
}

/* waits: the line may stay for a moment in the thread's batch. Others go out at once, after those that waited. */
static void end_line(struct tv_log_line *line, bool waits)
{
    struct tv_slice text = tv_log_line_end(line);
    if (text.length == 0 || (waits && tv_log_batch_add(logger.fd, text)))
        return;
    tv_log_batch_flush(logger.fd);
    ssize_t written = write(logger.fd, text.data, text.length);
    (void)written; /* nowhere left to complain to */
}

bool tv_log_pending(void)
{
    return tv_log_batch_pending();
}

void tv_log_flush(void)
{
    tv_log_batch_flush(logger.fd);
}

void tv_log_flush_older(void)
{
    tv_log_batch_flush_older(logger.fd, WAIT_MAX_MS);
}

void tv_log_worker(bool begins)
{
    if (begins)
        tv_log_batch_open();
    else
        tv_log_batch_close(logger.fd);
}

void tv_log(enum tv_log_level level, const char *event, const char *format, ...)
{
    struct tv_log_line line;
    struct tv_log_head head = {.length = 0};
    char text[TV_LOG_TEXT_MAX];
    if ((int)level > atomic_load_explicit(&logger.level, memory_order_relaxed))
        return;
    va_list values;
    va_start(values, format);
    int length = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    tv_log_head_make(&head, level_names[level], logger.pool, logger.pid, event);
    tv_log_line_begin(&line, &head);
    tv_log_line_text(&line, length < 0 ? "" : text);
    end_line(&line, false);
}

void tv_log_request(const struct tv_request_line *request)
{
    struct tv_log_line line;
    const struct tv_log_settings *settings = logger.settings;
    if (!settings || settings->requests[0] == 'n')
        return;
    bool slow = request->total_us >= settings->slow * 1000;
    bool failed = request->status >= 500 || request->broken;
    enum tv_log_level level = failed ? TV_LOG_ERROR : slow ? TV_LOG_WARN : TV_LOG_INFO;
    if ((int)level > atomic_load_explicit(&logger.level, memory_order_relaxed) ||
        (settings->requests[0] == 's' && !slow && !failed))
        return;
    tv_log_line_begin(&line, &logger.requests[level]);
    tv_log_line_request(&line, request, slow);
    end_line(&line, level > TV_LOG_WARN);
}
