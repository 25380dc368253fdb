/*
 * refuse.c - see refuse.h. Operators are told apart by case, as the server does.
 */
#include "refuse.h"

#include <string.h>

#include "errors.h"

/* The reader's bound on nesting is lower; this one only protects the walk itself. */
#define DEPTH_MAX 128

static const char *const code_operators[] = {"$where", "$function", "$accumulator"};
static const char *const changing_operators[] = {"$rand", "$sampleRate"};
static const char *const changing_variables[] = {"$$NOW", "$$CLUSTER_TIME"};

/* A struct of its own: libbson's iterator is aligned more strictly than its size allows in an array. */
struct level {
    bson_iter_t at;
};

struct walk {
    struct level open[DEPTH_MAX];
    size_t depth;
    enum doc_place place;
    const char *field;
    bool *changing;
    struct tv_error *error;
};

static bool among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool no(const struct walk *walk, const char *what, const char *why)
{
    return tv_fail(walk->error, 400, DOC_INVALID_PARAMETER, "%s: %s is refused: %s", walk->field, what, why);
}

static bool check_name(struct walk *walk, const char *key)
{
    if (key[0] != '$')
        return true;
    if (among(key, code_operators, TV_COUNT(code_operators)))
        return no(walk, key, "no code is run in the server");
    if (among(key, changing_operators, TV_COUNT(changing_operators)))
        *walk->changing = true;
    if (walk->place == DOC_IN_QUERY)
        return true;
    bool reference = strcmp(key, "$ref") == 0 || strcmp(key, "$id") == 0 || strcmp(key, "$db") == 0;
    if (reference && walk->depth > 1) /* a DBRef is an ordinary inner document */
        return true;
    return tv_fail(walk->error, 400, DOC_INVALID_PARAMETER,
                   "%s: the name '%.100s' begins with $, which only operators do", walk->field, key);
}

static bool check_value(struct walk *walk, const bson_iter_t *at)
{
    switch (bson_iter_type(at)) {
    case BSON_TYPE_CODE:
    case BSON_TYPE_CODEWSCOPE: return no(walk, "a value of type Code", "no code is run in the server");
    case BSON_TYPE_DBPOINTER: return no(walk, "a value of type DBPointer", "servers have given it up");
    case BSON_TYPE_UTF8:
        for (size_t i = 0; i < TV_COUNT(changing_variables); i++)
            if (tv_slice_starts(tv_slice_of(bson_iter_utf8(at, NULL)), changing_variables[i]))
                *walk->changing = true;
        return true;
    default: return true;
    }
}

static bool step_into(struct walk *walk)
{
    if (walk->depth == DEPTH_MAX)
        return tv_fail(walk->error, 400, DOC_INVALID_PARAMETER, "%s: nested too deep", walk->field);
    bson_iter_t *outer = &walk->open[walk->depth - 1].at;
    if (!bson_iter_recurse(outer, &walk->open[walk->depth].at))
        return tv_fail(walk->error, 400, DOC_INVALID_PARAMETER, "%s: not a document", walk->field);
    walk->depth++;
    return true;
}

bool doc_refuse(const bson_t *document, enum doc_place place, const char *field, bool *changing,
                struct tv_error *error)
{
    struct walk walk;
    walk.depth = 1;
    walk.place = place;
    walk.field = field;
    walk.changing = changing;
    walk.error = error;
    if (!bson_iter_init(&walk.open[0].at, document))
        return tv_fail(error, 400, DOC_INVALID_PARAMETER, "%s: not a document", field);
    while (walk.depth > 0) {
        bson_iter_t *at = &walk.open[walk.depth - 1].at;
        if (!bson_iter_next(at)) {
            walk.depth--;
            continue;
        }
        if (!check_name(&walk, bson_iter_key(at)) || !check_value(&walk, at))
            return false;
        if ((BSON_ITER_HOLDS_DOCUMENT(at) || BSON_ITER_HOLDS_ARRAY(at)) && !step_into(&walk))
            return false;
    }
    return true;
}
