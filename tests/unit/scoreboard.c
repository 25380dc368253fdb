/*
 * scoreboard.c - tests of what a pool shows to the outside: made, read by another mapping, summed without ever going back,
 * refused when it is another version's; and of the kernel's word about a listening socket.
 */
#include "watch/scoreboard.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static char directory[] = "/tmp/trivet-board-XXXXXX";
static struct tv_error error;

static void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", directory, name);
}

static bool write_bytes(const char *name, off_t at, const void *bytes, size_t length)
{
    char path[128];
    path_of(name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    bool good = fd >= 0 && pwrite(fd, bytes, length, at) == (ssize_t)length;
    if (fd >= 0)
        close(fd);
    return good;
}

/* What loop.c does when a thread begins or ends. */
static void set_state(struct tv_slot *slot, enum tv_slot_state state)
{
    atomic_store(&slot->since_ms, 12345);
    atomic_store(&slot->state, state);
}

static void making(void)
{
    struct tv_scoreboard *board = tv_scoreboard_create(directory, "sql", &error);
    if (!ok(board != NULL, "a board is made"))
        return;
    is_text(board->pool, "sql", "with the pool's name");
    char path[128];
    struct stat status;
    path_of("sql.board", path);
    ok(stat(path, &status) == 0 && status.st_size == (off_t)sizeof *board, "as a file of its size");
    is_number(status.st_mode & 0777, 0644, "that others may read, not write");
    path_of("sql.board.new", path);
    ok(access(path, F_OK) != 0, "nothing else stays behind");
    const struct tv_scoreboard *seen = tv_scoreboard_open(directory, "sql", &error);
    if (!ok(seen != NULL, "others can read it"))
        return;
    set_state(&board->processes[0].slots[0], TV_SLOT_BUSY);
    tv_slot_add(&board->processes[0].slots[0], TV_COUNT_BYTES_IN, 5);
    atomic_store(&board->processes[0].state, TV_PROCESS_RUNNING);
    is_number(tv_scoreboard_total(seen, TV_COUNT_BYTES_IN), 5, "and see at once what is counted");

    struct tv_scoreboard *next = tv_scoreboard_create(directory, "sql", &error);
    ok(next != NULL, "made anew while someone reads");
    const struct tv_scoreboard *seen_next = tv_scoreboard_open(directory, "sql", &error);
    is_number(tv_scoreboard_total(seen, TV_COUNT_BYTES_IN), 5, "the reader keeps the old one whole");
    ok(seen_next && tv_scoreboard_total(seen_next, TV_COUNT_BYTES_IN) == 0,
       "and gets the new one when it asks again");
    tv_scoreboard_close(seen);
    if (seen_next)
        tv_scoreboard_close(seen_next);
    tv_scoreboard_destroy(board);
    tv_scoreboard_destroy(next);

    write_bytes("sql.board.new", 0, "left by a crash", 15);
    board = tv_scoreboard_create(directory, "sql", &error);
    ok(board != NULL, "what a crash left is no hindrance");
    tv_scoreboard_destroy(board);
    char longest[64];
    memset(longest, 'p', 31);
    longest[31] = '\0';
    board = tv_scoreboard_create(directory, longest, &error);
    ok(board && strcmp(board->pool, longest) == 0, "the longest name of a pool");
    tv_scoreboard_destroy(board);
    ok(!tv_scoreboard_create("/nonexistent", "sql", &error) && strstr(error.message, "watch.directory"),
       "without its directory: %s", error.message);
    char endless[5000];
    memset(endless, 'd', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    ok(!tv_scoreboard_create(endless, "sql", &error) && !tv_scoreboard_open(endless, "sql", &error),
       "a path without end");
}

static void others(void)
{
    ok(!tv_scoreboard_open(directory, "nobody", &error) && strstr(error.message, "nobody.board"),
       "a board that is not there: %s", error.message);
    struct tv_scoreboard *board = tv_scoreboard_create(directory, "old", &error);
    if (!board)
        return;
    uint32_t layout = TV_SCOREBOARD_LAYOUT + 1;
    uint64_t magic = TV_SCOREBOARD_MAGIC;
    write_bytes("old.board", offsetof(struct tv_scoreboard, layout), &layout, sizeof layout);
    ok(!tv_scoreboard_open(directory, "old", &error) && strstr(error.message, "another version"),
       "another layout is refused: %s", error.message);
    layout = TV_SCOREBOARD_LAYOUT;
    write_bytes("old.board", offsetof(struct tv_scoreboard, layout), &layout, sizeof layout);
    const struct tv_scoreboard *seen = tv_scoreboard_open(directory, "old", &error);
    ok(seen != NULL, "the own one is not");
    if (seen)
        tv_scoreboard_close(seen);
    magic ^= 1;
    write_bytes("old.board", offsetof(struct tv_scoreboard, magic), &magic, sizeof magic);
    ok(!tv_scoreboard_open(directory, "old", &error), "what is no board is refused");
    tv_scoreboard_destroy(board);
    char path[128];
    path_of("old.board", path);
    static const off_t sizes[] = {0, 1, 4096, (off_t)sizeof(struct tv_scoreboard) - 1,
                                  (off_t)sizeof(struct tv_scoreboard) + 1};
    for (size_t i = 0; i < TV_COUNT(sizes); i++)
        ok(truncate(path, sizes[i]) == 0 && !tv_scoreboard_open(directory, "old", &error),
           "one of %lld bytes is refused", (long long)sizes[i]);
    unlink(path);
    mkdir(path, 0755);
    ok(!tv_scoreboard_open(directory, "old", &error), "so is a directory");
    rmdir(path);
}

static void found(void *context, const char *pool)
{
    char *names = context;
    strcat(strcat(names, pool), " ");
}

static void listing(void)
{
    char names[256] = "", path[128];
    static const char *const files[] = {"kv.board",
                                        "doc.board",
                                        "ops.board.new",
                                        ".board",
                                        "board",
                                        "x.boards",
                                        "a-name-that-is-much-too-long-for-any-pool.board"};
    for (size_t i = 0; i < TV_COUNT(files); i++)
        write_bytes(files[i], 0, "x", 1);
    path_of("ppppppppppppppppppppppppppppppp.board", path);
    unlink(path);
    ok(tv_scoreboard_list(directory, found, names, &error), "the pools are listed");
    is_text(names, "doc kv sql ", "by name; what is no board is not");
    for (size_t i = 0; i < TV_COUNT(files); i++) {
        path_of(files[i], path);
        unlink(path);
    }
    path_of("sql.board", path);
    unlink(path);
    names[0] = '\0';
    ok(tv_scoreboard_list(directory, found, names, &error) && names[0] == '\0', "no pools are an empty list");
    ok(!tv_scoreboard_list("/nonexistent", found, names, &error) && strstr(error.message, "watch.directory"),
       "no directory is an error: %s", error.message);
}

static void totals(void)
{
    struct tv_scoreboard *board = tv_scoreboard_create(directory, "sum", &error);
    if (!board)
        return;
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        struct tv_process_board *place = &board->processes[i];
        atomic_store(&place->state, i % 3 == 0 ? TV_PROCESS_DRAINING : TV_PROCESS_RUNNING);
        atomic_store(&place->pid, 1000 + i);
        for (size_t j = 0; j < TV_WORKERS_MAX; j += 7) {
            set_state(&place->slots[j], TV_SLOT_IDLE);
            atomic_store(&place->slots[j].requests, 1);
            tv_slot_add(&place->slots[j], TV_COUNT_BYTES_OUT, 100 * i + j);
            tv_slot_add(&place->slots[j], TV_COUNT_BROKEN, 1);
        }
    }
    uint64_t bytes = tv_scoreboard_total(board, TV_COUNT_BYTES_OUT),
             broken = tv_scoreboard_total(board, TV_COUNT_BROKEN);
    is_number(broken, 64 * 10, "the sum over all workers of all processes");
    bool same = true;
    for (size_t i = 0; i < TV_PROCESSES_MAX; i++) {
        tv_scoreboard_retire(board, i);
        same = same && tv_scoreboard_total(board, TV_COUNT_BYTES_OUT) == bytes &&
               tv_scoreboard_total(board, TV_COUNT_BROKEN) == broken;
    }
    ok(same, "processes that end take nothing away");
    ok(atomic_load(&board->processes[3].pid) == 0 &&
           atomic_load(&board->processes[3].state) == TV_PROCESS_NONE,
       "their places are free");
    tv_scoreboard_retire(board, 5);
    ok(tv_scoreboard_total(board, TV_COUNT_BYTES_OUT) == bytes, "nor are they counted twice");

    struct tv_process_board *place = &board->processes[5];
    atomic_store(&place->state, TV_PROCESS_RUNNING);
    is_number(tv_scoreboard_total(board, TV_COUNT_BROKEN), broken, "a new process begins with nothing");
    /* a thread that came and went without one whole request */
    set_state(&place->slots[40], TV_SLOT_IDLE);
    tv_slot_add(&place->slots[40], TV_COUNT_BROKEN, 2);
    tv_slot_add(&place->slots[40], TV_COUNT_ROWS_READ, 1);
    set_state(&place->slots[40], TV_SLOT_UNUSED);
    is_number(tv_scoreboard_total(board, TV_COUNT_BROKEN), broken + 2,
              "what a thread counted that has ended counts");
    tv_scoreboard_retire(board, 5);
    is_number(tv_scoreboard_total(board, TV_COUNT_BROKEN), broken + 2, "also when its process ends");
    is_number(tv_scoreboard_total(board, TV_COUNT_ROWS_READ), 1, "even when it answered nothing");
    atomic_store(&place->state, TV_PROCESS_RUNNING);
    is_number(tv_scoreboard_total(board, TV_COUNT_BROKEN), broken + 2,
              "and once only when the place is used again");
    tv_slot_add(NULL, TV_COUNT_BROKEN, 1);
    tv_scoreboard_destroy(board);
    char path[128];
    path_of("sum.board", path);
    unlink(path);
}

/* A process writes while this one sums: no sum ever goes back. */
static void sums_while_written(void)
{
    struct tv_scoreboard *board = tv_scoreboard_create(directory, "live", &error);
    if (!board)
        return;
    const struct tv_scoreboard *seen = tv_scoreboard_open(directory, "live", &error);
    pid_t writer = fork();
    if (writer == 0) {
        struct tv_process_board *place = &board->processes[1];
        for (int life = 0; life < 100; life++) {
            atomic_store(&place->state, TV_PROCESS_RUNNING);
            for (size_t i = 0; i < 30000; i++) {
                set_state(&place->slots[i % 5], TV_SLOT_BUSY);
                tv_slot_add(&place->slots[i % 5], TV_COUNT_BYTES_IN, 1);
                atomic_fetch_add(&place->slots[i % 5].requests, 1);
                atomic_fetch_add(&board->restarts, 1); /* serves as the truth here */
            }
            tv_scoreboard_retire(board, 1);
        }
        _exit(0);
    }
    uint64_t last = 0, looks = 0, back = 0, lost = 0, invented = 0;
    int status = 1;
    while (writer > 0 && waitpid(writer, &status, WNOHANG) == 0 && seen) {
        uint64_t least = atomic_load(&seen->restarts);
        uint64_t sum = tv_scoreboard_total(seen, TV_COUNT_BYTES_IN);
        lost += sum < least;
        invented += sum > atomic_load(&seen->restarts) + 1;
        back += sum < last;
        last = sum;
        looks++;
    }
    note("%llu looks, the last at %llu", (unsigned long long)looks, (unsigned long long)last);
    is_number(lost, 0, "sums of a living board never lose a request");
    is_number(invented, 0, "nor count one twice");
    is_number(back, 0, "nor go back");
    is_number(tv_scoreboard_total(board, TV_COUNT_BYTES_IN), 3000000, "in the end every one is counted");
    if (seen)
        tv_scoreboard_close(seen);
    tv_scoreboard_destroy(board);
    char path[128];
    path_of("live.board", path);
    unlink(path);
}

static void backlog(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    uint32_t waiting = 99, limit = 99;
    int clients[4], listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s.sock", directory);
    struct tv_scoreboard *board = tv_scoreboard_create(directory, "door", &error);
    if (!board || listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 17) != 0 || fstat(listener, &status) != 0)
        abort();
    board->socket_inode = status.st_ino;
    if (!tv_scoreboard_backlog(board, &waiting, &limit, &error)) {
        /* a sandbox without sock_diag cannot be asked */
        skip("the backlog of a listening socket", error.message);
    } else {
        is_number(waiting, 0, "at first nobody waits");
        is_number(limit, 17, "the bound is what listen was given");
        for (int i = 0; i < 4; i++) {
            clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
            if (connect(clients[i], (struct sockaddr *)&address, sizeof address) != 0)
                abort();
        }
        ok(tv_scoreboard_backlog(board, &waiting, &limit, &error) && waiting == 4,
           "four that were not accepted wait: %u", waiting);
        int taken = accept(listener, NULL, NULL);
        ok(tv_scoreboard_backlog(board, &waiting, &limit, &error) && waiting == 3,
           "one accepted, three wait: %u", waiting);
        close(taken);
        for (int i = 0; i < 4; i++)
            close(clients[i]);
        board->socket_inode = 1;
        ok(!tv_scoreboard_backlog(board, &waiting, &limit, &error) && error.status == 404,
           "a socket that is not there: %s", error.message);
        board->socket_inode = status.st_ino;
        close(listener);
        ok(!tv_scoreboard_backlog(board, &waiting, &limit, &error), "nor one that was closed");
    }
    unlink(address.sun_path);
    tv_scoreboard_destroy(board);
    char path[128];
    path_of("door.board", path);
    unlink(path);
}

static void at_a_request(struct tv_slot *slot, uint64_t since_ms, enum tv_phase phase)
{
    atomic_store(&slot->state, TV_SLOT_BUSY);
    atomic_store(&slot->since_ms, since_ms);
    atomic_store(&slot->activity.phase, phase);
}

static void getting_on(void)
{
    enum { NOW = 100000, LONGEST = 60000, LONG_AGO = NOW - LONGEST - 1 };
    struct tv_process_board *place = aligned_alloc(4096, sizeof *place);
    if (!ok(place != NULL, "memory for a process"))
        return;
    memset((void *)place, 0, sizeof *place);
    ok(tv_process_gets_on(place, NOW, LONGEST), "a process whose workers are still to come gets on");
    at_a_request(&place->slots[0], NOW - LONGEST, TV_PHASE_STORE);
    at_a_request(&place->slots[3], LONG_AGO, TV_PHASE_STORE);
    ok(tv_process_gets_on(place, NOW, LONGEST), "and while one of them may still be at a slow store");
    at_a_request(&place->slots[0], LONG_AGO, TV_PHASE_STORE);
    ok(!tv_process_gets_on(place, NOW, LONGEST), "but not when all are at it for longer than that");
    at_a_request(&place->slots[0], LONG_AGO, TV_PHASE_SEND);
    ok(tv_process_gets_on(place, NOW, LONGEST), "it is no fault of its own that somebody reads slowly");
    at_a_request(&place->slots[0], LONG_AGO, TV_PHASE_WORK);
    set_state(&place->slots[63], TV_SLOT_IDLE);
    ok(tv_process_gets_on(place, NOW, LONGEST), "nor does it hang when one is free");
    free(place);
}

int main(void)
{
    if (!mkdtemp(directory))
        abort();
    making();
    others();
    listing();
    totals();
    sums_while_written();
    backlog();
    getting_on();
    is_number(rmdir(directory), 0, "nothing is left in the directory");
    return done_testing();
}
