/*
 * setup.h - for programs that look at pools from beside instead of serving: the configuration that the pools read, where it
 * tells which directory and which stores are theirs.
 */
#ifndef TRIVET_SERVE_SETUP_H
#define TRIVET_SERVE_SETUP_H

#include "base/error.h"
#include "store/store.h"

struct tv_setup;

/* Reads file (NULL: what TRIVET_CONFIG names, or the installed one where it is) and the environment, and makes the stores'
 * client libraries ready. NULL with *error filled. One at a time. */
TV_PUBLIC struct tv_setup *tv_setup_load(const char *file, struct tv_error *error);
/* NULL: does nothing. */
TV_PUBLIC void tv_setup_free(struct tv_setup *setup);

/* Borrowed from the setup, all of them. */
TV_PUBLIC const char *tv_setup_watch_directory(const struct tv_setup *setup);
TV_PUBLIC const struct tv_store_settings *tv_setup_stores(const struct tv_setup *setup);
/* The same with the cache's Redis in the place of Redis; NULL when the cache has none of its own. */
TV_PUBLIC const struct tv_store_settings *tv_setup_cache(const struct tv_setup *setup);

#endif
