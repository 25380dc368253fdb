/*
 * json_reader.c - a target: any bytes as a JSON document. What is accepted can be written again and then means the same.
 */
#include "base/json_reader.h"

#include "base/json_writer.h"
#include "fuzz.h"

static void write_tree(struct tv_json *json, const struct tv_json_value *value)
{
    bool object = value->type == TV_JSON_OBJECT;
    switch (value->type) {
    case TV_JSON_NULL: tv_json_null(json); return;
    case TV_JSON_FALSE: tv_json_boolean(json, false); return;
    case TV_JSON_TRUE: tv_json_boolean(json, true); return;
    case TV_JSON_NUMBER: tv_json_raw(json, value->text); return;
    case TV_JSON_STRING: tv_json_string(json, value->text); return;
    case TV_JSON_ARRAY: tv_json_array(json); break;
    case TV_JSON_OBJECT: tv_json_object(json); break;
    }
    for (const struct tv_json_value *item = value->first; item; item = item->next) {
        if (object)
            tv_json_key(json, item->key);
        write_tree(json, item);
    }
    (object ? tv_json_object_end : tv_json_array_end)(json);
}

static bool same(const struct tv_json_value *a, const struct tv_json_value *b)
{
    if (a->type != b->type || a->count != b->count || !tv_slice_equal(a->key, b->key) ||
        !tv_slice_equal(a->text, b->text))
        return false;
    for (a = a->first, b = b->first; a && b; a = a->next, b = b->next)
        if (!same(a, b))
            return false;
    return !a && !b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tv_arena arena;
    struct tv_buffer out;
    struct tv_json json;
    struct tv_error error = {0};
    struct tv_json_value *root, *again;
    tv_arena_init(&arena, 1 << 22);
    tv_buffer_init(&out, 1 << 22);
    if (tv_json_read(&arena, (struct tv_slice){(const char *)data, size}, 64, &root, &error)) {
        tv_json_start(&json, &out);
        write_tree(&json, root);
        PROMISE(tv_json_complete(&json));
        PROMISE(tv_json_read(&arena, tv_buffer_view(&out), 64, &again, &error) && same(root, again));
    } else {
        PROMISE((error.status == 400 || error.status == 413) && error.message[0]);
    }
    tv_buffer_free(&out);
    tv_arena_free(&arena);
    return 0;
}
