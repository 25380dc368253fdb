/*
 * version.c - the number that configure.ac gives.
 */
#include "base/version.h"

#include "config.h"

const char *tv_version(void)
{
    return PACKAGE_VERSION;
}
