/*
 * guard.h - who may do what: every request gets one role here, or none and then no access. So far everyone is anonymous;
 * tokens and limits will be decided in this place and nowhere else. The role
 * "none" means the store login's own rights: only the configuration may say it, never a token.
 */
#ifndef TRIVET_GUARD_GUARD_H
#define TRIVET_GUARD_GUARD_H

#include "base/error.h"
#include "base/option.h"
#include "base/slice.h"

struct tv_guard_settings {
    const char *anonymous_role; /* empty: nobody gets in without credentials */
};

extern const struct tv_option tv_guard_options[];
extern const size_t tv_guard_option_count;

/* *role borrows from the settings. 401 when there is no role for this client. */
bool tv_guard_admit(const struct tv_guard_settings *settings, struct tv_slice *role,
                    struct tv_error *error) TV_MUST_CHECK;

#endif
