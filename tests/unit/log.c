/*
 * log.c - tests of log lines: each is one line, valid JSON, and there, whatever its parts hold; and of levels, choices and
 * the file.
 */
#include "watch/log_setup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_reader.h"
#include "exact.h"
#include "tap.h"

static char directory[] = "/tmp/trivet-log-XXXXXX";
static char file[64], moved[64];
static struct tv_log_settings settings = {.level = "info", .file = file, .requests = "all", .slow = 500};
static struct tv_arena arena;
static struct tv_error error;

/* What stands in the file since the last look. */
static struct tv_slice written(const char *path)
{
    static char text[1 << 20];
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text);
    if (fd < 0 || length < 0 || ftruncate(fd, 0) != 0)
        length = 0;
    if (fd >= 0)
        close(fd);
    return (struct tv_slice){text, (size_t)length};
}

/* The one line that was written, as JSON; NULL when it is not exactly one. */
static const struct tv_json_value *line(void)
{
    struct tv_json_value *root;
    struct tv_slice text = written(file);
    tv_arena_reset(&arena);
    if (text.length == 0 || tv_slice_find(text, '\n') != text.length - 1 ||
        !tv_json_read(&arena, tv_slice_cut(text, 0, text.length - 1), 2, &root, &error))
        return NULL;
    return root;
}

static void member_is(const struct tv_json_value *root, const char *name, const char *want)
{
    const struct tv_json_value *member = tv_json_member(root, name);
    if (!want)
        ok(!member, "no %s", name);
    else
        is_slice(member ? member->text.data : "(absent)", member ? member->text.length : 8, want, name);
}

/* A number that may have zeros after its point. */
static void number_is(const struct tv_json_value *root, const char *name, double want)
{
    const struct tv_json_value *member = tv_json_member(root, name);
    char text[32] = "";
    if (member && member->type == TV_JSON_NUMBER)
        snprintf(text, sizeof text, "%.*s", (int)member->text.length, member->text.data);
    ok(text[0] && atof(text) >= want && atof(text) <= want, "%s is %s", name, text);
}

static void lines(void)
{
    tv_log(TV_LOG_WARN, "store.away", "%s is away after %d ms", "MySQL", 12);
    const struct tv_json_value *root = line();
    if (!ok(root != NULL, "a line is one line of JSON"))
        return;
    member_is(root, "level", "warn");
    member_is(root, "pool", "sql");
    member_is(root, "event", "store.away");
    member_is(root, "text", "MySQL is away after 12 ms");
    const struct tv_json_value *time = tv_json_member(root, "time"), *pid = tv_json_member(root, "pid");
    ok(time && time->text.length == 24 && time->text.data[10] == 'T' && time->text.data[23] == 'Z',
       "it has a time");
    ok(pid && pid->type == TV_JSON_NUMBER && atoi(pid->text.data) == getpid(), "and a process");

    tv_log(TV_LOG_DEBUG, "x", "x");
    ok(line() == NULL, "what is less important than the level is not written");
    size_t good = 0;
    char text[8000];
    for (unsigned byte = 1; byte < 256; byte++) {
        static const size_t lengths[] = {1, 2047, 2048, sizeof text - 1};
        for (size_t i = 0; i < TV_COUNT(lengths); i++) {
            memset(text, (int)byte, lengths[i]);
            text[lengths[i]] = '\0';
            tv_log(TV_LOG_ERROR, "x", "%s", text);
            good += line() != NULL;
        }
    }
    is_number(good, 255 * 4, "a text of any bytes and any length makes a line");
}

static const int64_t phases[TV_PHASE_COUNT] = {
    [TV_PHASE_READ] = 34, [TV_PHASE_WORK] = 200, [TV_PHASE_STORE] = 1000};

static struct tv_request_line request(void)
{
    return (struct tv_request_line){
        .id = TV_SLICE("0123456789abcdef"),
        .role = TV_SLICE("anon"),
        .method = TV_SLICE("GET"),
        .route = "/{table}",
        .status = 200,
        .total_us = 1234,
        .queue_us = -1,
        .phase_us = phases,
        .bytes = 5000000000,
    };
}

static void requests(void)
{
    struct tv_request_line it = request();
    tv_log_request(&it);
    const struct tv_json_value *root = line();
    member_is(root, "event", "request");
    member_is(root, "level", "info");
    member_is(root, "request_id", "0123456789abcdef");
    member_is(root, "role", "anon");
    member_is(root, "method", "GET");
    member_is(root, "route", "/{table}");
    member_is(root, "status", "200");
    number_is(root, "total_ms", 1.234);
    number_is(root, "store_ms", 1);
    member_is(root, "bytes", "5000000000");
    static const char *const absent[] = {"queue_ms", "cache", "slow",     "broken",    "code",     "unread",
                                         "native",   "error", "trace_id", "phases_ms", "statement"};
    for (size_t i = 0; i < TV_COUNT(absent); i++)
        member_is(root, absent[i], NULL);

    struct tv_error failure = {
        .status = 503, .native = 2002, .code = "C1", .message = "the store is \"away\"\n"};
    it.status = 503;
    it.failure = &failure;
    it.queue_us = 0;
    it.cache = "bypass";
    it.total_us = 500000;
    it.statement = TV_SLICE("SELECT `a` FROM `t` WHERE `b` = ?");
    it.trace = TV_SLICE("0af7651916cd43dd8448eb211c80319c");
    it.broken = true;
    tv_log_request(&it);
    root = line();
    member_is(root, "level", "error");
    number_is(root, "queue_ms", 0);
    member_is(root, "cache", "bypass");
    member_is(root, "code", "C1");
    member_is(root, "native", "2002");
    member_is(root, "error", "the store is \"away\"\n");
    member_is(root, "statement", "SELECT `a` FROM `t` WHERE `b` = ?");
    member_is(root, "trace_id", "0af7651916cd43dd8448eb211c80319c");
    const struct tv_json_value *where = tv_json_member(root, "phases_ms");
    ok(where != NULL, "a slow one says where its time went");
    number_is(where, "read", 0.034);
    number_is(where, "store", 1);
    number_is(where, "guard", 0);
    ok(tv_json_member(root, "slow") && tv_json_member(root, "broken"), "slow and broken ones are marked");
    it = request();
    it.status = 400;
    it.failure = &failure;
    tv_log_request(&it);
    root = line();
    member_is(root, "code", "C1");
    member_is(root, "error", NULL);
    it.status = 503;
    failure.quotes = true;
    tv_log_request(&it);
    root = line();
    member_is(root, "native", "2002");
    member_is(root, "error", NULL);

    it = request();
    it.unread = true;
    tv_log_request(&it);
    root = line();
    member_is(root, "level", "info");
    ok(tv_json_member(root, "unread") != NULL, "one that its client did not read is marked, and no error");

    /* nothing that a client sends can keep its request out of the log */
    it = request();
    it.id = it.role = it.method = (struct tv_slice){0};
    it.route = NULL;
    tv_log_request(&it);
    ok(line() != NULL, "a request without anything has its line");
    static char bytes[70000];
    size_t good = 0, tried = 0;
    uint64_t random = 20260805;
    for (int round = 0; round < 300; round++) {
        int fill = round % 4 == 0 ? 1 : round % 4 == 1 ? 0xFF : round % 4 == 2 ? '"' : -1;
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)(fill >= 0 ? fill : (int)(exact_random(&random) >> 8));
        it = request();
        it.id = (struct tv_slice){bytes, exact_random(&random) % sizeof bytes};
        it.method = (struct tv_slice){bytes, exact_random(&random) % sizeof bytes};
        it.role = (struct tv_slice){bytes, exact_random(&random) % sizeof bytes};
        it.failure = &failure;
        it.status = 500;
        memset(failure.message, fill > 0 ? fill : 7, sizeof failure.message - 1);
        tv_log_request(&it);
        root = line();
        good += root && tv_json_member(root, "status");
        tried++;
    }
    is_number(good, tried, "a request of any bytes and any length has its line");
}

static bool logged(const char *choice, const char *level, int status, int64_t total_us)
{
    settings.requests = choice;
    settings.level = level;
    if (!tv_log_start(&settings, "sql", &error))
        return false;
    struct tv_request_line it = request();
    it.status = status;
    it.total_us = total_us;
    tv_log_request(&it);
    return line() != NULL;
}

static void choices(void)
{
    ok(logged("all", "info", 200, 10), "all: every request");
    ok(!logged("slow", "info", 200, 10), "slow: not the quick ones");
    ok(logged("slow", "info", 200, 500000), "slow: the slow ones");
    ok(logged("slow", "info", 500, 10), "slow: and those that failed");
    ok(!logged("slow", "info", 404, 10), "slow: a client's mistake is no failure");
    ok(!logged("none", "info", 500, 900000), "none: none");
    ok(!logged("all", "warn", 200, 10) && logged("all", "warn", 200, 500000), "level warn: slow ones");
    ok(!logged("all", "error", 200, 500000) && logged("all", "error", 503, 10), "level error: failed ones");
    ok(logged("all", "debug", 200, 10), "level debug: every request");
    settings.level = "loud";
    ok(!tv_log_start(&settings, "sql", &error) && strstr(error.message, "log.level") &&
           strstr(error.message, "loud"),
       "another level is refused: %s", error.message);
    settings.level = "info";
    settings.requests = "some";
    ok(!tv_log_start(&settings, "sql", &error) && strstr(error.message, "log.requests"),
       "another choice is refused: %s", error.message);
    settings.requests = "all";
}

static void files(void)
{
    struct stat status;
    ok(stat(file, &status) == 0 && (status.st_mode & 07777) == (0640 & ~(unsigned)umask(umask(0))),
       "the file is not for everyone");
    ok(tv_log_start(&settings, "sql", &error), "started again");
    ok(rename(file, moved) == 0, "the file is moved away");
    tv_log(TV_LOG_INFO, "x", "old");
    ok(written(moved).length > 0, "until it is opened anew, lines go where it went");
    tv_log_reopen();
    tv_log(TV_LOG_INFO, "x", "new");
    ok(line() != NULL, "afterwards into a file of the old name");
    is_number(written(moved).length, 0, "and nowhere else");
    struct tv_request_line it = request();
    it.status = 200;
    it.failure = NULL;
    it.total_us = 1;
    tv_log_worker(true);
    tv_log_request(&it);
    ok(tv_log_pending() && written(file).length == 0, "a line that waits");
    ok(rename(file, moved) == 0, "when the file is moved away");
    tv_log_reopen();
    ok(written(moved).length > 0 && written(file).length == 0, "belongs to the file of its time");
    tv_log_worker(false);
    unlink(file);
    mkdir(file, 0755);
    tv_log_reopen();
    rmdir(file);
    tv_log(TV_LOG_INFO, "x", "still");
    ok(true, "when that fails, nothing breaks");
}

int main(void)
{
    if (!mkdtemp(directory))
        abort();
    snprintf(file, sizeof file, "%s/a.log", directory);
    snprintf(moved, sizeof moved, "%s/b.log", directory);
    tv_arena_init(&arena, 1 << 22);
    struct tv_log_settings nowhere = settings;
    nowhere.file = "/nonexistent/a.log";
    ok(!tv_log_start(&nowhere, "sql", &error) && strstr(error.message, "/nonexistent/a.log"),
       "a file that cannot be: %s", error.message);
    if (!ok(tv_log_start(&settings, "sql", &error), "the log starts"))
        return done_testing();
    lines();
    requests();
    choices();
    files();
    unlink(file);
    unlink(moved);
    rmdir(directory);
    tv_arena_free(&arena);
    return done_testing();
}
