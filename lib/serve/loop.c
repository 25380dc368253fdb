/*
 * loop.c - epoll, peers, threads. EPOLLONESHOT gives a ready connection to exactly one thread; that thread owns it until it
 * arms it again. Only an owner closes a connection; others may shut it down, which makes it ready.
 */
#include "serve/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "serve/window.h"
#include "store/session.h"

#define READ_PIECE 65536
#define STACK_SIZE (1024 * 1024)
/* Longer than nginx keeps an idle connection (keepalive_timeout in nginx.conf): such a peer is not about to send. */
#define IDLE_PEER_MS 5000
/* How long a worker with nothing to do keeps lines of the log for itself. */
#define LOG_LINGER_MS 10
/* A request ends within limits.time, give or take what a store's client library adds. A worker that takes so many times longer is
 * not at a slow store. */
#define HANGS_AFTER 2

struct peer {
    struct peer *next, *previous;
    int fd;
    struct tv_fastcgi reader;
    struct tv_buffer leftover;     /* bytes after the end of a request */
    _Atomic int64_t reading_since; /* first byte of a request that is not whole; 0 = none */
    _Atomic int64_t touched_ms;    /* last answer or byte */
    _Atomic bool answering;
};

enum thread_state { THREAD_NONE, THREAD_RUNNING, THREAD_ENDED };

struct thread {
    struct tv_loop *loop;
    pthread_t handle;
    _Atomic int state; /* enum thread_state */
    struct tv_slot *slot;
};

struct tv_loop {
    struct tv_pool *pool;
    const struct tv_serve_settings *settings;
    int epoll, listener, wake, retire;
    _Atomic int workers, idle;
    _Atomic int leaving;  /* of the workers: those whose ticket to leave nobody has taken yet */
    _Atomic bool watched; /* the housekeeper knows that all are busy */
    pthread_mutex_t lock; /* of the list of peers */
    struct peer *peers;
    _Atomic int peer_count;
    struct thread threads[TV_WORKERS_MAX];
    struct tv_window window;
    int64_t open_failed_ms;
};

/* What an epoll event points to when it is no peer. */
static char listener_mark, retire_mark;

/* --- peers ------------------------------------------------------------------------------------------------------------ */

static void close_peer(struct tv_loop *loop, struct peer *peer)
{
    pthread_mutex_lock(&loop->lock);
    if (peer->previous)
        peer->previous->next = peer->next;
    else
        loop->peers = peer->next;
    if (peer->next)
        peer->next->previous = peer->previous;
    /* inside the lock: the housekeeper must never shut down a number that means another connection by now */
    close(peer->fd);
    pthread_mutex_unlock(&loop->lock);
    atomic_fetch_sub(&loop->peer_count, 1);
    tv_fastcgi_free(&peer->reader);
    tv_buffer_free(&peer->leftover);
    free(peer);
}

static void add_peer(struct tv_loop *loop, int fd)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer) {
        close(fd);
        return;
    }
    peer->fd = fd;
    tv_fastcgi_init(&peer->reader, (size_t)loop->settings->parameters, (size_t)loop->settings->body);
    tv_buffer_init(&peer->leftover, READ_PIECE);
    atomic_store(&peer->touched_ms, tv_clock_ms());
    pthread_mutex_lock(&loop->lock);
    peer->next = loop->peers;
    if (loop->peers)
        loop->peers->previous = peer;
    loop->peers = peer;
    pthread_mutex_unlock(&loop->lock);
    atomic_fetch_add(&loop->peer_count, 1);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = peer};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        close_peer(loop, peer);
}

/* One at a time: the socket stays readable while more wait, so that other workers and processes get their share. */
static void accept_peer(struct tv_loop *loop)
{
    if (atomic_load(&loop->pool->draining))
        return;
    int fd = accept4(loop->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        add_peer(loop, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        tv_log(TV_LOG_ERROR, "accept", "%s: more connections than descriptors (ulimit -n)", strerror(errno));
        usleep(20000); /* do not spin on it */
    }
}

/* Sends what the protocol itself has to say; a peer that does not read even that is of no use. */
static bool send_replies(struct peer *peer)
{
    struct tv_slice replies = tv_buffer_view(&peer->reader.replies);
    if (replies.length == 0)
        return true;
    ssize_t sent = send(peer->fd, replies.data, replies.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    tv_buffer_reset(&peer->reader.replies, 0);
    return sent == (ssize_t)replies.length;
}

enum reading { READING_MORE, READING_WHOLE, READING_END };

/* Feeds bytes; what stands after a whole request is kept for later. */
static enum reading feed(struct peer *peer, const char *data, size_t length)
{
    size_t used = 0;
    enum tv_fastcgi_state state = tv_fastcgi_feed(&peer->reader, data, length, &used);
    if (state == TV_FASTCGI_BROKEN)
        return READING_END;
    if (!send_replies(peer))
        return READING_END;
    if (used < length) {
        tv_buffer_append(&peer->leftover, data + used, length - used);
        if (tv_buffer_failed(&peer->leftover))
            return READING_END;
    }
    return state == TV_FASTCGI_WHOLE ? READING_WHOLE : READING_MORE;
}

/* Takes what is there, without waiting. */
static enum reading read_peer(struct peer *peer)
{
    char piece[READ_PIECE];
    if (peer->leftover.length > 0) {
        size_t length = peer->leftover.length;
        memcpy(piece, peer->leftover.data, length);
        tv_buffer_reset(&peer->leftover, 0);
        enum reading reading = feed(peer, piece, length);
        if (reading != READING_MORE)
            return reading;
    }
    for (;;) {
        ssize_t length = recv(peer->fd, piece, sizeof piece, MSG_DONTWAIT);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && errno == EAGAIN)
            return READING_MORE;
        if (length <= 0)
            return READING_END;
        enum reading reading = feed(peer, piece, (size_t)length);
        if (reading != READING_MORE || length < (ssize_t)sizeof piece)
            return reading;
    }
}

/* True when the connection goes back into the set. */
static bool serve_peer(struct tv_worker *worker, struct peer *peer, bool peer_left)
{
    for (;;) {
        enum reading reading = read_peer(peer);
        bool idle = tv_fastcgi_idle(&peer->reader);
        if (reading == READING_END) {
            if (!idle)
                tv_watch_count(&worker->watcher, TV_COUNT_BROKEN, 1);
            return false;
        }
        if (reading == READING_MORE) {
            if (idle)
                atomic_store(&peer->reading_since, 0);
            else if (atomic_load(&peer->reading_since) == 0)
                atomic_store(&peer->reading_since, tv_clock_ms());
            return !peer_left;
        }
        atomic_store(&peer->reading_since, 0);
        if (peer_left) { /* sent and hung up: nobody waits for the answer, nothing is started */
            tv_watch_count(&worker->watcher, TV_COUNT_SHED_GONE, 1);
            return false;
        }
        atomic_store(&peer->answering, true);
        bool keep = tv_worker_answer(worker, &peer->reader, peer->fd);
        atomic_store(&peer->touched_ms, tv_clock_ms());
        atomic_store(&peer->answering, false);
        if (!keep)
            return false;
        tv_fastcgi_next(&peer->reader);
        if (peer->leftover.length == 0)
            return true;
    }
}

/* --- threads ---------------------------------------------------------------------------------------------------------- */

static void set_slot(struct tv_slot *slot, enum tv_slot_state state)
{
    atomic_store_explicit(&slot->since_ms, (uint64_t)tv_clock_ms(), memory_order_relaxed);
    atomic_store_explicit(&slot->state, state, memory_order_relaxed);
}

/* Those that are to stay. A busy worker takes its ticket when it is done, which may be many ticks after the ticket was written: who
 * counted it until then would let others go in its place. */
static int staying(const struct tv_loop *loop)
{
    return atomic_load(&loop->workers) - atomic_load(&loop->leaving);
}

static bool full_but_may_grow(const struct tv_loop *loop)
{
    return atomic_load(&loop->idle) <= 0 && staying(loop) < tv_window_most(&loop->window);
}

static void became_busy(struct tv_loop *loop)
{
    int idle = atomic_fetch_sub(&loop->idle, 1) - 1;
    tv_window_busy(&loop->window, idle, atomic_load(&loop->workers));
    if (idle <= 0 && full_but_may_grow(loop) && !atomic_exchange(&loop->watched, true)) {
        uint64_t one = 1;
        ssize_t written = write(loop->wake, &one, sizeof one);
        (void)written; /* full means that it is awake already */
    }
}

static void became_idle(struct tv_loop *loop)
{
    atomic_fetch_add(&loop->idle, 1);
    tv_window_idle(&loop->window);
}

/* Lines in the log wait for company while requests follow each other, and not much longer: to look first whether there is more to
 * do, and to write a line for each request, would be two system calls of the few that a request takes. */
static int wait_for_event(struct tv_loop *loop, struct epoll_event *event)
{
    if (tv_log_pending()) {
        int count = epoll_wait(loop->epoll, event, 1, LOG_LINGER_MS);
        if (count != 0)
            return count;
        tv_log_flush();
    }
    return epoll_wait(loop->epoll, event, 1, -1);
}

static bool take_ticket(struct tv_loop *loop)
{
    uint64_t ticket;
    return read(loop->retire, &ticket, sizeof ticket) == sizeof ticket;
}

/* By a worker: whether it is to leave. */
static bool may_leave(struct tv_loop *loop)
{
    if (!take_ticket(loop))
        return false;
    /* In this order: the housekeeper, when it reads both in between, lets go of one too few, not of one too many. */
    atomic_fetch_sub(&loop->workers, 1);
    atomic_fetch_sub(&loop->leaving, 1);
    return true;
}

static void run_worker(struct tv_loop *loop, struct tv_worker *worker)
{
    for (;;) {
        struct epoll_event event;
        int count = wait_for_event(loop, &event);
        if (count <= 0)
            continue;
        became_busy(loop);
        if (event.data.ptr == &retire_mark) {
            if (may_leave(loop))
                return;
        } else if (event.data.ptr == &listener_mark) {
            accept_peer(loop);
        } else {
            struct peer *peer = event.data.ptr;
            set_slot(worker->watcher.slot, TV_SLOT_BUSY);
            bool left = event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
            if (serve_peer(worker, peer, left)) {
                struct epoll_event again = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = peer};
                epoll_ctl(loop->epoll, EPOLL_CTL_MOD, peer->fd, &again);
            } else {
                close_peer(loop, peer);
            }
            set_slot(worker->watcher.slot, TV_SLOT_IDLE);
        }
        became_idle(loop);
    }
}

static void *thread_main(void *context)
{
    struct thread *thread = context;
    struct tv_loop *loop = thread->loop;
    struct tv_error error;
    tv_log_worker(true);
    struct tv_worker *worker = tv_worker_new(loop->pool, thread->slot, &error);
    if (worker) {
        set_slot(thread->slot, TV_SLOT_IDLE);
        run_worker(loop, worker);
        tv_worker_free(worker);
    } else {
        tv_log(TV_LOG_ERROR, "worker.start", "%s", error.message);
        atomic_fetch_sub(&loop->idle, 1);
        atomic_fetch_sub(&loop->workers, 1);
    }
    tv_stores_thread_end();
    tv_log_worker(false);
    set_slot(thread->slot, TV_SLOT_UNUSED);
    atomic_store(&thread->state, THREAD_ENDED);
    return NULL;
}

static void reap(struct thread *thread)
{
    if (atomic_load(&thread->state) == THREAD_ENDED) {
        pthread_join(thread->handle, NULL);
        atomic_store(&thread->state, THREAD_NONE);
    }
}

static bool add_worker(struct tv_loop *loop)
{
    pthread_attr_t attributes;
    struct thread *thread = NULL;
    for (size_t i = 0; i < TV_WORKERS_MAX && !thread; i++) {
        reap(&loop->threads[i]);
        if (atomic_load(&loop->threads[i].state) == THREAD_NONE)
            thread = &loop->threads[i];
    }
    if (!thread)
        return false;
    thread->loop = loop;
    thread->slot = &loop->pool->place->slots[thread - loop->threads];
    atomic_store(&thread->state, THREAD_RUNNING);
    /* counted as free from now on, so that one waiting request does not start several */
    atomic_fetch_add(&loop->workers, 1);
    atomic_fetch_add(&loop->idle, 1);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    int failure = pthread_create(&thread->handle, &attributes, thread_main, thread);
    pthread_attr_destroy(&attributes);
    if (failure != 0) {
        tv_log(TV_LOG_ERROR, "worker.start", "%s", strerror(failure));
        atomic_fetch_sub(&loop->workers, 1);
        atomic_fetch_sub(&loop->idle, 1);
        atomic_store(&thread->state, THREAD_NONE);
    }
    return failure == 0;
}

static void retire_workers(struct tv_loop *loop, int count)
{
    uint64_t tickets = (uint64_t)count;
    atomic_fetch_add(&loop->leaving, count);
    ssize_t written = write(loop->retire, &tickets, sizeof tickets);
    (void)written;
}

/* A worker that was to leave and has not left yet stays; false: there is none. */
static bool keep_worker(struct tv_loop *loop)
{
    if (!take_ticket(loop))
        return false;
    atomic_fetch_sub(&loop->leaving, 1);
    return true;
}

/* --- the housekeeper's side ------------------------------------------------------------------------------------------- */

int tv_loop_wake_fd(const struct tv_loop *loop)
{
    return loop->wake;
}

int tv_loop_crowd_fd(const struct tv_loop *loop)
{
    return loop->epoll;
}

bool tv_loop_saturated(struct tv_loop *loop)
{
    uint64_t ticket;
    ssize_t got = read(loop->wake, &ticket, sizeof ticket);
    (void)got;
    bool saturated = full_but_may_grow(loop);
    atomic_store(&loop->watched, saturated);
    if (!saturated) /* a worker may have become busy between the look and the mark */
        saturated = full_but_may_grow(loop);
    return saturated;
}

bool tv_loop_crowded(const struct tv_loop *loop)
{
    struct pollfd crowd = {.fd = loop->epoll, .events = POLLIN};
    return atomic_load(&loop->idle) <= 0 && poll(&crowd, 1, 0) > 0;
}

void tv_loop_grow(struct tv_loop *loop)
{
    if (staying(loop) >= tv_window_most(&loop->window))
        return;
    if (keep_worker(loop) ||
        (atomic_load(&loop->workers) < tv_window_most(&loop->window) && add_worker(loop)))
        tv_window_grew(&loop->window, staying(loop), atomic_load(&loop->idle), tv_clock_ms());
}

static void keep_window(struct tv_loop *loop, int64_t now)
{
    int least = tv_window_least(&loop->window);
    while (staying(loop) < least && keep_worker(loop))
        tv_word_add(&loop->pool->place->meters.grown, 1); /* it was counted as let go */
    int surplus = tv_window_surplus(&loop->window, staying(loop), atomic_load(&loop->idle), now);
    if (surplus > 0)
        retire_workers(loop, surplus);
    int workers = atomic_load(&loop->workers);
    if (workers < least && now - loop->open_failed_ms > 1000) {
        loop->open_failed_ms =
            now; /* a worker could not start, or the floor has risen; not faster than this */
        while (workers < least && add_worker(loop))
            workers++;
    }
}

static void close_late_peers(struct tv_loop *loop, int64_t now)
{
    bool draining = atomic_load(&loop->pool->draining);
    pthread_mutex_lock(&loop->lock);
    for (struct peer *peer = loop->peers; peer; peer = peer->next) {
        int64_t since = atomic_load(&peer->reading_since);
        bool late = since != 0 && now - since > loop->settings->read_time;
        bool forgotten = draining && since == 0 && !atomic_load(&peer->answering) &&
                         now - atomic_load(&peer->touched_ms) > IDLE_PEER_MS;
        if (late || forgotten)
            shutdown(peer->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&loop->lock);
}

void tv_loop_tick(struct tv_loop *loop)
{
    int64_t now = tv_clock_ms();
    close_late_peers(loop, now);
    keep_window(loop, now);
    tv_log_flush_older();
    struct tv_process_board *place = loop->pool->place;
    if (tv_process_gets_on(place, now, HANGS_AFTER * loop->settings->time))
        tv_word_add(&place->beats, 1);
    atomic_store_explicit(&place->workers, (uint64_t)atomic_load(&loop->workers), memory_order_relaxed);
    atomic_store_explicit(&place->peers, (uint64_t)atomic_load(&loop->peer_count), memory_order_relaxed);
}

static void free_loop(struct tv_loop *loop)
{
    int fds[] = {loop->epoll, loop->wake, loop->retire};
    for (size_t i = 0; i < TV_COUNT(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

static bool watch_fd(struct tv_loop *loop, int fd, uint32_t events, void *mark)
{
    struct epoll_event event = {.events = events, .data.ptr = mark};
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

struct tv_loop *tv_loop_start(struct tv_pool *pool, int listener, struct tv_error *error)
{
    struct tv_loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        tv_fail(error, 500, NULL, "no memory for the loop");
        return NULL;
    }
    loop->pool = pool;
    loop->settings = &pool->configuration->serve;
    loop->listener = listener;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->retire = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    tv_window_init(&loop->window, pool->board, &pool->place->meters, loop->settings->workers_quiet,
                   tv_clock_ms());
    pthread_mutex_init(&loop->lock, NULL);
    int flags = fcntl(listener, F_GETFL);
    /* EPOLLEXCLUSIVE: a new connection wakes one process, not all */
    if (loop->epoll < 0 || loop->wake < 0 || loop->retire < 0 || flags < 0 ||
        fcntl(listener, F_SETFL, flags | O_NONBLOCK) < 0 ||
        !watch_fd(loop, listener, EPOLLIN | EPOLLEXCLUSIVE, &listener_mark) ||
        !watch_fd(loop, loop->retire, EPOLLIN, &retire_mark)) {
        tv_fail(error, 500, NULL, "the loop cannot be set up: %s", strerror(errno));
        free_loop(loop);
        return NULL;
    }
    for (int i = tv_window_least(&loop->window); i > 0; i--)
        add_worker(loop);
    tv_loop_tick(loop);
    return loop;
}

void tv_loop_drain(struct tv_loop *loop)
{
    atomic_store(&loop->pool->draining, true);
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener, NULL);
}

bool tv_loop_empty(struct tv_loop *loop)
{
    return atomic_load(&loop->peer_count) == 0 && atomic_load(&loop->idle) >= atomic_load(&loop->workers);
}

void tv_loop_stop(struct tv_loop *loop)
{
    retire_workers(loop, TV_WORKERS_MAX);
    for (size_t i = 0; i < TV_WORKERS_MAX; i++)
        if (atomic_load(&loop->threads[i].state) != THREAD_NONE)
            pthread_join(loop->threads[i].handle, NULL);
    free_loop(loop);
}
