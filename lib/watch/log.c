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

/* A line under way: on the stack, never allocated; what does not fit makes it fail. */
struct line {
    struct tv_json json;
    struct tv_buffer buffer;
    char storage[LINE_LIMIT + 1];
};

/* The text of a second is made once by each thread that logs in it. */
static void put_time(struct tv_buffer *out)
{
    static _Thread_local int64_t second;
    static _Thread_local char text[25];
    int64_t now = tv_clock_wall_ms();
    if (now / 1000 != second) {
        second = now / 1000;
        tv_clock_text(now, text);
    }
    int rest = (int)(now % 1000);
    char end[4] = {(char)('0' + rest / 100), (char)('0' + rest / 10 % 10), (char)('0' + rest % 10), 'Z'};
    tv_buffer_append(out, text, 20);
    tv_buffer_append(out, end, sizeof end);
}

static void begin_line(struct line *line, enum tv_log_level level, const char *event)
{
    struct tv_json *json = &line->json;
    line->buffer = (struct tv_buffer){.data = line->storage, .capacity = LINE_LIMIT, .limit = LINE_LIMIT};
    tv_json_start(json, &line->buffer);
    tv_json_object(json);
    tv_json_name(json, "time");
    tv_json_raw(json, TV_SLICE("\""));
    put_time(&line->buffer);
    tv_buffer_byte(&line->buffer, '"');
    tv_json_member_text(json, "level", level_names[level]);
    tv_json_member_text(json, "pool", logger.pool);
    tv_json_member_integer(json, "pid", logger.pid);
    tv_json_member_text(json, "event", event);
}

static void end_line(struct line *line)
{
    tv_json_object_end(&line->json);
    tv_buffer_byte(&line->buffer, '\n');
    if (!tv_buffer_failed(&line->buffer)) {
        ssize_t written = write(logger.fd, line->buffer.data, line->buffer.length);
        (void)written; /* nowhere left to complain to */
    }
}

void tv_log(enum tv_log_level level, const char *event, const char *format, ...)
{
    struct line line;
    char text[TEXT_MAX];
    if (level > logger.level)
        return;
    va_list values;
    va_start(values, format);
    int length = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    begin_line(&line, level, event);
    tv_json_member_text(&line.json, "text", length < 0 ? "" : text);
    end_line(&line);
}

static void member_given(struct tv_json *json, const char *name, struct tv_slice value)
{
    tv_json_name(json, name);
    tv_json_string(json, tv_slice_cut(value, 0, GIVEN_MAX));
}

/* Milliseconds with three digits after the point; durations are never negative. */
static void member_ms(struct tv_json *json, const char *name, int64_t us)
{
    int rest = (int)(us % 1000);
    char fraction[4] = {'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10), (char)('0' + rest % 10)};
    tv_json_name(json, name);
    tv_json_integer(json, us / 1000);
    tv_buffer_append(json->out, fraction, sizeof fraction);
}

void tv_log_request(const struct tv_request_line *request)
{
    struct line line;
    struct tv_json *json = &line.json;
    const struct tv_log_settings *settings = logger.settings;
    if (!settings || settings->requests[0] == 'n')
        return;
    bool slow = request->total_us >= settings->slow * 1000;
    bool failed = request->status >= 500 || request->broken;
    enum tv_log_level level = failed ? TV_LOG_ERROR : slow ? TV_LOG_WARN : TV_LOG_INFO;
    if (level > logger.level || (settings->requests[0] == 's' && !slow && !failed))
        return;
    begin_line(&line, level, "request");
    member_given(json, "request_id", request->id);
    member_given(json, "role", request->role);
    member_given(json, "method", request->method);
    tv_json_member_text(json, "route", request->route);
    tv_json_member_integer(json, "status", request->status);
    member_ms(json, "total_ms", request->total_us);
    if (request->queue_us >= 0)
        member_ms(json, "queue_ms", request->queue_us);
    member_ms(json, "store_ms", request->store_us);
    tv_json_member_integer(json, "bytes", (int64_t)request->bytes);
    if (request->cache)
        tv_json_member_text(json, "cache", request->cache);
    if (slow)
        tv_json_member_boolean(json, "slow", true);
    if (request->broken)
        tv_json_member_boolean(json, "broken", true);
    if (request->failure) {
        if (request->failure->code[0])
            tv_json_member_text(json, "code", request->failure->code);
        if (request->failure->native)
            tv_json_member_integer(json, "native", request->failure->native);
        /* a message of a 4xx may quote what the client sent; it stays out of the log */
        if (request->status >= 500)
            tv_json_member_text(json, "error", request->failure->message);
    }
    end_line(&line);
}
