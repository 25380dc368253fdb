/*
 * master.h - private to the library: the process that spawn-fcgi starts. It keeps the pool's processes alive and does as
 * signals say; it serves no request and talks to no store.
 */
#ifndef TRIVET_SERVE_MASTER_H
#define TRIVET_SERVE_MASTER_H

#include "serve/serve_settings.h"

/* Serves until told to stop. Takes configuration over and frees it. file: read again on HUP; may be NULL. The exit status:
 * 0 when it was told to stop. */
int tv_master_run(const struct tv_app *app, struct tv_configuration *configuration, const char *file,
                  int listener);

#endif
