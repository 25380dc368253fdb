/*
 * log.c - JSON lines, one write(2) each. A line that cannot be written is lost: logging never stops a request.
 */
#include "watch/log_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json_writer.h"

/* Holds the longest text, every byte of it escaped (\u001f): no line is ever too long to be written. */
#define TEXT_MAX   2048
#define LINE_LIMIT (8 * TEXT_MAX)
/* Most bytes of what clients choose. */
#define GIVEN_MAX 128

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* Set before threads start and by USR1's handler in the main thread; the descriptor is swapped by dup2, so no thread
 * ever writes to a closed one. */
static struct {
    int fd;
    enum tv_log_level level;
    const struct tv_log_settings *settings;
    char pool[32];
    pid_t pid; /* asked once a process: it is on every line */
} logger = {.fd = STDERR_FILENO, .level = TV_LOG_INFO, .pool = "trivet"};

static void note_pid(void)
{
    logger.pid = getpid();
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

bool tv_log_start(const struct tv_log_settings *settings, const char *pool, struct tv_error *error)
{
    size_t level = 0;
    while (level < TV_COUNT(level_names) && strcmp(level_names[level], settings->level) != 0)
        level++;
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
    if (logger.pid == 0)
        pthread_atfork(NULL, NULL, note_pid);
    note_pid();
    logger.level = (enum tv_log_level)level;
    logger.settings = settings;
    snprintf(logger.pool, sizeof logger.pool, "%s", pool);
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
    dup3(fd, logger.fd, O_CLOEXEC);
    close(fd);
}

static void begin_line(struct tv_json *json, struct tv_buffer *buffer, enum tv_log_level level,
                       const char *event)
{
    char time[25];
    tv_clock_text(tv_clock_wall_ms(), time);
    tv_buffer_init(buffer, LINE_LIMIT);
    tv_json_start(json, buffer);
    tv_json_object(json);
    tv_json_member_text(json, "time", time);
    tv_json_member_text(json, "level", level_names[level]);
    tv_json_member_text(json, "pool", logger.pool);
    tv_json_member_integer(json, "pid", logger.pid);
    tv_json_member_text(json, "event", event);
}

static void end_line(struct tv_json *json, struct tv_buffer *buffer)
{
    tv_json_object_end(json);
    tv_buffer_byte(buffer, '\n');
    if (!tv_buffer_failed(buffer)) {
        ssize_t written = write(logger.fd, buffer->data, buffer->length);
        (void)written; /* nowhere left to complain to */
    }
    tv_buffer_free(buffer);
}

void tv_log(enum tv_log_level level, const char *event, const char *format, ...)
{
    struct tv_buffer buffer;
    struct tv_json json;
    char text[TEXT_MAX];
    if (level > logger.level)
        return;
    va_list values;
    va_start(values, format);
    int length = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    begin_line(&json, &buffer, level, event);
    tv_json_member_text(&json, "text", length < 0 ? "" : text);
    end_line(&json, &buffer);
}

static void member_given(struct tv_json *json, const char *name, struct tv_slice value)
{
    tv_json_name(json, name);
    tv_json_string(json, tv_slice_cut(value, 0, GIVEN_MAX));
}

static void member_ms(struct tv_json *json, const char *name, int64_t us)
{
    tv_json_name(json, name);
    tv_json_double(json, (double)us / 1000.0);
}

void tv_log_request(const struct tv_request_line *line)
{
    struct tv_buffer buffer;
    struct tv_json json;
    const struct tv_log_settings *settings = logger.settings;
    if (!settings || settings->requests[0] == 'n')
        return;
    bool slow = line->total_us >= settings->slow * 1000;
    bool failed = line->status >= 500 || line->broken;
    enum tv_log_level level = failed ? TV_LOG_ERROR : slow ? TV_LOG_WARN : TV_LOG_INFO;
    if (level > logger.level || (settings->requests[0] == 's' && !slow && !failed))
        return;
    begin_line(&json, &buffer, level, "request");
    member_given(&json, "request_id", line->id);
    member_given(&json, "role", line->role);
    member_given(&json, "method", line->method);
    tv_json_member_text(&json, "route", line->route);
    tv_json_member_integer(&json, "status", line->status);
    member_ms(&json, "total_ms", line->total_us);
    if (line->queue_us >= 0)
        member_ms(&json, "queue_ms", line->queue_us);
    member_ms(&json, "store_ms", line->store_us);
    tv_json_member_integer(&json, "bytes", (int64_t)line->bytes);
    if (line->cache)
        tv_json_member_text(&json, "cache", line->cache);
    if (slow)
        tv_json_member_boolean(&json, "slow", true);
    if (line->broken)
        tv_json_member_boolean(&json, "broken", true);
    if (line->failure) {
        if (line->failure->code[0])
            tv_json_member_text(&json, "code", line->failure->code);
        if (line->failure->native)
            tv_json_member_integer(&json, "native", line->failure->native);
        /* a message of a 4xx may quote what the client sent; it stays out of the log */
        if (line->status >= 500)
            tv_json_member_text(&json, "error", line->failure->message);
    }
    end_line(&json, &buffer);
}
