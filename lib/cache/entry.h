/*
 * entry.h - an entry's bytes in Redis: generations, the whole question, a note, the body. The question is repeated so that
 * the key may be a short hash: two questions that share a key never share an answer.
 */
#ifndef TRIVET_CACHE_ENTRY_H
#define TRIVET_CACHE_ENTRY_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

struct tv_cache_entry {
    struct tv_slice generations;
    struct tv_slice question;
    struct tv_slice note;
    struct tv_slice body;
};

void tv_cache_entry_write(struct tv_buffer *out, const struct tv_cache_entry *entry);
/* False for anything that is not a whole entry of this version. Borrows data. */
bool tv_cache_entry_read(struct tv_slice data, struct tv_cache_entry *out) TV_MUST_CHECK;

#define TV_CACHE_HASH_LENGTH 32
/* Hexadecimal, not terminated; for the key only. */
void tv_cache_hash(struct tv_slice question, char out[TV_CACHE_HASH_LENGTH]);

#endif
