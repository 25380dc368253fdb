/*
 * push_state.c - the file push.state.
 */
#include "watch/push_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const tv_push_signal_names[TV_PUSH_SIGNALS] = {"traces", "metrics"};
const char *const tv_push_outcome_names[TV_PUSH_OUTCOMES] = {"sent", "failed", "dropped"};

static bool state_path(char out[4096], const char *directory, struct tv_error *error)
{
    int length = snprintf(out, 4096, "%s/push.state", directory);
    return (length > 0 && length < 4096) ||
           tv_fail(error, 500, NULL, "watch.directory: the path is too long");
}

static struct tv_push_state *map_file(int fd, int protection)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_size < (off_t)sizeof(struct tv_push_state))
        return NULL;
    void *map = mmap(NULL, sizeof(struct tv_push_state), protection, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

const struct tv_push_state *tv_push_state_open(const char *directory, struct tv_error *error)
{
    char path[4096];
    if (!state_path(path, directory, error))
        return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const struct tv_push_state *state = fd < 0 ? NULL : map_file(fd, PROT_READ);
    if (fd >= 0)
        close(fd);
    if (state && state->magic == TV_PUSH_MAGIC && state->layout == TV_PUSH_LAYOUT)
        return state;
    if (state)
        tv_push_state_close(state);
    tv_fail(error, 500, NULL, "%s: there is none, or it is of another version", path);
    return NULL;
}

void tv_push_state_close(const struct tv_push_state *state)
{
    munmap((void *)(uintptr_t)state, sizeof *state);
}

/* A lock of the open file and not flock(): that one cannot be asked for without being taken. */
static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

enum tv_push_life tv_push_state_life(const char *directory)
{
    char path[4096];
    struct tv_error error;
    struct flock lock = whole_file();
    const struct tv_push_state *state = tv_push_state_open(directory, &error);
    if (!state)
        return TV_PUSH_NONE;
    int fd = state_path(path, directory, &error) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    /* before and after: it may begin or end between two looks */
    uint64_t before = atomic_load(&state->pid);
    bool asked = fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0;
    uint64_t after = atomic_load(&state->pid);
    if (fd >= 0)
        close(fd);
    tv_push_state_close(state);
    if (asked && lock.l_type != F_UNLCK)
        return TV_PUSH_LIVES;
    if (!asked || after == 0)
        return TV_PUSH_NONE;
    return before == after ? TV_PUSH_DIED : TV_PUSH_LIVES;
}

struct tv_push_state *tv_push_state_take(const char *directory, struct tv_error *error)
{
    char path[4096];
    if (!state_path(path, directory, error))
        return NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        tv_fail(error, 500, NULL, "%s: %s", path, strerror(errno));
        return NULL;
    }
    struct tv_push_state *state = NULL;
    struct flock lock = whole_file();
    bool locked = fcntl(fd, F_OFD_SETLK, &lock) == 0;
    if (!locked && (errno == EAGAIN || errno == EACCES))
        tv_fail(error, 500, NULL, "another trivet-push works for %s", directory);
    else if (!locked || ftruncate(fd, sizeof *state) != 0 || !(state = map_file(fd, PROT_READ | PROT_WRITE)))
        tv_fail(error, 500, NULL, "%s: %s", path, strerror(errno));
    if (!state) {
        close(fd);
        return NULL;
    }
    /* the descriptor stays open: it is the lock */
    if (state->magic != TV_PUSH_MAGIC || state->layout != TV_PUSH_LAYOUT)
        *state = (struct tv_push_state){.magic = TV_PUSH_MAGIC, .layout = TV_PUSH_LAYOUT};
    atomic_store(&state->pid, (uint64_t)getpid());
    return state;
}
