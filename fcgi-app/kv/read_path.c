/*
 * read_path.c - the path style: /set/key?EX=100 with the value as body is SET key value EX 100.
 *
 * The path is split at its raw slashes first and decoded after, so %2F is part of a word; an empty segment is an empty word.
 */
#include "kv.h"

enum { PARAMETERS_MAX = 1000 };

static size_t count_segments(struct tv_slice path)
{
    size_t count = 1;
    for (size_t i = 0; i < path.length; i++)
        count += path.data[i] == '/';
    return count;
}

/* Query parameters follow as words: EX=100 is two, NX is one. The token is not for Redis. */
static size_t append_parameters(struct tv_slice *words, size_t count, const struct tv_url_pair *pairs,
                                size_t pair_count)
{
    for (size_t i = 0; i < pair_count; i++) {
        if (tv_slice_is(pairs[i].name, "_token"))
            continue;
        words[count++] = pairs[i].name;
        if (pairs[i].has_value)
            words[count++] = pairs[i].value;
    }
    return count;
}

bool kv_read_path(const struct tv_request *request, struct kv_command *command, struct tv_error *error)
{
    struct tv_slice path = tv_slice_cut(request->path, 1, request->path.length);
    struct tv_url_pair *pairs;
    size_t pair_count;
    if (!tv_url_query(request->arena, request->query, PARAMETERS_MAX, &pairs, &pair_count, error))
        return false;

    size_t segments = count_segments(path);
    struct tv_slice *words = tv_arena_array(request->arena, segments + 1 + 2 * pair_count, sizeof *words);
    if (!words)
        return tv_arena_fail(request->arena, error);
    size_t count = 0;
    for (size_t i = 0; i < segments; i++) {
        size_t end = tv_slice_find(path, '/');
        if (!tv_url_decode(request->arena, tv_slice_cut(path, 0, end), TV_URL_PATH, &words[count++], error))
            return false;
        path = tv_slice_cut(path, end + 1, path.length);
    }
    if ((request->method & (TV_METHOD_POST | TV_METHOD_PUT)) && request->body.length > 0)
        words[count++] = request->body;
    command->words = words;
    command->count = append_parameters(words, count, pairs, pair_count);
    return true;
}
