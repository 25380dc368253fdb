/*
 * version.h - which Trivet this is.
 */
#ifndef TRIVET_BASE_VERSION_H
#define TRIVET_BASE_VERSION_H

#include "base/macros.h"

/* "0.1.0". Static. */
TV_PUBLIC const char *tv_version(void);

#endif
