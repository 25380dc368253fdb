/*
 * ring.c - making, mapping, writing and reading the rings.
 */
#include "watch/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define PLACES_MAX    1024
#define RING_SIZE_MAX (1ull << 30)
#define PAGE          4096

static bool rings_path(char out[4096], const char *directory, const char *pool, const char *suffix,
                       struct tv_error *error)
{
    int length = snprintf(out, 4096, "%s/%s%s", directory, pool, suffix);
    return (length > 0 && length < 4096) ||
           tv_fail(error, 500, NULL, "watch.directory: the path is too long");
}

static uint64_t marks_size(uint64_t places)
{
    return (sizeof(struct tv_rings) + places * sizeof(struct tv_ring) + PAGE - 1) / PAGE * PAGE;
}

static char *bytes_of(const struct tv_rings *rings, size_t place)
{
    return (char *)(uintptr_t)rings + marks_size(rings->places) + place * rings->ring_size;
}

/* --- the file --------------------------------------------------------------------------------------------------------- */

struct tv_rings *tv_rings_create(const char *directory, const char *pool, size_t places, size_t ring_size,
                                 struct tv_error *error)
{
    char path[4096], fresh[4096];
    if (!rings_path(path, directory, pool, ".spans", error) ||
        !rings_path(fresh, directory, pool, ".spans.new", error))
        return NULL;
    ring_size = (ring_size + PAGE - 1) / PAGE * PAGE;
    size_t size = marks_size(places) + places * ring_size;
    unlink(fresh);
    int fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    struct tv_rings *rings = MAP_FAILED;
    /* pages that nobody writes take no memory: most places are never used */
    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
        rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (rings == MAP_FAILED) {
        tv_fail(error, 500, NULL, "watch.directory: %s: %s", fresh, strerror(errno));
        if (fd >= 0)
            close(fd);
        unlink(fresh);
        return NULL;
    }
    close(fd);
    rings->magic = TV_RINGS_MAGIC;
    rings->layout = TV_RINGS_LAYOUT;
    rings->places = (uint32_t)places;
    rings->ring_size = ring_size;
    rings->size = size;
    snprintf(rings->pool, sizeof rings->pool, "%s", pool);
    rings->made_us = (uint64_t)tv_clock_wall_ms() * 1000 + (uint64_t)tv_clock_us() % 1000;
    rings->master_pid = (uint64_t)getpid();
    if (rename(fresh, path) != 0) {
        tv_fail(error, 500, NULL, "watch.directory: %s: %s", path, strerror(errno));
        munmap(rings, size);
        unlink(fresh);
        return NULL;
    }
    return rings;
}

/* What the head says is believed only when it agrees with the file's real size: nothing is read beyond that. */
static bool is_sound(const struct tv_rings *rings, uint64_t size)
{
    return rings->magic == TV_RINGS_MAGIC && rings->layout == TV_RINGS_LAYOUT && rings->size == size &&
           rings->places > 0 && rings->places <= PLACES_MAX && rings->ring_size > 0 &&
           rings->ring_size <= RING_SIZE_MAX && rings->ring_size % PAGE == 0 &&
           size == marks_size(rings->places) + rings->places * rings->ring_size &&
           memchr(rings->pool, '\0', sizeof rings->pool);
}

struct tv_rings *tv_rings_open(const char *directory, const char *pool, struct tv_error *error)
{
    char path[4096];
    struct stat status;
    if (!rings_path(path, directory, pool, ".spans", error))
        return NULL;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        tv_fail(error, 500, NULL, "%s: %s", path, strerror(errno));
        return NULL;
    }
    struct tv_rings *rings = MAP_FAILED;
    bool fits = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= PAGE;
    if (fits)
        rings = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (rings == MAP_FAILED || !is_sound(rings, (uint64_t)status.st_size)) {
        if (rings != MAP_FAILED)
            munmap(rings, (size_t)status.st_size);
        tv_fail(error, 500, NULL, "%s was written by another version of Trivet", path);
        return NULL;
    }
    return rings;
}

void tv_rings_close(struct tv_rings *rings)
{
    if (rings)
        munmap(rings, rings->size);
}

/* --- bytes that may go round the end ---------------------------------------------------------------------------------- */

static void copy_in(const struct tv_rings *rings, size_t place, uint64_t at, const void *data, size_t length)
{
    char *bytes = bytes_of(rings, place);
    size_t from = at % rings->ring_size, first = rings->ring_size - from;
    if (first > length)
        first = length;
    memcpy(bytes + from, data, first);
    memcpy(bytes, (const char *)data + first, length - first);
}

static void copy_out(const struct tv_rings *rings, size_t place, uint64_t at, void *out, size_t length)
{
    const char *bytes = bytes_of(rings, place);
    size_t from = at % rings->ring_size, first = rings->ring_size - from;
    if (first > length)
        first = length;
    memcpy(out, bytes + from, first);
    memcpy((char *)out + first, bytes, length - first);
}

bool tv_ring_write(struct tv_rings *rings, size_t place, const void *record, size_t length)
{
    struct tv_ring *ring = &rings->rings[place];
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (head - tail > rings->ring_size || length > rings->ring_size - (head - tail))
        return false;
    copy_in(rings, place, head, record, length);
    atomic_store_explicit(&ring->head, head + length, memory_order_release);
    return true;
}

bool tv_ring_read(const struct tv_rings *rings, size_t place, uint64_t *at, uint64_t out[TV_RECORD_MAX / 8],
                  struct tv_record_view *view, bool *broken)
{
    uint64_t head = atomic_load_explicit(&rings->rings[place].head, memory_order_acquire);
    uint64_t waiting = head - *at;
    uint32_t size = 0;
    *broken = false;
    if (waiting == 0)
        return false;
    if (waiting <= rings->ring_size && waiting >= sizeof(struct tv_trace_record) && *at % 8 == 0) {
        copy_out(rings, place, *at, &size, sizeof size);
        if (size <= waiting && size <= TV_RECORD_MAX) {
            copy_out(rings, place, *at, out, size);
            if (tv_record_check(out, size, view)) {
                *at += size;
                return true;
            }
        }
    }
    *broken = true;
    *at = head;
    return false;
}

void tv_ring_release(struct tv_rings *rings, size_t place, uint64_t at)
{
    atomic_store_explicit(&rings->rings[place].tail, at, memory_order_release);
}
