/*
 * redis_verb.h - private to the library: a command's name as it may be shown. Clients choose the words of a command, so only
 * what is a name of Redis' own is ever shown; anything else might be a value that slipped to the front.
 */
#ifndef TRIVET_STORE_REDIS_VERB_H
#define TRIVET_STORE_REDIS_VERB_H

#include "base/slice.h"

/* The name in capitals, static; "other" for what Redis does not know. */
const char *tv_redis_verb(struct tv_slice word);

#endif
