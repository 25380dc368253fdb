/*
 * entry.c - writing and reading entries. Lengths come first, so that no byte of a part needs escaping.
 */
#include "cache/entry.h"

#include <stdint.h>
#include <string.h>

#define MAGIC "TVC1"

void tv_cache_entry_write(struct tv_buffer *out, const struct tv_cache_entry *entry)
{
    uint32_t lengths[4] = {(uint32_t)entry->generations.length, (uint32_t)entry->question.length,
                           (uint32_t)entry->note.length, (uint32_t)entry->body.length};
    tv_buffer_append(out, MAGIC, 4);
    tv_buffer_append(out, lengths, sizeof lengths);
    tv_buffer_slice(out, entry->generations);
    tv_buffer_slice(out, entry->question);
    tv_buffer_slice(out, entry->note);
    tv_buffer_slice(out, entry->body);
}

bool tv_cache_entry_read(struct tv_slice data, struct tv_cache_entry *out)
{
    uint32_t lengths[4];
    struct tv_slice *parts[4] = {&out->generations, &out->question, &out->note, &out->body};
    if (data.length < 4 + sizeof lengths || memcmp(data.data, MAGIC, 4) != 0)
        return false;
    memcpy(lengths, data.data + 4, sizeof lengths);
    size_t at = 4 + sizeof lengths;
    for (size_t i = 0; i < 4; i++) {
        if (lengths[i] > data.length - at)
            return false;
        *parts[i] = (struct tv_slice){data.data + at, lengths[i]};
        at += lengths[i];
    }
    return at == data.length;
}

/* FNV-1a (public domain), twice with different starts: an address, not a proof. */
static uint64_t fnv(struct tv_slice text, uint64_t hash)
{
    for (size_t i = 0; i < text.length; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001b3ull;
    return hash;
}

void tv_cache_hash(struct tv_slice question, char out[TV_CACHE_HASH_LENGTH])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t halves[2] = {fnv(question, 0xcbf29ce484222325ull), fnv(question, 0x9ae16a3b2f90404full)};
    for (size_t i = 0; i < TV_CACHE_HASH_LENGTH; i++)
        out[i] = hex[halves[i / 16] >> (60 - 4 * (i % 16)) & 15];
}
