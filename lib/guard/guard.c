/*
 * guard.c - the anonymous role, or a closed door.
 */
#include "guard/guard.h"

#include <stddef.h>

const struct tv_option tv_guard_options[] = {
    {"guard", "anonymous_role", TV_OPTION_TEXT, "", 0, 0, offsetof(struct tv_guard_settings, anonymous_role),
     0,
     "Role of a client without credentials; it acts as this role in the store (empty: it is refused; none: "
     "the login's own rights)."},
};
const size_t tv_guard_option_count = TV_COUNT(tv_guard_options);

bool tv_guard_admit(const struct tv_guard_settings *settings, struct tv_slice *role, struct tv_error *error)
{
    *role = tv_slice_of(settings->anonymous_role);
    if (role->length > 0)
        return true;
    tv_fail(error, 401, NULL, "anonymous access is not allowed");
    tv_error_hint(error, "guard.anonymous_role names the role of clients without credentials");
    return false;
}
