/*
 * setup.c - a configuration without a pool.
 */
#include "serve/setup.h"

#include <stdlib.h>

#include "serve/serve_settings.h"
#include "store/session.h"

struct tv_setup {
    struct tv_configuration *configuration;
    struct tv_store_settings cache;
};

struct tv_setup *tv_setup_load(const char *file, struct tv_error *error)
{
    static const struct tv_app nobody = {.name = "ops"};
    struct tv_setup *setup = calloc(1, sizeof *setup);
    if (!setup) {
        tv_fail(error, 500, NULL, "no memory for the configuration");
        return NULL;
    }
    setup->configuration = tv_configuration_load(&nobody, tv_configuration_file(file), error);
    if (!setup->configuration) {
        free(setup);
        return NULL;
    }
    setup->cache = setup->configuration->store;
    setup->cache.leg[TV_STORE_REDIS].url = setup->configuration->cache.url;
    tv_log_use_level(TV_LOG_ERROR); /* whoever asks is told by errors, not by lines of a log */
    tv_stores_start();
    return setup;
}

void tv_setup_free(struct tv_setup *setup)
{
    if (!setup)
        return;
    tv_stores_stop();
    tv_configuration_free(setup->configuration);
    free(setup);
}

const char *tv_setup_watch_directory(const struct tv_setup *setup)
{
    return setup->configuration->watch.directory;
}

const struct tv_store_settings *tv_setup_stores(const struct tv_setup *setup)
{
    return &setup->configuration->store;
}

const struct tv_store_settings *tv_setup_cache(const struct tv_setup *setup)
{
    return *setup->configuration->cache.url ? &setup->cache : NULL;
}
