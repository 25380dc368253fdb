/*
 * ask.c - one order to a pool's master, one answer.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tool.h"

#define CONNECT_MS   3000 /* a master takes clients at once, unless it is stopped or away */
#define ANSWER_BYTES 65536

static bool refused(const char *pool, const char *path, struct tv_error *error)
{
    switch (errno) {
    case ENOENT: return tv_fail(error, 404, NULL, "%s has no control socket (%s)", pool, path);
    case ECONNREFUSED: return tv_fail(error, 503, NULL, "the master of %s does not run any more", pool);
    case EACCES:
    case EPERM:
        return tv_fail(error, 403, NULL, "only the user that runs %s, and root, may give it orders", pool);
    default: return tv_fail(error, 503, NULL, "%s: %s", path, strerror(errno));
    }
}

static bool set_times(int fd, int64_t timeout_ms)
{
    struct timeval time = {.tv_sec = (time_t)(timeout_ms / 1000),
                           .tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000)};
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0;
}

/* A connected descriptor, or -1. */
static int reach(const char *directory, const char *pool, struct tv_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s.control", directory, pool);
    if (length < 0 || (size_t)length >= sizeof address.sun_path) {
        tv_fail(error, 500, NULL, "%s is too long for a socket", directory);
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && set_times(fd, CONNECT_MS) &&
        connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    refused(pool, address.sun_path, error);
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Reads to the end; false when that does not come in time. */
static bool read_answer(int fd, int64_t deadline_ms, struct tv_buffer *out)
{
    for (;;) {
        struct pollfd watched = {.fd = fd, .events = POLLIN};
        int64_t left = deadline_ms - tv_clock_ms();
        char *room = tv_buffer_reserve(out, 4096);
        if (!room || left <= 0 || poll(&watched, 1, (int)left) <= 0)
            return false;
        ssize_t got = read(fd, room, 4096);
        if (got <= 0)
            return got == 0;
        tv_buffer_commit(out, (size_t)got);
    }
}

static bool understand(const char *pool, struct tv_slice text, struct tv_arena *arena,
                       struct tv_json_value **answer, struct tv_error *error)
{
    if (text.length == 0)
        return tv_fail(error, 503, NULL, "the master of %s ended without an answer", pool);
    if (!tv_json_read(arena, text, 8, answer, error))
        return tv_fail(error, 500, NULL, "the master of %s answers something else than JSON", pool);
    const struct tv_json_value *done = tv_json_member(*answer, "done");
    const struct tv_json_value *why = tv_json_member(*answer, "error");
    if (done && done->type == TV_JSON_TRUE)
        return true;
    return tv_fail(error, 409, NULL, "%s: %.*s", pool, why ? (int)why->text.length : 2,
                   why ? why->text.data : "no");
}

bool ask_pool(const char *directory, const char *pool, const char *order, int64_t timeout_ms,
              struct tv_arena *arena, struct tv_json_value **answer, struct tv_error *error)
{
    struct tv_buffer out;
    char line[128];
    int length = snprintf(line, sizeof line, "%s\n", order);
    int fd = reach(directory, pool, error);
    if (fd < 0)
        return false;
    tv_buffer_init(&out, ANSWER_BYTES);
    ssize_t sent = length < (int)sizeof line ? send(fd, line, (size_t)length, MSG_NOSIGNAL) : -1;
    /* one that has no time for us says so without listening */
    bool good = sent == length || errno == EPIPE || refused(pool, "its control socket", error);
    if (good && !read_answer(fd, tv_clock_ms() + timeout_ms, &out))
        good = tv_fail(error, 504, NULL,
                       "%s has not said that it is done after %.1f s; it goes on with it all the same", pool,
                       (double)timeout_ms / 1000);
    close(fd);
    char *text = good ? tv_arena_text(arena, tv_buffer_view(&out)) : NULL;
    good = good && understand(pool, tv_slice_of(text), arena, answer, error);
    tv_buffer_free(&out);
    return good;
}
