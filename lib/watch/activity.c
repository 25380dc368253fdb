/*
 * activity.c - records that change while they are read. The writer makes change odd, writes, makes it even; a reader takes a copy
 * between two equal, even values. All words are atomic, so there is no race, only a copy to be thrown away.
 */
#include "watch/activity.h"

#include <string.h>

#define TRIES 100

static void open_record(_Atomic uint64_t *change)
{
    atomic_store_explicit(change, tv_word(change) + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void close_record(_Atomic uint64_t *change)
{
    atomic_store_explicit(change, tv_word(change) + 1, memory_order_release);
}

static bool unchanged(const _Atomic uint64_t *change, uint64_t before)
{
    atomic_thread_fence(memory_order_acquire);
    return before % 2 == 0 && tv_word(change) == before;
}

/* Text in words, cut off and filled up with NUL. */
static void put_text(_Atomic uint64_t *words, size_t count, struct tv_slice text)
{
    size_t left = text.length < count * 8 ? text.length : count * 8;
    for (size_t i = 0; i < count; i++) {
        uint64_t word = 0;
        size_t piece = left < 8 ? left : 8;
        if (piece > 0)
            memcpy(&word, text.data + i * 8, piece);
        left -= piece;
        atomic_store_explicit(&words[i], word, memory_order_relaxed);
        if (word == 0)
            return; /* what stands behind the first NUL is not read */
    }
}

static void get_text(const _Atomic uint64_t *words, size_t count, char *out)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t word = tv_word(&words[i]);
        memcpy(out + i * 8, &word, 8);
    }
    out[count * 8] = '\0';
}

void tv_activity_begin(struct tv_activity *activity, int64_t now_us, unsigned method, struct tv_slice id)
{
    open_record(&activity->change);
    atomic_store_explicit(&activity->began_us, (uint64_t)now_us, memory_order_relaxed);
    atomic_store_explicit(&activity->route, 0, memory_order_relaxed);
    atomic_store_explicit(&activity->method, method, memory_order_relaxed);
    atomic_store_explicit(&activity->shape[0], 0, memory_order_relaxed);
    put_text(activity->id, TV_ACTIVITY_ID / 8, id);
    close_record(&activity->change);
}

void tv_activity_statement(struct tv_activity *activity, struct tv_slice shape)
{
    open_record(&activity->change);
    put_text(activity->shape, TV_ACTIVITY_SHAPE / 8, shape);
    close_record(&activity->change);
}

void tv_activity_end(struct tv_activity *activity)
{
    atomic_store_explicit(&activity->began_us, 0, memory_order_relaxed);
    atomic_store_explicit(&activity->phase, TV_PHASE_NONE, memory_order_relaxed);
}

bool tv_activity_read(const struct tv_activity *activity, struct tv_activity_view *out)
{
    for (int tries = 0; tries < TRIES; tries++) {
        uint64_t before = atomic_load_explicit(&activity->change, memory_order_acquire);
        uint64_t phase = tv_word(&activity->phase);
        out->began_us = (int64_t)tv_word(&activity->began_us);
        out->phase = phase < TV_PHASE_COUNT ? (enum tv_phase)phase : TV_PHASE_NONE;
        out->route = (unsigned)tv_word(&activity->route);
        out->method = (unsigned)tv_word(&activity->method);
        get_text(activity->id, TV_ACTIVITY_ID / 8, out->id);
        get_text(activity->shape, TV_ACTIVITY_SHAPE / 8, out->shape);
        if (unchanged(&activity->change, before))
            return true;
    }
    return false;
}

void tv_exemplar_write(struct tv_exemplar *exemplar, const struct tv_exemplar_view *view)
{
    open_record(&exemplar->change);
    atomic_store_explicit(&exemplar->trace[0], view->trace[0], memory_order_relaxed);
    atomic_store_explicit(&exemplar->trace[1], view->trace[1], memory_order_relaxed);
    atomic_store_explicit(&exemplar->us, (uint64_t)view->us, memory_order_relaxed);
    atomic_store_explicit(&exemplar->at_ms, (uint64_t)view->at_ms, memory_order_relaxed);
    atomic_store_explicit(&exemplar->route, view->route, memory_order_relaxed);
    close_record(&exemplar->change);
}

bool tv_exemplar_read(const struct tv_exemplar *exemplar, struct tv_exemplar_view *out)
{
    for (int tries = 0; tries < TRIES; tries++) {
        uint64_t before = atomic_load_explicit(&exemplar->change, memory_order_acquire);
        out->trace[0] = tv_word(&exemplar->trace[0]);
        out->trace[1] = tv_word(&exemplar->trace[1]);
        out->us = (int64_t)tv_word(&exemplar->us);
        out->at_ms = (int64_t)tv_word(&exemplar->at_ms);
        out->route = (unsigned)tv_word(&exemplar->route);
        if (unchanged(&exemplar->change, before))
            return out->trace[0] || out->trace[1];
    }
    return false;
}
